//! Direct transports: the application is the network.

use flumen::components::wire::rtcp::write_pli;
use flumen::rtp_parameters::MediaKind;
use flumen::{
    ConnectOptions, ConsumerId, Listen, ListenInfo, PlainTransportOptions, ProducerId, Recipient,
    Refusal, SendError, TransportId,
};
use flumen_tests::{
    Packet, RECEIVER, Request, Room, SSRC, VP8_DELTA_FRAME, VP8_KEY_FRAME, address, opus,
    requests_in, vp8,
};

/// A producer and a consumer, each on a direct transport.
struct Direct {
    room: Room,
    sender: TransportId,
    producer: ProducerId,
    receiver: TransportId,
    consumer: ConsumerId,
}

impl Direct {
    fn video() -> Self {
        let mut room = Room::new();
        let [sender, receiver] = [(), ()].map(|()| room.direct());
        let producer = room.produce(sender, MediaKind::Video, vp8(SSRC));
        let consumer = room.consume(receiver, producer);
        room.engine.drain_events();
        Self {
            room,
            sender,
            producer,
            receiver,
            consumer,
        }
    }

    fn send(&mut self, sequence: u16, payload: &[u8]) {
        let packet = Packet::new(96, sequence, SSRC, payload);
        self.room
            .engine
            .send(self.producer, &packet.bytes())
            .unwrap();
        self.room.tick();
    }

    /// What was delivered since the last call.
    fn delivered(&mut self) -> Vec<(Recipient, Vec<u8>)> {
        let mut delivered = Vec::new();
        self.room.engine.drain_deliveries(|delivery| {
            delivered.push((delivery.to, delivery.packet.to_vec()));
        });
        delivered
    }
}

#[test]
fn a_sent_packet_is_delivered_to_the_consumer() {
    let mut direct = Direct::video();
    direct.send(1, VP8_KEY_FRAME);
    let delivered = direct.delivered();
    assert_eq!(delivered.len(), 1);
    assert_eq!(delivered[0].0, Recipient::Rtp(direct.consumer));
    let packet = Packet::parse(&delivered[0].1);
    assert_eq!(
        (packet.timestamp, packet.payload.as_slice()),
        (3_000, VP8_KEY_FRAME)
    );
    assert!(direct.delivered().is_empty(), "it is delivered once");
    assert_eq!(direct.room.event_names(), ["score", "score"]);
}

/// What a consumer gets, on a direct transport or on a plain one.
fn received(direct: bool) -> Vec<Vec<u8>> {
    let mut room = Room::new();
    let sender = room.direct();
    let producer = room.produce(sender, MediaKind::Video, vp8(SSRC));
    let socket = room
        .engine
        .open_socket(&ListenInfo::at(address(9_000)))
        .unwrap();
    let shared = PlainTransportOptions::new(Listen::Shared(socket));
    let receiver = match direct {
        true => room.direct(),
        false => room
            .engine
            .create_plain_transport(room.router, shared)
            .unwrap(),
    };
    let to = ConnectOptions {
        ip: Some(address(0).ip()),
        port: Some(RECEIVER),
        ..ConnectOptions::default()
    };
    room.engine.connect(receiver, &to).unwrap();
    room.consume(receiver, producer);
    let payloads = [
        VP8_DELTA_FRAME,
        VP8_KEY_FRAME,
        VP8_DELTA_FRAME,
        VP8_DELTA_FRAME,
    ];
    let mut got = Vec::new();
    for (sequence, payload) in (1..).zip(payloads) {
        let packet = Packet::new(96, sequence, SSRC, payload).with_extension(3, &[1]);
        room.engine.send(producer, &packet.bytes()).unwrap();
        room.tick();
        room.engine.drain_deliveries(|delivery| {
            if matches!(delivery.to, Recipient::Rtp(_)) {
                got.push(delivery.packet.to_vec());
            }
        });
        got.extend(room.received().into_iter().map(|datagram| datagram.bytes));
    }
    got
}

#[test]
fn a_direct_consumer_gets_what_a_plain_one_would() {
    let direct = received(true);
    assert_eq!(direct.len(), 3);
    assert_eq!(direct, received(false), "to the byte");
}

#[test]
fn requests_of_a_direct_sender_are_delivered_as_rtcp() {
    let mut direct = Direct::video();
    direct.send(1, VP8_DELTA_FRAME);
    let delivered = direct.delivered();
    assert_eq!(delivered.len(), 1);
    assert_eq!(delivered[0].0, Recipient::Rtcp(direct.sender));
    assert_eq!(requests_in(&delivered[0].1), [Request::Pli(SSRC)]);
}

#[test]
fn rtcp_that_is_sent_on_a_direct_transport_acts() {
    let mut direct = Direct::video();
    direct.send(1, VP8_KEY_FRAME);
    direct.delivered();
    let parameters = direct
        .room
        .engine
        .consumer_parameters(direct.consumer)
        .unwrap();
    let mut pli = Vec::new();
    write_pli(&mut pli, 1, parameters.encodings[0].ssrc.unwrap());
    direct.room.engine.send_rtcp(direct.receiver, &pli).unwrap();
    direct.room.tick();
    let delivered = direct.delivered();
    assert_eq!(delivered.len(), 1);
    assert_eq!(delivered[0].0, Recipient::Rtcp(direct.sender));
    let stats = direct.room.engine.transport_stats(direct.receiver).unwrap();
    assert_eq!(stats.bytes_received, 12);
}

#[test]
fn a_packet_finds_its_producer_by_what_it_carries() {
    let mut direct = Direct::video();
    let other = direct
        .room
        .produce(direct.sender, MediaKind::Audio, opus(9));
    let packet = Packet::new(111, 1, 9, b"a");
    // Sent through the video producer, it still is the audio producer's.
    direct
        .room
        .engine
        .send(direct.producer, &packet.bytes())
        .unwrap();
    direct.room.tick();
    assert_eq!(direct.room.engine.score(other).unwrap().len(), 1);
    assert_eq!(direct.room.engine.score(direct.producer).unwrap().len(), 0);
}

#[test]
fn what_is_not_collected_is_bounded() {
    let mut room = Room::with(|builder| {
        builder
            .deliveries_per_transport(2)
            .delivered_bytes_per_transport(100)
    });
    let transport = room.direct();
    let producer = room.produce(transport, MediaKind::Audio, opus(1));
    room.consume(transport, producer);
    let send = |room: &mut Room, len: usize| {
        let packet = Packet::new(111, room.now.as_millis() as u16, 1, &vec![0; len]);
        room.engine.send(producer, &packet.bytes()).unwrap();
        room.tick();
        room.engine.ledger().refused[Refusal::DirectQueueFull]
    };
    let refused = [4, 4, 4].map(|len| send(&mut room, len));
    assert_eq!(refused, [0, 0, 1], "two are kept");
    room.engine.drain_deliveries(|_| {});
    let refused = [90, 4].map(|len| send(&mut room, len));
    assert_eq!(refused, [2, 2], "a hundred bytes are kept");
}

#[test]
fn a_direct_transport_is_always_connected_and_has_no_address() {
    let mut direct = Direct::video();
    let engine = &mut direct.room.engine;
    assert_eq!(engine.tuple(direct.sender), Ok(None));
    assert_eq!(engine.rtcp_tuple(direct.sender), Ok(None));
    assert_eq!(
        engine.connect(direct.sender, &ConnectOptions::default()),
        Ok(())
    );
    assert!(direct.room.event_names().is_empty());
}

#[test]
fn malformed_packets_that_are_sent_are_counted_as_from_the_network() {
    let mut direct = Direct::video();
    direct
        .room
        .engine
        .send(direct.producer, &[0x80, 96, 0])
        .unwrap();
    direct.room.engine.send(direct.producer, &[]).unwrap();
    direct.room.tick();
    assert_eq!(direct.room.engine.ledger().discarded.total(), 2);
}

#[test]
fn a_full_transport_takes_nothing_from_another() {
    let mut room = Room::with(|builder| builder.deliveries_per_transport(2));
    let sender = room.direct();
    let producer = room.produce(sender, MediaKind::Audio, opus(1_111));
    let transports = [room.direct(), room.direct()];
    let [greedy, modest] = transports;
    for _ in 0..3 {
        room.consume(greedy, producer);
    }
    let consumer = room.consume(modest, producer);
    room.engine
        .send(producer, &Packet::new(111, 1, 1_111, b"x").bytes())
        .unwrap();
    room.tick();
    let mut delivered = Vec::new();
    room.engine
        .drain_deliveries(|delivery| delivered.push(delivery.to));
    assert_eq!(delivered.len(), 3);
    assert!(delivered.contains(&Recipient::Rtp(consumer)));
}

#[test]
fn a_transport_that_sends_too_much_takes_nothing_from_another() {
    let mut room = Room::with(|builder| {
        builder
            .direct_sends_per_transport(2)
            .direct_sends_per_tick(5)
    });
    let producers = [1, 2, 3].map(|ssrc| {
        let transport = room.direct();
        (ssrc, room.produce(transport, MediaKind::Audio, opus(ssrc)))
    });
    let mut send = |(ssrc, producer), number| {
        let packet = Packet::new(111, number, ssrc, b"x").bytes();
        room.engine.send(producer, &packet)
    };
    let [greedy, modest, late] = producers;
    let sent = [1, 2, 3].map(|number| send(greedy, number));
    assert_eq!(sent, [Ok(()), Ok(()), Err(SendError::Full(2))]);
    let sent = [1, 2].map(|number| send(modest, number));
    assert_eq!(sent, [Ok(()), Ok(())]);
    let sent = [1, 2].map(|number| send(late, number));
    assert_eq!(sent, [Ok(()), Err(SendError::Full(5))], "in all");
    room.tick();
    assert_eq!(room.engine.ledger().received, 5);
    assert_eq!(
        room.engine.send(late.1, &[]),
        Ok(()),
        "the next tick has room"
    );
}

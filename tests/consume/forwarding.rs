//! Packets reach the consumers of their producer.

use flumen::rtp_parameters::MediaKind;
use flumen_tests::{Packet, Room, VP8_DELTA_FRAME, VP8_KEY_FRAME, address, opus, vp8};

#[test]
fn an_audio_packet_reaches_every_consumer_as_its_own() {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let producer = room.produce(sender, MediaKind::Audio, opus(1_111));
    let receivers = [address(6_000), address(6_001)];
    let consumers = receivers.map(|receiver| {
        let transport = room.plain(receiver);
        room.consume(transport, producer)
    });
    room.arrive(sender, &Packet::new(111, 10, 1_111, b"hello"));
    room.tick();
    let sent = room.received();
    assert_eq!(sent.len(), 2);
    for ((receiver, consumer), datagram) in receivers.iter().zip(consumers).zip(&sent) {
        let parameters = room
            .engine
            .consumer_parameters(consumer)
            .expect("it is open");
        let packet = Packet::parse(&datagram.bytes);
        assert_eq!(datagram.to, *receiver);
        assert_eq!(Some(packet.ssrc), parameters.encodings[0].ssrc);
        assert_eq!(packet.payload_type, parameters.codecs[0].payload_type);
        assert_eq!(
            (packet.timestamp, packet.payload.as_slice()),
            (30_000, b"hello".as_slice())
        );
        assert_eq!(
            packet.extension(1),
            Some(parameters.mid.as_deref().unwrap_or("").as_bytes())
        );
    }
}

#[test]
fn who_stays_keeps_its_turn_when_others_go() {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let producer = room.produce(sender, MediaKind::Audio, opus(1_111));
    let mut consumers = Vec::new();
    for port in 6_000..6_008 {
        let transport = room.plain(address(port));
        consumers.push((port, room.consume(transport, producer)));
    }
    // Two leave gaps; the fourth closes them up.
    for (number, gone) in (10..).zip([1, 3, 0, 2]) {
        let (_, consumer) = consumers.remove(gone);
        room.engine.close_consumer(consumer).expect("it is open");
        room.arrive(sender, &Packet::new(111, number, 1_111, b"hello"));
        room.tick();
        let served: Vec<u16> = room.received().iter().map(|sent| sent.to.port()).collect();
        let expected: Vec<u16> = consumers.iter().map(|&(port, _)| port).collect();
        assert_eq!(served, expected, "in the order of their creation");
    }
    let late = room.plain(address(7_000));
    room.consume(late, producer);
    room.arrive(sender, &Packet::new(111, 20, 1_111, b"hello"));
    room.tick();
    let last = room.received().last().map(|sent| sent.to);
    assert_eq!(last, Some(address(7_000)));
}

#[test]
fn a_video_consumer_begins_with_a_key_frame() {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let producer = room.produce(sender, MediaKind::Video, vp8(2_222));
    let receiver = room.plain(address(6_000));
    room.consume(receiver, producer);
    let payloads = [VP8_DELTA_FRAME, VP8_KEY_FRAME, VP8_DELTA_FRAME];
    for (sequence, payload) in (100..).zip(payloads) {
        room.arrive(sender, &Packet::new(96, sequence, 2_222, payload));
    }
    room.tick();
    let packets = room.rtp_to(address(6_000));
    assert_eq!(packets.len(), 2);
    assert_eq!(packets[0].payload, VP8_KEY_FRAME);
    assert_eq!(packets[1].sequence, packets[0].sequence.wrapping_add(1));
}

#[test]
fn what_was_made_tells_what_it_is() {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let producer = room.produce(sender, MediaKind::Video, vp8(2_222));
    let receiver = room.plain(address(6_000));
    let consumer = room.consume(receiver, producer);
    let engine = &mut room.engine;
    assert_eq!(engine.producer_kind(producer), Ok(MediaKind::Video));
    assert_eq!(engine.consumer_kind(consumer), Ok(MediaKind::Video));
    assert_eq!(engine.producer_of(consumer), Ok(producer));
    assert_eq!(engine.producer_paused(consumer), Ok(false));
    engine.pause_producer(producer).expect("it is open");
    assert_eq!(engine.producer_paused(consumer), Ok(true));
    assert_eq!(
        (engine.paused(producer), engine.paused(consumer)),
        (Ok(true), Ok(false))
    );
}

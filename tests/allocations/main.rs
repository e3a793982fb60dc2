//! What a tick asks of the heap: in a steady state, nothing.

mod consumer_memory;
mod counting;
mod estimated;
mod growth;

mod layered;
mod memory;
mod sctp_memory;
mod sealed;
mod threads;
mod verdicts;
mod webrtc;

use std::net::{SocketAddr, UdpSocket};

use counting::{allocations, bytes_allocated, bytes_kept};
use flumen::rtp_parameters::MediaKind;
use flumen::{
    ConnectOptions, ConsumerId, ConsumerOptions, DataConsumerId, DataProducerId, Engine, Listen,
    ListenInfo, Message, PlainTransportOptions, ProducerId, ProducerOptions, Recipient,
    SctpOptions, TransportId,
};
use flumen_tests::feedback::{fir, pli};
use flumen_tests::{
    Noise, Packet, Room, Trunk, VP8_DELTA_FRAME, VP8_KEY_FRAME, WIDE, media_codecs, opus, vp8,
    with_remb, with_transport_cc,
};

fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// Long enough for every buffer to reach its size: bitrate windows slide, sequence numbers wrap.
const WARM_UP: u16 = 300;

/// Audio and video that a number of receivers get, two packets of each in every tick.
struct Traffic {
    room: Room,
    sender: TransportId,
    receivers: Vec<(TransportId, u32)>,
    sequence: u16,
}

impl Traffic {
    fn to(receivers: u16) -> Self {
        Self::inside(Room::new(), receivers)
    }

    fn inside(mut room: Room, receivers: u16) -> Self {
        room.wire.set_recording(false);
        let sender = room.plain(address(5_000));
        let audio = room.produce(sender, MediaKind::Audio, opus(1_111));
        let video = room.produce_video(sender, 2_222);
        let mut connect = |port| {
            let transport = room.plain(address(port));
            room.consume(transport, audio);
            let consumer = room.consume(transport, video);
            let parameters = room.engine.consumer_parameters(consumer).unwrap();
            (transport, parameters.encodings[0].ssrc.unwrap())
        };
        let receivers = (0..receivers).map(|index| connect(6_000 + index)).collect();
        Self {
            room,
            sender,
            receivers,
            sequence: 60_000,
        }
    }

    /// What arrives before a tick. Sequence numbers have gaps, packets extensions of both forms.
    fn inject(&mut self) {
        for _ in 0..2 {
            self.sequence = self
                .sequence
                .wrapping_add(1 + u16::from(self.sequence.is_multiple_of(50)));
            let number = self.sequence;
            let voice = Packet::new(111, number, 1_111, b"voice").with_extension(1, &[0x80]);
            self.room.arrive(self.sender, &voice);
            let payload = if number.is_multiple_of(16) {
                VP8_KEY_FRAME
            } else {
                VP8_DELTA_FRAME
            };
            let mut frame = Packet::new(96, number, 2_222, payload)
                .with_extension(2, &[1, 2, 3])
                .with_extension(3, &[1]);
            frame.two_byte = number.is_multiple_of(3);
            self.room.arrive(self.sender, &frame);
        }
        let &(asking, ssrc) = &self.receivers[usize::from(self.sequence) % self.receivers.len()];
        self.room.arrive_bytes(asking, &pli(ssrc));
        self.room.arrive_bytes(asking, &fir(&[ssrc, 17]));
    }

    fn warm_up(&mut self) {
        for _ in 0..WARM_UP {
            self.step();
        }
        self.room.engine.drain_events();
    }

    /// Calls to the heap that a tick makes.
    fn step(&mut self) -> u64 {
        self.inject();
        let now = self.room.now + std::time::Duration::from_millis(20);
        self.room.now = now;
        let made = allocations(|| self.room.engine.tick(now).unwrap());
        self.room.engine.check_ledger().unwrap();
        made
    }
}

fn steady_state(receivers: u16) {
    let mut traffic = Traffic::to(receivers);
    traffic.warm_up();
    let sent = traffic.room.wire.totals().datagrams;
    let made: u64 = (0..200).map(|_| traffic.step()).sum();
    let sent = traffic.room.wire.totals().datagrams - sent;
    assert!(sent > 700 * u64::from(receivers), "{sent} were sent");
    assert_eq!(made, 0);
}

#[test]
fn a_tick_that_forwards_to_one_receiver_allocates_nothing() {
    steady_state(1);
}

#[test]
fn a_tick_that_forwards_to_a_hundred_receivers_allocates_nothing() {
    steady_state(100);
}

#[test]
fn a_tick_in_which_a_socket_blocks_allocates_nothing() {
    let mut traffic = Traffic::to(3);
    let local = traffic.room.local(traffic.receivers[0].0);
    let blocked_step = |traffic: &mut Traffic, tick: u32| {
        match tick % 4 {
            0 => traffic.room.wire.block(local),
            3 => traffic.room.wire.unblock(local),
            _ => {}
        }
        traffic.step()
    };
    for tick in 0..u32::from(WARM_UP) {
        blocked_step(&mut traffic, tick);
    }
    let made: u64 = (0..200).map(|tick| blocked_step(&mut traffic, tick)).sum();
    assert_eq!(made, 0);
}

#[test]
fn telling_senders_of_bandwidth_allocates_nothing() {
    for parameters in [with_transport_cc(vp8(2_222)), with_remb(vp8(2_222))] {
        let mut room = Room::new();
        room.wire.set_recording(false);
        let sender = room.plain(address(5_000));
        room.produce(sender, MediaKind::Video, parameters);
        room.engine
            .set_max_incoming_bitrate(sender, 1_000_000)
            .unwrap();
        let mut number = 60_000_u16;
        let mut step = || {
            for _ in 0..4 {
                number = number.wrapping_add(1 + u16::from(number.is_multiple_of(50)));
                let sent = (u32::from(number) * 1_300).to_be_bytes();
                let packet = Packet::new(96, number, 2_222, VP8_KEY_FRAME)
                    .with_extension(2, &sent[1..])
                    .with_extension(WIDE, &number.to_be_bytes());
                room.arrive(sender, &packet);
            }
            let now = room.now + std::time::Duration::from_millis(20);
            room.now = now;
            let made = allocations(|| room.engine.tick(now).unwrap());
            room.engine.check_ledger().unwrap();
            made
        };
        for _ in 0..WARM_UP {
            step();
        }
        let made: u64 = (0..400).map(|_| step()).sum();
        assert_eq!(made, 0);
        // More than the reports alone, of which there are at most eight.
        assert!(room.engine.ledger().generated > 15);
    }
}

#[test]
fn an_idle_tick_allocates_nothing() {
    let mut traffic = Traffic::to(10);
    traffic.warm_up();
    let mut room = traffic.room;
    room.tick_after(std::time::Duration::from_secs(10));
    let made: u64 = (0..100)
        .map(|_| {
            let now = room.now + std::time::Duration::from_millis(20);
            room.now = now;
            allocations(|| room.engine.tick(now).unwrap())
        })
        .sum();
    assert_eq!(made, 0);
}

#[test]
fn a_tick_over_ten_thousand_silent_streams_allocates_nothing() {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    for index in 0..10_000 {
        room.produce(sender, MediaKind::Audio, opus(10_000 + index));
        let packet = Packet::new(111, 1, 10_000 + index, b"voice");
        room.arrive(sender, &packet);
        if index % 256 == 255 {
            room.tick();
        }
    }
    room.tick();
    room.tick();
    assert_eq!(room.engine.ledger().accepted, 10_000);
    room.wire.set_recording(false);
    let mut step = |_| {
        let now = room.now + std::time::Duration::from_millis(20);
        room.now = now;
        allocations(|| room.engine.tick(now).unwrap())
    };
    // Once all have been reported, and told to be of no use, buffers have their size.
    let warm_up: u64 = (0..300).map(&mut step).sum();
    let made: u64 = (0..200).map(&mut step).sum();
    assert!(made == 0, "{made}, after {warm_up} while warming up");
}

#[test]
fn a_tick_on_direct_transports_allocates_nothing() {
    let mut room = Room::new();
    let (inward, outward) = (room.direct(), room.direct());
    let producer = room.produce_video(inward, 2_222);
    room.consume(outward, producer);
    let mut delivered = 0;
    let mut step = |sequence| {
        let packet = Packet::new(96, sequence, 2_222, VP8_KEY_FRAME).bytes();
        let now = room.now + std::time::Duration::from_millis(20);
        room.now = now;
        allocations(|| {
            room.engine.send(producer, &packet).unwrap();
            room.engine.tick(now).unwrap();
            room.engine.drain_deliveries(|delivery| {
                delivered += u64::from(matches!(delivery.to, Recipient::Rtp(_)));
            });
        })
    };
    for sequence in 0..WARM_UP {
        step(sequence);
    }
    let made: u64 = (WARM_UP..WARM_UP + 100).map(&mut step).sum();
    assert_eq!((made, delivered), (0, u64::from(WARM_UP) + 100));
}

#[test]
fn a_tick_that_routes_messages_allocates_nothing() {
    let mut room = Room::new();
    let inward = room.direct();
    let data_producer = room.produce_data(inward);
    for index in 0..100 {
        let outward = room.direct();
        room.consume_data(outward, data_producer, &[index, 100]);
    }
    let mut delivered = 0;
    let mut step = |tick: u16| {
        let now = room.now + std::time::Duration::from_millis(20);
        room.now = now;
        let message = Message {
            subchannels: &[tick % 100, tick % 3 + 99],
            ignored_subchannel: Some(7),
            ..Message::binary(&[5; 512])
        };
        allocations(|| {
            for _ in 0..3 {
                room.engine.send_message(data_producer, &message).unwrap();
            }
            room.engine.tick(now).unwrap();
            room.engine.drain_messages(|_| delivered += 1);
        })
    };
    for tick in 0..WARM_UP {
        step(tick);
    }
    let made: u64 = (0..100).map(&mut step).sum();
    assert_eq!(made, 0);
    assert!(delivered > 30_000, "{delivered} were delivered");
}

#[test]
fn a_receiver_that_is_gone_costs_what_may_wait_for_it() {
    let options = SctpOptions {
        sctp_send_buffer_size: Some(100_000),
        ..SctpOptions::default()
    };
    let mut trunk = Trunk::with(|builder| builder, options);
    let bridge = trunk.bridge(0, 0);
    trunk.settle();
    let [mut room, _] = trunk.rooms;
    let flood = |room: &mut Room| {
        for _ in 0..1_000 {
            let message = Message::binary(&[5; 1_000]);
            let engine = &mut room.engine;
            engine.send_message(bridge.data_producer, &message).unwrap();
            room.tick();
            room.received();
        }
        room.engine.drain_events();
    };
    let before = bytes_kept();
    flood(&mut room);
    let filled = bytes_kept() - before;
    assert!(filled < 400_000, "{filled} bytes for 100,000");
    for _ in 0..12 {
        flood(&mut room);
    }
    let more = bytes_kept() - before - filled;
    assert!(more < 20_000, "{more} bytes for twelve million more");
}

#[test]
fn a_hundred_thousand_unknown_ssrcs_leave_nothing_behind() {
    let mut traffic = Traffic::to(1);
    traffic.warm_up();
    let mut noise = Noise::new(1);
    let mut flood = |traffic: &mut Traffic, packets: u32| {
        for index in 0..packets {
            let ssrc = 3_000 + noise.below(4_000_000_000) as u32;
            let packet = Packet::new(96, index as u16, ssrc, VP8_KEY_FRAME);
            traffic.room.arrive(traffic.sender, &packet);
            if index % 256 == 255 {
                traffic.room.tick();
            }
        }
        traffic.room.tick();
    };
    flood(&mut traffic, 5_000);
    let before = bytes_kept();
    flood(&mut traffic, 100_000);
    assert!(traffic.room.engine.ledger().discarded.total() > 104_000);
    assert_eq!(bytes_kept() - before, 0);
}

/// An engine on real sockets, driven by hand, with one sender and a few receivers.
struct Sockets {
    engine: Engine,
    peers: Vec<UdpSocket>,
    local: SocketAddr,
}

fn open(engine: &mut Engine, router: flumen::RouterId, remote: SocketAddr) -> TransportId {
    let listen = Listen::Own(ListenInfo::new(remote.ip()));
    let transport = engine
        .create_plain_transport(router, PlainTransportOptions::new(listen))
        .unwrap();
    let to = ConnectOptions {
        ip: Some(remote.ip()),
        port: Some(remote.port()),
        ..ConnectOptions::default()
    };
    engine.connect(transport, &to).unwrap();
    transport
}

impl Sockets {
    fn with_receivers(receivers: usize) -> Self {
        let mut engine = Engine::builder().seed([7; 32]).build().unwrap();
        let router = engine.create_router(&media_codecs()).unwrap();
        let bind = |_| UdpSocket::bind(address(0)).unwrap();
        let peers: Vec<UdpSocket> = (0..=receivers).map(bind).collect();
        let transports: Vec<_> = peers
            .iter()
            .map(|peer| open(&mut engine, router, peer.local_addr().unwrap()))
            .collect();
        let options = ProducerOptions::new(MediaKind::Video, vp8(2_222));
        let producer = engine.produce(transports[0], options).unwrap();
        let capabilities = engine.rtp_capabilities(router).unwrap().clone();
        for &transport in &transports[1..] {
            let options = ConsumerOptions::new(producer, capabilities.clone());
            engine.consume(transport, options).unwrap();
        }
        let tuple = engine.tuple(transports[0]).unwrap().unwrap();
        let local = address(tuple.local_port);
        Self {
            engine,
            peers,
            local,
        }
    }

    /// Four packets arrive and are forwarded; calls to the heap that this makes.
    fn step(&mut self, sequence: u16) -> u64 {
        for index in 0..4 {
            let number = sequence.wrapping_mul(4).wrapping_add(index);
            let packet = Packet::new(96, number, 2_222, VP8_KEY_FRAME);
            self.peers[0].send_to(&packet.bytes(), self.local).unwrap();
        }
        let expected = self.engine.ledger().accepted + 4;
        let made = allocations(|| {
            while self.engine.ledger().accepted < expected {
                self.engine
                    .turn(Some(std::time::Duration::from_secs(5)))
                    .unwrap();
            }
        });
        self.engine.check_ledger().unwrap();
        let mut datagram = [0; 2_048];
        for receiver in &self.peers[1..] {
            for _ in 0..4 {
                receiver.recv(&mut datagram).unwrap();
            }
        }
        made
    }
}

#[test]
fn a_tick_on_real_sockets_allocates_nothing() {
    let mut sockets = Sockets::with_receivers(20);
    let mut sequence = 0;
    // The first reports leave after half a second and give buffers their size, as do two seconds of
    // packets that may be sent again.
    while sockets.engine.clock() < flumen::Time::from_millis(2_300) {
        sockets.step(sequence);
        sequence = sequence.wrapping_add(1);
    }
    sockets.engine.drain_events();
    let steps = (0..100).map(|step| sockets.step(sequence.wrapping_add(step)));
    let made: u64 = steps.sum();
    assert_eq!(made, 0);
}

/// Three of each kind that can be closed, somewhere in the middle of their siblings.
struct Chosen {
    consumers: Vec<ConsumerId>,
    producers: Vec<ProducerId>,
    transports: Vec<TransportId>,
    data_producers: Vec<DataProducerId>,
    data_consumers: Vec<DataConsumerId>,
}

fn siblings(room: &mut Room, count: u32) -> Chosen {
    let sender = room.plain(address(5_000));
    let producer = room.produce(sender, MediaKind::Audio, opus(1_111));
    let receiver = room.plain(address(5_001));
    let consumers = (0..count).map(|_| room.consume(receiver, producer));
    let consumers = middle(consumers.collect());
    let producers =
        (0..count).map(|index| room.produce(sender, MediaKind::Audio, opus(10_000 + index)));
    let producers = middle(producers.collect());
    let transports = middle((0..count).map(|_| room.direct()).collect());
    let direct = room.direct();
    let data_producers = middle((0..count).map(|_| room.produce_data(direct)).collect());
    let talking = room.produce_data(direct);
    let data_consumers = (0..count).map(|_| room.consume_data(direct, talking, &[]));
    let data_consumers = middle(data_consumers.collect());
    Chosen {
        consumers,
        producers,
        transports,
        data_producers,
        data_consumers,
    }
}

fn middle<T: Copy>(all: Vec<T>) -> Vec<T> {
    all[all.len() / 2..][..3].to_vec()
}

/// Bytes that closing one of `count` consumers, producers, transports, data producers
/// and data consumers asks of the heap.
fn bytes_to_close_one_of(count: u32) -> [u64; 5] {
    let mut room = Room::new();
    let chosen = siblings(&mut room, count);
    room.tick();
    room.tick();
    room.engine.drain_events();
    let spent = |act: &mut dyn FnMut(usize)| {
        // The first two fill what is kept for the next one.
        act(0);
        act(1);
        let before = bytes_allocated();
        act(2);
        bytes_allocated() - before
    };
    let engine = &mut room.engine;
    [
        spent(&mut |index| engine.close_consumer(chosen.consumers[index]).unwrap()),
        spent(&mut |index| engine.close_producer(chosen.producers[index]).unwrap()),
        spent(&mut |index| engine.close_transport(chosen.transports[index]).unwrap()),
        spent(&mut |index| {
            let id = chosen.data_producers[index];
            engine.close_data_producer(id).unwrap();
        }),
        spent(&mut |index| {
            let id = chosen.data_consumers[index];
            engine.close_data_consumer(id).unwrap();
        }),
    ]
}

#[test]
fn closing_one_of_thousands_copies_no_list_of_its_siblings() {
    let (few, many) = (bytes_to_close_one_of(100), bytes_to_close_one_of(5_000));
    for (few, many) in few.into_iter().zip(many) {
        // A list that doubles may do so now; one of all siblings would be 40 kB.
        assert!(
            many <= few + 4_096,
            "{few} bytes among 100, {many} among 5,000"
        );
    }
}

//! A tick is a pure function: the same inputs give the same outputs. That whole rooms are the same is
//! told by the digests of the simulator.

use std::time::Duration;

use flumen::Time;
use flumen::components::Now;
use flumen::rtp_parameters::MediaKind;
use flumen_tests::feedback::pli;
use flumen_tests::{Packet, Room, VP8_KEY_FRAME, media_codecs, opus, vp8};

#[test]
fn a_seed_gives_the_same_names_and_ssrcs_on_every_machine() {
    let mut room = Room::new();
    let transport = room.plain(([127, 0, 0, 1], 5_000).into());
    let producer = room.produce(transport, MediaKind::Audio, opus(1_111));
    let consumer = room.consume(transport, producer);
    let parameters = room.engine.consumer_parameters(consumer).unwrap();
    let ssrc = parameters.encodings[0].ssrc;
    assert_eq!(consumer.to_string(), "6e24f24f-f39d-44d7-b8f7-27a45dc08427");
    assert_eq!(ssrc, Some(586_412_073));
}

#[test]
fn another_seed_gives_other_names_and_ssrcs() {
    let draw = |seed| {
        let mut room = Room::with(|builder| builder.seed([seed; 32]));
        let transport = room.plain(([127, 0, 0, 1], 5_000).into());
        let producer = room.produce(transport, MediaKind::Audio, opus(1_111));
        let consumer = room.consume(transport, producer);
        let parameters = room.engine.consumer_parameters(consumer).unwrap();
        let ssrc = parameters.encodings[0].ssrc;
        (ssrc, transport, producer, consumer)
    };
    let (first, second) = (draw(1), draw(2));
    assert_eq!(first, draw(1));
    assert_ne!(first.0, second.0);
    assert_ne!(first.1, second.1);
    assert_ne!(first.2, second.2);
    assert_ne!(first.3, second.3);
}

#[test]
fn an_engine_without_a_seed_takes_one_of_its_own() {
    let name = || {
        let (backend, _) = flumen::Loopback::new();
        let mut engine = flumen::Engine::builder().backend(backend).build().unwrap();
        engine.create_router(&media_codecs()).unwrap()
    };
    assert_ne!(name(), name());
}

/// A room with a stranger's router; what the stranger does is told by `busy`. Returns the names,
/// SSRCs and bytes of somebody who comes later.
fn beside_a_stranger(busy: bool) -> (Vec<String>, Vec<Vec<u8>>) {
    let mut room = Room::new();
    let own = room.router;
    room.router = room.engine.create_router(&media_codecs()).unwrap();
    let strange = room.plain(([127, 0, 0, 1], 7_000).into());
    let mut parameters = vp8(1);
    parameters.mid = Some("m".into());
    parameters.encodings[0].ssrc = None;
    let producer = room.produce(strange, MediaKind::Video, parameters);
    room.consume(strange, producer);
    if busy {
        for sequence in 0..50 {
            let packet = Packet::new(96, sequence, 77, VP8_KEY_FRAME).with_extension(9, b"m");
            room.arrive(strange, &packet.with_extension(3, &[sequence as u8 % 4]));
            room.arrive_bytes(strange, &pli(77));
            room.tick();
        }
        assert_eq!(room.engine.ledger().accepted, 50);
        room.engine.pause_producer(producer).unwrap();
        room.engine.close_transport(strange).unwrap();
    } else {
        room.tick_after(Duration::from_millis(50));
    }
    room.router = own;
    newcomer(&mut room)
}

fn newcomer(room: &mut Room) -> (Vec<String>, Vec<Vec<u8>>) {
    let remote = ([127, 0, 0, 1], 5_000).into();
    let transport = room.plain(remote);
    let producer = room.produce(transport, MediaKind::Audio, opus(1_111));
    let consumer = room.consume(transport, producer);
    let cname = room.engine.producer_parameters(producer).unwrap();
    let names = vec![
        transport.to_string(),
        producer.to_string(),
        consumer.to_string(),
        format!("{:?}", cname.rtcp.cname),
    ];
    room.received();
    room.arrive(transport, &Packet::new(111, 10, 1_111, b"voice"));
    room.tick();
    let received = room.received().into_iter();
    let mine = received.filter(|datagram| datagram.to == remote);
    (names, mine.map(|datagram| datagram.bytes).collect())
}

#[test]
fn what_a_stranger_does_shifts_nobodys_draws() {
    let quiet = beside_a_stranger(false);
    assert_eq!(quiet.1.len(), 1);
    assert_eq!(quiet, beside_a_stranger(true));
}

#[test]
fn time_never_runs_backwards() {
    let mut room = Room::new();
    let tick = |room: &mut Room, millis| {
        room.engine.tick(Time::from_millis(millis)).unwrap();
        let now = room.engine.world().resource::<Now>();
        assert_eq!(now.time, room.engine.now());
        (now.time.as_millis(), now.backward_jumps)
    };
    assert_eq!(tick(&mut room, 10), (10, 0));
    assert_eq!(tick(&mut room, 10), (10, 0));
    assert_eq!(tick(&mut room, 3), (10, 1));
    assert_eq!(tick(&mut room, 9), (10, 2));
    assert_eq!(tick(&mut room, 11), (11, 2));
}

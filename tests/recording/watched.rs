//! Who watches a replay is told of every datagram, and of whom it is.

use std::sync::{Arc, Mutex};

use flumen::components::Datagrams;
// Derives of the ECS name its crate.
use flumen::ecs as bevy_ecs;
use flumen::ecs::prelude::{BevyError, Res, Resource};
use flumen::{
    ConsumerId, Engine, Passage, ProducerId, Recording, Replay, Setup, Slot, Stage, Time,
    TransportId, Veto, View, Watching,
};
use flumen_tests::disk::Disk;
use flumen_tests::{Packet, Room, Trunk, VP8_KEY_FRAME, address, turn_all};

/// A call of two browsers, and what it was.
struct Recorded {
    file: Vec<u8>,
    sent: u64,
    transports: [TransportId; 2],
    producer: ProducerId,
    consumer: ConsumerId,
}

fn recorded() -> Recorded {
    let disk = Disk::default();
    let mut room = Room::with(|builder| builder.record_to(disk.clone()));
    let (mut peers, producer, consumer) = room.browsers();
    for number in 0..50 {
        let packet = Packet::new(96, number, 2_222, VP8_KEY_FRAME);
        peers[0].send(&room, &packet);
        room.tick();
        turn_all(&mut room, &mut peers);
    }
    Recorded {
        sent: room.wire.totals().datagrams,
        file: disk.finish(&mut room.engine),
        transports: peers.map(|peer| peer.transport),
        producer,
        consumer,
    }
}

/// What a watcher remembers of a datagram.
struct Seen {
    at: Time,
    outgoing: bool,
    transport: Option<TransportId>,
    producer: Option<ProducerId>,
    consumer: Option<ConsumerId>,
    bytes: Vec<u8>,
}

/// What is told, shared with who tells it.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Seen>>>);

impl Told {
    fn by(engine: &mut Engine, view: View) -> (Self, Watching) {
        let told = Self::default();
        let watched = engine.watch(view, told.clone().watcher());
        (told, watched)
    }

    fn watcher(self) -> impl FnMut(Passage<'_>) + Send + 'static {
        move |passage| {
            self.0.lock().unwrap().push(Seen {
                at: passage.at,
                outgoing: passage.outgoing,
                transport: passage.transport,
                producer: passage.producer,
                consumer: passage.consumer,
                bytes: passage.bytes.to_vec(),
            });
        }
    }

    fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn watched(file: &[u8], view: View) -> Vec<Seen> {
    let recording = Recording::read(std::io::Cursor::new(file.to_vec())).unwrap();
    let builder = recording.builder();
    let mut replay = Replay::new(recording, builder).unwrap();
    let told = Told::default();
    replay.watch(view, told.clone().watcher());
    while replay.step().unwrap().is_some() {}
    told.take()
}

fn ends_so(seen: &Seen) -> bool {
    seen.bytes.ends_with(VP8_KEY_FRAME)
}

#[test]
fn every_datagram_is_told_as_it_was_on_the_network() {
    let recorded = recorded();
    let seen = watched(&recorded.file, View::AsSent);
    let left = seen.iter().filter(|one| one.outgoing);
    assert_eq!(left.count() as u64, recorded.sent);
    assert!(!seen.iter().any(ends_so), "media is sealed");
    assert!(seen.is_sorted_by_key(|one| one.at));
}

#[test]
fn media_is_told_without_its_seal_and_with_whose_it_is() {
    let recorded = recorded();
    let seen = watched(&recorded.file, View::Opened);
    let came: Vec<_> = seen.iter().filter(|one| one.producer.is_some()).collect();
    assert_eq!(came.len(), 50);
    for one in came {
        assert!(ends_so(one) && !one.outgoing && one.consumer.is_none());
        assert_eq!(one.producer, Some(recorded.producer));
        assert_eq!(one.transport, Some(recorded.transports[0]));
    }
    let left: Vec<_> = seen.iter().filter(|one| one.consumer.is_some()).collect();
    assert!(left.len() > 40, "{}", left.len());
    for one in left {
        assert!(ends_so(one) && one.outgoing);
        assert_eq!(one.consumer, Some(recorded.consumer));
        assert_eq!(one.transport, Some(recorded.transports[1]));
    }
    // Checks and handshakes are as they were.
    let sealed = watched(&recorded.file, View::AsSent);
    let stun = |all: &[Seen]| all.iter().filter(|one| one.bytes[0] < 4).count();
    assert!(stun(&seen) > 0);
    assert_eq!(stun(&seen), stun(&sealed));
}

/// The last words of an association leave by a socket that closes with it.
#[test]
fn a_goodbye_is_told_with_who_says_it() {
    for view in [View::AsSent, View::Opened] {
        let mut trunk = Trunk::new();
        trunk.bridge(0, 0);
        trunk.settle();
        let (transport, room) = (trunk.transports[0], &mut trunk.rooms[0]);
        let local = room.local(transport);
        let (told, _) = Told::by(&mut room.engine, view);
        room.engine.close_transport(transport).unwrap();
        let left = room.on_the_wire();
        let told = told.take();
        assert_eq!((left.len(), told.len()), (1, 1), "{view:?}");
        assert_eq!(left[0].from, local);
        assert_eq!(told[0].bytes, left[0].bytes);
        assert!(told[0].outgoing);
        assert_eq!(told[0].transport, Some(transport));
    }
}

fn filter(mut datagrams: Datagrams<'_>, why: Res<'_, Unwanted>) -> Result<(), BevyError> {
    datagrams.veto_if(why.0, |_, bytes| bytes.starts_with(b"spam"))?;
    Ok(())
}

#[derive(Resource)]
struct Unwanted(Veto);

#[test]
fn what_a_system_discards_is_told_as_well() {
    let filtering = |setup: &mut Setup| {
        let why = Unwanted(setup.veto("unwanted"));
        setup.world_mut().insert_resource(why);
        setup.add_systems(Stage::Demux, Slot::Before, filter);
    };
    let mut room = Room::with(|builder| builder.plugin(filtering));
    let transport = room.plain(address(5_000));
    let (told, _) = Told::by(&mut room.engine, View::AsSent);
    for bytes in [&b"spam"[..], b"ham", b"spam and more"] {
        room.arrive_bytes(transport, bytes);
    }
    room.tick();
    let came: Vec<_> = told.take().into_iter().map(|it| it.bytes).collect();
    assert_eq!(came, [&b"spam"[..], b"ham", b"spam and more"]);
    room.tick();
    assert!(told.take().is_empty(), "each is told once");
}

#[test]
fn there_may_be_several_who_watch() {
    let mut room = Room::new();
    let transport = room.plain(address(5_000));
    let (one, first) = Told::by(&mut room.engine, View::AsSent);
    let (other, _) = Told::by(&mut room.engine, View::Opened);
    let told = |room: &mut Room| {
        room.arrive_bytes(transport, b"anything");
        room.tick();
        [one.take().len(), other.take().len()]
    };
    assert_eq!(told(&mut room), [1, 1]);
    assert!(room.engine.unwatch(first));
    assert!(!room.engine.unwatch(first), "it has ended");
    assert_eq!(told(&mut room), [0, 1]);
}

//! Recordings that begin in the middle of a run, with a snapshot, and those of engines that went on from
//! one.

use std::time::Duration;

// Derives of the ECS name its crate.
use flumen::ecs as bevy_ecs;
use flumen::ecs::prelude::{Component, Query, ResMut};
use flumen::event::{BufferedAmountLow, Pending, TransportCreated};
use flumen::sctp::{Association, Config, Output};
use flumen::{
    Builder, Engine, RecordError, Replay, SctpOptions, SctpState, Slot, Stage, Tick,
    WebRtcTransportOptions,
};
use flumen_tests::disk::{Disk, open, replay, replay_with};
use flumen_tests::victims::Victims;
use flumen_tests::{
    Channels, Check, Packet, Peer, Room, VP8_KEY_FRAME, address, message, start, turn_all,
};

use crate::rooms::{crowded, wish};

/// How a recording comes to begin with a snapshot.
#[derive(Clone, Copy, Debug)]
enum Beginning {
    /// In the engine that goes on.
    Here,
    /// With another one that goes on in its place.
    Elsewhere,
}

const BOTH: [Beginning; 2] = [Beginning::Here, Beginning::Elsewhere];

impl Beginning {
    fn begin(self, room: &mut Room, disk: &Disk) {
        room.on_the_wire();
        match self {
            Self::Here => room.engine.record_to(disk.clone()).unwrap(),
            Self::Elsewhere => {
                let snapshot = room.engine.snapshot().unwrap();
                room.go_on(&snapshot, |builder| builder.record_to(disk.clone()));
            }
        }
    }
}

/// Ends the recording, which replays: every tick of it.
fn replayed(engine: &mut Engine, disk: &Disk) -> Vec<Tick> {
    let ticks = engine.ticks();
    let file = disk.finish(engine);
    assert!(open(&file).unwrap().begins_with_snapshot());
    let replayed = replay(&file).unwrap();
    assert_eq!(replayed.last().map(|tick| tick.number), Some(ticks));
    replayed
}

fn talk(victims: &mut Victims, ticks: u32) {
    for _ in 0..ticks {
        victims.talk();
        victims.room.tick_after(Duration::from_millis(20));
    }
}

#[test]
fn a_run_replays_from_its_middle() {
    for beginning in BOTH {
        let disk = Disk::default();
        let mut victims = Victims::default();
        talk(&mut victims, 100);
        beginning.begin(&mut victims.room, &disk);
        let (before, ticks) = (victims.room.wire.totals(), victims.room.engine.ticks());
        talk(&mut victims, 100);
        victims.room.plain(address(7_000));
        talk(&mut victims, 100);
        let sent = victims.room.wire.totals();
        let replayed = replayed(&mut victims.room.engine, &disk);
        assert_eq!(replayed[0].number, ticks + 1);
        let datagrams: u64 = replayed.iter().map(|tick| tick.outputs.datagrams).sum();
        assert_eq!(
            datagrams,
            sent.datagrams - before.datagrams,
            "{beginning:?}"
        );
        assert!(datagrams > 1_000, "{datagrams}");
    }
}

/// Over paths that carry less than is sent, at moments when much is under way.
#[test]
fn rooms_replay_from_their_middle() {
    for (beginning, seed) in BOTH
        .into_iter()
        .flat_map(|one| (0..4).map(move |seed| (one, seed)))
    {
        let disk = Disk::default();
        let (mut room, crowd) = crowded(seed, |builder| builder);
        wish(&mut room, crowd);
        room.run_for(Duration::from_millis(37 * seed));
        match beginning {
            Beginning::Here => room.engine_mut().record_to(disk.clone()).unwrap(),
            Beginning::Elsewhere => room = room.fork(|builder| builder.record_to(disk.clone())),
        }
        wish(&mut room, crowd);
        replayed(room.engine_mut(), &disk);
    }
}

#[test]
fn browsers_that_shook_hands_before_replay() {
    for beginning in BOTH {
        let disk = Disk::default();
        let mut room = Room::new();
        let (mut peers, ..) = room.browsers();
        let mut number = 0;
        let mut talk = |room: &mut Room, peers: &mut [Peer]| {
            for _ in 0..50 {
                number += 1;
                peers[0].send(room, &Packet::new(96, number, 2_222, VP8_KEY_FRAME));
                room.tick();
                turn_all(room, peers);
            }
        };
        talk(&mut room, &mut peers);
        beginning.begin(&mut room, &disk);
        talk(&mut room, &mut peers);
        // One comes behind the snapshot, one says goodbye.
        let late = room.webrtc();
        Peer::join(&mut room, late, address(5_007));
        peers[1].dtls.close(room.now);
        peers[1].turn(&mut room);
        talk(&mut room, &mut peers);
        let replayed = replayed(&mut room.engine, &disk);
        let datagrams: u64 = replayed.iter().map(|tick| tick.outputs.datagrams).sum();
        // The goodbye is heard by the library that shook hands, which is not there behind a snapshot.
        let heard = (50..100).contains(&datagrams);
        assert_eq!(heard, matches!(beginning, Beginning::Here), "{datagrams}");
    }
}

/// A handshake draws from the operating system what a replay cannot draw again.
#[test]
fn a_handshake_that_begins_anew_replays() {
    let disk = Disk::default();
    let mut room = Room::new();
    let mut peer = half_way(&mut room);
    Beginning::Elsewhere.begin(&mut room, &disk);
    for _ in 0..3_000 {
        if peer.is_connected() {
            break;
        }
        peer.turn(&mut room);
    }
    assert!(peer.is_connected());
    replayed(&mut room.engine, &disk);
}

/// Who has said where it is, and has not shaken hands.
fn half_way(room: &mut Room) -> Peer {
    let transport = room.webrtc();
    let mut peer = Peer::new(room, transport, address(5_000));
    peer.signal(room);
    peer.check(room, Check::NOMINATING);
    for _ in 0..2 {
        room.tick();
    }
    peer
}

#[test]
fn what_a_snapshot_does_not_keep_whole_refuses_a_recording() {
    let refused = |room: &mut Room| match room.engine.record_to(std::io::sink()) {
        Err(RecordError::NotKept(what)) => what,
        other => panic!("{other:?}"),
    };
    let mut channels = Channels::new();
    channels.open(4, "chat");
    assert!(refused(&mut channels.room).contains("SCTP"));
    channels.send(&message(4, vec![7; 100]));
    let mut room = Room::new();
    half_way(&mut room);
    assert!(refused(&mut room).contains("handshake"));
    // One that has only been asked.
    let (mut room, mut peer, mut association) = unassociated();
    association.connect(room.now);
    exchange(&mut room, &mut peer, &mut association);
    assert!(refused(&mut room).contains("SCTP"));
    let mut room = Room::new();
    let transport = room.webrtc_over_tcp();
    Peer::join_over_tcp(&mut room, transport, address(5_000));
    assert!(refused(&mut room).contains("TCP"));
    assert_eq!(room.engine.recording(), None);
}

/// A transport for data channels whose peer has shaken hands, and what that speaks inside.
fn unassociated() -> (Room, Peer, Association) {
    let mut room = Room::with(|builder| builder.state_digest_ticks(1));
    let transport = room.webrtc_with(|options| WebRtcTransportOptions {
        sctp: Some(SctpOptions::default()),
        ..options
    });
    let peer = Peer::join(&mut room, transport, address(5_000));
    let association = Association::new(Config::default(), start());
    (room, peer, association)
}

/// What an association has to say is said.
fn exchange(room: &mut Room, peer: &mut Peer, association: &mut Association) {
    let mut out = Output::default();
    association.poll(room.now, &mut out);
    for datagram in out.datagrams() {
        peer.send_payload(room, datagram);
    }
    peer.turn(room);
}

#[test]
fn an_association_that_has_failed_has_failed_in_a_replay() {
    for beginning in BOTH {
        let disk = Disk::default();
        let (mut room, mut peer, mut association) = unassociated();
        association.connect(room.now);
        for _ in 0..10 {
            exchange(&mut room, &mut peer, &mut association);
            for payload in std::mem::take(&mut peer.payloads) {
                let _ = association.receive(room.now, &payload);
            }
        }
        association.abort(room.now);
        exchange(&mut room, &mut peer, &mut association);
        let state = |room: &Room| room.engine.sctp_state(peer.transport);
        assert_eq!(state(&room), Ok(Some(SctpState::Failed)));
        room.engine.drain_events();
        room.on_the_wire();
        beginning.begin(&mut room, &disk);
        assert_eq!(state(&room), Ok(Some(SctpState::Failed)), "{beginning:?}");
        for _ in 0..10 {
            room.tick();
        }
        replayed(&mut room.engine, &disk);
    }
}

#[derive(Component)]
struct Secret;

#[test]
fn one_recording_follows_another_and_tells_what_is_not_in_it() {
    let mut victims = Victims::with(|builder| builder.record_to(Disk::with_room(50_000)));
    let again = victims.room.engine.record_to(std::io::sink());
    assert!(matches!(again, Err(RecordError::UnderWay)), "{again:?}");
    let stopped = |victims: &Victims| {
        let report = victims.room.engine.recording().unwrap();
        report.stopped.is_some()
    };
    while !stopped(&victims) {
        talk(&mut victims, 10);
    }
    victims.room.engine.world_mut().spawn(Secret);
    let disk = Disk::default();
    victims.room.engine.record_to(disk.clone()).unwrap();
    talk(&mut victims, 50);
    let report = victims.room.engine.recording().unwrap();
    assert_eq!(report.stopped, None);
    assert_eq!(report.left_out, [std::any::type_name::<Secret>()]);
    assert_eq!(replayed(&mut victims.room.engine, &disk).len(), 50);
}

/// What was told before, and not collected by then, comes with what is told later; a replay begins
/// without.
#[test]
fn what_was_not_collected_when_it_began_is_told_and_is_not_missed() {
    let told = |disk: Option<&Disk>| {
        let mut victims = Victims::default();
        talk(&mut victims, 10);
        if let Some(disk) = disk {
            victims.room.engine.record_to(disk.clone()).unwrap();
        }
        victims.room.plain(address(7_000));
        talk(&mut victims, 10);
        let waiting = victims.room.engine.queues().events;
        let names = victims.room.event_names();
        assert_eq!(names.len() as u64, waiting);
        talk(&mut victims, 10);
        (names, victims)
    };
    let disk = Disk::default();
    let ((names, _), (recorded, mut victims)) = (told(None), told(Some(&disk)));
    let transports = names.iter().filter(|name| **name == "newtransport");
    assert_eq!(transports.count(), 5);
    assert_eq!(recorded, names);
    replayed(&mut victims.room.engine, &disk);
}

#[test]
fn what_the_kernel_drops_is_counted_on() {
    for beginning in BOTH {
        let disk = Disk::default();
        let mut victims = Victims::default();
        // More than a socket holds in a tick: three packets of each kind come.
        let narrow = |victims: &Victims| victims.room.wire.limit_queues(4);
        narrow(&victims);
        talk(&mut victims, 10);
        let dropped = |victims: &Victims| victims.room.engine.ledger().kernel_drops;
        assert_eq!(dropped(&victims), 20);
        beginning.begin(&mut victims.room, &disk);
        narrow(&victims);
        talk(&mut victims, 10);
        assert_eq!(dropped(&victims), 40, "{beginning:?}");
        let file = disk.finish(&mut victims.room.engine);
        let recording = open(&file).unwrap();
        let builder = recording.builder();
        let mut replay = Replay::new(recording, builder).unwrap();
        while replay.step().unwrap().is_some() {}
        assert_eq!(replay.engine().ledger(), victims.room.engine.ledger());
    }
}

/// Tells of each transport that was made.
fn echo(created: Query<'_, '_, &TransportCreated>, mut pending: ResMut<'_, Pending>) {
    for created in &created {
        let (about, subject) = (created.about, created.subject);
        let low = BufferedAmountLow {
            about,
            subject,
            buffered_amount: 0,
        };
        pending.0.push(low.into());
    }
}

/// What the application did before is seen by systems before it begins.
#[test]
fn events_that_systems_have_not_seen_when_it_began_are_not_missed() {
    let echoing = |builder: Builder| builder.add_systems(Stage::Ingest, Slot::Before, echo);
    let disk = Disk::default();
    let mut victims = Victims::with(echoing);
    talk(&mut victims, 10);
    victims.room.plain(address(7_000));
    victims.room.engine.drain_events();
    victims.room.engine.record_to(disk.clone()).unwrap();
    talk(&mut victims, 10);
    let echoed = victims.room.event_names();
    assert!(echoed.contains(&"bufferedamountlow"), "{echoed:?}");
    let file = disk.finish(&mut victims.room.engine);
    replay_with(&file, echoing).unwrap();
}

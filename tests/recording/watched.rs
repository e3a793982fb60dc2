//! Who watches a replay is told of every datagram, and of whom it is.

use std::sync::{Arc, Mutex};

use flumen::{ConsumerId, ProducerId, Recording, Replay, Time, TransportId, View};
use flumen_tests::disk::Disk;
use flumen_tests::{Packet, Room, VP8_KEY_FRAME, turn_all};

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

fn watched(file: &[u8], view: View) -> Vec<Seen> {
    let recording = Recording::read(std::io::Cursor::new(file.to_vec())).unwrap();
    let builder = recording.builder();
    let mut replay = Replay::new(recording, builder).unwrap();
    let all = Arc::<Mutex<Vec<Seen>>>::default();
    let seen = Arc::clone(&all);
    replay.watch(view, move |passage| {
        seen.lock().unwrap().push(Seen {
            at: passage.at,
            outgoing: passage.outgoing,
            transport: passage.transport,
            producer: passage.producer,
            consumer: passage.consumer,
            bytes: passage.bytes.to_vec(),
        });
    });
    while replay.step().unwrap().is_some() {}
    drop(replay);
    Arc::into_inner(all).unwrap().into_inner().unwrap()
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

//! Two futures of one room.

use std::time::Duration;

use flumen_sim::{Audio, Feedback, Link, Loss, Messages, Peer, Room, Video};

/// A call of peers of all kinds over links that lose.
fn call() -> Room {
    let link = Link::new()
        .latency(Duration::from_millis(30))
        .jitter(Duration::from_millis(5))
        .loss(Loss::bursts(3, 2))
        .rate(2_000_000);
    let peer = Peer::new()
        .audio(Audio::opus())
        .video(Video::vp8().simulcast(2).temporal_layers(3))
        .link(link);
    let mut room = Room::new(5);
    room.join(peer.clone());
    room.join(peer.clone().feedback(Feedback::Remb));
    room.join(peer.webrtc());
    room.run_for(Duration::from_secs(4));
    room
}

#[test]
fn a_fork_is_the_same_as_long_as_the_same_happens() {
    let mut room = call();
    for _ in 0..3 {
        let mut other = room.fork(|builder| builder);
        room.run_for(Duration::from_millis(1_700));
        other.run_for(Duration::from_millis(1_700));
        assert_eq!(other.digest(), room.digest());
        // The next one forks from a fork.
        room = other;
    }
    room.close();
}

#[test]
fn what_happens_in_a_fork_does_not_elsewhere() {
    let mut room = call();
    let (mut one, mut other) = (room.fork(|builder| builder), room.fork(|builder| builder));
    let late = one.join(Peer::new().audio(Audio::opus()));
    for fork in [&mut room, &mut one, &mut other] {
        fork.run_for(Duration::from_secs(3));
    }
    assert_eq!(other.digest(), room.digest());
    assert_ne!(one.digest(), room.digest());
    let first = one.take_events().len();
    assert!(first > room.take_events().len());
    one.leave(late);
    one.close();
    other.close();
}

#[test]
fn messages_end_in_a_fork_and_media_goes_on() {
    let mut room = Room::new(6);
    let peer = Peer::new()
        .audio(Audio::opus())
        .messages(Messages::every(Duration::from_millis(20), 100));
    let [ann, bob] = [peer.clone(), peer.webrtc()].map(|peer| room.join(peer));
    room.run_for(Duration::from_secs(3));
    let mut fork = room.fork(|builder| builder);
    let before = (
        fork.messages(ann, bob).messages,
        fork.audio(ann, bob).packets,
    );
    assert!(before.0 > 50 && before.1 > 50, "{before:?}");
    fork.run_for(Duration::from_secs(2));
    assert_eq!(fork.messages(ann, bob).messages, before.0);
    assert!(fork.audio(ann, bob).packets > before.1 + 90);
    room.run_for(Duration::from_secs(2));
    assert!(room.messages(ann, bob).messages > before.0 + 90);
}

//! Two futures of one room.

use std::time::Duration;

use flumen::rtp_parameters::MediaKind;
use flumen::{ActiveSpeakerObserverOptions, AudioLevelObserverOptions, PreferredLayers};
use flumen_sim::{Audio, Feedback, Link, Loss, Messages, Peer, Room, Video};
use serde_json::json;

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

/// The same happens in a room and in its fork, and nothing tells them apart: the fork, and what was
/// told in it.
fn same(mut room: Room, happens: impl Fn(&mut Room)) -> (Room, Vec<String>) {
    let mut other = room.fork(|builder| builder);
    let [told, too] = [&mut room, &mut other].map(|fork| {
        happens(fork);
        let events = fork.take_events().into_iter();
        let told = events.map(|(at, event)| format!("{at} {}", json!(event)));
        told.collect()
    });
    assert_eq!(other.digest(), room.digest());
    assert_eq!(other.engine().ledger(), room.engine().ledger());
    assert_eq!(told, too);
    (other, told)
}

#[test]
fn a_fork_is_the_same_as_long_as_the_same_happens() {
    let mut room = call();
    for _ in 0..3 {
        // The next one forks from a fork.
        (room, _) = same(room, |room| room.run_for(Duration::from_millis(1_700)));
    }
    room.close();
}

/// Whoever watches over a path that carries the lowest layers alone, at any moment.
#[test]
fn a_fork_is_the_same_whatever_the_layers() {
    let layered = |video: Video| video.spatial_layers(3).temporal_layers(3);
    for video in [
        Video::vp8().simulcast(3).temporal_layers(3),
        layered(Video::vp9()),
        layered(Video::av1()).key_only(),
        Video::h264().simulcast(3).temporal_layers(3),
    ] {
        let narrow = Link::new().latency(Duration::from_millis(50)).rate(900_000);
        let mut room = Room::new(7);
        let alice = room.join(Peer::new().video(video.bitrate(1_700_000)));
        let [bob, _] = [Feedback::TransportCc, Feedback::Remb]
            .map(|feedback| room.join(Peer::new().down(narrow).feedback(feedback)));
        room.run_for(Duration::from_secs(5));
        for moment in 0..30 {
            (room, _) = same(room, |room| {
                let consumer = room.consumer(bob, alice, MediaKind::Video).unwrap();
                let layers = PreferredLayers {
                    spatial_layer: moment % 3,
                    temporal_layer: Some(moment / 3 % 3),
                };
                let engine = room.engine_mut();
                match moment % 10 {
                    8 => engine.pause_consumer(consumer).unwrap(),
                    9 => engine.resume_consumer(consumer).unwrap(),
                    _ => engine.set_preferred_layers(consumer, layers).unwrap(),
                }
                room.run_for(Duration::from_millis(137));
            });
        }
        let seen = room.video(bob, alice);
        assert!(seen.frames > 100, "{video:?}: {seen:?}");
        room.close();
    }
}

#[test]
fn observers_go_on_in_a_fork() {
    let mut room = Room::new(8);
    let people = [(); 3].map(|()| room.join(Peer::new().audio(Audio::opus().level(100)).deaf()));
    let router = room.router();
    let loud = AudioLevelObserverOptions::default();
    let speaks = ActiveSpeakerObserverOptions::default();
    let engine = room.engine_mut();
    let loud = engine.create_audio_level_observer(router, loud).unwrap();
    let speaks = engine
        .create_active_speaker_observer(router, speaks)
        .unwrap();
    for observer in [loud, speaks] {
        for person in people {
            let voice = room.producer(person, MediaKind::Audio).unwrap();
            room.engine_mut().add_producer(observer, voice).unwrap();
        }
    }
    let mut told = Vec::new();
    for turn in 0..6 {
        let events;
        (room, events) = same(room, |room| {
            for (index, person) in people.into_iter().enumerate() {
                let level = if turn % 3 == index { 20 } else { 100 };
                room.set_level(person, level);
            }
            room.run_for(Duration::from_millis(1_300));
        });
        told.extend(events);
    }
    for name in ["volumes", "dominantspeaker"] {
        let count = told.iter().filter(|event| event.contains(name));
        assert!(count.count() > 3, "{name}");
    }
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

//! Every codec, in every way of layers: who watches decodes, by the references of each.

use std::time::Duration;

use flumen::PreferredLayers;
use flumen::rtp_parameters::MediaKind;
use flumen_sim::{Feedback, Link, Loss, Peer, PeerId, Queue, Room, Video};

const SECOND: Duration = Duration::from_secs(1);

/// All ways, and in how many layers the highest is.
fn ways() -> Vec<Video> {
    let spatial = |video: Video| video.spatial_layers(3).temporal_layers(3);
    vec![
        Video::vp8().simulcast(3).temporal_layers(3),
        Video::vp9(),
        Video::vp9().temporal_layers(2),
        Video::vp9().simulcast(2).temporal_layers(3),
        spatial(Video::vp9()),
        spatial(Video::vp9()).key_only(),
        spatial(Video::vp9()).flexible(),
        spatial(Video::vp9()).flexible().key_only(),
        Video::av1(),
        Video::av1().temporal_layers(3),
        spatial(Video::av1()),
        spatial(Video::av1()).key_only(),
        Video::h264(),
        Video::h264().temporal_layers(2),
        Video::h264().simulcast(3).temporal_layers(3),
    ]
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Somebody who sends, and somebody who watches over a link.
fn call(seed: u64, video: Video, down: Link) -> (Room, PeerId, PeerId) {
    let mut room = Room::new(seed);
    let alice = room.join(Peer::new().video(video.bitrate(1_500_000)));
    let bob = room.join(Peer::new().down(down).feedback(Feedback::None));
    (room, alice, bob)
}

fn prefer(room: &mut Room, (bob, alice): (PeerId, PeerId), spatial: u8, temporal: u8) {
    let layers = PreferredLayers {
        spatial_layer: spatial,
        temporal_layer: Some(temporal),
    };
    let consumer = room.consumer(bob, alice, MediaKind::Video).unwrap();
    let preferred = room.engine_mut().set_preferred_layers(consumer, layers);
    preferred.unwrap();
}

#[test]
fn every_picture_is_decoded_in_its_highest_layer() {
    for video in ways() {
        let (mut room, alice, bob) = call(1, video, Link::new());
        room.run_for(10 * SECOND);
        let seen = room.video(bob, alice);
        assert!(seen.frames > 290, "{video:?}: {seen:?}");
        assert_eq!((seen.missing, seen.freezes), (0, 0), "{video:?}: {seen:?}");
        let last = seen.last.unwrap();
        let highest = (video.encodings as u8 - 1, video.spatial_layers - 1);
        assert_eq!((last.encoding, last.spatial), highest, "{video:?}");
        room.close();
    }
}

#[test]
fn losses_are_repaired() {
    for video in ways() {
        let lossy = Link::new().latency(ms(20)).loss(Loss::bursts(5, 2));
        let (mut room, alice, bob) = call(2, video, lossy);
        room.run_for(10 * SECOND);
        let seen = room.video(bob, alice);
        assert!(
            seen.missing > 20 && seen.repaired_percent() > 90,
            "{video:?}: {seen:?}"
        );
        assert!(seen.frames > 220, "{video:?}: {seen:?}");
        room.close();
    }
}

#[test]
fn what_is_lost_on_the_way_in_is_repaired_for_all() {
    for video in ways() {
        let lossy = Link::new().latency(ms(20)).loss(Loss::bursts(5, 2));
        let mut room = Room::new(3);
        let alice = room.join(Peer::new().video(video).up(lossy));
        let bob = room.join(Peer::new());
        room.run_for(10 * SECOND);
        let seen = room.video(bob, alice);
        assert!(seen.frames > 220, "{video:?}: {seen:?}");
        assert!(room.video_sent(alice).unwrap().resent > 10);
        room.close();
    }
}

#[test]
fn layers_are_given_as_they_are_wished_for() {
    for video in ways() {
        let (mut room, alice, bob) = call(4, video, Link::new());
        let pair = (bob, alice);
        for (spatial, temporal) in [(1, 1), (0, 0), (2, 2), (0, 2), (2, 0)] {
            prefer(&mut room, pair, spatial, temporal);
            room.run_for(2 * SECOND);
            let before = room.video(bob, alice).frames;
            room.run_for(4 * SECOND);
            let seen = room.video(bob, alice);
            let last = seen.last.unwrap();
            let high = last.encoding.max(last.spatial);
            let highest = (video.encodings as u8 - 1).max(video.spatial_layers - 1);
            assert_eq!(high, spatial.min(highest), "{video:?}");
            let temporal = temporal.min(video.temporal_layers - 1);
            let halves = video.temporal_layers - 1 - temporal;
            let pictures = (seen.frames - before) << halves;
            assert!((112..=128).contains(&pictures), "{video:?}: {pictures}");
        }
        room.close();
    }
}

#[test]
fn a_narrow_path_gets_fewer_layers() {
    let narrow = Link::new()
        .latency(ms(20))
        .rate(350_000)
        .queue(Queue::Delay(ms(200)));
    for video in ways().into_iter().filter(|video| video.spatial_layers > 1) {
        let mut room = Room::new(5);
        let alice = room.join(Peer::new().video(video.bitrate(1_500_000)));
        let bob = room.join(Peer::new().down(narrow));
        room.run_for(20 * SECOND);
        let before = room.video(bob, alice).frames;
        room.run_for(5 * SECOND);
        let seen = room.video(bob, alice);
        assert!(seen.last.unwrap().spatial < 2, "{video:?}: {seen:?}");
        assert!(seen.frames - before > 30, "{video:?}: {seen:?}");
        room.close();
    }
}

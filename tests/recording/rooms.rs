//! Rooms in which there is something of everything that is recorded.

use std::time::Duration;

use flumen::rtp_parameters::MediaKind;
use flumen::{Builder, PreferredLayers};
use flumen_sim::{Audio, Feedback, Link, Loss, Peer, PeerId, Room, Video};

/// Three peers.
pub(crate) type Crowd = [PeerId; 3];

/// Peers who send sound and layers of some kind, another one for each `seed`, over links that lose, and
/// that carry less than all of it to them; one of them is a browser.
pub(crate) fn crowded(seed: u64, configure: impl FnOnce(Builder) -> Builder) -> (Room, Crowd) {
    let link = Link::new()
        .latency(Duration::from_millis(30))
        .loss(Loss::bursts(3, 2));
    let video = match seed % 4 {
        0 => Video::vp8().simulcast(3),
        1 => Video::vp9().spatial_layers(3),
        2 => Video::av1().spatial_layers(3).key_only(),
        _ => Video::h264().simulcast(3),
    };
    let peer = Peer::new()
        .audio(Audio::opus())
        .video(video.temporal_layers(3).bitrate(1_200_000))
        .up(link)
        .down(link.rate(2_000_000));
    let mut room = Room::with(seed, configure);
    let crowd = [
        peer.clone(),
        peer.clone().feedback(Feedback::Remb),
        peer.webrtc(),
    ];
    let crowd = crowd.map(|peer| room.join(peer));
    (room, crowd)
}

/// Lets three seconds pass, in which everybody wishes for other layers of the next one again and again,
/// gets some of them, and at last wants nothing for now.
pub(crate) fn wish(room: &mut Room, crowd: Crowd) {
    let consumers = [(0, 1), (1, 2), (2, 0)].map(|(peer, other)| {
        let consumer = room.consumer(crowd[peer], crowd[other], MediaKind::Video);
        consumer.unwrap()
    });
    room.take_events();
    for moment in 0..21 {
        for (index, consumer) in (0..).zip(consumers) {
            let layers = PreferredLayers {
                spatial_layer: (moment + index) % 3,
                temporal_layer: Some(moment % 2 + 1),
            };
            let engine = room.engine_mut();
            engine.resume_consumer(consumer).unwrap();
            engine.set_preferred_layers(consumer, layers).unwrap();
        }
        room.run_for(Duration::from_millis(143));
    }
    for consumer in consumers {
        room.engine_mut().pause_consumer(consumer).unwrap();
    }
    let told = room.take_events().into_iter();
    let changes = told.filter(|(_, event)| event.name() == "layerschange");
    let changes = changes.count();
    assert!(changes > 20, "{changes}");
}

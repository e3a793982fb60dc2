//! Rooms in which there is something of everything that is recorded.

use std::time::Duration;

use flumen::Builder;
use flumen_sim::{Audio, Feedback, Link, Loss, Peer, Room, Video};

/// Peers who send sound and layers of some kind, each of a `seed`, over links that lose and carry less
/// than that; one of them is a browser.
pub(crate) fn crowded(seed: u64, configure: impl FnOnce(Builder) -> Builder) -> Room {
    let link = Link::new()
        .latency(Duration::from_millis(30))
        .loss(Loss::bursts(3, 2))
        .rate(1_500_000);
    let video = match seed % 4 {
        0 => Video::vp8().simulcast(3),
        1 => Video::vp9().spatial_layers(3),
        2 => Video::av1().spatial_layers(3).key_only(),
        _ => Video::h264().simulcast(3),
    };
    let peer = Peer::new()
        .audio(Audio::opus())
        .video(video.temporal_layers(3).bitrate(1_200_000))
        .link(link);
    let mut room = Room::with(seed, configure);
    room.join(peer.clone());
    room.join(peer.clone().feedback(Feedback::Remb));
    room.join(peer.webrtc());
    room
}

//! What an engine knows is the same in every build: these tests are run in debug and in release.

use std::time::Duration;

use flumen_sim::{Audio, Link, Loss, Peer, Room, Video};

#[test]
fn components_are_the_same_in_debug_and_in_release() {
    let link = Link::new()
        .latency(Duration::from_millis(20))
        .loss(Loss::percent(5));
    let peer = Peer::new()
        .audio(Audio::opus())
        .video(Video::vp8().simulcast(2).temporal_layers(3))
        .link(link);
    let mut room = Room::new(11);
    for _ in 0..3 {
        room.join(peer.clone());
    }
    room.run_for(Duration::from_secs(2));
    let digests = [room.digest(), room.state_digest()].map(|digest| format!("{digest:016x}"));
    assert_eq!(
        digests, GOLDEN,
        "update them when what is sent or known is meant to change"
    );
}

/// What was sent, and what is known in the end.
const GOLDEN: [&str; 2] = ["3d25edef74c2c50e", "be9ad8a114daf7a9"];

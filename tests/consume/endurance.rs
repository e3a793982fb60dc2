//! Consumers of layered producers go on however long nothing changes.

use std::time::Duration;

use flumen_sim::{Feedback, Peer, Room, Video};

#[test]
fn a_video_whose_layers_stay_goes_on_when_its_numbers_have_come_around() {
    let video = Video::vp8()
        .temporal_layers(3)
        .bitrate(60_000_000)
        .frame_rate(120);
    let mut room = Room::new(1);
    let alice = room.join(Peer::new().video(video));
    let bob = room.join(Peer::new().feedback(Feedback::None));
    for second in 0..24 {
        let before = room.video(bob, alice).frames;
        room.run_for(Duration::from_secs(1));
        let shown = room.video(bob, alice).frames - before;
        assert!(shown > 100, "{shown} pictures in second {second}");
    }
    let packets = room.crossing(bob)[1].sent;
    assert!(packets > 2 << 16, "{packets} packets");
    room.close();
}

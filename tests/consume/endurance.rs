//! Consumers of layered producers go on however long nothing changes.

use std::time::Duration;

use flumen_tests::bottleneck;
use flumen_tests::meeting::{Encoding, Feedback, Meeting};

#[test]
fn a_video_whose_layers_stay_goes_on_when_its_numbers_have_come_around() {
    let encoding = Encoding {
        bitrate: 60_000_000,
        temporal: 3,
    };
    let path = bottleneck(1_000_000_000);
    let mut meeting = Meeting::told_by(Feedback::None, &[encoding], path);
    let mut packets = 0;
    for second in 0..24 {
        meeting.viewers[0].begin();
        meeting.run(Duration::from_secs(1));
        let viewer = &meeting.viewers[0];
        let shown = viewer.videos[0].shown.len();
        assert!(shown > 20, "{shown} pictures in second {second}");
        packets += viewer.sent;
    }
    assert!(packets > 2 << 16, "{packets} packets");
}

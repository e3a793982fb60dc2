//! What users of comparable systems complain of, as far as it is not told by a test of its own in
//! `available_bitrate`, `sharing` or `pacing`.

use std::time::Duration;

use flumen_tests::bottleneck;
use flumen_tests::meeting::{Encoding, Feedback, Meeting};

const THREE: [Encoding; 3] = [of(120_000), of(400_000), of(1_200_000)];

const fn of(bitrate: u64) -> Encoding {
    Encoding {
        bitrate,
        temporal: 3,
    }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn layers(meeting: &Meeting, viewer: usize) -> Option<(u8, u8)> {
    let layers = meeting.viewers[viewer].videos[0].layers;
    layers.map(|layers| (layers.spatial_layer, layers.temporal_layer))
}

#[test]
fn after_a_minute_of_little_the_top_layer_is_back_within_fifteen_seconds() {
    let mut meeting = Meeting::of(1, &THREE, bottleneck(500_000));
    meeting.run(seconds(60));
    assert!(layers(&meeting, 0) < Some((2, 1)));
    meeting.paths[0].change(|link| link.rate(3_000_000));
    meeting.run(seconds(15));
    assert_eq!(layers(&meeting, 0), Some((2, 2)));
}

#[test]
fn a_bad_uplink_lowers_nobodys_estimate() {
    let run = |lost_per_mille: u64| {
        let mut meeting = Meeting::new();
        let (good, bad) = (meeting.film(&THREE), meeting.film(&THREE));
        meeting.cameras[bad].lost_per_mille = lost_per_mille;
        for _ in 0..5 {
            let path = meeting.lay(bottleneck(4_000_000));
            let viewer = meeting.join(path, Duration::ZERO, Feedback::TransportCc);
            meeting.watch(viewer, good);
            meeting.watch(viewer, bad);
        }
        meeting.run(seconds(60));
        for viewer in 0..5 {
            assert_eq!(layers(&meeting, viewer), Some((2, 2)), "of the good uplink");
        }
        [0, 1, 2, 3, 4].map(|viewer| meeting.available(viewer))
    };
    let (clean, bad) = (run(0), run(100));
    for (clean, bad) in clean.into_iter().zip(bad) {
        assert!(bad >= clean * 95 / 100, "{bad} of {clean}");
    }
}

#[test]
fn a_path_that_is_too_thin_is_not_tried_to_death() {
    let mut meeting = Meeting::of(3, &THREE, bottleneck(1_000_000));
    meeting.run(seconds(20));
    meeting.viewers[0].begin();
    meeting.run(seconds(60));
    let viewer = &meeting.viewers[0];
    let padding = viewer.padding * 100 / viewer.bytes;
    assert!(padding <= 15, "{padding} % padding");
    assert!(
        viewer.overflowed * 100 < viewer.sent,
        "{} of {}",
        viewer.overflowed,
        viewer.sent
    );
}

#[test]
fn a_steady_video_is_nearly_all_that_is_sent() {
    let mut meeting = Meeting::of(1, &[of(1_500_000)], bottleneck(10_000_000));
    meeting.run(seconds(60));
    let viewer = &meeting.viewers[0];
    let video = viewer.videos[0].bytes * 100 / viewer.bytes;
    assert!(video >= 90, "{video} %");
}

#[test]
fn a_video_larger_than_the_first_estimate_begins_although_nothing_was_sent_yet() {
    let configure = |builder: flumen::Builder| builder.lowest_layer_always(false);
    let path = bottleneck(10_000_000);
    // Two fifths of it are the lowest rate: twice what a path is believed to carry at first.
    let mut meeting = Meeting::of_with(1, &[of(3_000_000)], path, configure);
    meeting.run(seconds(10));
    assert_eq!(layers(&meeting, 0), Some((0, 2)));
}

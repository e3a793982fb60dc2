//! Whole recordings of a browser: every packet accounted for, every stream and layer found.

use std::collections::BTreeMap;

use flumen::stats::{InboundRtpStats, RtpStats};
use flumen::{Control, Discard, Event, VideoOrientation};
use flumen_tests::{Played, Recording, Seen};

fn play(file: &[u8], parameters: &str) -> Played {
    Recording::new(file, parameters).unwrap().play()
}

fn vp8() -> Played {
    play(
        include_bytes!("../../examples/data/chromium-rtp-vp8-O.pcap"),
        include_str!("../../examples/data/chromium-rtp-vp8.json"),
    )
}

fn simulcast() -> Played {
    play(
        include_bytes!("../data/chromium-rtp-vp8-simulcast-O.pcap"),
        include_str!("../data/chromium-rtp-vp8-simulcast.json"),
    )
}

fn vp9() -> Played {
    play(
        include_bytes!("../data/chromium-rtp-vp9-L3T3-O.pcap"),
        include_str!("../data/chromium-rtp-vp9-L3T3.json"),
    )
}

fn h264() -> Played {
    play(
        include_bytes!("../data/chromium-rtp-h264-O.pcap"),
        include_str!("../data/chromium-rtp-h264.json"),
    )
}

fn opus() -> Played {
    play(
        include_bytes!("../../examples/data/chromium-rtp-opus-O.pcap"),
        include_str!("../../examples/data/chromium-rtp-opus.json"),
    )
}

/// What became of the datagrams of a recording.
#[derive(Debug, Default, PartialEq, Eq)]
struct Account {
    accepted: u64,
    rtcp: u64,
    /// Retransmissions of what had arrived.
    repeated: u64,
    /// Retransmissions of nothing: they measure the path.
    probes: u64,
    /// Retransmissions that came before their media.
    early: u64,
}

fn account(played: &Played) -> Account {
    let ledger = played.room.engine.ledger();
    Account {
        accepted: ledger.accepted,
        rtcp: ledger.consumed[Control::Rtcp],
        repeated: ledger.discarded[Discard::UnrequestedRetransmission],
        probes: ledger.discarded[Discard::Probe],
        early: ledger.discarded[Discard::UnknownStream],
    }
}

impl Account {
    fn total(&self) -> u64 {
        self.accepted + self.rtcp + self.repeated + self.probes + self.early
    }
}

fn streams(played: &Played) -> Vec<InboundRtpStats> {
    let stats = played.room.engine.producer_stats(played.producer).unwrap();
    let inbound = |stats| match stats {
        RtpStats::Inbound(stats) => stats,
        other => panic!("{other:?} is not of a received stream"),
    };
    stats.into_iter().map(inbound).collect()
}

/// How many packets there are of each spatial and temporal layer.
fn layers(seen: &[Seen]) -> BTreeMap<(u8, u8), usize> {
    let mut layers = BTreeMap::new();
    for packet in seen {
        let layer = (packet.spatial_layer, packet.temporal_layer);
        *layers.entry(layer).or_default() += 1;
    }
    layers
}

/// The sequence numbers of packets that begin a key frame.
fn key_frames(seen: &[Seen], ssrc: u32) -> Vec<u16> {
    let of_stream = seen.iter().filter(|packet| packet.ssrc == ssrc);
    let begins = of_stream.filter(|packet| packet.key_frame);
    begins.map(|packet| packet.sequence).collect()
}

fn is_accounted_for(played: &Played, expected: &Account) {
    let account = account(played);
    assert_eq!(&account, expected);
    assert_eq!(account.total(), played.datagrams);
}

const UPRIGHT: VideoOrientation = VideoOrientation {
    camera: false,
    flip: false,
    rotation: 0,
};

/// Chromium's fake camera is held upright.
fn is_upright(played: &Played) {
    let orientation = played.room.engine.orientation(played.producer).unwrap();
    assert_eq!(orientation, Some(UPRIGHT));
    let events = played.events.iter();
    let told = events.filter(|event| event.name() == "videoorientationchange");
    assert_eq!(told.count(), 1, "it does not change");
}

#[test]
fn a_camera_in_vp8_is_one_stream_of_one_layer() {
    let played = vp8();
    let expected = Account {
        accepted: 110,
        rtcp: 63,
        repeated: 17,
        probes: 17,
        early: 1,
    };
    is_accounted_for(&played, &expected);
    is_upright(&played);
    let [stream] = &streams(&played)[..] else {
        panic!("one stream");
    };
    let stats = &stream.stream;
    assert_eq!(
        (stats.ssrc, stats.rtx_ssrc),
        (3_269_080_673, Some(2_444_458_663))
    );
    assert_eq!((stats.packet_count, stats.score), (110, 10));
    assert_eq!(layers(&played.seen), [((0, 0), 110)].into());
    assert_eq!(key_frames(&played.seen, stats.ssrc), [7_331]);
}

/// The browser said that it had sent 236, 130 and 502 packets of media.
#[test]
fn simulcast_is_one_stream_for_each_rid() {
    let played = simulcast();
    let expected = Account {
        accepted: 236 + 130 + 502,
        rtcp: 141,
        repeated: 188,
        probes: 12,
        early: 24,
    };
    is_accounted_for(&played, &expected);
    is_upright(&played);
    let streams = streams(&played);
    let told = |stats: &InboundRtpStats| {
        let stats = &stats.stream;
        (stats.rid.clone().unwrap(), stats.ssrc, stats.packet_count)
    };
    let (r0, r1, r2) = (2_017_883_128, 1_747_422_145, 3_006_820_047);
    let expected = [("r0", r0, 130), ("r2", r2, 502), ("r1", r1, 236)];
    let expected = expected.map(|(rid, ssrc, packets)| (rid.to_owned(), ssrc, packets));
    assert_eq!(streams.iter().map(told).collect::<Vec<_>>(), expected);
    let rtx: Vec<_> = streams.iter().map(|stats| stats.stream.rtx_ssrc).collect();
    assert_eq!(
        rtx,
        [Some(0x27f1_216e), None, None],
        "the others had none after their media"
    );
    assert_eq!(key_frames(&played.seen, r0), [13_279, 13_281, 13_285]);
    assert_eq!(key_frames(&played.seen, r1), [8_038, 8_041]);
    assert_eq!(key_frames(&played.seen, r2), [12_908, 12_913]);
    // RIDs are on the first packets only, and the streams are found by SSRC from then on.
    let named = |rid: &str, ssrc| {
        let mut of_stream = played.seen.iter().filter(|packet| packet.ssrc == ssrc);
        of_stream.all(|packet| packet.rid.as_deref() == Some(rid))
    };
    assert!(named("r0", r0) && named("r1", r1) && named("r2", r2));
}

#[test]
fn svc_in_vp9_is_one_stream_of_nine_layers() {
    let played = vp9();
    let expected = Account {
        accepted: 498,
        rtcp: 69,
        repeated: 38,
        probes: 7,
        early: 1,
    };
    is_accounted_for(&played, &expected);
    is_upright(&played);
    let expected = [[17, 17, 34], [68, 28, 41], [148, 66, 79]];
    let expected = (0..).zip(expected).flat_map(|(spatial, row)| {
        let layer = move |(temporal, packets)| ((spatial, temporal), packets);
        (0..).zip(row).map(layer)
    });
    assert_eq!(layers(&played.seen), expected.collect());
    let [stream] = &streams(&played)[..] else {
        panic!("one stream");
    };
    assert_eq!(key_frames(&played.seen, stream.stream.ssrc), [31_062]);
    let by_layer: Vec<_> = stream.bitrate_by_layer.iter().collect();
    assert_eq!(by_layer.len(), 9);
    assert!(
        by_layer.is_sorted_by_key(|(_, bitrate)| **bitrate),
        "each has those below in it"
    );
    assert_eq!(by_layer[8], (&"2.2".to_owned(), &stream.stream.bitrate));
}

#[test]
fn the_layers_of_svc_are_told_to_arrive() {
    let played = vp9();
    let layers = |event: &Event| match event {
        Event::LayerActivityChanged(event) => Some(event.layers.spatial_layers.clone()),
        _ => None,
    };
    let told: Vec<_> = played.events.iter().filter_map(layers).collect();
    assert_eq!(told, [[true, true, true]]);
}

#[test]
fn a_camera_in_h264_is_one_stream_that_begins_with_a_key_frame() {
    let played = h264();
    let expected = Account {
        accepted: 85,
        rtcp: 63,
        repeated: 16,
        probes: 5,
        early: 1,
    };
    is_accounted_for(&played, &expected);
    is_upright(&played);
    assert_eq!(layers(&played.seen), [((0, 0), 85)].into());
    assert_eq!(key_frames(&played.seen, 2_667_601_589), [11_769]);
}

#[test]
fn a_microphone_is_one_stream_without_key_frames() {
    let played = opus();
    let expected = Account {
        accepted: 174,
        rtcp: 57,
        ..Account::default()
    };
    is_accounted_for(&played, &expected);
    assert_eq!(layers(&played.seen), [((0, 0), 174)].into());
    assert!(key_frames(&played.seen, 142_649_841).is_empty());
    let [stream] = &streams(&played)[..] else {
        panic!("one stream");
    };
    assert_eq!((stream.stream.packet_count, stream.packets_lost), (174, 0));
}

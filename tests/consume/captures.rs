//! What a browser sent in layers, forwarded to a consumer of each of them: all that is of them and
//! nothing else.

use flumen::PreferredLayers;
use flumen_tests::{Forwarded, Packet, Recording};

/// The layers of a packet of VP9 in non-flexible or flexible mode, and where its descriptor's
/// counters end: flags, a long picture id, layers, and TL0PICIDX without the flexible mode.
fn layers(packet: &Packet) -> ((u8, u8), usize) {
    let payload = &packet.payload;
    assert_eq!((payload[0] & 0xA0, payload[1] & 0x80), (0xA0, 0x80));
    let end = if payload[0] & 0x10 == 0 { 5 } else { 4 };
    ((payload[3] >> 1 & 7, payload[3] >> 5), end)
}

fn is_key(packet: &Packet) -> bool {
    // P is clear, B is set.
    packet.payload[0] & 0x48 == 0x08 && layers(packet).0.0 == 0
}

/// What identifies a packet: all that is behind its counters.
fn body(packet: &Packet) -> &[u8] {
    &packet.payload[layers(packet).1..]
}

fn vp9(spatial_layer: u8, temporal_layer: u8) -> Forwarded {
    let file = include_bytes!("../data/chromium-rtp-vp9-L3T3-O.pcap");
    let parameters = include_str!("../data/chromium-rtp-vp9-L3T3.json");
    let recording = Recording::new(file, parameters).unwrap();
    recording.play_to(PreferredLayers {
        spatial_layer,
        temporal_layer: Some(temporal_layer),
    })
}

#[test]
fn each_layer_of_a_recorded_vp9_stream_is_forwarded_whole_and_alone() {
    for (spatial, temporal) in (0..3).flat_map(|spatial| (0..3).map(move |t| (spatial, t))) {
        let Forwarded { mut arrived, sent } = vp9(spatial, temporal);
        let first = arrived
            .iter()
            .position(is_key)
            .expect("it has key pictures");
        let begin = arrived[first].sequence;
        arrived.drain(..first);
        arrived.sort_by_key(|packet| packet.sequence.wrapping_sub(begin));
        arrived.dedup_by_key(|packet| packet.sequence);
        let is_wanted = |packet: &&Packet| {
            let ((own_spatial, own_temporal), _) = layers(packet);
            own_spatial <= spatial && own_temporal <= temporal
        };
        let mut sent = sent;
        let begin = sent[0].sequence;
        sent.sort_by_key(|packet| packet.sequence.wrapping_sub(begin));
        let wanted: Vec<_> = arrived.iter().filter(is_wanted).map(body).collect();
        let got: Vec<_> = sent.iter().map(body).collect();
        assert_eq!(got.len(), wanted.len(), "packets of {spatial}, {temporal}");
        assert!(got == wanted, "{spatial}, {temporal}");
        for (at, packet) in sent.iter().enumerate() {
            assert_eq!(packet.sequence.wrapping_sub(begin), at as u16);
            let next = sent.get(at + 1);
            let ends = next.is_none_or(|next| next.timestamp != packet.timestamp);
            // Some pictures of the recording lack the higher layers, and so do their last packets
            // the marker. It may end amid a picture.
            let is_whole = layers(packet).0.0 == spatial && next.is_some();
            assert!(ends || !packet.marker, "{spatial}, {temporal}");
            assert!(packet.marker || !ends || !is_whole, "{spatial}, {temporal}");
        }
    }
}

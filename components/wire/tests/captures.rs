//! Real packets, each told in a line.

use std::collections::BTreeMap;

use flumen_wire::codec::TemplateStructure;
use flumen_wire::codec::av1::DependencyDescriptor;
use flumen_wire::codec::{h264, opus, vp8, vp9};
use flumen_wire::extension::{AbsCaptureTime, AudioLevel, parse_transport_sequence};
use flumen_wire::rtcp::{RtcpPacket, XrBlock, packets, write_transport_feedback};
use flumen_wire::{PacketKind, RtpHeader, classify};

/// The ids that the recorded sessions negotiated for video.
const TRANSPORT_SEQUENCE: u8 = 4;
const MID: u8 = 9;
const RID: u8 = 10;
const REPAIRED_RID: u8 = 11;
const CAPTURE_TIME: u8 = 13;
const DEPENDENCY_DESCRIPTOR: u8 = 14;

/// Payload types of retransmissions in all recorded sessions.
const RETRANSMISSIONS: [u8; 3] = [97, 99, 109];

/// The packets in a file of `tests/data`: hexadecimal digits, one packet a line.
fn capture(text: &str) -> Vec<Vec<u8>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(unhex).collect()
}

fn unhex(line: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    let bytes = line.as_bytes().chunks_exact(2);
    bytes
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

/// The sentences for all packets of a capture; `payload` tells what a media payload is.
fn told(text: &str, payload: impl Fn(&[u8]) -> String) -> Vec<String> {
    let mut templates = BTreeMap::new();
    let tell = |packet: &Vec<u8>| match classify(packet) {
        Some(PacketKind::Rtp) => tell_rtp(packet, &mut templates, &payload),
        Some(PacketKind::Rtcp) => tell_rtcp(packet),
        other => panic!("{other:?}"),
    };
    capture(text).iter().map(tell).collect()
}

fn tell_rtp(
    packet: &[u8],
    templates: &mut BTreeMap<u32, TemplateStructure>,
    payload: impl Fn(&[u8]) -> String,
) -> String {
    let header = RtpHeader::parse(packet).unwrap();
    let mut words = vec![format!(
        "{} {}",
        header.payload_type, header.sequence_number
    )];
    let text = |id| header.extension(packet, id).map(String::from_utf8_lossy);
    for (name, id) in [("mid", MID), ("rid", RID), ("repaired", REPAIRED_RID)] {
        words.extend(text(id).map(|text| format!("{name} {text}")));
    }
    let wide = header.extension(packet, TRANSPORT_SEQUENCE);
    words.extend(
        wide.and_then(parse_transport_sequence)
            .map(|wide| format!("wide {wide}")),
    );
    let captured = header
        .extension(packet, CAPTURE_TIME)
        .and_then(AbsCaptureTime::parse);
    words.extend(captured.map(|captured| format!("captured {:#x}", captured.timestamp >> 32)));
    if let Some(value) = header.extension(packet, DEPENDENCY_DESCRIPTOR) {
        let descriptor = DependencyDescriptor::parse(value).unwrap();
        if descriptor.has_structure {
            let structure = TemplateStructure::read(value).unwrap();
            assert!(structure.is_complete());
            templates.insert(header.ssrc, structure);
        }
        let structure = &templates[&header.ssrc];
        let layers = structure.layers(descriptor.template_id).unwrap();
        assert!(structure.frame(&descriptor, value).is_some());
        words.push(format!("frame {}", descriptor.frame_number));
        words.push(format!("S{}T{}", layers.spatial, layers.temporal));
        words.extend(descriptor.is_key_frame().then(|| "key".to_owned()));
    }
    if header.padding_len > 0 {
        words.push(format!("padding {}", header.padding_len));
    } else {
        words.push(tell_payload(
            header.payload_type,
            header.payload(packet),
            payload,
        ));
    }
    words.join(" ")
}

/// What is in a media packet, or which packet it is that is sent again (RFC 4588 section 4).
fn tell_payload(payload_type: u8, payload: &[u8], tell: impl Fn(&[u8]) -> String) -> String {
    match payload {
        [high, low, ..] if RETRANSMISSIONS.contains(&payload_type) => {
            format!("| again {}", u16::from_be_bytes([*high, *low]))
        }
        _ => format!("| {}", tell(payload)),
    }
}

fn tell_rtcp(compound: &[u8]) -> String {
    let words = packets(compound).map(|packet| tell_packet(&packet.unwrap(), compound));
    words.collect::<Vec<_>>().join(", ")
}

fn tell_packet(packet: &RtcpPacket<'_>, compound: &[u8]) -> String {
    match packet {
        RtcpPacket::SenderReport(report) => {
            let info = report.info;
            format!(
                "SR {:x} packets {} octets {}",
                info.ssrc, info.packet_count, info.octet_count
            )
        }
        RtcpPacket::ReceiverReport(report) => {
            let blocks = report
                .blocks()
                .map(|block| format!(" {:x} lost {}", block.ssrc, block.total_lost));
            format!("RR{}", blocks.collect::<String>())
        }
        RtcpPacket::SourceDescription(description) => {
            let names = description.chunks().filter_map(|chunk| chunk.cname);
            let names = names.map(|name| format!(" {}", String::from_utf8_lossy(name)));
            format!("SDES{}", names.collect::<String>())
        }
        RtcpPacket::Nack(nack) => {
            format!(
                "NACK {:x} {:?}",
                nack.media_ssrc,
                nack.sequence_numbers().collect::<Vec<_>>()
            )
        }
        RtcpPacket::Fir(fir) => {
            let entries = fir
                .entries()
                .map(|entry| format!(" {:x} {}", entry.ssrc, entry.sequence_number));
            format!("FIR{}", entries.collect::<String>())
        }
        RtcpPacket::ExtendedReport(report) => {
            let blocks = report.blocks().map(|block| match block {
                XrBlock::ReferenceTime(ntp) => format!(" reference {:#x}", ntp >> 32),
                XrBlock::Dlrr(dlrr) => format!(" answers {}", dlrr.items().count()),
                XrBlock::Unknown(block_type) => format!(" type {block_type}"),
            });
            format!("XR{}", blocks.collect::<String>())
        }
        RtcpPacket::TransportFeedback(feedback) => {
            let arrivals: Vec<_> = feedback.arrivals().collect();
            let mut out = vec![];
            let (sender, media) = (feedback.sender_ssrc, feedback.media_ssrc);
            write_transport_feedback(&mut out, sender, media, feedback.feedback_count, &arrivals);
            assert_eq!(out, compound, "what is written again is what was recorded");
            let received = arrivals
                .iter()
                .filter(|arrival| arrival.time.is_some())
                .count();
            format!(
                "feedback from {} {received}/{}",
                feedback.base_sequence,
                arrivals.len()
            )
        }
        other => panic!("{other:?}"),
    }
}

fn tell_vp8(payload: &[u8]) -> String {
    let descriptor = vp8::Descriptor::parse(payload).unwrap();
    let (bytes, len) = descriptor.to_bytes();
    assert_eq!(bytes[..len], payload[..descriptor.len.into()]);
    let picture = descriptor
        .picture_id
        .map(|id| format!("picture {} ", id.value));
    picture.unwrap_or_default()
        + if descriptor.is_key_frame {
            "key"
        } else {
            "delta"
        }
}

fn tell_vp9(payload: &[u8]) -> String {
    let descriptor = vp9::Descriptor::parse(payload).unwrap();
    let layers = descriptor.layers.unwrap();
    let mut words = vec![
        format!("picture {}", descriptor.picture_id.unwrap().value),
        format!("S{}T{}", layers.spatial, layers.temporal),
    ];
    for (word, is_so) in [
        ("begins", descriptor.is_frame_start),
        ("ends", descriptor.is_frame_end),
        ("inter-picture", descriptor.is_inter_picture),
        ("inter-layer", layers.is_inter_layer),
        ("key", descriptor.is_key_frame),
    ] {
        words.extend(is_so.then(|| word.to_owned()));
    }
    words.join(" ")
}

fn tell_h264(payload: &[u8]) -> String {
    let word = if h264::units(payload).parameter_set {
        "key"
    } else {
        "delta"
    };
    word.to_owned()
}

#[test]
fn vp8_from_a_browser() {
    let expected = [
        "97 19016 mid 0 wide 1 padding 255",
        "96 7331 mid 0 wide 2 captured 0xeeabb02c frame 1 S0T0 key | key",
        "97 19022 mid 0 wide 8 captured 0xeeabb02c frame 1 S0T0 key | again 7331",
        "feedback from 1 11/11",
        "RR 91b37aa7 lost 0 c2da3661 lost 0, XR reference 0xeeabb02c",
        "SR c2da3661 packets 46 octets 23364, SDES bhdRpGoIelwXRHNQ, XR answers 1",
    ];
    assert_eq!(told(include_str!("data/vp8.hex"), tell_vp8), expected);
}
#[test]
fn simulcast_vp8_from_a_browser() {
    let expected = [
        "96 13279 mid 0 rid r0 wide 2 captured 0xeeabb031 frame 1 S0T0 key | key",
        "97 11561 mid 0 repaired r0 wide 3 captured 0xeeabb031 frame 1 S0T0 key | again 13279",
        "96 13280 mid 0 rid r0 wide 13 frame 2 S0T2 | delta",
        "96 12908 mid 0 rid r2 wide 37 captured 0xeeabb031 frame 3 S0T0 key | key",
        "96 12911 mid 0 rid r2 wide 40 frame 3 S0T0 | delta",
        "96 8038 mid 0 rid r1 wide 41 captured 0xeeabb031 frame 4 S0T0 key | key",
        "96 13281 mid 0 rid r0 wide 43 frame 5 S0T0 key | key",
        "SR 784673f8 packets 65 octets 29561, SDES R1El+SWWmNq3hiWW",
        "RR 784673f8 lost 0, XR reference 0xeeabb031",
    ];
    assert_eq!(
        told(include_str!("data/vp8-simulcast.hex"), tell_vp8),
        expected
    );
}
#[test]
fn layered_vp9_from_a_browser() {
    let expected = [
        "98 31062 mid 0 wide 2 captured 0xeeabb043 frame 1 S0T0 key | picture 1730 S0T0 begins ends key",
        "98 31063 mid 0 wide 12 frame 2 S0T2 | picture 1731 S0T2 begins ends inter-picture",
        "98 31064 mid 0 wide 24 frame 3 S0T1 | picture 1732 S0T1 begins ends inter-picture",
        "98 31065 mid 0 wide 26 frame 4 S0T2 | picture 1733 S0T2 begins ends inter-picture",
        "98 31066 mid 0 wide 36 frame 5 S0T0 | picture 1734 S0T0 begins ends inter-picture",
        "98 31067 mid 0 wide 37 frame 6 S1T0 | picture 1734 S1T0 begins inter-layer",
        "98 31069 mid 0 wide 39 frame 6 S1T0 | picture 1734 S1T0 ends inter-layer",
        "98 31070 mid 0 wide 40 frame 7 S2T0 | picture 1734 S2T0 begins inter-layer",
        "98 31075 mid 0 wide 45 frame 7 S2T0 | picture 1734 S2T0 ends inter-layer",
        "98 31076 mid 0 wide 46 frame 8 S0T2 | picture 1735 S0T2 begins ends inter-picture",
        "98 31077 mid 0 wide 47 frame 9 S1T2 | picture 1735 S1T2 begins ends inter-picture inter-layer",
        "98 31078 mid 0 wide 48 frame 10 S2T2 | picture 1735 S2T2 begins ends inter-picture inter-layer",
        "98 31079 mid 0 wide 49 frame 11 S0T1 | picture 1736 S0T1 begins ends inter-picture",
        "98 31080 mid 0 wide 50 frame 12 S1T1 | picture 1736 S1T1 begins ends inter-picture inter-layer",
        "98 31081 mid 0 wide 51 frame 13 S2T1 | picture 1736 S2T1 begins inter-picture inter-layer",
        "98 31082 mid 0 wide 52 frame 13 S2T1 | picture 1736 S2T1 ends inter-picture inter-layer",
    ];
    assert_eq!(told(include_str!("data/vp9-l3t3.hex"), tell_vp9), expected);
}
#[test]
fn h264_from_a_browser() {
    let expected = [
        "108 11769 mid 0 wide 2 captured 0xeeabb039 frame 1 S0T0 key | key",
        "108 11770 mid 0 wide 3 frame 1 S0T0 | delta",
        "108 11771 mid 0 wide 4 frame 1 S0T0 | delta",
        "108 11772 mid 0 wide 9 frame 2 S0T0 | delta",
        "SR 9f005eb5 packets 35 octets 21331, SDES pk9Gby4PJVRz1m5M, XR answers 1",
    ];
    assert_eq!(told(include_str!("data/h264.hex"), tell_h264), expected);
}
#[test]
fn vp8_with_losses_from_a_pipeline() {
    let expected = [
        "RR, SDES user2948610172@host-65780ea0, FIR 457 1",
        "RR 457 lost -1, SDES user2948610172@host-65780ea0",
        "SR 457 packets 20 octets 7316, SDES user3935027081@host-ae0be1db",
        "RR, SDES user2948610172@host-65780ea0, NACK 457 [8103]",
        "97 21953 | again 8103",
        "96 8169 | picture 7327 delta",
        "96 8184 | picture 7342 key",
    ];
    assert_eq!(told(include_str!("data/vp8-loss.hex"), tell_vp8), expected);
}

#[test]
fn opus_from_a_browser() {
    // Ids of their own: audio level 1, transport-wide sequence 3.
    let packets = capture(include_str!("data/opus.hex"));
    let told = packets.iter().filter_map(|packet| {
        let header = RtpHeader::parse(packet).ok()?;
        let level = AudioLevel::parse(header.extension(packet, 1)?)?;
        let wide = parse_transport_sequence(header.extension(packet, 3)?)?;
        Some((
            header.sequence_number,
            level,
            wide,
            opus::is_dtx(header.payload(packet)),
        ))
    });
    let silence = AudioLevel {
        voice: true,
        level: 127,
    };
    let expected = [(11480, silence, 1, false), (11481, silence, 2, false)];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    let [_, _, feedback, report] = &packets[..] else {
        panic!("four packets");
    };
    assert_eq!(tell_rtcp(feedback), "feedback from 1 2/2");
    assert_eq!(
        tell_rtcp(report),
        "RR 880a9f1 lost 0, XR reference 0xeeabb054"
    );
}

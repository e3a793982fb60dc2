//! Every parser on random bytes, cut packets and mutated packets: it must return, and not panic.

use flumen_wire::codec::TemplateStructure;
use flumen_wire::codec::av1::{DependencyChange, DependencyDescriptor};
use flumen_wire::codec::{h264, h265, opus, vp8, vp9};
use flumen_wire::extension::{
    AbsCaptureTime, AudioLevel, PlayoutDelay, parse_abs_send_time, parse_transport_sequence,
};
use flumen_wire::rtcp::{
    Arrival, DlrrItem, ReportBlock, RtcpPacket, SenderInfo, StreamArrivals, XrBlock, packets,
    write_bye, write_cname, write_dlrr, write_fir, write_nack, write_pli, write_receiver_report,
    write_reference_time, write_remb, write_sender_report, write_transport_feedback,
};
use flumen_wire::{RtpHeader, classify};
use proptest::collection::vec;
use proptest::prelude::*;

/// Walks all that a compound packet leads to, and counts it so that nothing is optimised away.
fn walk_rtcp(compound: &[u8]) -> usize {
    packets(compound)
        .flatten()
        .map(|packet| walk_packet(&packet))
        .sum()
}

fn walk_packet(packet: &RtcpPacket<'_>) -> usize {
    match packet {
        RtcpPacket::SenderReport(report) => report.blocks().count(),
        RtcpPacket::ReceiverReport(report) => report.blocks().count(),
        RtcpPacket::SourceDescription(description) => description.chunks().count(),
        RtcpPacket::Bye(bye) => bye.sources().count() + bye.reason.len(),
        RtcpPacket::App(app) => app.data.len(),
        RtcpPacket::Nack(nack) => nack.sequence_numbers().count(),
        RtcpPacket::TransportFeedback(feedback) => {
            let read = feedback.arrivals().count();
            assert_eq!(
                read,
                feedback.status_count.into(),
                "what was promised is read"
            );
            read
        }
        RtcpPacket::CongestionFeedback(feedback) => {
            let of_last = |stream: StreamArrivals<'_>| {
                let last = stream.begin_sequence.wrapping_add(stream.count());
                stream.of(last.wrapping_sub(1)).map_or(0, |_| 1)
            };
            feedback.streams().map(of_last).sum()
        }
        RtcpPacket::Pli(_) => 1,
        RtcpPacket::Fir(fir) => fir.entries().count(),
        RtcpPacket::Remb(remb) => remb.ssrcs().count(),
        RtcpPacket::ExtendedReport(report) => {
            let count = |block| match block {
                XrBlock::Dlrr(dlrr) => dlrr.items().count(),
                XrBlock::ReferenceTime(_) | XrBlock::Unknown(_) => 1,
            };
            report.blocks().map(count).sum()
        }
        RtcpPacket::Unknown(unknown) => unknown.body.len(),
    }
}

fn walk_rtp(packet: &[u8]) {
    let Ok(header) = RtpHeader::parse(packet) else {
        return;
    };
    for (_, value) in header.extensions(packet) {
        walk_value(value);
    }
    walk_payload(header.payload(packet));
}

fn walk_value(value: &[u8]) {
    parse_abs_send_time(value);
    parse_transport_sequence(value);
    AudioLevel::parse(value);
    PlayoutDelay::parse(value);
    AbsCaptureTime::parse(value);
    if let Some(descriptor) = DependencyDescriptor::parse(value) {
        walk_dependencies(&descriptor, value);
    }
}

fn walk_dependencies(descriptor: &DependencyDescriptor, value: &[u8]) {
    if let Some(structure) = TemplateStructure::read(value) {
        structure.frame(descriptor, value);
        structure.active(descriptor, value);
    }
    let change = DependencyChange {
        frame_number: 7,
        active: Some((32, 5)),
    };
    if let Some((bytes, len)) = change.apply(value) {
        let again = DependencyDescriptor::parse(&bytes[..len]).unwrap();
        assert!(again.has_active_targets && again.frame_number == 7);
    }
}

fn walk_payload(payload: &[u8]) {
    if let Some(descriptor) = vp8::Descriptor::parse(payload) {
        assert!(usize::from(descriptor.len) <= payload.len());
        let (bytes, len) = descriptor.to_bytes();
        let again = vp8::Descriptor::parse(&[&bytes[..len], &[0]].concat()).unwrap();
        assert_eq!(again.picture_id, descriptor.picture_id);
        assert_eq!(again.temporal, descriptor.temporal);
    }
    vp9::Descriptor::parse(payload);
    h264::units(payload);
    h265::units(payload);
    opus::is_dtx(payload);
}

/// One of everything that can be written.
fn valid_compound() -> Vec<u8> {
    let mut out = vec![];
    let arrivals: Vec<_> = (0..60_u16)
        .map(|number| Arrival {
            sequence_number: number,
            time: (number % 7 != 3).then_some(i64::from(number) * i64::from(number)),
        })
        .collect();
    write_sender_report(&mut out, &SenderInfo::default());
    write_receiver_report(&mut out, 1, &[ReportBlock::default(); 2]);
    write_cname(&mut out, 1, b"somebody");
    write_pli(&mut out, 1, 2);
    write_fir(&mut out, 1, 2, 3);
    write_nack(&mut out, 1, 2, [1, 2, 30, 31]);
    write_remb(&mut out, 1, 1_000_000, &[2, 3]);
    write_reference_time(&mut out, 1, 1 << 40);
    write_dlrr(&mut out, 1, &[DlrrItem::default(); 2]);
    write_transport_feedback(&mut out, 1, 2, 3, &arrivals);
    write_bye(&mut out, &[1, 2]);
    out
}

#[test]
fn a_compound_of_everything_is_walked_and_at_every_length_cut() {
    let compound = valid_compound();
    assert_eq!(packets(&compound).filter(Result::is_ok).count(), 11);
    for len in 0..compound.len() {
        walk_rtcp(&compound[..len]);
    }
}

#[test]
fn every_packet_is_walked_with_every_shorter_length_in_its_header() {
    let compound = valid_compound();
    let mut at = 0;
    while at < compound.len() {
        let words = u16::from_be_bytes([compound[at + 2], compound[at + 3]]);
        let len = 4 + 4 * usize::from(words);
        for shorter in 0..words {
            let mut packet = compound[at..at + 4 + 4 * usize::from(shorter)].to_vec();
            packet[2..4].copy_from_slice(&shorter.to_be_bytes());
            walk_rtcp(&packet);
        }
        at += len;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn random_bytes(bytes in vec(any::<u8>(), 0..300)) {
        classify(&bytes);
        walk_rtp(&bytes);
        walk_rtcp(&bytes);
        walk_value(&bytes);
        walk_payload(&bytes);
    }

    #[test]
    fn random_packets_of_a_known_kind(
        mut bytes in vec(any::<u8>(), 16..120),
        (count, kind) in (0..32_u8, 200..208_u8),
    ) {
        // A header that lets the walk into the parser of the type.
        bytes.truncate(bytes.len() / 4 * 4);
        let words = (bytes.len() / 4 - 1) as u8;
        bytes[..4].copy_from_slice(&[0x80 | count, kind, 0, words]);
        walk_rtcp(&bytes);
        bytes[0] |= 0x20;
        walk_rtcp(&bytes);
    }

    #[test]
    fn random_bodies_of_transport_feedback(status_count: u16, body in vec(any::<u8>(), 0..200)) {
        let mut bytes = vec![0x8F, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 9];
        bytes.extend_from_slice(&(status_count % 1000).to_be_bytes());
        bytes.extend_from_slice(&[1, 2, 3, 4]);
        bytes.extend_from_slice(&body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes[3] = (bytes.len() / 4 - 1) as u8;
        walk_rtcp(&bytes);
    }

    #[test]
    fn mutated_compounds(changes in vec(any::<(prop::sample::Index, u8)>(), 1..6)) {
        let mut compound = valid_compound();
        for (at, byte) in changes {
            let at = at.index(compound.len());
            compound[at] = byte;
        }
        walk_rtcp(&compound);
    }

    #[test]
    fn mutated_recordings(
        which: prop::sample::Index,
        changes in vec(any::<(prop::sample::Index, u8)>(), 1..6),
    ) {
        let lines: Vec<_> = [
            include_str!("data/vp8-simulcast.hex"),
            include_str!("data/vp9-l3t3.hex"),
            include_str!("data/h264.hex"),
            include_str!("data/vp8-loss.hex"),
        ]
        .into_iter()
        .flat_map(str::lines)
        .filter(|line| !line.starts_with('#'))
        .collect();
        let line = lines[which.index(lines.len())];
        let mut packet: Vec<u8> = (0..line.len() / 2)
            .map(|at| u8::from_str_radix(&line[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        for (at, byte) in changes {
            let at = at.index(packet.len());
            packet[at] = byte;
        }
        walk_rtp(&packet);
        walk_rtcp(&packet);
    }
}

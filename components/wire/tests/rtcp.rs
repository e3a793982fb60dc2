//! The RTCP views and writers against the `rtcp` crate.
//!
//! Only valid packets are given to that crate: it panics on malformed ones.

use bytes::Bytes;
use flumen_wire::rtcp::{
    Arrival, DlrrItem, ReportBlock, RtcpPacket, SenderInfo, XrBlock, packets, write_bye,
    write_cname, write_dlrr, write_fir, write_nack, write_pli, write_receiver_report,
    write_reference_time, write_remb, write_sender_report, write_transport_feedback,
};
use proptest::collection::vec;
use proptest::prelude::*;
use rtcp::extended_report::{
    DLRRReport, DLRRReportBlock, ExtendedReport, ReceiverReferenceTimeReportBlock,
};
use rtcp::goodbye::Goodbye;
use rtcp::payload_feedbacks::full_intra_request::{FirEntry, FullIntraRequest};
use rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
use rtcp::receiver_report::ReceiverReport;
use rtcp::reception_report::ReceptionReport;
use rtcp::sender_report::SenderReport;
use rtcp::source_description::{SdesType, SourceDescription};
use rtcp::transport_feedbacks::transport_layer_cc::{SymbolTypeTcc, TransportLayerCc};
use rtcp::transport_feedbacks::transport_layer_nack::{
    TransportLayerNack, nack_pairs_from_sequence_numbers,
};
use webrtc_util::marshal::{Marshal, Unmarshal};

/// What the `rtcp` crate writes.
fn theirs(packet: &impl Marshal) -> Vec<u8> {
    packet.marshal().unwrap().to_vec()
}

/// What the `rtcp` crate makes of what we wrote.
fn read_by_them<P: Unmarshal>(bytes: &[u8]) -> P {
    P::unmarshal(&mut Bytes::copy_from_slice(bytes)).unwrap()
}

/// The only packet in `bytes`, by our view.
fn ours(bytes: &[u8]) -> RtcpPacket<'_> {
    let mut walk = packets(bytes);
    let packet = walk.next().unwrap().unwrap();
    assert!(walk.next().is_none());
    packet
}

prop_compose! {
    fn sender_info()(
        (ssrc, ntp, rtp_timestamp) in any::<(u32, u64, u32)>(),
        (packet_count, octet_count) in any::<(u32, u32)>(),
    ) -> SenderInfo {
        SenderInfo { ssrc, ntp, rtp_timestamp, packet_count, octet_count }
    }
}

prop_compose! {
    fn report_block()(
        (ssrc, fraction_lost) in any::<(u32, u8)>(),
        total_lost in -0x80_0000..=0x7F_FFFF_i32,
        (highest_sequence, jitter) in any::<(u32, u32)>(),
        (last_sender_report, delay) in any::<(u32, u32)>(),
    ) -> ReportBlock {
        ReportBlock {
            ssrc, fraction_lost, total_lost, highest_sequence, jitter, last_sender_report, delay,
        }
    }
}

fn as_theirs(block: &ReportBlock) -> ReceptionReport {
    ReceptionReport {
        ssrc: block.ssrc,
        fraction_lost: block.fraction_lost,
        total_lost: block.total_lost as u32 & 0xFF_FFFF,
        last_sequence_number: block.highest_sequence,
        jitter: block.jitter,
        last_sender_report: block.last_sender_report,
        delay: block.delay,
    }
}

/// Arrivals in rising order of number, with runs, gaps, losses and times that go back at times.
fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let gap = prop_oneof![8 => Just(1_u16), 1 => 2..40_u16];
    let delta = prop_oneof![
        8 => (0..256_i64).prop_map(Some),
        2 => (-3000..3000_i64).prop_map(Some),
        2 => Just(None),
    ];
    let steps = vec((gap, delta), 1..200);
    (any::<u16>(), -1_000_000..1_000_000_i64, steps).prop_map(|(base, start, steps)| {
        let (mut sequence_number, mut time) = (base, start);
        let first = Arrival {
            sequence_number,
            time: Some(start),
        };
        let arrival = |(gap, delta): (u16, Option<i64>)| {
            sequence_number = sequence_number.wrapping_add(gap);
            let time = delta.map(|delta| {
                time += delta;
                time
            });
            Arrival {
                sequence_number,
                time,
            }
        };
        std::iter::once(first)
            .chain(steps.into_iter().map(arrival))
            .collect()
    })
}

proptest! {
    #[test]
    fn pli_is_the_same_both_ways(sender_ssrc: u32, media_ssrc: u32) {
        let pli = PictureLossIndication { sender_ssrc, media_ssrc };
        let mut out = vec![];
        write_pli(&mut out, sender_ssrc, media_ssrc);
        prop_assert_eq!(&out, &theirs(&pli));
        prop_assert_eq!(read_by_them::<PictureLossIndication>(&out), pli);
        let RtcpPacket::Pli(ours) = ours(&out) else { panic!("a PLI") };
        prop_assert_eq!((ours.sender_ssrc, ours.media_ssrc), (sender_ssrc, media_ssrc));
    }

    #[test]
    fn fir_is_the_same_both_ways(sender_ssrc: u32, media_ssrc: u32, sequence_number: u8) {
        let fir = vec![FirEntry { ssrc: media_ssrc, sequence_number }];
        let fir = FullIntraRequest { sender_ssrc, media_ssrc, fir };
        let mut out = vec![];
        write_fir(&mut out, sender_ssrc, media_ssrc, sequence_number);
        prop_assert_eq!(&out, &theirs(&fir));
        prop_assert_eq!(read_by_them::<FullIntraRequest>(&out), fir);
    }

    #[test]
    fn every_fir_entry_is_read(sender_ssrc: u32, entries in vec(any::<(u32, u8)>(), 0..20)) {
        let fir = entries.iter().map(|&(ssrc, sequence_number)| FirEntry { ssrc, sequence_number });
        let bytes = theirs(&FullIntraRequest { sender_ssrc, media_ssrc: 0, fir: fir.collect() });
        let RtcpPacket::Fir(ours) = ours(&bytes) else { panic!("a FIR") };
        let read = ours.entries().map(|entry| (entry.ssrc, entry.sequence_number));
        prop_assert!(read.eq(entries));
    }

    #[test]
    fn reports_are_the_same_both_ways(
        info in sender_info(),
        blocks in vec(report_block(), 0..=31),
    ) {
        let reports: Vec<_> = blocks.iter().map(as_theirs).collect();
        let mut report = SenderReport {
            ssrc: info.ssrc,
            ntp_time: info.ntp,
            rtp_time: info.rtp_timestamp,
            packet_count: info.packet_count,
            octet_count: info.octet_count,
            reports: reports.clone(),
            profile_extensions: Bytes::new(),
        };
        let bytes = theirs(&report);
        let RtcpPacket::SenderReport(ours) = ours(&bytes) else { panic!("a sender report") };
        prop_assert_eq!(ours.info, info);
        prop_assert!(ours.blocks().eq(blocks.iter().copied()));
        report.reports.clear();
        let mut out = vec![];
        write_sender_report(&mut out, &info);
        prop_assert_eq!(&out, &theirs(&report));

        out.clear();
        write_receiver_report(&mut out, info.ssrc, &blocks);
        let report = ReceiverReport { ssrc: info.ssrc, reports, profile_extensions: Bytes::new() };
        prop_assert_eq!(&out, &theirs(&report));
        prop_assert_eq!(read_by_them::<ReceiverReport>(&out), report);
    }

    #[test]
    fn a_cname_is_read_by_both(ssrc: u32, cname in "[ -~]{0,40}") {
        let mut out = vec![];
        write_cname(&mut out, ssrc, cname.as_bytes());
        let theirs = read_by_them::<SourceDescription>(&out);
        let [chunk] = &theirs.chunks[..] else { panic!("one chunk") };
        prop_assert_eq!(chunk.source, ssrc);
        prop_assert_eq!(chunk.items[0].sdes_type, SdesType::SdesCname);
        prop_assert_eq!(&chunk.items[0].text[..], cname.as_bytes());
        // What they write ends in other bytes than null; it is read all the same.
        let bytes = self::theirs(&theirs);
        let RtcpPacket::SourceDescription(ours) = ours(&bytes) else { panic!("a description") };
        let read = ours.chunks().map(|chunk| (chunk.ssrc, chunk.cname));
        prop_assert!(read.eq([(ssrc, Some(cname.as_bytes()))]));
    }

    #[test]
    fn bye_is_read_by_both(sources in vec(any::<u32>(), 0..=31), reason in "[ -~]{0,40}") {
        let mut out = vec![];
        write_bye(&mut out, &sources);
        prop_assert_eq!(&read_by_them::<Goodbye>(&out).sources, &sources);
        let bytes = theirs(&Goodbye { sources: sources.clone(), reason: reason.clone().into() });
        let RtcpPacket::Bye(ours) = ours(&bytes) else { panic!("a goodbye") };
        prop_assert!(ours.sources().eq(sources));
        prop_assert_eq!(ours.reason, reason.as_bytes());
    }

    #[test]
    fn nack_is_the_same_both_ways(
        // Where numbers wrap, they begin another item and we do not.
        start in 0..57_000_u16,
        steps in vec(1..40_u16, 1..200),
    ) {
        let number = |at: &mut u16, step: u16| { *at = at.wrapping_add(step); Some(*at) };
        let lost: Vec<u16> = steps.into_iter().scan(start, number).collect();
        let nacks = nack_pairs_from_sequence_numbers(&lost);
        let nack = TransportLayerNack { sender_ssrc: 1, media_ssrc: 2, nacks };
        let mut out = vec![];
        write_nack(&mut out, 1, 2, lost.iter().copied());
        prop_assert_eq!(&out, &theirs(&nack));
        let RtcpPacket::Nack(ours) = ours(&out) else { panic!("a NACK") };
        prop_assert!(ours.sequence_numbers().eq(lost));
    }

    #[test]
    fn remb_is_the_same_both_ways(
        // Their bitrate is an f32, which 24 bits go through unharmed.
        (digits, shift) in (0..1_u32 << 24, 0..40_u32),
        ssrcs in vec(any::<u32>(), 0..10),
    ) {
        let bitrate = u64::from(digits) << shift;
        let mut out = vec![];
        write_remb(&mut out, 1, bitrate, &ssrcs);
        let remb = ReceiverEstimatedMaximumBitrate {
            sender_ssrc: 1,
            bitrate: bitrate as f32,
            ssrcs: ssrcs.clone(),
        };
        prop_assert_eq!(&out, &theirs(&remb));
        let RtcpPacket::Remb(ours) = ours(&out) else { panic!("a REMB") };
        prop_assert!(ours.bitrate <= bitrate && ours.bitrate >= bitrate - (bitrate >> 17));
        prop_assert!(ours.ssrcs().eq(ssrcs));
    }

    #[test]
    fn extended_reports_are_the_same_both_ways(
        sender_ssrc: u32,
        ntp_timestamp: u64,
        items in vec(any::<(u32, u32, u32)>(), 0..20),
    ) {
        let reports: Vec<_> = items
            .iter()
            .map(|&(ssrc, last_rr, dlrr)| DLRRReport { ssrc, last_rr, dlrr })
            .collect();
        let items: Vec<_> = items
            .into_iter()
            .map(|(ssrc, last_reference, delay)| DlrrItem { ssrc, last_reference, delay })
            .collect();
        let reference = ReceiverReferenceTimeReportBlock { ntp_timestamp };
        let dlrr = DLRRReportBlock { reports };
        let mut out = vec![];
        write_reference_time(&mut out, sender_ssrc, ntp_timestamp);
        let report = ExtendedReport { sender_ssrc, reports: vec![Box::new(reference.clone())] };
        prop_assert_eq!(&out, &theirs(&report));
        out.clear();
        write_dlrr(&mut out, sender_ssrc, &items);
        let report = ExtendedReport { sender_ssrc, reports: vec![Box::new(dlrr.clone())] };
        prop_assert_eq!(&out, &theirs(&report));

        let reports: Vec<Box<dyn rtcp::packet::Packet + Send + Sync>> =
            vec![Box::new(reference), Box::new(dlrr)];
        let bytes = theirs(&ExtendedReport { sender_ssrc, reports });
        let RtcpPacket::ExtendedReport(ours) = ours(&bytes) else { panic!("an extended report") };
        prop_assert_eq!(ours.sender_ssrc, sender_ssrc);
        let mut blocks = ours.blocks();
        prop_assert_eq!(blocks.next(), Some(XrBlock::ReferenceTime(ntp_timestamp)));
        let Some(XrBlock::Dlrr(dlrr)) = blocks.next() else { panic!("a DLRR") };
        prop_assert!(dlrr.items().eq(items));
        prop_assert_eq!(blocks.next(), None);
    }

    #[test]
    fn transport_feedback_is_read_by_both(arrivals in arrivals()) {
        let mut out = vec![];
        let covered = write_transport_feedback(&mut out, 1, 2, 3, &arrivals);
        let RtcpPacket::TransportFeedback(ours) = ours(&out) else { panic!("feedback") };
        // Those listed are read back, and those left out have not arrived.
        let read: Vec<_> = ours.arrivals().collect();
        let mut listed = arrivals[..covered].iter().peekable();
        for arrival in &read {
            let listed = listed.next_if(|listed| listed.sequence_number == arrival.sequence_number);
            prop_assert_eq!(arrival.time, listed.and_then(|listed| listed.time));
        }
        prop_assert!(listed.next().is_none());

        let theirs = read_by_them::<TransportLayerCc>(&out);
        prop_assert_eq!(theirs.base_sequence_number, ours.base_sequence);
        prop_assert_eq!(theirs.packet_status_count, ours.status_count);
        prop_assert_eq!(theirs.reference_time, ours.reference_time as u32 & 0xFF_FFFF);
        prop_assert_eq!(theirs.fb_pkt_count, 3);
        let received: Vec<_> = read.iter().filter_map(|arrival| arrival.time).collect();
        let deltas = theirs.recv_deltas.iter();
        let deltas = deltas.filter(|delta| delta.type_tcc_packet != SymbolTypeTcc::PacketNotReceived);
        let at = |time: &mut i64, delta: i64| { *time += delta / 250; Some(*time) };
        let times = deltas.map(|delta| delta.delta).scan(i64::from(ours.reference_time) * 256, at);
        prop_assert!(times.eq(received));
        prop_assert_eq!(self::theirs(&theirs), out);
    }
}

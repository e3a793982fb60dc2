//! RTCP compounds.

use std::collections::BTreeSet;

use flumen::components::wire::rtcp::transport_feedback::STATUSES_MAX;
use flumen::components::wire::rtcp::{
    Arrival, Bye, CongestionFeedback, ExtendedReport, Fir, Nack, ReceiverReport, Remb, RtcpPacket,
    SdesChunk, SenderReport, TransportFeedback, XrBlock, packets, write_bye, write_cname,
    write_dlrr, write_fir, write_nack, write_pli, write_receiver_report, write_reference_time,
    write_remb, write_sender_report, write_transport_feedback,
};

/// A compound: every well-formed packet can be walked, and what we write of what it says, says the
/// same.
pub fn rtcp(compound: &[u8]) {
    let mut walked = 0;
    for packet in packets(compound) {
        walked += 1;
        match packet {
            Ok(packet) => written_again(&packet),
            Err(_) => assert!(walked <= 1 + compound.len() / 4),
        }
    }
    assert!(walked <= 1 + compound.len() / 4);
}

fn written_again(packet: &RtcpPacket<'_>) {
    match packet {
        RtcpPacket::SenderReport(report) => sender_report(report),
        RtcpPacket::ReceiverReport(report) => receiver_report(report),
        RtcpPacket::SourceDescription(description) => description.chunks().for_each(named),
        RtcpPacket::Bye(bye) => sources_leave(bye),
        RtcpPacket::Nack(nack) => missing(nack),
        RtcpPacket::TransportFeedback(feedback) => arrived(feedback),
        RtcpPacket::CongestionFeedback(feedback) => told(feedback),
        RtcpPacket::Pli(pli) => {
            let out = written(|out| write_pli(out, pli.sender_ssrc, pli.media_ssrc));
            assert_eq!(only(&out), RtcpPacket::Pli(*pli));
        }
        RtcpPacket::Fir(fir) => full_intra(fir),
        RtcpPacket::Remb(remb) => carried(remb),
        RtcpPacket::ExtendedReport(report) => extended(report),
        RtcpPacket::App(_) | RtcpPacket::Unknown(_) => {}
    }
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

/// The only packet that was written.
fn only(out: &[u8]) -> RtcpPacket<'_> {
    let mut written = packets(out);
    let packet = written.next().expect("one was written");
    assert!(written.next().is_none(), "no more than one was written");
    packet.expect("what was written can be read")
}

fn sender_report(report: &SenderReport<'_>) {
    let out = written(|out| write_sender_report(out, &report.info));
    let RtcpPacket::SenderReport(again) = only(&out) else {
        panic!("it is a sender report");
    };
    assert_eq!((again.info, again.blocks().count()), (report.info, 0));
    let blocks: Vec<_> = report.blocks().collect();
    let out = written(|out| write_receiver_report(out, report.info.ssrc, &blocks));
    assert_eq!(blocks_of(&out), blocks);
}

fn receiver_report(report: &ReceiverReport<'_>) {
    let blocks: Vec<_> = report.blocks().collect();
    let out = written(|out| write_receiver_report(out, report.sender_ssrc, &blocks));
    assert_eq!(only(&out), RtcpPacket::ReceiverReport(*report));
}

fn blocks_of(out: &[u8]) -> Vec<flumen::components::wire::rtcp::ReportBlock> {
    match only(out) {
        RtcpPacket::ReceiverReport(report) => report.blocks().collect(),
        other => panic!("it is a receiver report, not {other:?}"),
    }
}

fn named(chunk: SdesChunk<'_>) {
    let out = written(|out| write_cname(out, chunk.ssrc, chunk.cname.unwrap_or_default()));
    let RtcpPacket::SourceDescription(again) = only(&out) else {
        panic!("it is a source description");
    };
    let cname = Some(chunk.cname.unwrap_or_default());
    assert!(again.chunks().eq([SdesChunk { cname, ..chunk }]));
}

fn sources_leave(bye: &Bye<'_>) {
    let sources: Vec<_> = bye.sources().collect();
    let out = written(|out| write_bye(out, &sources));
    let RtcpPacket::Bye(again) = only(&out) else {
        panic!("it is a BYE");
    };
    assert!(again.sources().eq(sources));
}

fn missing(nack: &Nack<'_>) {
    let numbers: Vec<_> = nack.sequence_numbers().collect();
    assert!(numbers.len() <= 17 * nack.items().count());
    let (sender, media) = (nack.sender_ssrc, nack.media_ssrc);
    let out = written(|out| write_nack(out, sender, media, numbers.iter().copied()));
    let mut again = Vec::new();
    for packet in packets(&out) {
        let Ok(RtcpPacket::Nack(part)) = packet else {
            panic!("it is a NACK");
        };
        assert_eq!((part.sender_ssrc, part.media_ssrc), (sender, media));
        again.extend(part.sequence_numbers());
    }
    // A number that comes twice may be named once.
    let [again, numbers] = [again, numbers].map(BTreeSet::from_iter);
    assert_eq!(again, numbers);
}

/// Each packet that is written again tells of a beginning of what is left: the same arrivals, as
/// far as 24 bits of reference time tell, and of nothing else that has arrived.
/// Every packet of a range is told of, and none beyond it.
fn told(feedback: &CongestionFeedback<'_>) {
    for stream in feedback.streams() {
        let count = stream.count();
        for index in [0, count / 2, count.wrapping_sub(1), count, u16::MAX] {
            let number = stream.begin_sequence.wrapping_add(index);
            assert_eq!(stream.of(number).is_some(), index < count);
        }
    }
}

fn arrived(feedback: &TransportFeedback<'_>) {
    let all: Vec<_> = feedback.arrivals().collect();
    assert_eq!(all.len(), usize::from(feedback.status_count));
    let mut rest = all.as_slice();
    while !rest.is_empty() {
        let (sender, media) = (feedback.sender_ssrc, feedback.media_ssrc);
        let mut covered = 0;
        let out = written(|out| covered = write_transport_feedback(out, sender, media, 7, rest));
        assert!((1..=rest.len()).contains(&covered));
        let (told, behind) = rest.split_at(covered);
        let received = |arrivals: &[Arrival]| -> Vec<_> {
            let received = arrivals.iter().filter(|arrival| arrival.time.is_some());
            received.map(at_24_bits).collect()
        };
        if out.is_empty() {
            assert!(received(told).is_empty());
        } else {
            let RtcpPacket::TransportFeedback(again) = only(&out) else {
                panic!("it is transport-wide feedback");
            };
            assert!(again.status_count <= STATUSES_MAX && out.len() <= 1_164);
            assert_eq!(again.feedback_count, 7);
            let again: Vec<_> = again.arrivals().collect();
            assert_eq!(received(&again), received(told));
        }
        rest = behind;
    }
}

/// Its number, and its time as far as the reference time reaches.
fn at_24_bits(arrival: &Arrival) -> (u16, Option<i64>) {
    let time = arrival.time.map(|ticks| ticks.rem_euclid(1 << (24 + 8)));
    (arrival.sequence_number, time)
}

fn full_intra(fir: &Fir<'_>) {
    for entry in fir.entries() {
        let (sender, number) = (fir.sender_ssrc, entry.sequence_number);
        let out = written(|out| write_fir(out, sender, entry.ssrc, number));
        let RtcpPacket::Fir(again) = only(&out) else {
            panic!("it is a FIR");
        };
        assert!(again.entries().eq([entry]) && again.sender_ssrc == sender);
    }
}

fn carried(remb: &Remb<'_>) {
    let ssrcs: Vec<_> = remb.ssrcs().collect();
    let out = written(|out| write_remb(out, remb.sender_ssrc, remb.bitrate, &ssrcs));
    let RtcpPacket::Remb(again) = only(&out) else {
        panic!("it is a REMB");
    };
    // What is read has 18 digits, unless it is more than 64 bits can say.
    let bitrate = remb.bitrate.min(0x3ffff << 46);
    assert_eq!(again.bitrate, bitrate);
    assert!(again.ssrcs().eq(ssrcs) && again.sender_ssrc == remb.sender_ssrc);
}

fn extended(report: &ExtendedReport<'_>) {
    let sender = report.sender_ssrc;
    for block in report.blocks() {
        let out = match block {
            XrBlock::ReferenceTime(ntp) => written(|out| write_reference_time(out, sender, ntp)),
            XrBlock::Dlrr(dlrr) => {
                let items: Vec<_> = dlrr.items().collect();
                written(|out| write_dlrr(out, sender, &items))
            }
            XrBlock::Unknown(_) => continue,
        };
        let RtcpPacket::ExtendedReport(again) = only(&out) else {
            panic!("it is an extended report");
        };
        assert!(again.blocks().eq([block]) && again.sender_ssrc == sender);
    }
}

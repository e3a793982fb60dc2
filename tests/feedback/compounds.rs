//! Compounds of which a part is malformed: the rest of them acts.

use flumen::components::wire::rtcp::{ReportBlock, write_nack, write_receiver_report};
use flumen::{Control, Discard, RtcpFault};
use flumen_tests::feedback::{fir, pli};
use flumen_tests::{Call, Packet, Request, SSRC, VP8_KEY_FRAME};
use proptest::prelude::*;

/// Packets whose content is wrong: an SR, an SDES without its end, a BYE whose reason is longer
/// than the packet, an XR whose block is, an RR of fewer blocks than it counts, padding that does
/// not fit.
const BAD_CONTENT: [&[u8]; 6] = [
    &[0x80, 200, 0, 0],
    &[0x81, 202, 0, 2, 0, 0, 0, 1, 1, 2, b'a', b'b'],
    &[0x81, 203, 0, 2, 0, 0, 0, 1, 9, b'a', b'b', b'c'],
    &[0x80, 207, 0, 2, 0, 0, 0, 1, 4, 0, 0, 9],
    &[0x81, 201, 0, 1, 0, 0, 0, 1],
    &[0xa1, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 9],
];

/// Where nothing that follows can be found: a header that is cut off, lengths past the end, other
/// versions.
const BAD_LENGTH: [&[u8]; 4] = [
    &[0, 0, 0],
    &[0x81, 206, 0xff, 0xff],
    &[0x41, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1],
    &[0xc0, 201, 0, 0],
];

/// A call whose sender has sent its key frame.
fn begun() -> (Call, u16) {
    let mut call = Call::video();
    let key_frame = Packet::new(96, 1, SSRC, VP8_KEY_FRAME);
    let got = call.send(&[key_frame]).packets;
    (call, got[0].sequence)
}

/// The receiver sends `compound`; what the sender is asked for in the same tick.
fn requests(call: &mut Call, compound: &[u8]) -> Vec<Request> {
    call.room.arrive_bytes(call.receiver, compound);
    call.tick_after(std::time::Duration::from_millis(1))
        .requests
}

#[test]
fn what_precedes_a_malformed_packet_acts() {
    for bad in BAD_CONTENT.into_iter().chain(BAD_LENGTH) {
        let (mut call, _) = begun();
        let compound = [&pli(call.consumer_ssrc())[..], bad].concat();
        assert_eq!(
            requests(&mut call, &compound),
            [Request::Pli(SSRC)],
            "{bad:02x?}"
        );
        let ledger = call.room.engine.ledger();
        assert_eq!(ledger.consumed[Control::Rtcp], 1);
        assert_eq!(
            (ledger.rtcp_faults.total(), ledger.discarded.total()),
            (1, 0)
        );
    }
}

#[test]
fn what_follows_a_packet_of_wrong_content_acts() {
    for bad in BAD_CONTENT {
        let (mut call, _) = begun();
        let compound = [bad, &pli(call.consumer_ssrc())].concat();
        assert_eq!(
            requests(&mut call, &compound),
            [Request::Pli(SSRC)],
            "{bad:02x?}"
        );
    }
}

#[test]
fn what_follows_a_packet_of_wrong_length_does_not_act() {
    for bad in BAD_LENGTH {
        let (mut call, _) = begun();
        let compound = [bad, &pli(call.consumer_ssrc())].concat();
        assert_eq!(requests(&mut call, &compound), [], "{bad:02x?}");
    }
}

#[test]
fn a_datagram_without_a_well_formed_packet_is_discarded() {
    for bad in BAD_CONTENT {
        let (mut call, _) = begun();
        assert_eq!(requests(&mut call, &[bad, bad].concat()), []);
        let ledger = call.room.engine.ledger();
        assert_eq!(ledger.discarded[Discard::MalformedRtcp], 1);
        assert_eq!(
            (ledger.rtcp_faults.total(), ledger.consumed.total()),
            (0, 0)
        );
    }
}

/// A packet of a compound.
#[derive(Clone, Copy, Debug)]
enum Part {
    Pli,
    Fir,
    Nack,
    Report,
    BadContent(usize),
    BadLength(usize),
}

impl Part {
    fn bytes(self, ssrc: u32, sequence: u16) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::Pli => bytes = pli(ssrc),
            Self::Fir => bytes = fir(&[ssrc]),
            Self::Nack => write_nack(&mut bytes, 1, ssrc, [sequence]),
            Self::Report => {
                let block = ReportBlock {
                    ssrc,
                    total_lost: 7,
                    ..ReportBlock::default()
                };
                write_receiver_report(&mut bytes, 1, &[block]);
            }
            Self::BadContent(index) => bytes.extend(BAD_CONTENT[index]),
            Self::BadLength(index) => bytes.extend(BAD_LENGTH[index]),
        }
        bytes
    }

    fn is_good(self) -> bool {
        !matches!(self, Self::BadContent(_) | Self::BadLength(_))
    }
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        2 => Just(Part::Pli),
        1 => Just(Part::Fir),
        2 => Just(Part::Nack),
        2 => Just(Part::Report),
        3 => (0..BAD_CONTENT.len()).prop_map(Part::BadContent),
        1 => (0..BAD_LENGTH.len()).prop_map(Part::BadLength),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn with_bad_packets_at_any_place_the_others_act(
        parts in prop::collection::vec(part(), 1..12),
    ) {
        let (mut call, sequence) = begun();
        let ssrc = call.consumer_ssrc();
        let compound: Vec<u8> = parts.iter().flat_map(|part| part.bytes(ssrc, sequence)).collect();
        requests(&mut call, &compound);
        let is_end = |part: &Part| matches!(part, Part::BadLength(_));
        let end = parts.iter().position(is_end).unwrap_or(parts.len());
        let read = &parts[..end];
        let count = |wanted: fn(&Part) -> bool| read.iter().filter(|part| wanted(part)).count() as u64;
        let stats = call.outbound();
        prop_assert_eq!(stats.stream.pli_count, count(|part| matches!(part, Part::Pli)));
        prop_assert_eq!(stats.stream.fir_count, count(|part| matches!(part, Part::Fir)));
        prop_assert_eq!(stats.nack_count, count(|part| matches!(part, Part::Nack)));
        let reports = count(|part| matches!(part, Part::Report));
        prop_assert_eq!(stats.packets_lost, if reports > 0 { 7 } else { 0 });
        let ledger = call.room.engine.ledger();
        let bad = count(|part| !part.is_good()) + u64::from(end < parts.len());
        if read.iter().any(|part| part.is_good()) {
            prop_assert_eq!((ledger.consumed[Control::Rtcp], ledger.discarded.total()), (1, 0));
            prop_assert_eq!(ledger.rtcp_faults.total(), bad);
            let content = ledger.rtcp_faults[RtcpFault::BadBody]
                + ledger.rtcp_faults[RtcpFault::BadPadding];
            prop_assert_eq!(content, bad - u64::from(end < parts.len()));
        } else {
            prop_assert_eq!((ledger.consumed.total(), ledger.discarded.total()), (0, 1));
        }
    }
}

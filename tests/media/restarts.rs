//! Senders restart with other sequence numbers: what is counted begins anew with them, and no loss is
//! told that was none, nor hidden.

use std::time::Duration;

use flumen::components::wire::rtcp::{
    ReportBlock, RtcpPacket, SenderInfo, packets, write_receiver_report, write_sender_report,
};
use flumen::rtp_parameters::{MediaKind, RtpParameters};
use flumen::{Discard, Withheld};
use flumen_tests::{
    Call, Packet, RTX, Request, SENDER, SSRC, VP8_DELTA_FRAME, VP8_KEY_FRAME, address, opus, vp8,
    with_retransmissions,
};
use proptest::prelude::*;

const RTX_SSRC: u32 = SSRC + 1;

fn voice(number: u16) -> Packet {
    Packet::new(111, number, SSRC, b"voice")
}

fn frame(number: u16) -> Packet {
    Packet::new(96, number, SSRC, VP8_DELTA_FRAME)
}

fn key_frame(number: u16) -> Packet {
    Packet::new(96, number, SSRC, VP8_KEY_FRAME)
}

/// A call, and all that its sender was told.
struct Told {
    call: Call,
    blocks: Vec<ReportBlock>,
}

impl Told {
    fn of(kind: MediaKind, parameters: RtpParameters) -> Self {
        let (call, blocks) = (Call::of(kind, parameters), Vec::new());
        Self { call, blocks }
    }

    /// Lets packets arrive, one each ten milliseconds.
    fn send(&mut self, packets: impl IntoIterator<Item = Packet>) {
        for packet in packets {
            self.call.room.arrive(self.call.sender, &packet);
            self.tick();
        }
    }

    fn tick(&mut self) {
        self.call.room.tick_after(Duration::from_millis(10));
        let received = self.call.room.received();
        let to_sender = received.iter().filter(|sent| sent.to == address(SENDER));
        for packet in to_sender.flat_map(|sent| packets(&sent.bytes).flatten()) {
            if let RtcpPacket::ReceiverReport(report) = packet {
                self.blocks.extend(report.blocks());
            }
        }
    }

    /// Waits for the next report about an SSRC.
    fn next(&mut self, ssrc: u32) -> ReportBlock {
        self.blocks.clear();
        loop {
            self.tick();
            if let Some(block) = self.blocks.iter().find(|block| block.ssrc == ssrc) {
                return *block;
            }
        }
    }

    /// The sender reports; the score then.
    fn sender_report(&mut self) -> u8 {
        let mut bytes = Vec::new();
        let info = SenderInfo {
            ssrc: SSRC,
            ntp: 1 << 32,
            ..SenderInfo::default()
        };
        write_sender_report(&mut bytes, &info);
        self.call.room.arrive_bytes(self.call.sender, &bytes);
        self.tick();
        self.call.inbound().stream.score
    }
}

#[test]
fn a_sender_with_in_band_fec_that_restarts_is_told_no_more_than_its_loss() {
    let mut parameters = opus(SSRC);
    parameters.codecs[0].parameters.insert("useinbandfec", 1);
    let mut told = Told::of(MediaKind::Audio, parameters);
    let mut report = Vec::new();
    let block = ReportBlock {
        ssrc: told.call.consumer_ssrc(),
        // A tenth.
        fraction_lost: 26,
        ..ReportBlock::default()
    };
    write_receiver_report(&mut report, 1, &[block]);
    told.send((1..=20).map(voice));
    told.call.room.arrive_bytes(told.call.receiver, &report);
    told.send((21..=200).map(voice));
    told.send((30_000..=30_200).map(voice));
    told.next(SSRC);
    let last = told.next(SSRC);
    // A tenth of the 200 since the numbers began anew, rounded down in each report.
    assert!((15..=20).contains(&last.total_lost), "{last:?}");
    assert_eq!(told.call.inbound().packets_lost, 0);
}

#[test]
fn a_restart_without_loss_leaves_the_score() {
    let mut told = Told::of(MediaKind::Audio, opus(SSRC));
    for first in [1_000, 1_050, 1_100, 30_000, 30_050, 30_100, 30_150] {
        told.send((first..first + 50).map(voice));
        assert_eq!(told.sender_report(), 10, "{first}");
    }
}

#[test]
fn loss_after_a_restart_is_told_and_scored() {
    let mut told = Told::of(MediaKind::Audio, opus(SSRC));
    told.send((1_000..1_150).map(voice));
    told.sender_report();
    told.send((30_000..30_050).map(voice));
    assert_eq!(told.sender_report(), 10);
    told.next(SSRC);
    told.send((30_050..30_150).filter(|number| number % 5 != 2).map(voice));
    // 20 of 100: (60 / 80)^4 = 0.316, so 3; (10 + 2 * 10 + 3 * 3) / 6 = 6.5.
    assert_eq!(told.sender_report(), 7);
    let block = told.next(SSRC);
    assert_eq!(
        (block.total_lost, told.call.inbound().packets_lost),
        (20, 20)
    );
}

#[test]
fn loss_just_before_a_restart_is_scored_and_not_counted_with_the_new_numbers() {
    let mut told = Told::of(MediaKind::Audio, opus(SSRC));
    told.send((1_000..1_050).map(voice));
    told.sender_report();
    told.next(SSRC);
    told.send((1_050..1_091).filter(|number| number % 2 == 0).map(voice));
    told.send((30_000..30_010).map(voice));
    // 30 of 50 came: lost 20, and (10 / 30)^4 = 0.01, so 0; 10 / 3 = 3.3.
    assert_eq!(told.sender_report(), 3);
    let block = told.next(SSRC);
    assert_eq!((block.total_lost, block.highest_sequence), (0, 30_009));
    // 20 of 50, in 1/256.
    assert_eq!(block.fraction_lost, 102);
}

#[test]
fn retransmissions_that_begin_anew_lose_nothing() {
    let mut told = Told::of(MediaKind::Video, with_retransmissions(vp8(SSRC)));
    told.send((1..=10).map(key_frame));
    let probe = |number| Packet {
        padding: 9,
        ..Packet::new(RTX, number, RTX_SSRC, &[])
    };
    told.send((65_000..65_200).map(probe));
    assert_eq!(told.next(RTX_SSRC).total_lost, 0);
    told.send(
        (20_000..20_100)
            .filter(|number| number % 10 != 5)
            .map(probe),
    );
    told.next(RTX_SSRC);
    let block = told.next(RTX_SSRC);
    assert_eq!((block.total_lost, block.highest_sequence), (10, 20_099));
}

#[test]
fn what_is_sent_again_from_before_a_restart_does_not_bring_its_numbers_back() {
    let mut told = Told::of(MediaKind::Video, with_retransmissions(vp8(SSRC)));
    told.send([1, 2, 3, 7, 8].map(key_frame));
    told.send((30_000..30_004).map(key_frame));
    let again = (4..=6_u16).map(|number| {
        let payload = [&number.to_be_bytes()[..], VP8_KEY_FRAME].concat();
        Packet::new(RTX, number, RTX_SSRC, &payload)
    });
    told.send(again);
    told.send((30_004..30_050).map(key_frame));
    let ledger = told.call.room.engine.ledger();
    // The first of the new numbers, and the three that are sent again.
    assert_eq!(ledger.discarded[Discard::BadSequence], 4);
    assert_eq!(told.call.outbound().stream.packet_count, 5 + 49);
}

#[test]
fn a_restart_is_seen_behind_packets_of_a_codec_that_was_not_negotiated() {
    let mut call = Call::audio();
    let mut got = call.send(&[voice(1_000), voice(1_001)]).packets;
    let other = |number| Packet {
        payload_type: 13,
        ..voice(number)
    };
    got.extend(
        call.send(&[other(40_000), other(40_001), other(40_002)])
            .packets,
    );
    got.extend(call.send(&[voice(40_003), voice(40_004)]).packets);
    let steps: Vec<_> = got
        .iter()
        .map(|packet| packet.sequence.wrapping_sub(got[0].sequence))
        .collect();
    assert_eq!(steps, [0, 1, 2, 3], "receivers see no jump");
}

#[test]
fn what_follows_a_pause_in_which_the_sender_restarted_is_no_duplicate() {
    let mut call = Call::video();
    let first: Vec<_> = (1_000..1_020).map(key_frame).collect();
    assert_eq!(call.send(&first).packets.len(), 20);
    call.room.engine.pause_producer(call.producer).unwrap();
    call.send(&[20_000, 20_001, 1_000, 1_001].map(key_frame));
    call.room.engine.resume_producer(call.producer).unwrap();
    let after: Vec<_> = (1_002..1_020).map(key_frame).collect();
    assert_eq!(call.send(&after).packets.len(), 18);
    assert_eq!(call.room.engine.ledger().withheld[Withheld::Duplicate], 0);
}

#[test]
fn a_stream_without_nack_that_begins_anew_is_asked_for_a_key_frame() {
    let mut parameters = vp8(SSRC);
    let feedback = &mut parameters.codecs[0].rtcp_feedback;
    feedback.retain(|feedback| (&*feedback.kind, &*feedback.parameter) != ("nack", ""));
    let mut call = Call::of(MediaKind::Video, parameters);
    call.send(&[key_frame(1), frame(2)]);
    call.tick_after(Duration::from_secs(2));
    let left = call.send(&[frame(30_000), frame(30_001), frame(30_002)]);
    assert_eq!(left.requests, [Request::Pli(SSRC)]);
}

#[test]
fn jitter_does_not_come_from_a_restart() {
    let mut told = Told::of(MediaKind::Audio, opus(SSRC));
    let at = |number: u16, timestamp| voice(number).at(timestamp);
    told.send((0..50).map(|step| at(step, 480 * u32::from(step))));
    let leap = |step: u16| at(30_000 + step, 2_000_000_000 + 480 * u32::from(step));
    told.send((0..10).map(leap));
    assert_eq!(told.next(SSRC).jitter, 0);
}

/// A run of numbers: how far it is from the last one, and which of its packets are lost.
#[derive(Clone, Debug)]
struct Run {
    jump: u16,
    lost: Vec<bool>,
}

fn runs() -> impl Strategy<Value = Vec<Run>> {
    let lost = prop::collection::vec(prop::bool::weighted(0.2), 1..120);
    let run = (3_000..=64_000_u16, lost).prop_map(|(jump, lost)| Run { jump, lost });
    prop::collection::vec(run, 1..7)
}

/// What a sender counts that knows what arrived.
#[derive(Clone, Copy, Debug, Default)]
struct Truth {
    expected: u32,
    received: u32,
    /// Lost since the numbers began.
    lost: u32,
}

impl Truth {
    fn share_since(self, earlier: Self) -> u8 {
        let expected = self.expected - earlier.expected;
        let lost = expected - (self.received - earlier.received);
        let share = f64::from(lost) * 256.0 / f64::from(expected.max(1));
        share.round().min(255.0) as u8
    }

    fn sample_since(self, earlier: Self) -> u8 {
        let (expected, received) = (
            self.expected - earlier.expected,
            self.received - earlier.received,
        );
        if expected == 0 {
            return 10;
        }
        let lost = f64::from((expected - received).min(received));
        let delivered = (f64::from(received) - lost) / f64::from(received);
        (delivered.powi(4) * 10.0).round() as u8
    }
}

fn mean(samples: &[u8]) -> u8 {
    let newest = &samples[samples.len().saturating_sub(24)..];
    let weighted = (1..)
        .zip(newest)
        .map(|(weight, &sample)| f64::from(weight) * f64::from(sample));
    let weights = (newest.len() * (newest.len() + 1) / 2) as f64;
    (weighted.sum::<f64>() / weights).round() as u8
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn wherever_a_sender_restarts_what_is_told_is_what_was_lost(
        first in any::<u16>(),
        runs in runs(),
        pace in 20..80_usize,
    ) {
        let mut told = Told::of(MediaKind::Audio, opus(SSRC));
        let mut truth = Truth::default();
        let (mut reported, mut sampled) = (truth, truth);
        let mut samples = Vec::new();
        let (mut number, mut sent) = (first, 0);
        for (index, run) in runs.iter().enumerate() {
            // The first of other numbers may be a stray one; the next one confirms them.
            let begin = if index == 0 { 1 } else { 2 };
            let lost = std::iter::repeat_n(false, begin).chain(run.lost.iter().copied()).chain([false]);
            let mut missing = 0;
            number = if index == 0 { number } else { number.wrapping_add(run.jump) };
            for (position, lost) in lost.enumerate() {
                if position > 0 {
                    number = number.wrapping_add(1);
                }
                if lost {
                    missing += 1;
                    continue;
                }
                if position + 1 == begin {
                    truth.lost = 0;
                }
                if position + 1 >= begin {
                    truth.expected += missing + 1;
                    truth.received += 1;
                    truth.lost += std::mem::take(&mut missing);
                }
                told.blocks.clear();
                told.send([voice(number)]);
                for block in &told.blocks {
                    prop_assert_eq!(block.total_lost, truth.lost.cast_signed());
                    prop_assert_eq!(block.fraction_lost, truth.share_since(reported));
                    reported = truth;
                }
                sent += 1;
                if sent % pace == 0 {
                    samples.push(truth.sample_since(sampled));
                    sampled = truth;
                    told.blocks.clear();
                    prop_assert_eq!(told.sender_report(), mean(&samples));
                    if !told.blocks.is_empty() {
                        reported = truth;
                    }
                }
            }
        }
    }
}

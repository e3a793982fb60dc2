//! A sender with a known loss pattern, second by second on virtual time, and the scores that its
//! pattern must give.

use std::time::Duration;

use flumen::components::wire::rtcp::{SenderInfo, write_cname, write_sender_report};
use flumen::event::Event;
use flumen::rtp_parameters::{MediaKind, RtpParameters};
use flumen::stats::{InboundRtpStats, RtpStats};
use flumen::{ProducerId, TransportId};
use flumen_tests::{
    Noise, Packet, RTX, Room, VP8_DELTA_FRAME, address, opus, vp8, with_retransmissions,
};
use proptest::prelude::*;

const SSRC: u32 = 1_111;
const PACKETS_A_SECOND: u16 = 100;

/// What the network does to the hundred packets of a second.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    /// Packets lost on their first way, spread over the second.
    lost: u16,
    /// How many of them a retransmission brings.
    repaired: u16,
    /// How often each of these is sent again.
    copies: u16,
}

/// A sender of a hundred packets a second that reports at the end of each.
struct Sender {
    room: Room,
    transport: TransportId,
    producer: ProducerId,
    payload_type: u8,
    next: u16,
    next_rtx: u16,
}

impl Sender {
    fn of(kind: MediaKind, parameters: RtpParameters) -> Self {
        let mut room = Room::new();
        let transport = room.plain(address(5_000));
        let payload_type = parameters.codecs[0].payload_type;
        let producer = room.produce(transport, kind, parameters);
        Self {
            room,
            transport,
            producer,
            payload_type,
            next: 1,
            next_rtx: 30_000,
        }
    }

    fn audio() -> Self {
        Self::of(MediaKind::Audio, opus(SSRC))
    }

    fn video_with_rtx() -> Self {
        Self::of(MediaKind::Video, with_retransmissions(vp8(SSRC)))
    }

    fn packet(&self, number: u16) -> Packet {
        Packet::new(self.payload_type, number, SSRC, VP8_DELTA_FRAME)
    }

    /// A second of packets and repairs, then a report; the score events of it.
    fn pass(&mut self, second: Second) -> Vec<u8> {
        let lost = lost_positions(second.lost);
        let first = self.next;
        for position in 0..PACKETS_A_SECOND {
            let packet = self.packet(first.wrapping_add(position));
            if !lost.contains(&position) {
                self.room.arrive(self.transport, &packet);
            }
            self.room.tick_after(Duration::from_millis(10));
        }
        self.next = first.wrapping_add(PACKETS_A_SECOND);
        for &position in lost.iter().take(second.repaired.into()) {
            for _ in 0..second.copies {
                self.resend(first.wrapping_add(position));
            }
        }
        self.report();
        self.room.tick();
        self.scores()
    }

    fn resend(&mut self, number: u16) {
        let original = self.packet(number);
        let mut payload = number.to_be_bytes().to_vec();
        payload.extend(&original.payload);
        let packet = Packet::new(RTX, self.next_rtx, SSRC + 1, &payload).at(original.timestamp);
        self.next_rtx += 1;
        self.room.arrive(self.transport, &packet);
    }

    fn report(&mut self) {
        let mut report = Vec::new();
        let info = SenderInfo {
            ssrc: SSRC,
            ntp: 1 + u64::from(self.next),
            rtp_timestamp: 0,
            packet_count: 0,
            octet_count: 0,
        };
        write_sender_report(&mut report, &info);
        write_cname(&mut report, SSRC, b"them");
        self.room.arrive_bytes(self.transport, &report);
    }

    fn scores(&mut self) -> Vec<u8> {
        let score = |event: Event| match event {
            Event::ScoreChanged(changed) => Some(changed.score[0].score),
            _ => None,
        };
        let events = self.room.engine.drain_events();
        events.into_iter().filter_map(score).collect()
    }

    fn score(&self) -> u8 {
        let scores = self.room.engine.score(self.producer).expect("it is open");
        scores[0].score
    }

    fn inbound(&self) -> InboundRtpStats {
        let stats = self.room.engine.producer_stats(self.producer);
        match stats.expect("it is open").remove(0) {
            RtpStats::Inbound(stats) => stats,
            other => panic!("{other:?} is not of a received stream"),
        }
    }
}

#[test]
fn padding_alone_in_the_stream_of_media_is_no_loss() {
    let mut sender = Sender::video_with_rtx();
    sender.pass(Second::default());
    for _ in 0..3 {
        for position in 0..PACKETS_A_SECOND {
            let mut packet = sender.packet(sender.next);
            if position % 10 > 0 {
                packet.payload.clear();
                packet.padding = 200;
            }
            sender.next += 1;
            sender.room.arrive(sender.transport, &packet);
            sender.room.tick_after(Duration::from_millis(10));
        }
        sender.report();
        sender.room.tick();
    }
    assert_eq!((sender.score(), sender.scores()), (10, Vec::new()));
    assert_eq!(sender.inbound().packets_lost, 0);
}

/// `count` of the hundred positions of a second, evenly, without the first and the last one: what
/// comes before the first packet is not known to be lost, and what comes after the last not yet.
fn lost_positions(count: u16) -> Vec<u16> {
    let between = PACKETS_A_SECOND - 2;
    let spread = |index| 1 + index * between / count.max(1);
    (0..count.min(between)).map(spread).collect()
}

fn losing(lost: u16) -> Second {
    Second {
        lost,
        ..Second::default()
    }
}

fn repairing(lost: u16, repaired: u16, copies: u16) -> Second {
    Second {
        lost,
        repaired,
        copies,
    }
}

#[test]
fn loss_without_repair_gives_the_scores_of_the_formula() {
    let mut sender = Sender::audio();
    // Beside each second: its sample, then the weighted mean of all samples so far.
    let rows = [
        (losing(0), vec![10]), // 10: 10 (the stream begins with 10, and says so)
        (losing(10), vec![7]), // (80/90)^4 = 0.624 -> 6: (10 + 12) / 3 = 7.33
        (losing(50), vec![4]), // 50 of 50: 0: 22 / 6 = 3.67
        (losing(5), vec![5]),  // (90/95)^4 = 0.805 -> 8: 54 / 10 = 5.4
        (losing(0), vec![7]),  // 10: 104 / 15 = 6.93
        (losing(1), vec![8]),  // (98/99)^4 = 0.960 -> 10: 164 / 21 = 7.81
        (losing(20), vec![7]), // (60/80)^4 = 0.316 -> 3: 185 / 28 = 6.61
        (losing(30), vec![5]), // (40/70)^4 = 0.107 -> 1: 193 / 36 = 5.36
        (losing(30), vec![4]), // 1: 202 / 45 = 4.49
        (losing(33), vec![4]), // (34/67)^4 = 0.066 -> 1: 212 / 55 = 3.85, no event
    ];
    for (index, (second, expected)) in rows.into_iter().enumerate() {
        let expected = if index == 9 { vec![] } else { expected };
        assert_eq!(sender.pass(second), expected, "second {index}: {second:?}");
    }
    assert_eq!(sender.score(), 4);
}

#[test]
fn repaired_loss_is_counted_as_repaired() {
    let mut sender = Sender::video_with_rtx();
    // A stream with NACK and RTX. `w` is what a repaired packet counts.
    let rows = [
        (repairing(0, 0, 0), vec![10]),
        // w = (90/100)^4 = 0.656; lost 10 - 6.56 = 3; (87/90)^4 -> 9: (10 + 18) / 3 = 9.33
        (repairing(10, 10, 1), vec![9]),
        // w = (90/95)^4 = 0.805; lost 10 - 4.03 = 5; (85/90)^4 -> 8: 52 / 6 = 8.67, no event
        (repairing(10, 5, 1), vec![]),
        // Each sent twice: w = (80/100)^4 * 20/40 = 0.205; lost 20 - 4.1 = 15; (65/80)^4 -> 4:
        // 68 / 10 = 6.8
        (repairing(20, 20, 2), vec![7]),
        // Nothing repaired: (60/80)^4 -> 3: 83 / 15 = 5.53
        (repairing(20, 0, 0), vec![6]),
    ];
    for (index, (second, expected)) in rows.into_iter().enumerate() {
        assert_eq!(sender.pass(second), expected, "second {index}: {second:?}");
    }
    let stats = sender.inbound();
    assert_eq!(stats.packets_repaired, 10 + 5 + 20);
    assert_eq!(stats.packets_retransmitted, 10 + 5 + 40);
    assert_eq!(
        stats.stream.packet_count,
        500 - 60 + 35,
        "what a retransmission brought is received"
    );
}

#[test]
fn a_score_stays_while_no_sender_report_comes() {
    let mut sender = Sender::audio();
    sender.pass(losing(0));
    for _ in 0..300 {
        // Every second packet is lost, and nobody reports.
        sender.next = sender.next.wrapping_add(2);
        let packet = sender.packet(sender.next);
        sender.room.arrive(sender.transport, &packet);
        sender.room.tick_after(Duration::from_millis(10));
    }
    assert_eq!((sender.scores(), sender.score()), (vec![], 10));
}

#[test]
fn what_a_paused_producer_loses_is_scored() {
    let mut sender = Sender::audio();
    sender.pass(losing(0));
    let paused = sender.room.engine.pause_producer(sender.producer);
    paused.expect("it is open");
    assert_eq!(sender.pass(losing(50)), [3], "(10 + 0) / 3");
}

/// The formula, in the way of a person with a calculator.
fn sample(second: Second) -> u8 {
    let received = f64::from(PACKETS_A_SECOND - second.lost);
    let lost = f64::from(second.lost).min(received);
    let repaired = f64::from(second.repaired).min(lost);
    let resent = f64::from(second.repaired * second.copies);
    let ratio = repaired / received;
    let mut weight = (1.0 / (ratio + 1.0)).powi(4);
    if resent > 0.0 {
        weight *= repaired / resent;
    }
    let lost = (lost - repaired * weight).trunc();
    (((received - lost) / received).powi(4) * 10.0).round() as u8
}

fn mean(samples: &[u8]) -> u8 {
    let newest = &samples[samples.len().saturating_sub(24)..];
    let weights = (1..=newest.len()).map(|weight| weight as f64);
    let weighted: f64 = weights
        .clone()
        .zip(newest)
        .map(|(weight, &sample)| weight * f64::from(sample))
        .sum();
    (weighted / weights.sum::<f64>()).round() as u8
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_pattern_of_loss_and_repair_gives_the_scores_of_the_formula(seed in any::<u64>()) {
        let mut noise = Noise::new(seed);
        let mut sender = Sender::video_with_rtx();
        let mut samples = Vec::new();
        for _ in 0..30 {
            // Repairs never outnumber what counts as lost: then they may not all be counted.
            let lost = noise.below(50) as u16;
            let repaired = noise.below(u64::from(lost) + 1) as u16;
            let second = repairing(lost, repaired, 1 + noise.below(3) as u16);
            sender.pass(second);
            samples.push(sample(second));
            prop_assert_eq!(sender.score(), mean(&samples), "{:?} of {:?}", second, samples);
        }
    }
}

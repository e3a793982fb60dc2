//! Whether a path carries more is tried.

use std::time::Duration;

use super::estimator::{PacketReport, Probe, SentPacket, millis};
use crate::tick::time::Time;

/// Short bursts at a higher rate than the estimate, while consumers want more than that.
///
/// What gets through such a burst tells what the path carries, however little media is sent. A
/// burst that was not sent as asked, or not reported, says nothing.
#[derive(Clone, Debug)]
pub(super) struct Probes {
    /// How long a burst takes at least.
    span: Duration,
    latest: u8,
    /// A queue grew lately: the path may be shared, and what a burst finds be what others left.
    pub(super) is_contested: bool,
    running: Option<Running>,
    not_before: Time,
    /// Bursts in a row that found no more.
    failures: u32,
    /// When packets of the burst under way arrived, and their bytes.
    arrived: Vec<(Time, u16)>,
}

crate::snapshot::state! {
    struct Probes { span, latest, is_contested, running, not_before, failures, arrived }
}

/// A burst under way.
#[derive(Clone, Copy, Debug)]
struct Running {
    probe: Probe,
    began: Time,
    /// Packets overtake each other on this path.
    is_jittery: bool,
    sent: End,
    arrived: End,
    told: u32,
}

crate::snapshot::state! { struct Running { probe, began, is_jittery, sent, arrived, told } }

/// A burst as one of its ends saw it.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    span: Option<(Time, Time)>,
    packets: u32,
    bytes: u32,
    first_bytes: u16,
    last_bytes: u16,
}

crate::snapshot::state! { struct End { span, packets, bytes, first_bytes, last_bytes } }

/// What a burst told: bits a second that the path carries, and whether it would carry more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) carried: f64,
    pub(super) is_less: bool,
}

/// What is wanted must be so much more than the estimate: what is wanted is not always the same.
const UNMET: f64 = 1.1;
/// A burst tries so much more than what is wanted, and at most so much more than the estimate.
const BEYOND_WANTED: f64 = 1.2;
const BEYOND_ESTIMATE: f64 = 2.0;
/// A long burst fills the queue by so much that packets of media wait behind it.
const LONG_BEYOND_ESTIMATE: f64 = 1.5;
/// Where a queue grew lately, ever more is found in smaller steps, and in no hurry.
const CONTESTED_BEYOND_ESTIMATE: f64 = 1.5;
const CONTESTED_INTERVAL: Duration = Duration::from_millis(500);
/// A receiver tells times in steps of 250 µs, and paths hold packets up for some milliseconds.
const SPAN_MIN: Duration = Duration::from_millis(15);
const PACKETS_MIN: u32 = 5;
/// Where packets overtake each other, a burst takes so many times as long as they are late on
/// average, up to a bound; then its ends are smeared, and its middle is not.
const SPANS_OF_SPREAD: f64 = 4.0;
const SPAN_MAX: Duration = Duration::from_millis(250);
const SPREAD_MIN_MS: f64 = 5.0;
const SMEARED_PARTS: usize = 5;
/// No more arrivals are remembered: bursts have about a thousand packets at most.
const ARRIVALS_MAX: usize = 2_048;
/// The same where times are told in steps of 1/1,024 s.
const COARSE_SPAN_MIN: Duration = Duration::from_millis(60);
/// Bytes of the packets that probe.
const PACKET_BYTES: u32 = 1_200;
/// Between bursts of which one found no more, doubling.
const INTERVAL: Duration = Duration::from_secs(1);
const DOUBLINGS_MAX: u32 = 1;
/// A burst that takes longer says nothing.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// Of a burst so much must arrive.
const ARRIVED_MIN: f64 = 0.8;
/// It carries less than was sent, and then a queue would form at what arrived.
const CARRIED_MIN: f64 = 0.9;
const BELOW_CARRIED: f64 = 0.95;
/// What arrives so much faster than it was sent was held up.
const FASTER_MAX: f64 = 2.0;

impl Default for Probes {
    fn default() -> Self {
        Self {
            span: SPAN_MIN,
            latest: 0,
            is_contested: false,
            running: None,
            not_before: Time::ZERO,
            failures: 0,
            arrived: Vec::new(),
        }
    }
}

impl Probes {
    /// Bursts that can be told from each other by steps of a millisecond.
    pub(super) fn on_coarse_clock() -> Self {
        Self {
            span: COARSE_SPAN_MIN,
            ..Self::default()
        }
    }

    /// What is under way will say nothing.
    pub(super) fn give_up(&mut self) {
        self.running = None;
    }

    /// A packet left.
    pub(super) fn send(&mut self, packet: &SentPacket) {
        if let Some(running) = self.of(packet.probe) {
            running.sent.add(packet.at, packet.bytes);
        }
    }

    /// The receiver told of a packet.
    pub(super) fn report(&mut self, report: &PacketReport) {
        let running = self.running.as_mut();
        let running = running.filter(|running| running.probe.number == report.sent.probe);
        if let Some(running) = running {
            running.told += u32::from(!report.was_lost);
            if let Some(arrived) = report.arrived {
                running.arrived.add(arrived, report.sent.bytes);
                if self.arrived.len() < ARRIVALS_MAX {
                    self.arrived.push((arrived, report.sent.bytes));
                }
            }
        }
    }

    /// What the burst under way told, once all of it was reported.
    pub(super) fn outcome(&mut self, now: Time) -> Option<Outcome> {
        let running = self.running?;
        let is_told = running.is_sent() && running.told >= running.sent.packets;
        if !is_told {
            if now - running.began > PATIENCE {
                self.running = None;
                self.not_before = now + INTERVAL;
            }
            return None;
        }
        self.running = None;
        let outcome = running.outcome(&mut self.arrived);
        let is_success = outcome.is_some_and(|outcome| !outcome.is_less);
        if is_success {
            let rest = match self.is_contested {
                true => CONTESTED_INTERVAL,
                false => Duration::ZERO,
            };
            (self.failures, self.not_before) = (0, now + rest);
        } else {
            self.not_before = now + INTERVAL * (1 << self.failures.min(DOUBLINGS_MAX));
            self.failures += 1;
        }
        outcome
    }

    /// The next burst, when `wanted` is so much more than the `estimate` (both in bits a second).
    /// Packets come `spread` milliseconds later than the fastest, on average.
    pub(super) fn ask(
        &mut self,
        estimate: f64,
        wanted: f64,
        spread: f64,
        now: Time,
    ) -> Option<Probe> {
        let is_met = wanted <= UNMET * estimate;
        if is_met || self.running.is_some() || now < self.not_before {
            return None;
        }
        self.latest = self.latest.checked_add(1).unwrap_or(1);
        let is_jittery = spread > SPREAD_MIN_MS;
        let beyond = match (self.is_contested, is_jittery) {
            (true, _) => CONTESTED_BEYOND_ESTIMATE,
            (false, true) => LONG_BEYOND_ESTIMATE,
            (false, false) => BEYOND_ESTIMATE,
        };
        let bitrate = (BEYOND_WANTED * wanted).min(beyond * estimate);
        let span = match is_jittery {
            true => (SPANS_OF_SPREAD * spread).clamp(millis(self.span), millis(SPAN_MAX)),
            false => millis(self.span),
        };
        let span_bytes = bitrate * span / 8_000.0;
        self.arrived.clear();
        let probe = Probe {
            number: self.latest,
            bitrate: bitrate as u64,
            bytes: (span_bytes as u32).clamp(PACKETS_MIN * PACKET_BYTES, Probe::BYTES_MAX),
        };
        self.running = Some(Running {
            probe,
            began: now,
            is_jittery,
            sent: End::default(),
            arrived: End::default(),
            told: 0,
        });
        Some(probe)
    }

    fn of(&mut self, number: u8) -> Option<&mut Running> {
        let running = self.running.as_mut();
        running.filter(|running| running.probe.number == number)
    }
}

impl Running {
    fn is_sent(&self) -> bool {
        self.sent.bytes >= self.probe.bytes
    }

    fn outcome(&self, arrived: &mut [(Time, u16)]) -> Option<Outcome> {
        let share = f64::from(self.arrived.bytes) / f64::from(self.sent.bytes.max(1));
        let sent = self.sent.rate(self.sent.last_bytes)?;
        let arrived = match self.is_jittery {
            true => rate_amid(arrived)?,
            false => self.arrived.rate(self.arrived.first_bytes)?,
        };
        if share < ARRIVED_MIN || arrived > FASTER_MAX * sent {
            return None;
        }
        let is_less = arrived < CARRIED_MIN * sent;
        let carried = match is_less {
            true => BELOW_CARRIED * arrived,
            false => arrived.min(sent),
        };
        Some(Outcome { carried, is_less })
    }
}

/// Bits a second of what arrived, without its ends.
fn rate_amid(arrived: &mut [(Time, u16)]) -> Option<f64> {
    arrived.sort_unstable();
    let smeared = arrived.len() / SMEARED_PARTS;
    let middle = arrived.get(smeared..arrived.len() - smeared)?;
    let ((first, _), (last, _)) = (middle.first()?, middle.last()?);
    let bytes: u64 = middle
        .iter()
        .skip(1)
        .map(|(_, bytes)| u64::from(*bytes))
        .sum();
    let span = *last - *first;
    (span >= SPAN_MIN / 3).then(|| bytes as f64 * 8_000.0 / millis(span))
}

impl End {
    fn add(&mut self, at: Time, bytes: u16) {
        let (first, last) = self.span.unwrap_or((at, at));
        if self.packets == 0 || at < first {
            self.first_bytes = bytes;
        }
        if at >= last {
            self.last_bytes = bytes;
        }
        self.span = Some((first.min(at), last.max(at)));
        self.packets += 1;
        self.bytes += u32::from(bytes);
    }

    /// Bits a second between the first and the last packet, of which one lies outside; none when
    /// they are too close to tell.
    fn rate(&self, outside: u16) -> Option<f64> {
        let (first, last) = self.span?;
        let bits = f64::from(self.bytes - u32::from(outside)) * 8.0;
        (last - first >= SPAN_MIN / 3).then(|| bits * 1_000.0 / millis(last - first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ESTIMATE: f64 = 1e6;

    /// Sends a burst as asked, of which a packet arrives every `gap_us` and every `lost`th does not
    /// (0: none); what it told.
    fn burst(probes: &mut Probes, now: u64, (gap_us, lost): (u64, u32)) -> Option<Outcome> {
        let probe = probes.ask(ESTIMATE, 5e6, 0.0, Time::from_millis(now))?;
        let packets = probe.bytes.div_ceil(1_200);
        let step = 1_200 * 8_000_000 / probe.bitrate;
        for index in 0..packets {
            let at = Time::from_micros(now * 1_000 + u64::from(index) * step);
            let sent = SentPacket {
                number: index.into(),
                at,
                bytes: 1_200,
                probe: probe.number,
            };
            probes.send(&sent);
            let is_lost = lost > 0 && index % lost == lost - 1;
            let arrived = Time::from_micros(9_000_000 + u64::from(index) * gap_us);
            probes.report(&PacketReport {
                sent,
                arrived: (!is_lost).then_some(arrived),
                was_lost: false,
            });
        }
        probes.outcome(Time::from_millis(now + 200))
    }

    #[test]
    fn what_gets_through_is_what_is_carried() {
        // Twice the estimate: 1,200 bytes every 4,800 us.
        let rows = [
            ((4_800, 0), Some((2_000_000, false))),
            ((3_000, 0), Some((2_000_000, false))),
            // 0.95 x 1,200 bytes every 8 ms.
            ((8_000, 0), Some((1_140_000, true))),
            // Faster than any path after one that held it up.
            ((1_000, 0), None),
            ((0, 0), None),
            ((4_800, 2), None),
        ];
        for (arrives, expected) in rows {
            let outcome = burst(&mut Probes::default(), 0, arrives);
            let told = outcome.map(|told| (told.carried.round() as u64, told.is_less));
            assert_eq!(told, expected, "{arrives:?}");
        }
    }

    #[test]
    fn success_is_followed_at_once_and_failures_ever_later() {
        let mut probes = Probes::default();
        // (ms, what arrives, a burst leaves)
        let rows = [
            (0, 4_800, true),
            (200, 4_800, true),
            (400, 9_600, true),
            (1_599, 9_600, false),
            (1_600, 9_600, true),
            (3_799, 9_600, false),
            (3_800, 9_600, true),
            (8_000, 9_600, true),
            (12_200, 4_800, true),
            (12_400, 4_800, true),
        ];
        for (ms, gap_us, leaves) in rows {
            let outcome = burst(&mut probes, ms, (gap_us, 0));
            assert_eq!(outcome.is_some(), leaves, "at {ms} ms");
        }
    }

    #[test]
    fn a_burst_that_was_not_filled_or_not_told_of_says_nothing() {
        let mut probes = Probes::default();
        let now = Time::from_millis;
        let probe = probes.ask(ESTIMATE, 5e6, 0.0, now(0)).unwrap();
        assert_eq!(
            probes.ask(ESTIMATE, 5e6, 0.0, now(100)),
            None,
            "one at a time"
        );
        let sent = SentPacket {
            number: 1,
            at: now(0),
            bytes: 1_200,
            probe: probe.number,
        };
        probes.send(&sent);
        let (arrived, was_lost) = (Some(now(50)), false);
        probes.report(&PacketReport {
            sent,
            arrived,
            was_lost,
        });
        assert_eq!(probes.outcome(now(1_500)), None);
        assert_eq!(probes.ask(ESTIMATE, 5e6, 0.0, now(1_500)), None);
        assert_eq!(probes.outcome(now(1_501)), None);
        assert_eq!(probes.ask(ESTIMATE, 5e6, 0.0, now(2_500)), None);
        assert!(probes.ask(ESTIMATE, 5e6, 0.0, now(2_501)).is_some());
    }

    #[test]
    fn no_more_is_tried_than_what_is_wanted_and_twice_the_estimate() {
        // (wanted, bits a second of the burst)
        let rows = [
            (0.9e6, None),
            (1.08e6, None),
            (1.2e6, Some(1_440_000)),
            (9e6, Some(2_000_000)),
        ];
        for (wanted, expected) in rows {
            let probe = Probes::default().ask(ESTIMATE, wanted, 0.0, Time::ZERO);
            assert_eq!(probe.map(|probe| probe.bitrate), expected, "{wanted}");
        }
    }

    #[test]
    fn where_a_queue_grew_lately_less_is_tried_at_a_time() {
        let mut probes = Probes {
            is_contested: true,
            ..Probes::default()
        };
        // (ms, a burst leaves): at 1.5 Mbit/s, of which everything arrives.
        for (ms, leaves) in [(0, true), (699, false), (700, true)] {
            let outcome = burst(&mut probes, ms, (6_400, 0));
            let carried = outcome.map(|outcome| (outcome.carried / 1e5).round() as u64);
            assert_eq!(carried, leaves.then_some(15), "at {ms} ms");
        }
    }

    #[test]
    fn where_packets_overtake_each_other_a_burst_is_longer_and_its_middle_counts() {
        let mut probes = Probes::default();
        let probe = probes.ask(ESTIMATE, 5e6, 50.0, Time::ZERO).unwrap();
        // 200 ms of 1.5 Mbit/s.
        assert_eq!(probe.bytes, 37_500);
        for index in 0..32_u64 {
            let at = Time::from_micros(index * 6_400);
            let sent = SentPacket {
                number: index,
                at,
                bytes: 1_200,
                probe: probe.number,
            };
            probes.send(&sent);
            // Up to 96 ms late, in no order.
            let late = index * 37 % 96 * 1_000;
            let arrived = Time::from_micros(9_000_000 + index * 6_400 + late);
            probes.report(&PacketReport {
                sent,
                arrived: Some(arrived),
                was_lost: false,
            });
        }
        let outcome = probes.outcome(Time::from_millis(400)).unwrap();
        let is_right = (1_275_000.0..=1_500_000.0).contains(&outcome.carried);
        assert!(is_right, "{outcome:?}");
    }
}

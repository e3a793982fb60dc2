//! What the path of a sender carries, estimated where its packets arrive.

mod offset_filter;

use std::time::Duration;

use crate::feedback::congestion::overuse_detector::{OveruseDetector, Usage};
use crate::feedback::congestion::packet_groups::PacketGroups;
use crate::feedback::congestion::rate_controller::RateController;
use crate::media::rate::Rate;
use crate::tick::time::Time;
use offset_filter::OffsetFilter;

/// The receive side of Google congestion control (draft-ietf-rmcat-gcc-02), fed with the times of
/// sending that packets carry (abs-send-time).
///
/// Packets are gathered into groups; a Kalman filter follows how much longer each group was on its
/// way than the one before; while that grows, a queue fills somewhere, and the estimate falls below
/// what arrives. Numbers are multiplied, divided and compared, never raised to a power or
/// exponentiated by a library, so that every machine estimates the same.
#[derive(Clone, Debug)]
pub struct IncomingEstimate {
    groups: PacketGroups,
    filter: OffsetFilter,
    detector: OveruseDetector,
    controller: RateController,
    rate: Rate,
    first_at: Time,
    last_at: Option<Time>,
}

crate::snapshot::state! {
    struct IncomingEstimate {
        groups, filter, detector, controller, rate, first_at, last_at
    }
}

/// The window over which the incoming bitrate is measured: the draft asks for half a second to one
/// second.
const RATE_WINDOW: Duration = Duration::from_millis(500);
/// After such a silence what is known of the queue is worth nothing.
const SILENCE_MAX: Duration = Duration::from_secs(2);

impl Default for IncomingEstimate {
    fn default() -> Self {
        Self {
            groups: PacketGroups::default(),
            filter: OffsetFilter::default(),
            detector: OveruseDetector::default(),
            controller: RateController::default(),
            rate: Rate::new(RATE_WINDOW.as_millis() as u64),
            first_at: Time::ZERO,
            last_at: None,
        }
    }
}

impl IncomingEstimate {
    /// Takes in a packet of `bytes` that arrived at `now` and was sent at `sent`, 24 bits of seconds
    /// in 6.18 fixed point.
    pub fn receive(&mut self, sent: u32, bytes: u32, now: Time) {
        let is_silence_over = self.last_at.is_none_or(|last| now - last > SILENCE_MAX);
        if is_silence_over || self.groups.jumps(sent, now) {
            self.begin(now);
        }
        self.last_at = Some(now);
        self.rate.add(bytes.into(), now);
        let Some(delta) = self.groups.receive(sent, now) else {
            return;
        };
        let offset = self.filter.update(delta);
        let usage = self.detector.update(offset, delta.sent_ms, now);
        let is_measured = now - self.first_at >= RATE_WINDOW;
        if is_measured || usage == Usage::Over {
            let incoming = self.rate.bits_per_second(now);
            self.controller.update(usage, incoming as f64, now);
        }
    }

    /// The estimate in bits a second; `None` until half a second has been measured.
    pub fn bitrate(&self) -> Option<u64> {
        self.controller.estimate().map(|estimate| estimate as u64)
    }

    /// Begins to measure anew; the estimate stays until there is a better one.
    fn begin(&mut self, now: Time) {
        self.first_at = now;
        self.groups = PacketGroups::default();
        self.filter = OffsetFilter::default();
        self.detector = OveruseDetector::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET_BYTES: u32 = 1_200;

    /// A sender that follows the estimate up to what it has to send, over a link with a queue.
    struct Path {
        estimate: IncomingEstimate,
        /// Bits a second.
        link: f64,
        /// Milliseconds.
        now: f64,
        /// How far the sender's clock is ahead, in milliseconds.
        clock: f64,
        link_free: f64,
    }

    impl Path {
        fn new(link: f64) -> Self {
            Self {
                estimate: IncomingEstimate::default(),
                link,
                now: 0.0,
                clock: 64_000.0,
                link_free: 0.0,
            }
        }

        fn told(&self) -> f64 {
            self.estimate.bitrate().unwrap_or(u64::MAX) as f64
        }

        /// Sends for `ms` milliseconds at no more than `wanted` bits a second; the estimates after
        /// each packet.
        fn run(&mut self, ms: f64, wanted: f64) -> Vec<f64> {
            let (end, mut told) = (self.now + ms, Vec::new());
            while self.now < end {
                let bits = f64::from(PACKET_BYTES) * 8.0;
                self.link_free = self.link_free.max(self.now) + bits * 1_000.0 / self.link;
                let sent = ((self.now + self.clock) * 262.144) as u64 as u32 & 0xFF_FFFF;
                let arrived = Time::from_micros((self.link_free * 1_000.0) as u64);
                self.estimate.receive(sent, PACKET_BYTES, arrived);
                self.now += bits * 1_000.0 / wanted.min(self.told());
                told.push(self.told());
            }
            told
        }

        fn queue_ms(&self) -> f64 {
            self.link_free - self.now
        }
    }

    fn lowest(told: &[f64]) -> f64 {
        told.iter().copied().fold(f64::MAX, f64::min)
    }

    #[test]
    fn a_link_that_carries_it_all_is_never_overused() {
        let mut path = Path::new(10_000_000.0);
        path.run(2_000.0, 1_000_000.0);
        let told = path.run(60_000.0, 1_000_000.0);
        assert!(lowest(&told) >= 1_000_000.0, "{}", lowest(&told));
        // No more than one and a half times what came, and a little.
        assert!(path.told() <= 1_550_000.0, "{}", path.told());
    }

    #[test]
    fn packets_that_are_held_up_now_and_then_are_no_queue_that_grows() {
        let mut estimate = IncomingEstimate::default();
        let (mut noise, mut lowest, mut last) = (1_u32, u64::MAX, 0);
        // 1 Mbit/s for a minute, every packet up to 3 ms late.
        for index in 0..6_250_u64 {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let sent_us = index * 9_600;
            let arrived_us = (sent_us + 20_000 + u64::from(noise >> 16) % 3_000).max(last);
            last = arrived_us;
            let sent = (sent_us * 262_144 / 1_000_000) as u32 & 0xFF_FFFF;
            estimate.receive(sent, PACKET_BYTES, Time::from_micros(arrived_us));
            lowest = lowest.min(estimate.bitrate().unwrap_or(u64::MAX));
        }
        assert!(lowest >= 950_000, "{lowest}");
    }

    #[test]
    fn a_queue_that_grows_makes_the_estimate_fall_below_the_link() {
        let mut path = Path::new(1_000_000.0);
        let told = path.run(5_000.0, 2_000_000.0);
        assert!(lowest(&told) < 1_000_000.0, "{}", lowest(&told));
        path.run(55_000.0, 2_000_000.0);
        // From then on it swings around what the link carries, and the queue stays short.
        let told = path.run(60_000.0, 2_000_000.0);
        let mean = told.iter().sum::<f64>() / told.len() as f64;
        assert!((700_000.0..1_050_000.0).contains(&mean), "{mean}");
        assert!(path.queue_ms() < 500.0, "{} ms", path.queue_ms());
    }

    #[test]
    fn a_link_that_recovers_is_used_again() {
        let mut path = Path::new(3_000_000.0);
        path.run(10_000.0, 1_500_000.0);
        path.link = 500_000.0;
        path.run(20_000.0, 1_500_000.0);
        assert!(path.told() < 650_000.0, "{}", path.told());
        path.link = 3_000_000.0;
        path.run(60_000.0, 1_500_000.0);
        assert!(path.told() >= 1_400_000.0, "{}", path.told());
    }

    #[test]
    fn a_clock_that_is_set_does_not_hide_a_queue() {
        for clock in [64_000.0 - 20_000.0, 64_000.0 + 20_000.0] {
            let mut path = Path::new(3_000_000.0);
            path.run(10_000.0, 1_500_000.0);
            path.clock = clock;
            path.link = 500_000.0;
            let told = path.run(5_000.0, 1_500_000.0);
            assert!(lowest(&told) < 500_000.0, "{}", lowest(&told));
            path.link = 3_000_000.0;
            path.run(60_000.0, 1_500_000.0);
            assert!(path.told() >= 1_400_000.0, "{}", path.told());
        }
    }

    #[test]
    fn nothing_is_known_at_first_and_what_is_known_outlasts_silence() {
        let mut path = Path::new(10_000_000.0);
        path.run(450.0, 1_000_000.0);
        assert_eq!(path.estimate.bitrate(), None);
        path.run(1_000.0, 1_000_000.0);
        let before = path.estimate.bitrate();
        assert!(before.is_some());
        path.now += 10_000.0;
        path.run(300.0, 1_000_000.0);
        assert_eq!(path.estimate.bitrate(), before);
    }

    #[test]
    fn absurd_times_of_sending_are_survived() {
        let mut estimate = IncomingEstimate::default();
        let mut noise = 1_u32;
        for ms in 0..50_000 {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            estimate.receive(noise >> 8, noise >> 20, Time::from_millis(ms));
            assert!(estimate.bitrate().is_none_or(|bitrate| bitrate > 0));
        }
    }
}

//! What the delays of packets say of a path.

use super::estimator::SentPacket;
use super::queueing_delay::QueueingDelay;
use super::trendline::Trendline;
use crate::feedback::congestion::overuse_detector::{OveruseDetector, Usage};
use crate::feedback::congestion::packet_groups::PacketGroups;
use crate::tick::time::Time;

/// What is made of the delays of packets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delays {
    groups: PacketGroups,
    line: Trendline,
    detector: OveruseDetector,
    usage: Usage,
    pub(super) queue: QueueingDelay,
    /// By the last report, packets waited for long.
    was_long: bool,
    /// What was sent before went by another way.
    since: Time,
}

crate::snapshot::state! {
    struct Delays { groups, line, detector, usage, queue, was_long, since }
}

/// A queue is too long however steady it is: a shallow one holds 16 packets, which are 50 ms at
/// 3 Mbit/s.
pub(super) const QUEUE_MAX_MS: f64 = 40.0;

impl Default for Delays {
    fn default() -> Self {
        Self {
            groups: PacketGroups::default(),
            line: Trendline::default(),
            detector: OveruseDetector::of_slopes(),
            usage: Usage::Normal,
            queue: QueueingDelay::default(),
            was_long: false,
            since: Time::ZERO,
        }
    }
}

impl Delays {
    /// Begins to measure anew.
    pub(super) fn begin(&mut self) {
        *self = Self {
            since: self.since,
            ..Self::default()
        };
    }

    /// Begins to measure anew what is sent from `now` on.
    pub(super) fn begin_at(&mut self, now: Time) {
        self.since = now;
        self.begin();
    }

    pub(super) fn add(&mut self, sent: &SentPacket, arrived: Time, now: Time) {
        if sent.at < self.since {
            return;
        }
        let units = abs_send_units(sent.at);
        if self.groups.jumps(units, arrived) {
            self.begin();
        }
        self.queue.add(sent, arrived, now);
        if let Some(delta) = self.groups.receive(units, arrived) {
            let trend = self.line.update(delta, arrived);
            self.usage = self.detector.update(trend, delta.sent_ms, arrived);
        }
    }

    /// Packets wait for too long.
    pub(super) fn is_long(&self) -> bool {
        self.queue.millis() > QUEUE_MAX_MS
    }

    /// How fast the delay grows, in milliseconds.
    pub(super) fn trend(&self) -> f64 {
        self.line.trend()
    }

    /// All that a report tells was taken in, and made use of.
    pub(super) fn end_report(&mut self) {
        self.was_long = self.is_long();
    }

    /// What is made of the path, where little is sent or not, and what is sent comes through or not.
    pub(super) fn usage(&self, is_limited: bool, is_through: bool) -> Usage {
        let is_long = self.is_long();
        match self.usage {
            Usage::Under if !self.queue.is_jittery() => Usage::Under,
            // Probes and key frames make queues that are gone with the next report.
            _ if is_long && (self.was_long || !is_through) => Usage::Over,
            Usage::Over if self.queue.is_proven() && !is_limited => Usage::Over,
            // Packets that overtake each other look like either all the time.
            _ if self.queue.is_jittery() => Usage::Normal,
            Usage::Over => Usage::Under,
            usage => usage,
        }
    }
}

/// A time in the units of abs-send-time: 24 bits of seconds in 6.18 fixed point.
fn abs_send_units(at: Time) -> u32 {
    let units = (u128::from(at.as_nanos()) << 18) / 1_000_000_000;
    units as u32 & 0xFF_FFFF
}

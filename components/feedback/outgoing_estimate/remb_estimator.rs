//! What a path carries, as its receiver tells.

use std::time::Duration;

use super::estimator::{BandwidthEstimator, EstimateCause, PathEstimate, PathReport, Probe};
use crate::snapshot;
use crate::tick::time::Time;

/// Believes the receiver (draft-alvestrand-rmcat-remb-03).
///
/// A receiver tells little more than what arrives: more is sent for a while, as long as more is
/// wanted, and ever more rarely when that makes it tell no more.
#[derive(Clone, Copy, Debug)]
pub struct RembEstimator {
    estimate: PathEstimate,
    latest: u8,
    /// What the receiver told when the latest probe began.
    told_before: u64,
    not_before: Time,
    failures: u32,
}

crate::snapshot::state! {
    struct RembEstimator {
        estimate, latest, told_before, not_before, failures
    }
}

/// What is wanted must be so much more than what is told, in percent.
const UNMET_PERCENT: u64 = 110;
/// Receivers tell up to one and a half times what arrives.
const BEYOND_PERCENT: u64 = 150;
/// Receivers tell once a second, and what arrived within half of that.
const SPAN: Duration = Duration::from_millis(1_000);
/// A probe made a difference if so much more is told, in percent.
const SUCCESS_PERCENT: u64 = 105;
/// Between probes of which one made none, doubling.
const INTERVAL: Duration = Duration::from_secs(4);
const DOUBLINGS_MAX: u32 = 3;

impl RembEstimator {
    /// Begins with `bitrate` bits a second.
    pub fn new(bitrate: u64) -> Self {
        Self {
            estimate: PathEstimate::starting_at(bitrate),
            latest: 0,
            told_before: 0,
            not_before: Time::ZERO,
            failures: 0,
        }
    }

    fn ask(&mut self, wanted: u64, now: Time) -> Option<Probe> {
        let told = self.estimate.bitrate;
        let is_told = self.estimate.cause == EstimateCause::Remb;
        let is_met = wanted <= (told / 100).saturating_mul(UNMET_PERCENT);
        if !is_told || is_met || now < self.not_before {
            return None;
        }
        match told > (self.told_before / 100).saturating_mul(SUCCESS_PERCENT) {
            true => self.failures = 0,
            false => self.failures = (self.failures + 1).min(DOUBLINGS_MAX),
        }
        let pause = match self.failures {
            0 => Duration::ZERO,
            failures => INTERVAL * (1 << (failures - 1)),
        };
        self.not_before = now + SPAN + pause;
        self.told_before = told;
        self.latest = self.latest.checked_add(1).unwrap_or(1);
        let bitrate = wanted.min(told.saturating_mul(BEYOND_PERCENT) / 100);
        let bytes = u128::from(bitrate) * SPAN.as_millis() / 8_000;
        Some(Probe {
            number: self.latest,
            bitrate,
            bytes: u32::try_from(bytes)
                .unwrap_or(u32::MAX)
                .min(Probe::BYTES_MAX),
        })
    }
}

impl BandwidthEstimator for RembEstimator {
    fn receive(&mut self, report: PathReport<'_>, _now: Time) {
        if let PathReport::Bitrate(bitrate) = report {
            self.estimate.bitrate = bitrate;
            self.estimate.cause = EstimateCause::Remb;
        }
    }

    fn estimate(&mut self, wanted: u64, now: Time) -> PathEstimate {
        PathEstimate {
            probe: self.ask(wanted, now),
            ..self.estimate
        }
    }

    fn save(&self) -> Option<Vec<u8>> {
        Some(snapshot::save(self))
    }

    fn load(&mut self, saved: &[u8]) -> bool {
        snapshot::load(saved).map(|saved| *self = saved).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_sent_as_long_as_that_makes_the_receiver_tell_more() {
        let mut estimator = RembEstimator::new(600_000);
        // (ms, told, wanted, bits a second of a probe)
        let rows = [
            (0, None, 2_000_000, None),
            (100, Some(500_000), 540_000, None),
            (200, Some(500_000), 2_000_000, Some(750_000)),
            (300, Some(500_000), 2_000_000, None),
            (1_200, Some(700_000), 2_000_000, Some(1_050_000)),
            // No more was told: it waits for four seconds after this one.
            (2_200, Some(700_000), 2_000_000, Some(1_050_000)),
            (7_100, Some(700_000), 2_000_000, None),
            (7_200, Some(700_000), 1_000_000, Some(1_000_000)),
            (16_100, Some(700_000), 1_000_000, None),
            (16_200, Some(900_000), 1_000_000, Some(1_000_000)),
        ];
        for (ms, told, wanted, expected) in rows {
            let now = Time::from_millis(ms);
            if let Some(bitrate) = told {
                estimator.receive(PathReport::Bitrate(bitrate), now);
            }
            let probe = estimator.estimate(wanted, now).probe;
            assert_eq!(probe.map(|probe| probe.bitrate), expected, "at {ms} ms");
        }
    }

    #[test]
    fn a_receiver_may_tell_any_bitrate() {
        let mut estimator = RembEstimator::new(600_000);
        for told in [u64::MAX, 0, u64::MAX - 1] {
            estimator.receive(PathReport::Bitrate(told), Time::ZERO);
            let estimate = estimator.estimate(2_000_000, Time::ZERO);
            assert_eq!(estimate.bitrate, told);
            estimator.not_before = Time::ZERO;
        }
    }
}

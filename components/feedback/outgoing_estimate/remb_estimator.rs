//! What a path carries, as its receiver tells.

use super::estimator::{BandwidthEstimator, EstimateCause, PathEstimate, PathReport};
use crate::tick::time::Time;

/// Believes the receiver (draft-alvestrand-rmcat-remb-03).
#[derive(Clone, Copy, Debug)]
pub struct RembEstimator {
    estimate: PathEstimate,
}

impl RembEstimator {
    /// Begins with `bitrate` bits a second.
    pub fn new(bitrate: u64) -> Self {
        Self {
            estimate: PathEstimate::starting_at(bitrate),
        }
    }
}

impl BandwidthEstimator for RembEstimator {
    fn receive(&mut self, report: PathReport<'_>, _now: Time) {
        if let PathReport::Bitrate(bitrate) = report {
            self.estimate.bitrate = bitrate;
            self.estimate.cause = EstimateCause::Remb;
        }
    }

    fn estimate(&mut self, _wanted: u64, _now: Time) -> PathEstimate {
        self.estimate
    }
}

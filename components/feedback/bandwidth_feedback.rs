//! What a transport measures of its sender's path, to tell it.

use std::time::Duration;

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;

use crate::feedback::arrival_history::ArrivalHistory;
use crate::feedback::incoming_estimate::IncomingEstimate;
use crate::feedback::incoming_limit::IncomingLimit;
use crate::media::loss_history::LossHistory;
use crate::tick::deadline::{Deadlines, Due};
use crate::tick::time::Time;

/// What a transport measures of its sender's path. Written by Demux and Feedback; transports whose
/// producers negotiated nothing of the kind have none.
#[derive(Component, Clone, Debug)]
pub struct BandwidthFeedback {
    /// How the sender is told.
    pub method: FeedbackMethod,
    /// The SSRC of its newest packet: feedback has to name one of the sender's.
    pub media_ssrc: u32,
    armed: bool,
}

crate::snapshot::state! { struct BandwidthFeedback { method, media_ssrc, armed } }

/// How a sender is told what its path carries. The first producer that negotiates one decides for
/// its transport.
#[derive(Clone, Debug)]
pub enum FeedbackMethod {
    /// When its packets arrive: the sender estimates
    /// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    TransportCc(Box<TransportCc>),
    /// A bitrate: the receiver estimates (draft-alvestrand-rmcat-remb-03).
    Remb(Box<RembFeedback>),
}

crate::snapshot::state! { enum FeedbackMethod { TransportCc(it), Remb(it) } }

/// What transport-wide feedback is made of.
#[derive(Clone, Debug)]
pub struct TransportCc {
    /// When packets arrived.
    pub arrivals: ArrivalHistory,
    /// The number of the next feedback packet; it wraps.
    pub count: u8,
    /// How many did not arrive.
    pub loss: LossHistory,
}

crate::snapshot::state! { struct TransportCc { arrivals, count, loss } }

/// An estimate, and what the sender was told of it.
#[derive(Clone, Debug, Default)]
pub struct RembFeedback {
    /// What the path carries.
    pub estimate: IncomingEstimate,
    told: Option<(u64, Time)>,
}

crate::snapshot::state! { struct RembFeedback { estimate, told } }

/// Estimates that are to be told in this tick: the transport, and bits a second. Filled by Demux,
/// emptied by Feedback.
#[derive(Debug, Default)]
pub struct EstimatesToTell(pub Vec<(Entity, u64)>);

crate::snapshot::state! { struct EstimatesToTell(it) }

impl FeedbackMethod {
    /// Transport-wide feedback that remembers at most `arrivals` numbers.
    pub fn transport_cc(arrivals: usize) -> Self {
        Self::TransportCc(Box::new(TransportCc {
            arrivals: ArrivalHistory::new(arrivals),
            count: 0,
            loss: LossHistory::default(),
        }))
    }

    /// Bitrates.
    pub fn remb() -> Self {
        Self::Remb(Box::default())
    }
}

impl BandwidthFeedback {
    /// How often arrivals are reported while packets arrive.
    pub const INTERVAL: Duration = Duration::from_millis(100);

    /// Nothing is measured yet.
    pub fn new(method: FeedbackMethod) -> Self {
        Self {
            method,
            media_ssrc: 0,
            armed: false,
        }
    }

    /// There is something to report: sets a deadline, unless one is set.
    pub fn arm(&mut self, transport: Entity, now: Time, deadlines: &mut Deadlines) {
        if !std::mem::replace(&mut self.armed, true) {
            deadlines.set(now + Self::INTERVAL, transport, Due::BandwidthFeedback);
        }
    }

    /// The deadline has fired.
    pub fn disarm(&mut self) {
        self.armed = false;
    }
}

impl RembFeedback {
    /// Shortest span between two tellings of about the same or of more.
    const INTERVAL: Duration = Duration::from_secs(1);

    /// What the sender is to be told at `now`, if anything: the estimate or, when that is less, the
    /// limit. A bitrate that is lower than what was told by more than 3 % is told at once, or a
    /// queue would go on growing; what is higher can wait.
    pub fn tell(&mut self, limit: &IncomingLimit, now: Time) -> Option<u64> {
        let bitrate = [self.estimate.bitrate(), limit.bitrate()];
        let bitrate = bitrate.into_iter().flatten().min()?;
        if let Some((told, at)) = self.told
            && bitrate.saturating_mul(100) >= told.saturating_mul(97)
            && now - at < Self::INTERVAL
        {
            return None;
        }
        self.told = Some((bitrate, now));
        Some(bitrate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lower_is_told_at_once_and_what_is_higher_after_a_second() {
        let mut remb = RembFeedback::default();
        let mut limit = IncomingLimit::default();
        // (milliseconds, limit, told)
        let rows = [
            (0, 0, None),
            (0, 1_000, Some(1_000)),
            (100, 970, None),
            (200, 969, Some(969)),
            (300, 2_000, None),
            (1_199, 2_000, None),
            (1_200, 2_000, Some(2_000)),
            (2_200, 2_000, Some(2_000)),
        ];
        for (ms, bitrate, told) in rows {
            limit.set(bitrate);
            let now = Time::from_millis(ms);
            assert_eq!(remb.tell(&limit, now), told, "at {ms} ms");
        }
    }
}

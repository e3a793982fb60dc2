//! Kinds of deadlines, as a set.

use crate::tick::deadline::Due;

/// Kinds of deadlines: of which something became due, or for which somebody looks. What a deadline
/// carries besides its kind does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DueKinds(u32);

crate::snapshot::state! { struct DueKinds(bits) }

impl DueKinds {
    /// The kinds of some deadlines.
    pub const fn of(dues: &[Due]) -> Self {
        let (mut bits, mut index) = (0, 0);
        while index < dues.len() {
            bits |= 1 << place(dues[index]);
            index += 1;
        }
        Self(bits)
    }

    /// The kinds of both.
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Some kind is one of `others`, too.
    pub const fn meet(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
}

/// The place of the kind of a deadline in a set.
const fn place(due: Due) -> u32 {
    match due {
        Due::KeyFrameRetry { .. } => 0,
        Due::KeyFrameDelay { .. } => 1,
        Due::MissingPackets => 2,
        Due::Inactivity => 3,
        Due::Liveness => 4,
        Due::LayerActivity => 5,
        Due::Wants => 6,
        Due::BandwidthFeedback => 7,
        Due::PathEstimate => 8,
        Due::Probe => 9,
        Due::Pacing => 10,
        Due::Reports => 11,
        Due::MoreReports => 12,
        Due::Sctp => 13,
        Due::IceConsent => 14,
        Due::UnprovenConnections => 15,
        Due::Dtls => 16,
        Due::Observed => 17,
        Due::User(_) => 18,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_meet_by_kind_whatever_deadlines_carry() {
        let users = DueKinds::of(&[Due::User(1)]);
        let both = users.and(DueKinds::of(&[Due::Pacing, Due::Pacing]));
        assert!(both.meet(DueKinds::of(&[Due::Dtls, Due::User(2)])));
        assert!(both.meet(DueKinds::of(&[Due::Pacing])));
        assert!(!both.meet(DueKinds::of(&[Due::Dtls, Due::Probe])));
        assert!(!DueKinds::default().meet(both));
    }
}

//! SSRCs that take the place of others.

use std::time::Duration;

use serde::Serialize;
use smallvec::SmallVec;

use crate::tick::time::Time;

/// A stream whose sender came back with another SSRC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SsrcChange {
    /// The position of its encoding in the producer's parameters.
    pub encoding_idx: u32,
    /// The RTP stream identifier (RFC 8852), when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rid: Option<String>,
    /// The SSRC of its media now.
    pub ssrc: u32,
    /// The SSRC of its media before.
    pub previous_ssrc: u32,
}

/// Which SSRCs of one encoding others took the place of (RFC 8843 section 9.2), the latest alone:
/// no more than may in [`SPAN`](Self::SPAN).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SsrcChanges {
    latest: SmallVec<[Replaced; 0]>,
}

crate::snapshot::state! { struct SsrcChanges { latest } }

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Replaced {
    /// Of media and of retransmissions.
    ssrcs: [Option<u32>; 2],
    at: Time,
}

crate::snapshot::state! { struct Replaced { ssrcs, at } }

/// Whether an SSRC may take the place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Granted,
    /// As many did lately as may.
    TooMany,
    /// Another took its own place, and is still heard: these are its last packets, or two senders
    /// at once.
    Replaced,
}

impl SsrcChanges {
    /// The span in which changes are counted.
    pub const SPAN: Duration = Duration::from_secs(10);
    /// After this long without a packet of the stream that is there, an SSRC that it replaced may
    /// come back.
    pub const SILENCE: Duration = Duration::from_secs(1);

    /// Whether `ssrc` may take the place of a stream that was last heard at `heard`, when at most
    /// `limit` may in a span.
    pub fn admission(&self, ssrc: u32, now: Time, heard: Time, limit: usize) -> Admission {
        if self.has_replaced(ssrc) && now - heard < Self::SILENCE {
            return Admission::Replaced;
        }
        let lately = |replaced: &&Replaced| now - replaced.at < Self::SPAN;
        match self.latest.iter().filter(lately).count() < limit {
            true => Admission::Granted,
            false => Admission::TooMany,
        }
    }

    /// Another took the place of `ssrc`: that of media or of retransmissions.
    pub fn has_replaced(&self, ssrc: u32) -> bool {
        let mut ssrcs = self.latest.iter().flat_map(|replaced| replaced.ssrcs);
        ssrcs.any(|replaced| replaced == Some(ssrc))
    }

    /// Others took the place of `ssrcs`, of media and of retransmissions; of such changes `limit`
    /// are remembered.
    pub fn note(&mut self, ssrcs: [Option<u32>; 2], now: Time, limit: usize) {
        let beyond = (self.latest.len() + 1).saturating_sub(limit);
        self.latest.drain(..beyond.min(self.latest.len()));
        self.latest.push(Replaced { ssrcs, at: now });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Time = Time::from_millis;

    fn replaced(ssrcs: &[u32]) -> SsrcChanges {
        let mut changes = SsrcChanges::default();
        for (second, &ssrc) in (0..).zip(ssrcs) {
            changes.note([Some(ssrc), Some(ssrc + 1)], AT(second * 1_000), 3);
        }
        changes
    }

    #[test]
    fn no_more_than_the_limit_take_the_place_of_others_in_a_span() {
        let changes = replaced(&[10, 20, 30]);
        let admission = |at| changes.admission(99, AT(at), AT(at), 3);
        assert_eq!(admission(9_999), Admission::TooMany);
        assert_eq!(
            admission(10_000),
            Admission::Granted,
            "the first is long ago"
        );
        assert_eq!(
            changes.admission(99, AT(3_000), AT(3_000), 4),
            Admission::Granted
        );
        assert_eq!(
            SsrcChanges::default().admission(9, AT(0), AT(0), 0),
            Admission::TooMany
        );
    }

    #[test]
    fn what_was_replaced_comes_back_only_when_its_successor_is_silent() {
        let changes = replaced(&[10]);
        for ssrc in [10, 11] {
            assert!(changes.has_replaced(ssrc));
            let admission = |heard| changes.admission(ssrc, AT(2_000), AT(heard), 3);
            assert_eq!(admission(1_001), Admission::Replaced);
            assert_eq!(admission(1_000), Admission::Granted);
        }
    }

    #[test]
    fn no_more_than_the_limit_are_remembered() {
        let changes = replaced(&[10, 20, 30, 40, 50]);
        let known: Vec<u32> = (10..60)
            .filter(|&ssrc| changes.has_replaced(ssrc))
            .collect();
        assert_eq!(known, [30, 31, 40, 41, 50, 51]);
    }
}

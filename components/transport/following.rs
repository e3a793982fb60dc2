//! When a new source may take the place of one that fell silent.

use std::time::Duration;

use bevy_ecs::component::Component;

use crate::tick::time::Time;
use crate::transport::path::Role;

/// A transport in comedia mode that goes over to a new source once the one it learnt is silent.
/// Written by Demux.
#[derive(Component, Clone, Debug)]
pub struct Following {
    after: Duration,
    rtp: Heard,
    rtcp: Heard,
}

crate::snapshot::state! { struct Following { after, rtp, rtcp } }

/// When the source of a way was heard last; nothing once the source of the other way was replaced.
type Heard = Option<Time>;

impl Following {
    /// Goes over to a new source when the old one has been silent for `after`.
    pub fn new(after: Duration) -> Self {
        Self {
            after,
            rtp: None,
            rtcp: None,
        }
    }

    /// The source of `role`'s way was heard, or learnt.
    pub fn hear(&mut self, role: Role, now: Time) {
        *self.way(role) = Some(now);
    }

    /// A new source may take `role`'s way: the sender has been silent on both of them, or was
    /// replaced on the other one. A sender whose media pauses goes on with RTCP.
    pub fn may_be_taken(&mut self, role: Role, now: Time) -> bool {
        let last = self.rtp.max(self.rtcp);
        let silent = last.is_none_or(|last| now.since(last) >= self.after);
        silent || self.way(role).is_none()
    }

    /// A new source takes `role`'s way. That of the other way belonged to the old sender.
    pub fn take(&mut self, role: Role, now: Time) {
        (self.rtp, self.rtcp) = (None, None);
        self.hear(role, now);
    }

    fn way(&mut self, role: Role) -> &mut Heard {
        match role {
            Role::Rtp => &mut self.rtp,
            Role::Rtcp => &mut self.rtcp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: Duration = Duration::from_secs(2);

    fn heard(rtp: u64, rtcp: u64) -> Following {
        let mut following = Following::new(AFTER);
        following.hear(Role::Rtp, Time::from_millis(rtp));
        following.hear(Role::Rtcp, Time::from_millis(rtcp));
        following
    }

    #[test]
    fn a_source_is_left_after_the_named_silence_and_not_before() {
        let mut following = heard(1_000, 500);
        for role in [Role::Rtp, Role::Rtcp] {
            assert!(!following.may_be_taken(role, Time::from_millis(2_999)));
            assert!(following.may_be_taken(role, Time::from_millis(3_000)));
        }
    }

    #[test]
    fn one_way_that_is_alive_keeps_the_other() {
        let mut following = heard(1_000, 9_000);
        assert!(!following.may_be_taken(Role::Rtp, Time::from_millis(10_000)));
    }

    #[test]
    fn who_takes_one_way_may_take_the_other_at_once_and_nobody_else_the_first() {
        for (first, second) in [(Role::Rtp, Role::Rtcp), (Role::Rtcp, Role::Rtp)] {
            let mut following = heard(1_000, 1_000);
            let now = Time::from_millis(3_000);
            following.take(first, now);
            assert!(!following.may_be_taken(first, now));
            assert!(following.may_be_taken(second, now));
            following.hear(second, now);
            assert!(!following.may_be_taken(second, now));
        }
    }
}

//! Which SCTP associations have something to do, and when.

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;
use smallvec::SmallVec;

use crate::tick::time::Time;

/// The transports whose associations have something to yield. Written between ticks, by Receive and
/// by Forward; emptied by Receive and by Feedback.
#[derive(Debug, Default)]
pub struct Stirred(pub Vec<Entity>);

crate::snapshot::state! { struct Stirred(it) }

/// When a transport's association is looked at next.
#[derive(Component, Clone, Debug, Default)]
pub struct SctpSchedule {
    listed: bool,
    /// Deadlines that are set and have not fired, the earliest last. While a timer of a moment
    /// runs the one of the next heartbeat stays, so that it need not be set again.
    set: SmallVec<[Time; 4]>,
}

crate::snapshot::state! { struct SctpSchedule { listed, set } }

impl Stirred {
    /// Puts `transport` on the list, once.
    pub fn add(&mut self, transport: Entity, schedule: &mut SctpSchedule) {
        if !std::mem::replace(&mut schedule.listed, true) {
            self.0.push(transport);
        }
    }
}

impl SctpSchedule {
    /// It was taken off the list.
    pub fn unlist(&mut self) {
        self.listed = false;
    }

    /// Notes that something is due at `next`; true when a deadline must be set for it. An earlier
    /// one that is set does: it is checked again when it fires.
    pub fn arm(&mut self, next: Option<Time>) -> bool {
        let is_earlier = |next: &Time| self.set.last().is_none_or(|earliest| next < earliest);
        let earlier = next.filter(is_earlier);
        self.set.extend(earlier);
        earlier.is_some()
    }

    /// A deadline fired; false if everything that is due by `now` has been looked at.
    pub fn fire(&mut self, now: Time) -> bool {
        let earliest = self.set.iter().rev();
        let due = earliest.take_while(|set| **set <= now).count();
        self.set.truncate(self.set.len() - due);
        due > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_deadline_waits_for_the_one_that_is_set() {
        let [one, two, three] = [1, 2, 3].map(Time::from_millis);
        let mut schedule = SctpSchedule::default();
        assert!(!schedule.arm(None) && !schedule.fire(three));
        assert!(schedule.arm(Some(two)));
        assert!(!schedule.arm(Some(three)));
        assert!(schedule.arm(Some(one)), "an earlier one does not");
        assert!(schedule.fire(one));
        assert!(!schedule.arm(Some(two)), "it stayed");
        assert!(schedule.arm(Some(one)));
        assert!(schedule.fire(two));
        assert!(!schedule.fire(two), "both were looked at");
        assert!(schedule.arm(Some(three)));
    }

    #[test]
    fn an_association_is_listed_once() {
        let (mut stirred, mut schedule) = (Stirred::default(), SctpSchedule::default());
        for _ in 0..2 {
            stirred.add(Entity::PLACEHOLDER, &mut schedule);
        }
        assert_eq!(stirred.0.len(), 1);
        schedule.unlist();
        stirred.add(Entity::PLACEHOLDER, &mut schedule);
        assert_eq!(stirred.0.len(), 2);
    }
}

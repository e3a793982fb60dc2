//! Which SCTP associations have something to do, and when.

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;

use crate::time::Time;

/// The transports whose associations have something to yield. Written between ticks, by Receive and
/// by Forward; emptied by Receive and by Feedback.
#[derive(Resource, Debug, Default)]
pub struct Stirred(pub Vec<Entity>);

/// When a transport's association is looked at next.
#[derive(Component, Clone, Copy, Debug, Default)]
pub struct SctpSchedule {
    listed: bool,
    armed: Option<Time>,
}

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
        let earlier = next.filter(|next| self.armed.is_none_or(|armed| *next < armed));
        self.armed = earlier.or(self.armed);
        earlier.is_some()
    }

    /// A deadline fired; false for one that an earlier one had replaced.
    pub fn fire(&mut self, now: Time) -> bool {
        let due = self.armed.is_some_and(|armed| armed <= now);
        if due {
            self.armed = None;
        }
        due
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
        assert!(!schedule.fire(two), "it was replaced");
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

//! Events that wait for the application, with a share for each transport.

use std::cmp::Reverse;
use std::collections::VecDeque;

use bevy_ecs::entity::{Entity, EntityHashMap};

use crate::application::event::Event;
use crate::tick::limits::Limits;

/// Events that wait for the application. One transport has at most
/// [`Limits::events_per_transport`]; of more than [`Limits::events`] in all, whoever has the most
/// loses the oldest, so that no room's noise costs another its events.
#[derive(Debug, Default)]
pub(crate) struct Undrained {
    // By whose they are, each with its place in the order of all. Never told in the order of a hash.
    queues: EntityHashMap<VecDeque<(u64, Event)>>,
    len: usize,
    next: u64,
}

impl Undrained {
    /// Adds an event on account of `owner`: a transport, or what is on none. True when another one
    /// had to go.
    pub(crate) fn push(&mut self, owner: Entity, event: Event, limits: &Limits) -> bool {
        let own = self.queues.get(&owner).map_or(0, VecDeque::len);
        let loser = if own >= limits.events_per_transport {
            Some(owner)
        } else if self.len >= limits.events {
            self.longest()
        } else {
            None
        };
        if let Some(loser) = loser {
            self.forget_oldest(loser);
        }
        let queue = self.queues.entry(owner).or_default();
        queue.push_back((self.next, event));
        self.next += 1;
        self.len += 1;
        loser.is_some()
    }

    /// Takes out every event, oldest first.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Event> + use<> {
        let mut all: Vec<_> = self.queues.drain().flat_map(|(_, queue)| queue).collect();
        self.len = 0;
        all.sort_unstable_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, event)| event)
    }

    /// Whose events are most; of several, whose oldest is oldest.
    fn longest(&self) -> Option<Entity> {
        let oldest = |queue: &VecDeque<(u64, Event)>| queue.front().map(|(number, _)| *number);
        let longest = self
            .queues
            .iter()
            .max_by_key(|(_, queue)| (queue.len(), Reverse(oldest(queue))));
        longest.map(|(&owner, _)| owner)
    }

    fn forget_oldest(&mut self, owner: Entity) {
        let Some(queue) = self.queues.get_mut(&owner) else {
            return;
        };
        self.len -= usize::from(queue.pop_front().is_some());
        if queue.is_empty() {
            self.queues.remove(&owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::event::{Ended, Subject};
    use crate::{Id, ProducerId};

    fn push(
        undrained: &mut Undrained,
        owner: u32,
        number: u128,
        (one, all): (usize, usize),
    ) -> bool {
        let limits = Limits {
            events_per_transport: one,
            events: all,
            ..Limits::default()
        };
        let owner = Entity::from_raw_u32(owner).expect("an index");
        let subject = Subject::Producer(ProducerId::from_random(number));
        let about = owner;
        undrained.push(owner, Ended { about, subject }.into(), &limits)
    }

    fn drained(undrained: &mut Undrained) -> Vec<Subject> {
        undrained.drain().map(|event| event.subject()).collect()
    }

    fn named(numbers: &[u128]) -> Vec<Subject> {
        let subject = |&number: &u128| Subject::Producer(ProducerId::from_random(number));
        numbers.iter().map(subject).collect()
    }

    #[test]
    fn events_come_out_in_the_order_in_which_they_came() {
        let mut undrained = Undrained::default();
        for number in 0..20 {
            assert!(!push(&mut undrained, number % 3, number.into(), (10, 100)));
        }
        let all: Vec<u128> = (0..20).collect();
        assert_eq!(drained(&mut undrained), named(&all));
        assert_eq!(drained(&mut undrained), []);
    }

    #[test]
    fn who_makes_much_noise_loses_its_own_oldest() {
        let mut undrained = Undrained::default();
        push(&mut undrained, 1, 100, (2, 100));
        for number in 0..4 {
            assert_eq!(push(&mut undrained, 2, number, (2, 100)), number >= 2);
        }
        assert_eq!(drained(&mut undrained), named(&[100, 2, 3]));
    }

    #[test]
    fn when_there_are_too_many_in_all_who_has_most_loses_the_oldest() {
        let mut undrained = Undrained::default();
        for (owner, number) in [(1, 0), (2, 1), (2, 2), (3, 3)] {
            push(&mut undrained, owner, number, (10, 4));
        }
        assert!(push(&mut undrained, 1, 4, (10, 4)));
        assert!(push(&mut undrained, 3, 5, (10, 4)));
        assert_eq!(drained(&mut undrained), named(&[2, 3, 4, 5]));
    }
}

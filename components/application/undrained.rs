//! Events that wait for the application, with a share for each transport.

use std::cmp::Reverse;
use std::collections::VecDeque;

use bevy_ecs::entity::{Entity, EntityHashMap};

use crate::tick::limits::Limits;

/// Events that wait for the application. One transport has at most
/// [`Limits::events_per_transport`]; of more than [`Limits::events`] in all, whoever has the most
/// loses the oldest, so that no room's noise costs another its events.
#[derive(Debug)]
pub(crate) struct Undrained<E> {
    // By whose they are, each with its place in the order of all. Never told in the order of a hash.
    queues: EntityHashMap<VecDeque<(u64, E)>>,
    len: usize,
    next: u64,
}

impl<E> Default for Undrained<E> {
    fn default() -> Self {
        Self {
            queues: EntityHashMap::default(),
            len: 0,
            next: 0,
        }
    }
}

impl<E> Undrained<E> {
    /// Adds an event on account of `owner`: a transport, or what is on none. True when another one
    /// had to go.
    pub(crate) fn push(&mut self, owner: Entity, event: E, limits: &Limits) -> bool {
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

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Takes out every event, oldest first.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = E> + use<E> {
        let mut all: Vec<_> = self.queues.drain().flat_map(|(_, queue)| queue).collect();
        self.len = 0;
        all.sort_unstable_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, event)| event)
    }

    /// Whose events are most; of several, whose oldest is oldest.
    fn longest(&self) -> Option<Entity> {
        let oldest = |queue: &VecDeque<(u64, E)>| queue.front().map(|(number, _)| *number);
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

    fn push(
        undrained: &mut Undrained<u128>,
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
        undrained.push(owner, number, &limits)
    }

    fn drained(undrained: &mut Undrained<u128>) -> Vec<u128> {
        undrained.drain().collect()
    }

    #[test]
    fn events_come_out_in_the_order_in_which_they_came() {
        let mut undrained = Undrained::default();
        for number in 0..20 {
            assert!(!push(&mut undrained, number % 3, number.into(), (10, 100)));
        }
        let all: Vec<u128> = (0..20).collect();
        assert_eq!(drained(&mut undrained), all);
        assert!(drained(&mut undrained).is_empty());
    }

    #[test]
    fn who_makes_much_noise_loses_its_own_oldest() {
        let mut undrained = Undrained::default();
        push(&mut undrained, 1, 100, (2, 100));
        for number in 0..4 {
            assert_eq!(push(&mut undrained, 2, number, (2, 100)), number >= 2);
        }
        assert_eq!(drained(&mut undrained), [100, 2, 3]);
    }

    #[test]
    fn when_there_are_too_many_in_all_who_has_most_loses_the_oldest() {
        let mut undrained = Undrained::default();
        for (owner, number) in [(1, 0), (2, 1), (2, 2), (3, 3)] {
            push(&mut undrained, owner, number, (10, 4));
        }
        assert!(push(&mut undrained, 1, 4, (10, 4)));
        assert!(push(&mut undrained, 3, 5, (10, 4)));
        assert_eq!(drained(&mut undrained), [2, 3, 4, 5]);
    }
}

//! Whose turn it is to be read: sockets, or connections of one, in rotating order under one budget.

use std::ops::Bound;

use flumen_components::SocketKey;

use crate::backend::ReceiveLimits;

/// The sockets that have something to read. Shares a tick's receive budget between them so that
/// none starves; costs nothing for those that are silent.
#[derive(Debug)]
pub(crate) struct Rotation<K = SocketKey> {
    ready: Vec<K>,
    next: Bound<K>,
}

/// What reading a socket came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// Datagrams taken.
    pub(crate) taken: usize,
    /// There may be more.
    pub(crate) more: bool,
}

impl<K: Copy + Ord> Rotation<K> {
    pub(crate) fn new() -> Self {
        Self {
            ready: Vec::new(),
            next: Bound::Unbounded,
        }
    }

    /// Adds a socket that became readable and is not in here yet.
    pub(crate) fn add(&mut self, key: K) {
        debug_assert!(!self.ready.contains(&key), "a socket is ready once");
        self.ready.push(key);
    }

    pub(crate) fn remove(&mut self, key: K) {
        self.ready.retain(|ready| *ready != key);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Calls `read(socket, limit)` for each ready socket in turn until the budget is spent, and
    /// keeps those that have more.
    ///
    /// Turns go by rising key and begin one socket further each time, or with the first one that
    /// the budget did not reach.
    pub(crate) fn serve(
        &mut self,
        limits: &ReceiveLimits,
        mut read: impl FnMut(K, usize) -> Share,
    ) {
        self.ready.sort_unstable();
        let next = self.next;
        let first = self.ready.partition_point(|key| match next {
            Bound::Unbounded => false,
            Bound::Included(next) => *key < next,
            Bound::Excluded(last) => *key <= last,
        });
        self.ready.rotate_left(first);
        let Some(&first) = self.ready.first() else {
            return;
        };
        self.next = Bound::Excluded(first);
        let mut budget = limits.datagrams_per_tick;
        let mut missed = None;
        self.ready.retain(|&key| {
            if budget == 0 {
                missed.get_or_insert(key);
                return true;
            }
            let share = read(key, budget.min(limits.datagrams_per_socket));
            budget -= share.taken;
            share.more
        });
        self.next = missed.map_or(self.next, Bound::Included);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(sockets: u32) -> Rotation {
        let mut rotation = Rotation::new();
        (0..sockets)
            .rev()
            .for_each(|key| rotation.add(SocketKey(key)));
        rotation
    }

    fn serve(rotation: &mut Rotation, queued: &mut [usize], per_tick: usize) -> Vec<u32> {
        let limits = ReceiveLimits {
            datagrams_per_tick: per_tick,
            datagrams_per_socket: 2,
            datagram_bytes: 1500,
        };
        let mut order = Vec::new();
        rotation.serve(&limits, |key, limit| {
            let queued = &mut queued[key.0 as usize];
            let taken = limit.min(*queued);
            *queued -= taken;
            order.extend(std::iter::repeat_n(key.0, taken));
            let more = *queued > 0;
            Share { taken, more }
        });
        order
    }

    #[test]
    fn the_order_rotates() {
        let (mut rotation, mut queued) = (ready(3), [9, 9, 9]);
        assert_eq!(serve(&mut rotation, &mut queued, 9), [0, 0, 1, 1, 2, 2]);
        assert_eq!(serve(&mut rotation, &mut queued, 9), [1, 1, 2, 2, 0, 0]);
        assert_eq!(serve(&mut rotation, &mut queued, 9), [2, 2, 0, 0, 1, 1]);
    }

    #[test]
    fn a_socket_the_budget_did_not_reach_is_first_next_time() {
        let (mut rotation, mut queued) = (ready(3), [9, 9, 9]);
        assert_eq!(serve(&mut rotation, &mut queued, 4), [0, 0, 1, 1]);
        assert_eq!(serve(&mut rotation, &mut queued, 3), [2, 2, 0]);
        assert_eq!(serve(&mut rotation, &mut queued, 2), [1, 1]);
    }

    #[test]
    fn a_drained_socket_leaves_until_it_is_readable_again() {
        let (mut rotation, mut queued) = (ready(2), [1, 3]);
        assert_eq!(serve(&mut rotation, &mut queued, 9), [0, 1, 1]);
        assert_eq!(serve(&mut rotation, &mut queued, 9), [1]);
        assert!(rotation.is_empty());
        rotation.add(SocketKey(0));
        rotation.remove(SocketKey(0));
        assert!(serve(&mut rotation, &mut queued, 9).is_empty());
    }
}

//! Whose turn it is to be read: sockets in rotating order under one budget.

use crate::backend::ReceiveLimits;

/// Shares a tick's receive budget between sockets so that none of them starves.
#[derive(Debug, Default)]
pub(crate) struct Rotation {
    first: usize,
}

impl Rotation {
    /// Calls `read(index, limit)` for each of `sockets` in turn until the budget is spent; `read`
    /// says how many datagrams it took.
    ///
    /// The next turn begins with the first socket that the budget did not reach, else one further.
    pub(crate) fn serve(
        &mut self,
        sockets: usize,
        limits: &ReceiveLimits,
        mut read: impl FnMut(usize, usize) -> usize,
    ) {
        if sockets == 0 {
            return;
        }
        let first = self.first % sockets;
        self.first = first + 1;
        let mut budget = limits.datagrams_per_tick;
        for turn in 0..sockets {
            let index = (first + turn) % sockets;
            if budget == 0 {
                self.first = index;
                return;
            }
            budget -= read(index, budget.min(limits.datagrams_per_socket));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve(rotation: &mut Rotation, queued: &mut [usize], per_tick: usize) -> Vec<usize> {
        let limits = ReceiveLimits {
            datagrams_per_tick: per_tick,
            datagrams_per_socket: 2,
            datagram_bytes: 1500,
        };
        let mut order = Vec::new();
        rotation.serve(queued.len(), &limits, |index, limit| {
            let taken = queued[index].min(limit);
            queued[index] -= taken;
            order.extend(std::iter::repeat_n(index, taken));
            taken
        });
        order
    }

    #[test]
    fn the_order_rotates() {
        let (mut rotation, mut queued) = (Rotation::default(), [9, 9, 9]);
        assert_eq!(serve(&mut rotation, &mut queued, 9), [0, 0, 1, 1, 2, 2]);
        assert_eq!(serve(&mut rotation, &mut queued, 9), [1, 1, 2, 2, 0, 0]);
        assert_eq!(serve(&mut rotation, &mut queued, 9), [2, 2, 0, 0, 1, 1]);
    }

    #[test]
    fn a_socket_the_budget_did_not_reach_is_first_next_time() {
        let (mut rotation, mut queued) = (Rotation::default(), [9, 9, 9]);
        assert_eq!(serve(&mut rotation, &mut queued, 4), [0, 0, 1, 1]);
        assert_eq!(serve(&mut rotation, &mut queued, 3), [2, 2, 0]);
        assert_eq!(serve(&mut rotation, &mut queued, 2), [1, 1]);
    }

    #[test]
    fn no_socket_is_no_work() {
        assert_eq!(serve(&mut Rotation::default(), &mut [], 4), []);
    }
}

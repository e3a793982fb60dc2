//! What a loopback socket has to read: a bounded ring of datagrams.

use std::collections::VecDeque;
use std::net::SocketAddr;

/// Datagrams that arrived at one socket and were not read yet, like a kernel's receive queue.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    bytes: VecDeque<u8>,
    rows: VecDeque<Arrival>,
}

/// A datagram at the front of the queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// The remote address it came from.
    pub(super) source: SocketAddr,
    /// Its length in bytes.
    pub(super) len: usize,
}

impl Arrivals {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn push(&mut self, source: SocketAddr, datagram: &[u8]) {
        let len = datagram.len();
        self.rows.push_back(Arrival { source, len });
        self.bytes.extend(datagram);
    }

    pub(super) fn front(&self) -> Option<Arrival> {
        self.rows.front().copied()
    }

    /// Takes the front datagram; what `into` cannot hold of it is lost.
    pub(super) fn pop(&mut self, into: &mut [u8]) {
        let Some(Arrival { len, .. }) = self.rows.pop_front() else {
            return;
        };
        let kept = into.len().min(len);
        let (head, tail) = self.bytes.as_slices();
        let split = head.len().min(kept);
        into[..split].copy_from_slice(&head[..split]);
        into[split..kept].copy_from_slice(&tail[..kept - split]);
        self.bytes.drain(..len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_survive_the_wrap_of_the_ring() {
        let source = SocketAddr::from(([10, 0, 0, 1], 5000));
        let mut arrivals = Arrivals::default();
        arrivals.push(source, &[255; 7]);
        for round in 0..100_u8 {
            arrivals.push(source, &[round; 7]);
            assert_eq!(arrivals.front().unwrap().len, 7);
            let mut taken = [0; 7];
            arrivals.pop(&mut taken);
            assert_eq!(taken, [round.wrapping_sub(1); 7]);
        }
        assert_eq!(arrivals.len(), 1);
    }

    #[test]
    fn a_short_slot_cuts_only_its_own_datagram() {
        let source = SocketAddr::from(([10, 0, 0, 1], 5000));
        let mut arrivals = Arrivals::default();
        arrivals.push(source, &[1, 2, 3, 4]);
        arrivals.push(source, &[5, 6]);
        let mut slot = [0; 2];
        arrivals.pop(&mut slot);
        assert_eq!(slot, [1, 2]);
        arrivals.pop(&mut slot);
        assert_eq!(slot, [5, 6]);
        assert!(arrivals.is_empty());
    }
}

//! What one flight has for each destination, put together.

use std::net::{IpAddr, SocketAddr};

use flumen_components::SocketKey;

use crate::backend::Flight;

/// Puts the datagrams of a flight in the order of their destinations, each where its first one is,
/// so that streams that go to one receiver form runs together. Datagrams of one destination keep
/// their order.
#[derive(Debug, Default)]
pub(super) struct Grouping {
    groups: Vec<Group>,
    /// For each datagram the next one of its group, or none.
    next: Vec<u32>,
    order: Vec<u32>,
    /// Groups by destination: open addressing, at most half full. Of an earlier flight is what has
    /// another number.
    slots: Vec<Slot>,
    flight: u32,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    to: To,
    first: u32,
    last: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    flight: u32,
    group: u32,
}

/// The socket to send from, and the address to send to.
type To = (SocketKey, SocketAddr);

/// Behind the last datagram of a group.
const END: u32 = u32::MAX;
/// Slots of the first table; there is always a power of two of them.
const SLOTS_MIN: usize = 64;

impl Grouping {
    /// The order in which to send; none when the flight has it already.
    pub(super) fn of(&mut self, flight: &Flight<'_>) -> Option<&[u32]> {
        self.begin();
        let mut is_mixed = false;
        let mut current = None;
        for index in 0..flight.len() {
            let to = flight.to(index);
            let group = match current {
                Some((last, group)) if last == to => group,
                _ => {
                    let (group, is_known) = self.find(to, index as u32);
                    is_mixed |= is_known;
                    group
                }
            };
            current = Some((to, group));
            self.append(group, index as u32);
        }
        is_mixed.then(|| self.walk())
    }

    fn begin(&mut self) {
        self.groups.clear();
        self.next.clear();
        self.flight = self.flight.wrapping_add(1);
        if self.flight == 0 {
            self.slots.fill(Slot::default());
            self.flight = 1;
        }
        if self.slots.is_empty() {
            self.slots.resize(SLOTS_MIN, Slot::default());
        }
    }

    /// The group of a destination, and whether there was one; a new one begins with `first`.
    fn find(&mut self, to: To, first: u32) -> (usize, bool) {
        if self.slots.len() < 2 * (self.groups.len() + 1) {
            self.grow();
        }
        let mut at = self.start(to);
        while self.slots[at].flight == self.flight {
            let group = self.slots[at].group as usize;
            if self.groups[group].to == to {
                return (group, true);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        let group = self.groups.len();
        self.enter(at, group);
        self.groups.push(Group {
            to,
            first,
            last: END,
        });
        (group, false)
    }

    fn append(&mut self, group: usize, index: u32) {
        let last = std::mem::replace(&mut self.groups[group].last, index);
        if let Some(next) = self.next.get_mut(last as usize) {
            *next = index;
        }
        self.next.push(END);
    }

    fn grow(&mut self) {
        let slots = 2 * self.slots.len();
        self.slots.clear();
        self.slots.resize(slots, Slot::default());
        for group in 0..self.groups.len() {
            let mut at = self.start(self.groups[group].to);
            while self.slots[at].flight == self.flight {
                at = (at + 1) & (slots - 1);
            }
            self.enter(at, group);
        }
    }

    fn enter(&mut self, at: usize, group: usize) {
        self.slots[at] = Slot {
            flight: self.flight,
            group: group as u32,
        };
    }

    /// Where the search for a destination begins.
    fn start(&self, (socket, address): To) -> usize {
        let ip = match address.ip() {
            IpAddr::V4(ip) => u32::from(ip).into(),
            IpAddr::V6(ip) => {
                let bits = u128::from(ip);
                (bits >> 64) as u64 ^ bits as u64
            }
        };
        let rest = u64::from(address.port()) << 32 | u64::from(socket.0);
        // A multiplication by 2^64 over the golden ratio spreads into the upper bits.
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let hash = (ip.wrapping_mul(SPREAD) ^ rest).wrapping_mul(SPREAD);
        (hash >> 32) as usize & (self.slots.len() - 1)
    }

    fn walk(&mut self) -> &[u32] {
        self.order.clear();
        for group in &self.groups {
            let mut at = group.first;
            while at != END {
                self.order.push(at);
                at = self.next[at as usize];
            }
        }
        &self.order
    }
}

#[cfg(test)]
mod tests {
    use flumen_components::{Destination, Inbox, Outbox, OutgoingKind, Parked};

    use super::*;

    /// The order in which datagrams to these sockets and ports leave.
    fn order(grouping: &mut Grouping, to: &[(u32, u16)]) -> Option<Vec<u32>> {
        let mut parked = Parked::default();
        for &(socket, port) in to {
            let destination = Destination {
                transport: bevy_ecs::entity::Entity::PLACEHOLDER,
                socket: SocketKey(socket),
                address: ([127, 0, 0, 1], port).into(),
            };
            parked.push(destination, (OutgoingKind::Control, 0), b"x", &[]);
        }
        let (outbox, inbox) = (Outbox::default(), Inbox::default());
        let order = grouping.of(&Flight::new(&parked, &outbox, &inbox));
        order.map(<[u32]>::to_vec)
    }

    #[test]
    fn what_goes_to_one_destination_leaves_together_and_in_order() {
        let mut grouping = Grouping::default();
        let to = [
            (0, 1),
            (0, 2),
            (1, 1),
            (0, 1),
            (0, 2),
            (0, 2),
            (0, 3),
            (0, 1),
        ];
        let together = vec![0, 3, 7, 1, 4, 5, 2, 6];
        assert_eq!(order(&mut grouping, &to), Some(together.clone()));
        assert_eq!(order(&mut grouping, &to), Some(together));
    }

    #[test]
    fn what_is_together_stays_as_it_is() {
        let mut grouping = Grouping::default();
        assert_eq!(order(&mut grouping, &[]), None);
        assert_eq!(
            order(&mut grouping, &[(0, 1), (0, 1), (0, 2), (1, 2)]),
            None
        );
    }

    #[test]
    fn many_destinations_are_told_apart() {
        let mut grouping = Grouping::default();
        let once: Vec<_> = (0..1_000).map(|port| (0, port)).collect();
        assert_eq!(order(&mut grouping, &once), None);
        let twice = [&once[..], &once].concat();
        let pairs = (0..1_000).flat_map(|index| [index, index + 1_000]);
        assert_eq!(order(&mut grouping, &twice), Some(pairs.collect()));
    }

    #[test]
    fn a_count_of_flights_that_wraps_finds_nothing_old() {
        let mut grouping = Grouping::default();
        order(&mut grouping, &[(0, 1), (0, 2), (0, 1)]);
        grouping.flight = u32::MAX;
        assert_eq!(order(&mut grouping, &[(0, 1), (0, 2)]), None);
    }
}

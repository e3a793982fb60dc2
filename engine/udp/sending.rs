//! A flight leaves by its sockets.

use flumen_components::{Refusal, SocketKey};
use flumen_net::Datagram;

use super::writers::Order;
use super::{Udp, outcome};
use crate::backend::{Flight, Outcome, Transmit};

/// Sending.
impl Udp {
    /// Sends the datagrams of `flight`: first the one that `at` has in the first place.
    pub(super) fn send_all(
        &mut self,
        flight: &Flight<'_>,
        at: impl Fn(usize) -> usize + Copy + Send,
        outcomes: &mut Vec<Outcome>,
    ) {
        let threads = self.workers.threads_for(flight.len());
        if threads > 1 {
            return self.send_side_by_side(threads, Order { flight, at }, outcomes);
        }
        let start = outcomes.len();
        while let first = outcomes.len() - start
            && first < flight.len()
        {
            let (key, _) = flight.to(at(first));
            let of_socket = (first..flight.len())
                .map(|place| flight.get(at(place)))
                .take_while(|transmit| transmit.socket == key);
            self.send_by(key, of_socket, outcomes);
        }
    }

    fn send_side_by_side<A>(
        &mut self,
        threads: usize,
        order: Order<'_, A>,
        outcomes: &mut Vec<Outcome>,
    ) where
        A: Fn(usize) -> usize + Copy + Send,
    {
        let start = outcomes.len();
        outcomes.resize(start + order.flight.len(), Outcome::Blocked);
        let mut writers = std::mem::take(&mut self.writers);
        let on = (&self.workers, threads);
        writers.send(on, &self.ports, order, &mut outcomes[start..]);
        for writer in writers.iter_mut() {
            for key in writer.blocked.drain(..) {
                if let Some(port) = self.ports.get_mut(key) {
                    port.block(self.flight, self.poll.registry());
                }
            }
            for places in writer.left.drain(..) {
                let (key, _) = order.to(places.start);
                let behind = outcomes.len();
                let datagrams = places.clone().map(|place| order.get(place));
                self.send_by(key, datagrams, outcomes);
                outcomes.copy_within(behind.., start + places.start);
                outcomes.truncate(behind);
            }
        }
        self.writers = writers;
    }

    /// Sends datagrams by one socket.
    fn send_by<'a>(
        &mut self,
        key: SocketKey,
        datagrams: impl Iterator<Item = Transmit<'a>>,
        outcomes: &mut Vec<Outcome>,
    ) {
        if self.listeners.has(key) {
            let rotation = &mut self.rotation;
            return self.listeners.send(key, datagrams, outcomes, rotation);
        }
        let Some(port) = self.ports.get_mut(key) else {
            return outcomes.extend(datagrams.map(|_| Outcome::Refused(Refusal::SocketClosed)));
        };
        if port.is_blocked_in(self.flight) {
            return outcomes.extend(datagrams.map(|_| Outcome::Blocked));
        }
        let datagrams = datagrams.map(|transmit| Datagram {
            to: transmit.address,
            header: transmit.header,
            payload: transmit.payload,
        });
        self.sender.send(&port.socket, datagrams, |fate| {
            outcomes.push(outcome(&fate));
        });
        if outcomes.last() == Some(&Outcome::Blocked) {
            port.block(self.flight, self.poll.registry());
        }
    }
}

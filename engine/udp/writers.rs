//! One flight, written by several threads.

use std::net::SocketAddr;
use std::ops::Range;
use std::slice::IterMut;

use flumen_components::{SocketKey, Workers};
use flumen_net::{Datagram, Sender};

use super::outcome;
use super::port::Ports;
use crate::backend::{Flight, Outcome, Transmit};

/// What parts of a flight are written with. Memory is kept.
#[derive(Debug, Default)]
pub(super) struct Writers(Vec<Writer>);

/// What one part is written with, and what is to be done behind it.
#[derive(Debug, Default)]
pub(super) struct Writer {
    sender: Sender,
    /// Sockets that blocked.
    pub(super) blocked: Vec<SocketKey>,
    /// Places of datagrams that one thread alone can send: on connections of TCP.
    pub(super) left: Vec<Range<usize>>,
}

/// The datagrams of a flight in the order in which they are sent: `at` tells which is at a place.
#[derive(Clone, Copy)]
pub(super) struct Order<'a, A> {
    pub(super) flight: &'a Flight<'a>,
    pub(super) at: A,
}

/// Neighbouring datagrams of a flight, for one thread.
struct Part<'a, A> {
    order: Order<'a, A>,
    places: Range<usize>,
    outcomes: &'a mut [Outcome],
    writer: &'a mut Writer,
}

/// What is not taken by a part yet.
struct Parts<'a, A> {
    order: Order<'a, A>,
    /// The place of the first datagram of the next part.
    first: usize,
    /// Datagrams that a part has, if it can.
    datagrams: usize,
    outcomes: &'a mut [Outcome],
    writers: IterMut<'a, Writer>,
}

impl Writers {
    /// Sends the datagrams of a flight, on so many threads, as far as that needs no more than
    /// looking at `ports`. All that go from one socket to one address follow each other in `order`,
    /// and one thread sends them, in that order.
    ///
    /// There is one outcome for each, in that order. Of those that were not tried it is
    /// [`Outcome::Blocked`].
    pub(super) fn send<A>(
        &mut self,
        (workers, threads): (&Workers, usize),
        ports: &Ports,
        order: Order<'_, A>,
        outcomes: &mut [Outcome],
    ) where
        A: Fn(usize) -> usize + Copy + Send,
    {
        let count = Workers::parts_for(threads);
        if self.0.len() < count {
            self.0.resize_with(count, Writer::default);
        }
        let parts = Parts {
            order,
            first: 0,
            datagrams: outcomes.len().div_ceil(count),
            outcomes,
            writers: self.0.iter_mut(),
        };
        workers.share(threads, parts, |part| part.write(ports));
    }

    pub(super) fn iter_mut(&mut self) -> IterMut<'_, Writer> {
        self.0.iter_mut()
    }
}

impl<A: Fn(usize) -> usize> Order<'_, A> {
    pub(super) fn to(&self, place: usize) -> (SocketKey, SocketAddr) {
        self.flight.to((self.at)(place))
    }

    pub(super) fn get(&self, place: usize) -> Transmit<'_> {
        self.flight.get((self.at)(place))
    }

    /// Of some places those that have the socket of the first.
    fn of_one_socket(&self, places: Range<usize>) -> Range<usize> {
        let (key, _) = self.to(places.start);
        let mut behind = places.clone().skip_while(|&place| self.to(place).0 == key);
        places.start..behind.next().unwrap_or(places.end)
    }
}

impl<'a, A: Fn(usize) -> usize + Copy> Iterator for Parts<'a, A> {
    type Item = Part<'a, A>;

    fn next(&mut self) -> Option<Part<'a, A>> {
        let (order, first) = (self.order, self.first);
        let left = self.outcomes.len();
        let mut taken = self.datagrams.min(left);
        // What goes to one address is not divided.
        while taken > 0 && taken < left && order.to(first + taken) == order.to(first + taken - 1) {
            taken += 1;
        }
        let outcomes = self.outcomes.split_off_mut(..taken)?;
        self.first += taken;
        (taken > 0).then_some(Part {
            order,
            places: first..first + taken,
            outcomes,
            writer: self.writers.next()?,
        })
    }
}

impl<A: Fn(usize) -> usize> Part<'_, A> {
    fn write(mut self, ports: &Ports) {
        while !self.places.is_empty() {
            let run = self.order.of_one_socket(self.places.clone());
            self.places.start = run.end;
            if let Some(outcomes) = self.outcomes.split_off_mut(..run.len()) {
                self.write_run(ports, run, outcomes);
            }
        }
    }

    /// Sends by one socket.
    fn write_run(&mut self, ports: &Ports, run: Range<usize>, outcomes: &mut [Outcome]) {
        let (key, _) = self.order.to(run.start);
        let Some(port) = ports.get(key) else {
            return self.writer.left.push(run);
        };
        if self.writer.blocked.contains(&key) {
            return;
        }
        let datagrams = run.map(|place| {
            let transmit = self.order.get(place);
            Datagram {
                to: transmit.address,
                header: transmit.header,
                payload: transmit.payload,
            }
        });
        let mut fates = outcomes.iter_mut();
        self.writer.sender.send(&port.socket, datagrams, |fate| {
            if let Some(next) = fates.next() {
                *next = outcome(&fate);
            }
        });
        if outcomes.last() == Some(&Outcome::Blocked) {
            self.writer.blocked.push(key);
        }
    }
}

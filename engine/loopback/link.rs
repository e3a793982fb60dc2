//! What the two ends of a loopback share.

use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flumen_components::{Refusal, SocketKey};

use super::arrivals::Arrivals;
use super::pipe::Listener;
use super::ports::Ports;
use super::sink::Sink;
use crate::backend::{Flight, Outcome, Transmit, Wake};
use crate::rotation::Rotation;

/// Datagrams that may wait at one socket, unless the wire says otherwise.
const DEFAULT_QUEUE_LIMIT: usize = 65_536;

/// The longest datagram a socket takes, in bytes: what UDP over IPv4 can carry.
const MAX_DATAGRAM_BYTES: usize = 65_507;

/// What the two ends share.
#[derive(Debug)]
pub(super) struct Link {
    state: Mutex<State>,
    changed: Condvar,
}

/// Guarded by the link's lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) ports: Ports<Arrivals>,
    /// Sockets of TCP, which have ports of their own.
    pub(super) listeners: Ports<Listener>,
    pub(super) rotation: Rotation,
    pub(super) queue_limit: usize,
    pub(super) kernel_drops: u64,
    pub(super) sink: Sink,
    /// Local addresses that may send this many more datagrams before they block.
    pub(super) allowances: Vec<(SocketAddr, usize)>,
    /// Destinations that refuse a datagram.
    pub(super) refusals: Vec<(SocketAddr, Refusal)>,
    /// The current or the next wait returns at once.
    pub(super) woken: bool,
    /// Somebody waits. Otherwise nobody is notified, which would cost a system call a datagram.
    waiting: bool,
}

impl Wake for Link {
    fn wake(&self) {
        let mut state = self.state();
        state.woken = true;
        self.notify(&state);
    }
}

impl Link {
    pub(super) fn new() -> Self {
        let state = State {
            ports: Ports::default(),
            listeners: Ports::default(),
            rotation: Rotation::new(),
            queue_limit: DEFAULT_QUEUE_LIMIT,
            kernel_drops: 0,
            sink: Sink::new(),
            allowances: Vec::new(),
            refusals: Vec::new(),
            woken: false,
            waiting: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// A panic in a visitor leaves no half-made state behind, so poison means nothing here.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a wait look at what has changed in `state`.
    pub(super) fn notify(&self, state: &State) {
        if state.waiting {
            self.changed.notify_all();
        }
    }

    pub(super) fn wait(&self, timeout: Option<Duration>) {
        let mut state = self.state();
        state.waiting = true;
        let idle = |state: &mut State| !state.woken && state.rotation.is_empty();
        state = match timeout {
            None => {
                let waited = self.changed.wait_while(state, idle);
                waited.unwrap_or_else(PoisonError::into_inner)
            }
            Some(timeout) => {
                let waited = self.changed.wait_timeout_while(state, timeout, idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        state.waiting = false;
        state.woken = false;
    }
}

impl State {
    /// Sends the datagrams of one TCP socket from `first` on, as many as follow each other.
    pub(super) fn send_on_connections(
        &mut self,
        first: usize,
        flight: &Flight<'_>,
        outcomes: &mut Vec<Outcome>,
    ) {
        let key = flight.get(first).socket;
        let Some(port) = self.listeners.get_mut(key) else {
            return;
        };
        let of_socket = (first..flight.len())
            .map(|index| flight.get(index))
            .take_while(|transmit| transmit.socket == key);
        let limit = port.held.unsent_bytes;
        port.held.streams.send(of_socket, limit, outcomes);
        self.deliver(key);
    }

    /// What peers took of the connections of a TCP socket is sent.
    pub(super) fn deliver(&mut self, key: SocketKey) {
        let Some(port) = self.listeners.get_mut(key) else {
            return;
        };
        let local = port.local();
        for (remote, pipe) in port.held.streams.carriers() {
            pipe.drain(|datagram| self.sink.take(local, remote, datagram, &[]));
        }
        if port.held.streams.enlist() {
            self.rotation.add(key);
        }
    }

    pub(super) fn send(&mut self, datagram: &Transmit<'_>) -> Outcome {
        let Some(local) = self.ports.local(datagram.socket) else {
            return Outcome::Refused(Refusal::SocketClosed);
        };
        let to = datagram.address;
        if self.is_blocked(local) {
            return Outcome::Blocked;
        }
        if datagram.header.len() + datagram.payload.len() > MAX_DATAGRAM_BYTES {
            return Outcome::Refused(Refusal::TooLarge);
        }
        if local.is_ipv4() && to.is_ipv6() {
            return Outcome::Refused(Refusal::AddressInvalid);
        }
        if let Some(refusal) = self.take_refusal(to) {
            return Outcome::Refused(refusal);
        }
        self.use_allowance(local);
        self.sink.take(local, to, datagram.header, datagram.payload);
        Outcome::Sent
    }

    fn is_blocked(&self, local: SocketAddr) -> bool {
        self.allowances.contains(&(local, 0))
    }

    fn use_allowance(&mut self, local: SocketAddr) {
        for allowance in &mut self.allowances {
            if allowance.0 == local {
                allowance.1 -= 1;
            }
        }
    }

    fn take_refusal(&mut self, to: SocketAddr) -> Option<Refusal> {
        let position = self.refusals.iter().position(|refusal| refusal.0 == to)?;
        Some(self.refusals.remove(position).1)
    }
}

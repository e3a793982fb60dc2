//! The far end of a loopback: plays the network and every peer on it.

use std::net::SocketAddr;
use std::sync::{Arc, MutexGuard};

use flumen_components::Refusal;

use super::Totals;
use super::link::{Link, State};
use super::pipe::Pipe;

/// The far end of a [`Loopback`](super::Loopback): puts datagrams in, takes datagrams out and
/// decides what becomes of those that are sent.
///
/// Clones are the same wire; any thread may hold one.
#[derive(Clone, Debug)]
pub struct Wire {
    pub(super) link: Arc<Link>,
}

/// A datagram that the engine sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The local address of the socket it left by.
    pub from: SocketAddr,
    /// The address it was sent to.
    pub to: SocketAddr,
    /// The datagram.
    pub bytes: Vec<u8>,
}

impl Wire {
    /// Lets a datagram arrive at the engine's socket `to`, as sent by `from`, and wakes the engine.
    ///
    /// False when it is lost: no socket is bound there, or its queue is full (which counts as a
    /// kernel drop).
    pub fn inject(&self, to: SocketAddr, from: SocketAddr, datagram: &[u8]) -> bool {
        let mut state = self.state();
        let State {
            ports,
            rotation,
            queue_limit,
            kernel_drops,
            ..
        } = &mut *state;
        let Some(port) = ports.reached_by(from, to) else {
            return false;
        };
        if port.held.len() >= *queue_limit {
            *kernel_drops += 1;
            return false;
        }
        if port.held.is_empty() {
            rotation.add(port.key);
        }
        port.held.push(from, datagram);
        self.link.notify(&state);
        true
    }

    /// Connects `from` to the engine's TCP socket `to`, and wakes the engine. What the engine sends
    /// on the connection is told as datagrams, once they are whole.
    ///
    /// False when no socket listens there, or they are connected already.
    pub fn connect(&self, to: SocketAddr, from: SocketAddr) -> bool {
        let mut state = self.state();
        let Some(port) = state.listeners.reached_by(from, to) else {
            return false;
        };
        let opened = port.held.streams.open(from, Pipe::default()).is_none();
        self.stir(&mut state, (to, from));
        opened
    }

    /// Lets bytes arrive by the connection from `from` to the engine's TCP socket `to`: datagrams,
    /// each behind its length in 16 bits (RFC 4571), in any pieces.
    ///
    /// False when there is no such connection.
    pub fn write(&self, to: SocketAddr, from: SocketAddr, bytes: &[u8]) -> bool {
        self.at_connection(to, from, |pipe| pipe.inbound.extend(bytes))
    }

    /// Closes the connection from `from` to the engine's TCP socket `to`, behind what was written.
    ///
    /// False when there is no such connection.
    pub fn hang_up(&self, to: SocketAddr, from: SocketAddr) -> bool {
        self.at_connection(to, from, |pipe| pipe.closed = true)
    }

    /// How many more bytes `from` takes of its connection to the engine's TCP socket `to`, lengths
    /// included; none for any number, which is so at the start.
    ///
    /// False when there is no such connection.
    pub fn take_only(&self, to: SocketAddr, from: SocketAddr, bytes: Option<usize>) -> bool {
        self.at_connection(to, from, |pipe| pipe.window = bytes)
    }

    /// Whether `from` is connected to the engine's TCP socket `to`.
    pub fn is_connected(&self, to: SocketAddr, from: SocketAddr) -> bool {
        self.at_connection(to, from, |_| {})
    }

    /// Does something to a connection, and lets the engine look at what changed.
    fn at_connection(&self, to: SocketAddr, from: SocketAddr, act: impl FnOnce(&mut Pipe)) -> bool {
        let mut state = self.state();
        let port = state.listeners.reached_by(from, to);
        let Some(pipe) = port.and_then(|port| port.held.streams.carrier(from)) else {
            return false;
        };
        act(pipe);
        self.stir(&mut state, (to, from));
        true
    }

    fn stir(&self, state: &mut State, (to, from): (SocketAddr, SocketAddr)) {
        if let Some(port) = state.listeners.reached_by(from, to) {
            let key = port.key;
            port.held.streams.resume(from);
            port.held.streams.wake(from);
            state.deliver(key);
        }
        self.link.notify(state);
    }

    /// How many datagrams may wait at each socket before further ones are dropped; 65,536 unless
    /// told. What waits already stays.
    pub fn limit_queues(&self, datagrams: usize) {
        self.state().queue_limit = datagrams;
    }

    /// Takes everything that was sent and recorded since it was last taken, in order.
    pub fn take_sent(&self) -> Vec<Sent> {
        let mut all = Vec::new();
        self.for_each_sent(|from, to, datagram| {
            let bytes = datagram.to_vec();
            all.push(Sent { from, to, bytes });
        });
        all
    }

    /// Calls `visit(from, to, datagram)` for everything that was sent and recorded since it was
    /// last taken, in order, and forgets it. Allocates nothing.
    ///
    /// The wire may be used inside `visit`, for instance to let a datagram arrive elsewhere.
    pub fn for_each_sent(&self, mut visit: impl FnMut(SocketAddr, SocketAddr, &[u8])) {
        let mut record = {
            let sink = &mut self.state().sink;
            let spare = std::mem::take(&mut sink.spare);
            std::mem::replace(&mut sink.record, spare)
        };
        for (from, to, datagram) in record.iter() {
            visit(from, to, datagram);
        }
        record.clear();
        self.state().sink.spare = record;
    }

    /// Whether to keep what is sent until it is taken, which is so at the start. Otherwise it is
    /// only written out, counted and summed up.
    pub fn set_recording(&self, recording: bool) {
        self.state().sink.recording = recording;
    }

    /// What was sent since the start, recorded or not.
    pub fn totals(&self) -> Totals {
        self.state().sink.totals
    }

    /// Makes the engine's socket bound to `local` block until it is unblocked.
    pub fn block(&self, local: SocketAddr) {
        self.block_after(local, 0);
    }

    /// Lets the engine's socket bound to `local` send `datagrams` more, then block.
    pub fn block_after(&self, local: SocketAddr, datagrams: usize) {
        let allowances = &mut self.state().allowances;
        allowances.retain(|allowance| allowance.0 != local);
        allowances.push((local, datagrams));
    }

    /// Makes the engine's socket bound to `local` writable again and wakes the engine.
    pub fn unblock(&self, local: SocketAddr) {
        let mut state = self.state();
        state.allowances.retain(|allowance| allowance.0 != local);
        state.woken = true;
        self.link.notify(&state);
    }

    /// Refuses the next datagram that would be sent to `destination`. May be called several times:
    /// refusals are used up in order.
    pub fn refuse_next(&self, destination: SocketAddr, refusal: Refusal) {
        self.state().refusals.push((destination, refusal));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.link.state()
    }
}

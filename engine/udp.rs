//! The network: every bound socket behind one poll.

mod errno;
mod port;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use flumen_components::{Inbox, Refusal, SocketKey};
use flumen_net::{Datagram, Fate, Options, Receiver, Sender, Socket};
use mio::{Events, Poll, Token};

use self::port::{Ports, Reading};
use crate::backend::{Backend, BindRequest, Bound, Flight, Outcome, ReceiveLimits, Wake};
use crate::rotation::Rotation;

/// The token of the waker; sockets have that of their key, which is 32 bits wide.
const WAKER: Token = Token(usize::MAX);

/// Events taken from the system at once; more wait for the next call.
const EVENTS: usize = 1024;

/// The [`Backend`] of real sockets.
///
/// Reads and writes in batches; a run of equal datagrams to one destination costs one walk through
/// the network stack where the system can do that. Sockets are read in rotating order. Sleeping is
/// exact to about 0.1 ms on Linux and rounded up to a millisecond elsewhere.
#[derive(Debug)]
pub struct Udp {
    poll: Poll,
    events: Events,
    waker: Arc<mio::Waker>,
    ports: Ports,
    rotation: Rotation,
    receiver: Receiver,
    sender: Sender,
    /// Counts flights, so that a port knows in which one it blocked.
    flight: u64,
    kernel_drops: u64,
    socket_errors: u64,
    /// The waker was called and no wait has returned since.
    woken: bool,
}

impl Udp {
    /// A network without sockets.
    ///
    /// # Errors
    ///
    /// When the system gives no poll or no waker: too many open files, usually.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(mio::Waker::new(poll.registry(), WAKER)?);
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS),
            waker,
            ports: Ports::default(),
            rotation: Rotation::new(),
            receiver: Receiver::new(),
            sender: Sender::new(),
            flight: 0,
            kernel_drops: 0,
            socket_errors: 0,
            woken: false,
        })
    }

    /// Errors that sockets reported of themselves and not of a datagram, since the start.
    pub fn socket_errors(&self) -> u64 {
        self.socket_errors
    }

    /// Waits for events and takes note of them.
    fn watch(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        match flumen_net::poll(&mut self.poll, &mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        for event in &self.events {
            if event.token() == WAKER {
                self.woken = true;
            } else if let Some(port) = self.ports.get_mut(SocketKey(event.token().0 as u32)) {
                port.note(event, self.poll.registry(), &mut self.rotation);
            }
        }
        Ok(())
    }

    /// Sends the datagrams of one socket from `first` on, as many as follow each other.
    fn send_from(&mut self, first: usize, flight: &Flight<'_>, outcomes: &mut Vec<Outcome>) {
        let key = flight.get(first).socket;
        let of_socket = (first..flight.len())
            .map(|index| flight.get(index))
            .take_while(|transmit| transmit.socket == key);
        let Some(port) = self.ports.get_mut(key) else {
            return outcomes.extend(of_socket.map(|_| Outcome::Refused(Refusal::SocketClosed)));
        };
        if port.is_blocked_in(self.flight) {
            return outcomes.extend(of_socket.map(|_| Outcome::Blocked));
        }
        let datagrams = of_socket.map(|transmit| Datagram {
            to: transmit.address,
            header: transmit.header,
            payload: transmit.payload,
        });
        self.sender.send(&mut port.socket, datagrams, |fate| {
            outcomes.push(outcome(&fate));
        });
        if outcomes.last() == Some(&Outcome::Blocked) {
            port.block(self.flight, self.poll.registry());
        }
    }
}

impl Backend for Udp {
    fn bind(&mut self, key: SocketKey, request: &BindRequest) -> io::Result<Bound> {
        let socket = Socket::bind(&options(request))?;
        let bound = Bound {
            local: socket.local(),
            send_buffer_bytes: socket.send_buffer_bytes(),
            receive_buffer_bytes: socket.receive_buffer_bytes(),
        };
        self.ports.open(key, socket, self.poll.registry())?;
        Ok(bound)
    }

    fn close(&mut self, key: SocketKey) {
        self.ports.close(key, self.poll.registry());
        self.rotation.remove(key);
    }

    fn receive(&mut self, inbox: &mut Inbox, limits: &ReceiveLimits) -> bool {
        // What arrived since the last wait belongs to this tick too. A poll that cannot tell is
        // asked again by the next wait, which may say so.
        let _ = self.watch(Some(Duration::ZERO));
        self.rotation.serve(limits, |key, limit| {
            let port = self.ports.get_mut(key).expect("a ready socket is bound");
            let mut reading = Reading::new(&mut self.receiver, inbox, limits.datagram_bytes);
            let share = reading.read(port, limit);
            self.kernel_drops += reading.dropped;
            self.socket_errors += reading.errors;
            share
        });
        !self.rotation.is_empty()
    }

    fn send(&mut self, flight: &Flight<'_>, outcomes: &mut Vec<Outcome>) {
        self.flight += 1;
        let start = outcomes.len();
        while outcomes.len() - start < flight.len() {
            self.send_from(outcomes.len() - start, flight, outcomes);
        }
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let busy = self.woken || !self.rotation.is_empty();
        self.watch(if busy { Some(Duration::ZERO) } else { timeout })?;
        self.woken = false;
        Ok(())
    }

    fn waker(&self) -> Arc<dyn Wake> {
        Arc::new(Waker(self.waker.clone()))
    }

    fn kernel_drops(&self) -> u64 {
        self.kernel_drops
    }
}

struct Waker(Arc<mio::Waker>);

impl Wake for Waker {
    fn wake(&self) {
        // Fails only when the system is out of resources, and then there is nobody to tell.
        let _ = self.0.wake();
    }
}

fn options(request: &BindRequest) -> Options {
    Options {
        address: request.address,
        send_buffer_bytes: request.send_buffer_bytes,
        receive_buffer_bytes: request.receive_buffer_bytes,
        ipv6_only: request.ipv6_only,
        reuse_port: request.reuse_port,
    }
}

fn outcome(fate: &Fate) -> Outcome {
    match fate {
        Fate::Sent => Outcome::Sent,
        Fate::Blocked => Outcome::Blocked,
        Fate::Failed(error) => Outcome::Refused(errno::refusal(error)),
    }
}

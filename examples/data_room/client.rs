//! The client: a stack that is no part of the engine, on a socket and a thread of its own.

#[cfg(not(feature = "webrtc-sctp"))]
#[path = "client/rtc.rs"]
mod stack;
#[cfg(feature = "webrtc-sctp")]
#[path = "client/webrtc.rs"]
mod stack;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use crate::Failure;

/// The name of the stack.
pub(crate) const STACK: &str = stack::NAME;

const SILENT: u8 = 0;
const PUBLISHING: u8 = 1;
const LEAVING: u8 = 2;

/// A running client.
pub(crate) struct Client {
    /// Where it waits for the engine.
    pub(crate) address: SocketAddr,
    pub(crate) pulse: Arc<Pulse>,
    thread: JoinHandle<Result<(), Failure>>,
}

/// What the client's thread and this one tell each other.
#[derive(Default)]
pub(crate) struct Pulse {
    wish: AtomicU8,
    /// Messages that it sent.
    pub(crate) sent: AtomicU64,
    /// Messages and bytes that it received.
    pub(crate) received: AtomicU64,
    pub(crate) bytes: AtomicU64,
}

impl Client {
    /// Binds a socket and begins to wait.
    #[expect(
        clippy::disallowed_methods,
        reason = "the engine starts no thread: an application does"
    )]
    pub(crate) fn start() -> Result<Self, Failure> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = socket.local_addr()?;
        let pulse = Arc::new(Pulse::default());
        let shared = Arc::clone(&pulse);
        let thread = thread::spawn(move || stack::run(socket, &shared));
        Ok(Self {
            address,
            pulse,
            thread,
        })
    }

    /// Lets it publish.
    pub(crate) fn publish(&self) {
        self.pulse.wish.store(PUBLISHING, Ordering::Relaxed);
    }

    /// Lets it publish no more.
    pub(crate) fn fall_silent(&self) {
        self.pulse.wish.store(SILENT, Ordering::Relaxed);
    }

    /// Ends it, or tells why it ended.
    pub(crate) fn leave(self) -> Result<(), Failure> {
        self.pulse.wish.store(LEAVING, Ordering::Relaxed);
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Err("the client's thread panicked".into()))
    }
}

impl Pulse {
    fn is_publishing(&self) -> bool {
        self.wish.load(Ordering::Relaxed) == PUBLISHING
    }

    fn is_leaving(&self) -> bool {
        self.wish.load(Ordering::Relaxed) == LEAVING
    }

    /// The next message to send.
    fn next_message(&self) -> Vec<u8> {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        format!("message {number} of the client").into_bytes()
    }

    fn receive(&self, bytes: usize) {
        self.received.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

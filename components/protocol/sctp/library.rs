//! What the gate asks of an SCTP library.

use bytes::Bytes;

use super::{Config, Epoch, OutgoingMessage};
use crate::Time;

/// Which end of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Sends INIT.
    Client,
    /// Waits for one.
    Server,
}

/// What a library has to tell.
pub(super) enum Occurrence {
    /// The handshake is through.
    Connected,
    /// The handshake was given up.
    HandshakeFailed,
    /// A message, in fragments.
    Message {
        stream: u16,
        ppid: u32,
        payload: Bytes,
    },
    /// A message was longer than `max_receive_message_size`.
    TooLong { stream: u16 },
    /// Bytes of a stream were acknowledged, or abandoned.
    Released { stream: u16, bytes: usize },
}

/// One association of an SCTP library.
///
/// It is fed only with packets that carry its verification tag and whose chunks are among DATA,
/// INIT, INIT ACK, SACK, HEARTBEAT, SHUTDOWN, SHUTDOWN ACK, COOKIE ECHO, COOKIE ACK and
/// FORWARD TSN.
pub(super) trait Library: Send + Sync {
    /// The longest message it can send, in bytes.
    const LONGEST: u32;

    /// A new association. A client's INIT is among what it transmits first.
    fn open(config: &Config, epoch: &Epoch, side: Side, now: Time) -> Self;
    /// Takes in a packet.
    fn input(&mut self, now: Time, packet: Bytes);
    /// Takes over a message that has been checked; `None` if it cannot.
    fn write(&mut self, now: Time, message: &OutgoingMessage) -> Option<()>;
    /// Begins a shutdown; nothing is buffered any more.
    fn shut_down(&mut self, now: Time);
    /// Fires the timers that are due.
    fn advance(&mut self, now: Time);
    /// When the next timer is due.
    fn next_timeout(&self) -> Option<Time>;
    /// Hands over the packets that are to leave.
    fn transmit(&mut self, now: Time, each: &mut dyn FnMut(&[u8]));
    /// The next thing to tell.
    fn poll(&mut self) -> Option<Occurrence>;
    /// How often its retransmission timer (T3-rtx) has fired.
    fn timeouts(&self) -> u64;
    /// Whether it has ended.
    fn is_closed(&self) -> bool;
}

//! The second library: `webrtc-sctp`, tasks on a runtime that the tick runs until idle.
//!
//! It passes the behaviour tests of the default, except where it cannot:
//!
//! - A message is at most 131,072 bytes: a longer one never leaves an idle association, because
//!   its queue waits for room before the writer is woken.
//! - Lifetimes and round trips are measured on the system's clock. On virtual time nothing grows
//!   too old, and RTO stays at its minimum of a second.
//! - How hard to try is a property of the stream, not of the message: what was said last counts
//!   for all that is under way.
//! - Fragments of unordered messages that the peer abandoned are forgotten only if this end sends
//!   unordered messages on that stream too.
//! - It copies what it takes in, so the gate cannot tell what it holds: a peer that never
//!   completes fragments is bounded by the window alone, which does not count what small
//!   fragments cost.
//! - It does not tell how often it retransmits: a peer that is gone is noticed by heartbeats.
//! - A handshake that fails, a window that was closed and acknowledgements move on by its own
//!   timers, which cannot be asked when they are due: while something is under way it is called
//!   every 10 ms, and takes in and yields at most once a millisecond.
//! - Each packet is written on a second thread, which the runtime owns; this is the one thread of
//!   the engine that the application did not bring, and what makes it slow.

mod connection;
mod conversation;
mod runtime;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flumen_components::Time;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use self::connection::Connection;
use self::conversation::{Command, Desk, Lane, converse};
use self::runtime::Runtime;
pub(super) use self::runtime::Shared;
use super::library::{Library, Occurrence, Side};
use super::{Config, Epoch, Outgoing};

/// How often its timers are looked at while something is under way.
const PACE: Duration = Duration::from_millis(10);
/// How long after the last packet something may still be under way: a delayed acknowledgement
/// takes 200 ms.
const LINGER: Duration = Duration::from_millis(300);

/// One association of `webrtc-sctp`.
pub(super) struct WebRtc {
    runtime: Arc<Runtime>,
    connection: Arc<Connection>,
    desk: Arc<Desk>,
    commands: UnboundedSender<Command>,
    task: JoinHandle<()>,
    /// What was buffered on each stream when it was last looked.
    buffered: BTreeMap<u16, usize>,
    /// Something came in or is to go out since it last ran.
    is_dirty: bool,
    last_packet: Time,
    /// When it was last asked for packets.
    looked: Time,
    is_through: bool,
}

impl Library for WebRtc {
    const LONGEST: u32 = 131_072;

    fn open(config: &Config, epoch: &Epoch, side: Side, now: Time) -> Self {
        let runtime = epoch.runtime();
        let connection = Arc::new(Connection::default());
        let desk = Arc::new(Desk::default());
        let (commands, orders) = unbounded_channel();
        let conversation = converse(
            config.clone(),
            side,
            Arc::clone(&connection),
            Arc::clone(&desk),
            orders,
        );
        Self {
            task: runtime.spawn(conversation),
            runtime,
            connection,
            desk,
            commands,
            buffered: BTreeMap::new(),
            is_dirty: true,
            last_packet: now,
            looked: now,
            is_through: false,
        }
    }

    fn input(&mut self, now: Time, packet: Bytes) {
        self.connection.arrive(packet);
        self.is_dirty = true;
        self.last_packet = now;
    }

    fn write(&mut self, now: Time, message: &Outgoing) -> Option<()> {
        let length = message.payload.len();
        self.desk.lanes().entry(message.stream).or_default().waiting += length;
        *self.buffered.entry(message.stream).or_default() += length;
        self.is_dirty = true;
        self.last_packet = now;
        self.commands.send(Command::Write(message.clone())).ok()
    }

    fn shut_down(&mut self, now: Time) {
        self.is_dirty = true;
        self.last_packet = now;
        // Fails if it has ended by itself.
        let _ = self.commands.send(Command::ShutDown);
    }

    fn advance(&mut self, now: Time) {
        if self.next_timeout().is_some_and(|due| due <= now) {
            self.is_dirty = true;
        }
    }

    fn next_timeout(&self) -> Option<Time> {
        if self.is_dirty {
            return Some(self.looked + Runtime::STEP);
        }
        let is_under_way = !self.is_through
            || self.buffered.values().any(|&bytes| bytes > 0)
            || self.looked < self.last_packet + LINGER;
        (is_under_way && !self.is_closed()).then_some(self.looked + PACE)
    }

    fn transmit(&mut self, now: Time, each: &mut dyn FnMut(&[u8])) {
        if self.is_dirty && self.runtime.run(now) {
            self.is_dirty = false;
        }
        self.looked = now;
        self.connection.leave(each);
    }

    fn poll(&mut self) -> Option<Occurrence> {
        let told = self.desk.take();
        self.is_through |= matches!(told, Some(Occurrence::Connected));
        told.or_else(|| self.released())
    }

    fn timeouts(&self) -> u64 {
        0
    }

    fn is_closed(&self) -> bool {
        self.desk.is_closed()
    }
}

impl WebRtc {
    /// The next stream of which something was acknowledged.
    fn released(&mut self) -> Option<Occurrence> {
        let lanes = self.desk.lanes();
        self.buffered.iter_mut().find_map(|(&stream, before)| {
            let left = lanes.get(&stream).map_or(0, Lane::buffered);
            let bytes = before.checked_sub(left).filter(|&bytes| bytes > 0)?;
            *before = left;
            Some(Occurrence::Released { stream, bytes })
        })
    }
}

impl Drop for WebRtc {
    fn drop(&mut self) {
        self.task.abort();
        self.connection.close();
    }
}

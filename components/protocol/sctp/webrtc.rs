//! The second library: `webrtc-sctp`, tasks on a runtime that the tick runs until idle.
//!
//! What it does not do is told at [`Association::webrtc`](super::Association::webrtc).

mod connection;
mod conversation;
mod runtime;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use self::connection::Connection;
use self::conversation::{Command, Desk, Lane, converse};
use self::runtime::Runtime;
pub(super) use self::runtime::Shared;
use super::library::{Library, Occurrence, Side};
use super::{Config, Epoch, OutgoingMessage};
use crate::Time;

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
        let runtime = epoch.shared.runtime();
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

    fn write(&mut self, now: Time, message: &OutgoingMessage) -> Option<()> {
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

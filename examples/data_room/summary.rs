//! What came of it, for people and for programs.

use std::sync::atomic::Ordering;

use flumen::{DataLedger, Ledger};
use serde::Serialize;

use crate::Failure;
use crate::client::{Client, STACK};
use crate::room::{Listener, Room};

/// The summary. Its JSON has these names in camelCase.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    /// The client's SCTP stack.
    pub(crate) stack: &'static str,
    /// Ticks of the engine.
    pub(crate) ticks: u64,
    /// Who publishes: the client over SCTP, the program directly.
    pub(crate) producers: Vec<Publisher>,
    /// Who listens, each to both.
    pub(crate) consumers: Vec<Hearing>,
    /// What became of each message in the engine.
    pub(crate) data_ledger: DataLedger,
    /// What became of each datagram.
    pub(crate) ledger: Ledger,
}

/// What someone published.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Publisher {
    pub(crate) name: &'static str,
    /// Messages that it sent.
    pub(crate) sent: u64,
    /// Messages that its data producer received and routed.
    pub(crate) routed: u64,
}

/// What someone heard.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Hearing {
    pub(crate) name: &'static str,
    /// What it subscribed to.
    pub(crate) subchannels: &'static [u16],
    /// It listens over SCTP, not directly.
    pub(crate) over_sctp: bool,
    /// Messages that were meant for it.
    pub(crate) meant: u64,
    /// Messages that its data consumers sent.
    pub(crate) sent: u64,
    /// Messages, and bytes of them, that reached it.
    pub(crate) delivered: u64,
    pub(crate) bytes: u64,
}

impl Summary {
    /// As things are now.
    pub(crate) fn of(room: &Room, client: &Client) -> Result<Self, Failure> {
        let engine = &room.engine;
        let sent = client.pulse.sent.load(Ordering::Relaxed);
        let publisher = |name, sent, data_producer| -> Result<_, Failure> {
            let routed = engine.data_producer_stats(data_producer)?.messages_received;
            Ok(Publisher { name, sent, routed })
        };
        let consumers = room.listeners.iter();
        Ok(Self {
            stack: STACK,
            ticks: engine.ticks(),
            producers: vec![
                publisher("client", sent, room.from_client)?,
                publisher("program", room.sent.iter().sum(), room.from_program)?,
            ],
            consumers: consumers
                .map(|it| Hearing::of(it, room, client, sent))
                .collect::<Result<_, _>>()?,
            data_ledger: engine.data_ledger().clone(),
            ledger: engine.ledger().clone(),
        })
    }

    /// Everybody got what was meant for them.
    pub(crate) fn is_good(&self) -> bool {
        let routed = self.producers.iter().all(|it| it.routed == it.sent);
        routed && self.consumers.iter().all(|it| it.delivered == it.meant)
    }
}

impl Hearing {
    fn of(listener: &Listener, room: &Room, client: &Client, all: u64) -> Result<Self, Failure> {
        let pulse = &client.pulse;
        let (delivered, bytes) = match listener.over_sctp {
            true => (
                pulse.received.load(Ordering::Relaxed),
                pulse.bytes.load(Ordering::Relaxed),
            ),
            false => (listener.messages, listener.bytes),
        };
        let mut sent = 0;
        for &data_consumer in &listener.data_consumers {
            sent += room
                .engine
                .data_consumer_stats(data_consumer)?
                .messages_sent;
        }
        Ok(Self {
            name: listener.name,
            subchannels: listener.subchannels,
            over_sctp: listener.over_sctp,
            // What the client publishes names no subchannel: it is for everybody.
            meant: all + room.meant_for(listener.subchannels),
            sent,
            delivered,
            bytes,
        })
    }
}

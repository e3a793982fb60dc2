//! What the gate between the wire and a library knows.

use std::sync::Arc;

use super::deferred::Deferred;
use super::heartbeat::Heartbeat;
use super::held::Held;
use super::identifiers::Identifiers;
use super::resets::Resets;
use super::streams::{Inbound, Outbound};
use super::{Config, Failure};
use crate::Time;

/// Between the wire and one association of a library.
pub(super) struct Gate {
    pub(super) config: Config,
    /// The tag that was drawn for it, if one was.
    pub(super) drawn_tag: Option<u32>,
    /// What the peer writes into its packets; zero before INIT or INIT ACK has left.
    pub(super) local_tag: u32,
    /// What the library expects there.
    pub(super) library_tag: u32,
    /// What is written into packets to the peer; zero before its INIT or INIT ACK has come.
    pub(super) peer_tag: u32,
    /// First transmission sequence number of this end.
    pub(super) first_tsn: u32,
    /// First transmission sequence number of the peer.
    pub(super) peer_tsn: u32,
    /// The last number acknowledged to the peer.
    pub(super) cumulative: u32,
    /// The last number assigned here.
    pub(super) last_tsn: u32,
    /// Streams that may be sent on from here.
    pub(super) outbound_streams: u16,
    /// Streams that the peer may send on.
    pub(super) inbound_streams: u16,
    pub(super) inbound: Inbound,
    pub(super) outbound: Outbound,
    pub(super) identifiers: Identifiers,
    pub(super) resets: Resets,
    /// The peer knows RE-CONFIG: one that does not is silent, and would seem to be gone.
    pub(super) peer_resets: bool,
    pub(super) heartbeat: Heartbeat,
    /// DATA that is not the library's yet.
    pub(super) deferred: Deferred,
    /// Datagrams that the library refers to.
    pub(super) held: Arc<Held>,
    /// Chunks of the gate's own that are to leave.
    pub(super) control: Vec<u8>,
    /// The INIT ACK of a server, to be sent again when the INIT comes again.
    pub(super) answer: Vec<u8>,
    pub(super) is_connected: bool,
    /// A shutdown is under way, until when at the latest.
    pub(super) closing: Option<Time>,
    /// SHUTDOWN was sent, or has come.
    pub(super) has_shut_down: bool,
    pub(super) end: Option<End>,
}

/// How an association ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Closed,
    Failed(Failure),
}

impl Gate {
    pub(super) fn new(config: &Config, drawn_tag: Option<u32>, now: Time) -> Self {
        Self {
            config: config.clone(),
            drawn_tag,
            local_tag: 0,
            library_tag: 0,
            peer_tag: 0,
            first_tsn: 0,
            peer_tsn: 0,
            cumulative: 0,
            last_tsn: 0,
            outbound_streams: config.outbound_streams,
            inbound_streams: config.inbound_streams,
            inbound: Inbound::default(),
            outbound: Outbound::default(),
            identifiers: Identifiers::default(),
            resets: Resets::new(0, 0),
            peer_resets: false,
            heartbeat: Heartbeat::new(now),
            deferred: Deferred::default(),
            held: Arc::default(),
            control: Vec::new(),
            answer: Vec::new(),
            is_connected: false,
            closing: None,
            has_shut_down: false,
            end: None,
        }
    }

    /// The peer has ended it. Amid a shutdown it has merely not waited for the last word.
    pub(super) fn aborted(&mut self) {
        self.end.get_or_insert(match self.has_shut_down {
            true => End::Closed,
            false => End::Failed(Failure::Aborted),
        });
    }

    /// It is over, unless it was before.
    pub(super) fn fail(&mut self, failure: Failure) {
        self.end.get_or_insert(End::Failed(failure));
    }
}

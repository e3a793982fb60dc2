//! What the gate between the wire and a library knows.

use std::sync::Arc;

use super::deferred::Deferred;
use super::heartbeat::Heartbeat;
use super::held::Held;
use super::identifiers::Identifiers;
use super::identity::{Cookie, Identity};
use super::phase::Phase;
use super::resets::Resets;
use super::shift::Shift;
use super::streams::{Inbound, Outbound};
use super::{Config, Failure};
use crate::Time;

/// Between the wire and one association of a library.
pub(super) struct Gate {
    pub(super) config: Config,
    /// What was drawn for it, if anything was.
    pub(super) drawn: Drawn,
    /// This end; its tag is what the peer writes into its packets, and zero before INIT or INIT ACK
    /// has left.
    pub(super) local: Identity,
    /// The tag that the library expects in packets.
    pub(super) library_tag: u32,
    /// The cookie that the library expects back.
    pub(super) library_cookie: Vec<u8>,
    /// The library has drawn a first number that is too late, and is to be opened again.
    pub(super) is_late: bool,
    /// The peer; its tag is written into packets to it, and zero before its INIT or INIT ACK has
    /// come.
    pub(super) peer: Identity,
    /// Its last receive window, in bytes.
    pub(super) peer_window: u32,
    /// It may abandon messages.
    pub(super) peer_forwards: bool,
    /// What the numbers of this end are ahead of the library's.
    pub(super) ours: Shift,
    /// The same of the peer's numbers.
    pub(super) theirs: Shift,
    /// The last number acknowledged to the peer.
    pub(super) cumulative: u32,
    /// The last number assigned here.
    pub(super) last_tsn: u32,
    /// The last number that the peer has acknowledged.
    pub(super) acknowledged: u32,
    /// The number of this end with which the library began.
    pub(super) begun: u32,
    /// The last number of the peer that has passed.
    pub(super) highest: u32,
    /// No message goes on behind it.
    pub(super) is_whole: bool,
    /// How far the library is from beginning anew.
    pub(super) phase: Phase,
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
    /// The peer has sent SHUTDOWN, which the library has not heard of.
    pub(super) is_shut_down: bool,
    /// The library has sent SHUTDOWN, or heard of the peer's.
    pub(super) has_shut_down: bool,
    pub(super) end: Option<End>,
}

/// What was drawn for one end of a handshake; what was not is the library's.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Drawn {
    pub(super) identity: Option<Identity>,
    pub(super) cookie: Option<Cookie>,
}

/// How an association ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Closed,
    Failed(Failure),
}

impl Gate {
    pub(super) fn new(config: &Config, drawn: Drawn, now: Time) -> Self {
        Self {
            config: config.clone(),
            drawn,
            local: Identity::default(),
            library_tag: 0,
            library_cookie: Vec::new(),
            is_late: false,
            peer: Identity::default(),
            peer_window: 0,
            peer_forwards: false,
            ours: Shift::default(),
            theirs: Shift::default(),
            cumulative: 0,
            last_tsn: 0,
            acknowledged: 0,
            begun: 0,
            highest: 0,
            is_whole: true,
            phase: Phase::Steady,
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
            is_shut_down: false,
            has_shut_down: false,
            end: None,
        }
    }

    /// What the peer is to bring back; empty before INIT ACK has left.
    pub(super) fn cookie(&self) -> &[u8] {
        let drawn = self.drawn.cookie.as_ref();
        drawn
            .filter(|_| !self.library_cookie.is_empty())
            .map_or(&self.library_cookie[..], |cookie| &cookie[..])
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

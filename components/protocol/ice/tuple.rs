//! A way to the peer, and what is known of it.

use std::time::Duration;

use flumen_wire::state::{Malformed, Reader, State, Writer};

use crate::time::Time;

/// A selected way by which nothing authenticated has come for so long loses to one that the peer
/// nominated, though nothing but checks has come by that.
const SILENCE: Duration = Duration::from_secs(3);
/// A selected way by which no media has come for so long loses to one by which it does, whatever
/// was nominated: packets that a network reordered are no reason to change.
const MEDIA_SILENCE: Duration = Duration::from_millis(500);
/// A way by which more than checks has come is no other agent's for so long after anything
/// authenticated came by it: twice the pause that a peer makes between checks for consent, and more
/// (RFC 7675 section 5.1), and far less than a NAT keeps a port for whom it had (RFC 4787 section 4.3).
const TENURE: Duration = Duration::from_secs(15);

/// A way that an authenticated check came by.
#[derive(Clone, Debug)]
pub(super) struct Tuple<T> {
    pub(super) tuple: T,
    /// When the peer nominated it last: a number that rises with each nomination.
    pub(super) nominated: u64,
    /// When something authenticated came by it last, checks included.
    pub(super) heard_at: Time,
    /// When something authenticated came by it last, checks left out; or when it was selected.
    pub(super) alive_at: Option<Time>,
    /// Something other than checks came by it.
    pub(super) proven: bool,
    pub(super) sent: u32,
}

impl<C, T: State<C>> State<C> for Tuple<T> {
    fn save(&self, out: &mut Writer<C>) {
        self.tuple.save(out);
        self.nominated.save(out);
        self.heard_at.save(out);
        self.alive_at.save(out);
        self.proven.save(out);
        self.sent.save(out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        Ok(Self {
            tuple: State::load(from)?,
            nominated: State::load(from)?,
            heard_at: State::load(from)?,
            alive_at: State::load(from)?,
            proven: State::load(from)?,
            sent: State::load(from)?,
        })
    }
}

impl<T> Tuple<T> {
    pub(super) fn new(tuple: T, now: Time) -> Self {
        Self {
            tuple,
            nominated: 0,
            heard_at: now,
            alive_at: None,
            proven: false,
            sent: 0,
        }
    }

    /// The peer nominated another one. Of a peer that nominates with every check that is not enough
    /// to leave a way that works.
    pub(super) fn yields_to_nominated(&self, now: Time) -> bool {
        !self.proven || now.since(self.heard_at) >= SILENCE
    }

    /// Its agent's it is, whoever else says so.
    pub(super) fn is_held(&self, now: Time) -> bool {
        self.proven && now.since(self.heard_at) < TENURE
    }

    /// Media comes by `other`.
    pub(super) fn yields_to_used(&self, other: &Self, now: Time) -> bool {
        let silent = |at: Time| now.since(at) >= MEDIA_SILENCE;
        other.nominated > self.nominated || self.alive_at.is_none_or(silent)
    }
}

//! What a connection yielded, to be yielded again.

use std::collections::VecDeque;
use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::{
    ConnectError, Event, Failure, Output, Parameters, Refused, Role, SendError, SrtpKeys, State,
    Tapes,
};
use crate::Time;
use crate::playback::{Entry, Playback};
use crate::srtp::{CryptoSuite, MasterKey};

/// What a connection answered, call by call; serialises with serde.
///
/// **It holds the keys for SRTP**, without which media could not be played back: who has it reads
/// what was sent. `Debug` tells how long it is; keys and data are wiped when it is dropped.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Tape {
    entries: VecDeque<Entry<Answer, Snapshot>>,
}

/// What a call gave back.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum Answer {
    Command,
    Introduced(Result<Role, ConnectError>),
    Received(Result<(), Refused>),
    Sent {
        /// The fingerprint of what was to be sent.
        data: u64,
        sent: Result<(), SendError>,
    },
    Polled(Polled),
}

/// What tells data that was sent from other data.
pub(super) fn fingerprint(data: &[u8]) -> u64 {
    let hash = digest(&SHA256, data);
    let first = hash.as_ref().first_chunk();
    first.map_or(0, |first| u64::from_be_bytes(*first))
}

/// What a poll yielded.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Polled {
    datagrams: Vec<Vec<u8>>,
    payloads: Vec<Vec<u8>>,
    events: Vec<Told>,
}

/// An event as it is kept.
#[derive(Clone, Serialize, Deserialize)]
enum Told {
    Connecting,
    Connected {
        certificate: Vec<u8>,
        keys: Option<Keys>,
    },
    Failed(Failure),
    Closed,
}

#[derive(Clone, Serialize, Deserialize)]
struct Keys {
    suite: CryptoSuite,
    local: String,
    remote: String,
}

impl Keys {
    fn of(keys: &SrtpKeys) -> Self {
        Self {
            suite: keys.suite(),
            local: keys.local.to_base64(),
            remote: keys.remote.to_base64(),
        }
    }

    /// Nothing if the tape was written by hand.
    fn read(&self) -> Option<SrtpKeys> {
        Some(SrtpKeys {
            local: MasterKey::from_base64(self.suite, &self.local).ok()?,
            remote: MasterKey::from_base64(self.suite, &self.remote).ok()?,
        })
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.local.zeroize();
        self.remote.zeroize();
    }
}

impl Drop for Polled {
    fn drop(&mut self) {
        self.payloads.zeroize();
    }
}

impl Polled {
    /// A copy of what `out` has, all of it of one poll.
    pub(super) fn of(out: &Output, certificate: Option<&[u8]>) -> Self {
        let told = |event: &Event| match event {
            Event::Connecting => Told::Connecting,
            Event::Connected(keys) => Told::Connected {
                certificate: certificate.unwrap_or_default().to_vec(),
                keys: keys.as_ref().map(Keys::of),
            },
            Event::Failed(failure) => Told::Failed(failure.clone()),
            Event::Closed => Told::Closed,
        };
        Self {
            datagrams: out.datagrams().map(<[u8]>::to_vec).collect(),
            payloads: out.payloads().map(<[u8]>::to_vec).collect(),
            events: out.events.iter().map(told).collect(),
        }
    }
}

/// What the getters say after a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    pub(super) state: State,
    pub(super) role: Option<Role>,
    /// Nanoseconds since the engine's epoch.
    pub(super) next_timeout: Option<u64>,
}

impl Tape {
    /// How many calls are left on it.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it is played out, or nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn push(&mut self, answer: Answer, after: Snapshot) {
        self.entries.push_back(Entry { answer, after });
    }
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// Plays a tape back.
pub(super) struct Recorded {
    played: Playback<Answer, Snapshot>,
    /// Where more of it comes from.
    source: Option<(u64, Tapes)>,
    certificate: Option<Vec<u8>>,
}

impl Recorded {
    pub(super) fn new(tape: Tape) -> Self {
        let failed = Snapshot {
            state: State::Failed,
            ..Snapshot::default()
        };
        Self {
            played: Playback::new(tape.entries, failed),
            source: None,
            certificate: None,
        }
    }

    /// Plays what is laid in as `number` of `tapes`, whenever it is.
    pub(super) fn of(number: u64, tapes: Tapes) -> Self {
        Self {
            source: Some((number, tapes)),
            ..Self::new(Tape::default())
        }
    }

    /// The same, from where the getters say `now`.
    pub(super) fn from(
        number: u64,
        tapes: Tapes,
        now: Snapshot,
        certificate: Option<Vec<u8>>,
    ) -> Self {
        let mut recorded = Self::of(number, tapes);
        recorded.played.after = now;
        recorded.certificate = certificate;
        recorded
    }

    fn next<T>(&mut self, wanted: impl FnOnce(Answer) -> Option<T>) -> Option<T> {
        if let Some((number, tapes)) = &self.source
            && let Some(tape) = tapes.take_of(*number)
        {
            self.played.append(tape.entries);
        }
        self.played.next(wanted)
    }

    fn command(&mut self) {
        self.next(|answer| matches!(answer, Answer::Command).then_some(()));
    }

    pub(super) fn state(&self) -> State {
        self.played.after.state
    }

    pub(super) fn local_role(&self) -> Option<Role> {
        self.played.after.role
    }

    pub(super) fn remote_certificate(&self) -> Option<&[u8]> {
        self.certificate.as_deref()
    }

    pub(super) fn connect(&mut self, _: Time, _: &Parameters) -> Result<Role, ConnectError> {
        self.next(|answer| match answer {
            Answer::Introduced(role) => Some(role),
            _ => None,
        })
        .unwrap_or(Err(ConnectError::AlreadyConnected))
    }

    pub(super) fn start(&mut self, _: Time) {
        self.command();
    }

    pub(super) fn receive(&mut self, _: Time, _: &[u8]) -> Result<(), Refused> {
        self.next(|answer| match answer {
            Answer::Received(received) => Some(received),
            _ => None,
        })
        .unwrap_or(Err(Refused::Closed))
    }

    pub(super) fn send(&mut self, _: Time, now: &[u8]) -> Result<(), SendError> {
        self.next(|answer| match answer {
            Answer::Sent { data, sent } if data == fingerprint(now) => Some(sent),
            _ => None,
        })
        .unwrap_or(Err(SendError::NotConnected))
    }

    pub(super) fn close(&mut self, _: Time) {
        self.command();
    }

    pub(super) fn next_timeout(&self) -> Option<Time> {
        self.played.after.next_timeout.map(Time::from_nanos)
    }

    pub(super) fn advance(&mut self, _: Time) {
        self.command();
    }

    pub(super) fn poll(&mut self, _: Time, out: &mut Output) {
        let polled = self.next(|answer| match answer {
            Answer::Polled(polled) => Some(polled),
            _ => None,
        });
        match polled {
            Some(polled) => self.yield_again(polled, out),
            None if self.played.diverge() => out.events.push(Event::Failed(Failure::Diverged)),
            None => {}
        }
    }

    fn yield_again(&mut self, mut polled: Polled, out: &mut Output) {
        for datagram in &polled.datagrams {
            out.datagram(datagram);
        }
        for payload in &polled.payloads {
            out.payload(payload);
        }
        for told in std::mem::take(&mut polled.events) {
            let event = self.event(told);
            out.events.push(event);
        }
    }

    fn event(&mut self, told: Told) -> Event {
        match told {
            Told::Connecting => Event::Connecting,
            Told::Connected { certificate, keys } => {
                self.certificate = Some(certificate);
                Event::Connected(keys.and_then(|keys| keys.read()))
            }
            Told::Failed(failure) => Event::Failed(failure),
            Told::Closed => Event::Closed,
        }
    }
}

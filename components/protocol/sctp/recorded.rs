//! What an association yielded, to be yielded again.

use std::collections::VecDeque;

use bytes::Bytes;
use flumen_wire::sctp::check;
use serde::{Deserialize, Serialize};

use super::{
    AssociationEvent, Failure, OutgoingMessage, Output, Refused, SendRefused, State, UserMessage,
};
use crate::Time;
use crate::playback::{Entry, Playback};

/// What an association yielded, call by call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tape {
    entries: VecDeque<Entry<Answer, Snapshot>>,
}

/// What a call answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answer {
    Command,
    Received(Result<(), Refused>),
    Sent(Result<usize, SendRefused>),
    Polled(Polled),
}

/// What a poll yielded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Polled {
    pub(super) datagrams: Vec<Vec<u8>>,
    pub(super) messages: Vec<(u16, u32, Vec<u8>)>,
    pub(super) events: Vec<AssociationEvent>,
}

impl Polled {
    /// A copy of what `out` has beyond [`Output::mark`].
    pub(super) fn since(out: &Output, [datagrams, messages, events]: [usize; 3]) -> Self {
        let messages = out.messages[messages..].iter();
        Self {
            datagrams: out
                .datagrams()
                .skip(datagrams)
                .map(<[u8]>::to_vec)
                .collect(),
            messages: messages
                .map(|message| (message.stream, message.ppid, message.payload.to_vec()))
                .collect(),
            events: out.events[events..].to_vec(),
        }
    }
}

/// What the getters say after a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    pub(super) state: State,
    /// Nanoseconds since the engine's epoch.
    pub(super) next_timeout: Option<u64>,
    /// Streams with something buffered, and bytes.
    pub(super) buffered: Vec<(u16, usize)>,
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

/// Plays a tape back.
pub(super) struct Recorded(Playback<Answer, Snapshot>);

impl Recorded {
    pub(super) fn new(tape: Tape) -> Self {
        let failed = Snapshot {
            state: State::Failed,
            ..Snapshot::default()
        };
        Self(Playback::new(tape.entries, failed))
    }

    fn command(&mut self) {
        self.0
            .next(|answer| matches!(answer, Answer::Command).then_some(()));
    }

    pub(super) fn state(&self) -> State {
        self.0.after.state
    }

    pub(super) fn connect(&mut self, _: Time) {
        self.command();
    }

    pub(super) fn receive(&mut self, _: Time, datagram: &[u8]) -> Result<(), Refused> {
        check(datagram)?;
        self.0
            .next(|answer| match answer {
                Answer::Received(received) => Some(received),
                _ => None,
            })
            .unwrap_or(Err(Refused::Closed))
    }

    pub(super) fn send(&mut self, _: Time, _: &OutgoingMessage) -> Result<usize, SendRefused> {
        self.0
            .next(|answer| match answer {
                Answer::Sent(sent) => Some(sent),
                _ => None,
            })
            .unwrap_or(Err(SendRefused::NotConnected))
    }

    pub(super) fn reset_stream(&mut self, _: u16) {
        self.command();
    }

    pub(super) fn set_low_threshold(&mut self, _: u16, _: usize) {
        self.command();
    }

    pub(super) fn shut_down(&mut self, _: Time) {
        self.command();
    }

    pub(super) fn has_begun(&self) -> bool {
        self.state() != State::New
    }

    pub(super) fn end_as(&mut self, _: State) {
        self.command();
    }

    pub(super) fn abort(&mut self, _: Time) {
        self.command();
    }

    pub(super) fn buffered(&self) -> usize {
        self.0.after.buffered.iter().map(|(_, bytes)| bytes).sum()
    }

    pub(super) fn buffered_on(&self, stream: u16) -> usize {
        let buffered = &self.0.after.buffered;
        let found = buffered.iter().find(|(id, _)| *id == stream);
        found.map_or(0, |(_, bytes)| *bytes)
    }

    pub(super) fn buffered_streams(&self) -> Vec<(u16, usize)> {
        self.0.after.buffered.clone()
    }

    pub(super) fn next_timeout(&self) -> Option<Time> {
        self.0.after.next_timeout.map(Time::from_nanos)
    }

    pub(super) fn advance(&mut self, _: Time) {
        self.command();
    }

    pub(super) fn poll(&mut self, _: Time, out: &mut Output) {
        let polled = self.0.next(|answer| match answer {
            Answer::Polled(polled) => Some(polled),
            _ => None,
        });
        let Some(polled) = polled else {
            self.tell_divergence(out);
            return;
        };
        for datagram in &polled.datagrams {
            out.datagram(|bytes| bytes.extend(datagram));
        }
        let messages = polled.messages.into_iter();
        out.messages
            .extend(messages.map(|(stream, ppid, payload)| UserMessage {
                stream,
                ppid,
                payload: Bytes::from(payload),
            }));
        out.events.extend(polled.events);
    }

    fn tell_divergence(&mut self, out: &mut Output) {
        if self.0.diverge() {
            out.events.push(AssociationEvent::Failed(Failure::Diverged));
            out.events
                .push(AssociationEvent::StateChanged(State::Failed));
        }
    }
}

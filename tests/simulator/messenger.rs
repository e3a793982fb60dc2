//! A peer's messages: an SCTP association of its own.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flumen::components::Generator;
use flumen::sctp::{Association, Config, Epoch, OutgoingMessage, Output, Reliability, State};
use flumen::{DataConsumerId, DataProducerId, Time};

use crate::peer::Messages;
use crate::peer_id::PeerId;
use crate::sending::Out;

/// How a peer gets the messages of another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageReception {
    /// Messages that came.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Messages that came behind a later one.
    pub late: u64,
    /// Messages that came twice, or not as they were sent.
    pub wrong: u64,
    /// Messages that were sent before the newest one and did not come.
    pub missing: u64,
    newest: Option<u64>,
}

/// What sends and gets messages.
pub(crate) struct Messenger {
    messages: Messages,
    association: Association,
    /// Its own data producer, once there is one.
    pub(crate) producer: Option<DataProducerId>,
    /// Whose messages come on a stream, and how they do.
    pub(crate) sources: BTreeMap<u16, Source>,
    /// Messages that it sent.
    pub(crate) sent: u64,
    next: Option<Time>,
    out: Output,
}

/// Another peer's messages.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) from: PeerId,
    pub(crate) consumer: DataConsumerId,
    pub(crate) got: MessageReception,
}

/// The stream that it sends on.
pub(crate) const STREAM: u16 = 0;
/// Binary, RFC 8831 section 8.
const BINARY: u32 = 53;

impl Messenger {
    /// An association that asks for nothing yet.
    pub(crate) fn new(messages: Messages, generator: Generator) -> Self {
        let association = Association::new(Config::default(), epoch());
        Self {
            next: None,
            messages,
            association: association.drawing_from(generator),
            producer: None,
            sources: BTreeMap::new(),
            sent: 0,
            out: Output::default(),
        }
    }

    /// What it has got and sent, without its association: nothing comes of it any more.
    pub(crate) fn fork(&self) -> Self {
        Self {
            messages: self.messages,
            association: Association::new(Config::default(), epoch()),
            producer: self.producer,
            sources: self.sources.clone(),
            sent: self.sent,
            next: None,
            out: Output::default(),
        }
    }

    /// Begins to ask for an association.
    pub(crate) fn connect(&mut self, now: Time) {
        self.association.connect(now);
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.association.state() == State::Connected
    }

    pub(crate) fn due(&self) -> Option<Time> {
        let next = self.next.filter(|_| self.is_connected());
        next.into_iter()
            .chain(self.association.next_timeout())
            .min()
    }

    pub(crate) fn receive(&mut self, now: Time, datagram: &[u8], out: &mut Out) {
        // What is not for it is dropped, as a socket would drop it.
        let _ = self.association.receive(now, datagram);
        self.poll(now, out);
    }

    pub(crate) fn act(&mut self, now: Time, out: &mut Out) {
        if self
            .association
            .next_timeout()
            .is_some_and(|due| due <= now)
        {
            self.association.advance(now);
        }
        while let Some(next) = self.next.filter(|next| *next <= now && self.is_connected()) {
            self.next = Some(next + self.messages.interval);
            self.say(now);
        }
        self.poll(now, out);
    }

    /// It begins to speak as soon as it can.
    fn begin(&mut self, now: Time) {
        let speaks = self.messages.interval > Duration::ZERO && self.is_connected();
        if speaks && self.next.is_none() {
            self.next = Some(now);
        }
    }

    fn say(&mut self, now: Time) {
        let mut payload = self.sent.to_be_bytes().to_vec();
        payload.resize(self.messages.bytes, self.sent as u8);
        let message = OutgoingMessage {
            stream: STREAM,
            ppid: BINARY,
            ordered: self.messages.reliable,
            reliability: match self.messages.reliable {
                true => Reliability::Reliable,
                false => Reliability::Retransmits(0),
            },
            payload: Bytes::from(payload),
        };
        // With a full buffer it says nothing, and says it later.
        if self.association.send(now, &message).is_ok() {
            self.sent += 1;
        }
    }

    fn poll(&mut self, now: Time, out: &mut Out) {
        self.out.clear();
        self.association.poll(now, &mut self.out);
        out.extend(self.out.datagrams().map(|it| it.to_vec().into()));
        self.begin(now);
        for message in self.out.messages.drain(..) {
            if let Some(source) = self.sources.get_mut(&message.stream) {
                source.got.take(&message.payload);
            }
        }
    }
}

impl MessageReception {
    fn take(&mut self, payload: &[u8]) {
        self.messages += 1;
        self.bytes += payload.len() as u64;
        let Some((number, rest)) = payload.split_first_chunk() else {
            self.wrong += 1;
            return;
        };
        let number = u64::from_be_bytes(*number);
        self.wrong += u64::from(rest.iter().any(|byte| *byte != number as u8));
        match self.newest {
            Some(newest) if number == newest => self.wrong += 1,
            Some(newest) if number < newest => {
                self.late += 1;
                self.missing = self.missing.saturating_sub(1);
            }
            newest => {
                self.missing += newest.map_or(0, |newest| number - newest - 1);
                self.newest = Some(number);
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "an instant can be had from the clock alone; which one it is shows nowhere"
)]
fn epoch() -> Epoch {
    Epoch::new(Instant::now())
}

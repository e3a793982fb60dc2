//! The library that goes on when one begins anew.

use bytes::Bytes;
use flumen_wire::sctp::{
    Init, chunks, close_chunk, kind, open_chunk, parameter_kind, seal, write_header,
};

use super::gate::Gate;
use super::identity::Identity;
use super::library::{Library, Occurrence, Side};
use super::shift::LATEST;
use super::{Epoch, PORT};
use crate::Time;

/// The library that is to go on, amid its handshake.
pub(super) struct Successor<L> {
    pub(super) library: L,
    pub(super) identity: Identity,
}

impl<L: Library> Successor<L> {
    pub(super) fn open(gate: &Gate, epoch: &Epoch, now: Time) -> Self {
        let mut library = L::open(&gate.config, epoch, Side::Server, now);
        if let Some(init) = gate.peer_init() {
            library.input(now, init);
        }
        Self {
            library,
            identity: Identity::default(),
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Time> {
        self.library.next_timeout()
    }

    /// Says what the peer would; whether the handshake is through.
    pub(super) fn shake_hands(&mut self, gate: &Gate, epoch: &Epoch, now: Time) -> bool {
        while let Some(answer) = self.answer(now) {
            if answer.identity.tsn > LATEST {
                *self = Self::open(gate, epoch, now);
                continue;
            }
            self.identity = answer.identity;
            self.library.input(now, cookie_echo(&answer));
        }
        let mut told = std::iter::from_fn(|| self.library.poll());
        told.any(|occurrence| matches!(occurrence, Occurrence::Connected))
    }

    fn answer(&mut self, now: Time) -> Option<Answer> {
        let mut answer = None;
        self.library.transmit(now, &mut |packet| {
            let ack = chunks(packet).find_map(|chunk| Init::of(&chunk));
            answer = answer.take().or(ack.and_then(|ack| Answer::of(&ack)));
        });
        answer
    }
}

/// What is needed of an INIT ACK.
struct Answer {
    identity: Identity,
    cookie: Vec<u8>,
}

impl Answer {
    fn of(ack: &Init<'_>) -> Option<Self> {
        let mut parameters = ack.parameters();
        let cookie = parameters.find(|it| it.kind == parameter_kind::STATE_COOKIE)?;
        Some(Self {
            identity: Identity::of(ack),
            cookie: cookie.value.to_vec(),
        })
    }
}

fn cookie_echo(answer: &Answer) -> Bytes {
    let mut packet = Vec::new();
    write_header(&mut packet, PORT, PORT, answer.identity.tag);
    let start = open_chunk(&mut packet, kind::COOKIE_ECHO, 0);
    packet.extend(&answer.cookie);
    close_chunk(&mut packet, start);
    seal(&mut packet);
    Bytes::from(packet)
}

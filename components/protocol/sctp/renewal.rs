//! A library begins anew behind the gate, so that none of its counters wraps.
//!
//! Nothing is under way then: what is to be sent waits until everything has been acknowledged, and
//! what arrives waits from the end of a message on, until that has been acknowledged too. The peer
//! sees nothing of it.

use bytes::Bytes;
use flumen_wire::sctp::{
    Init, chunks, close_chunk, kind, open_chunk, parameter_kind, seal, write_header,
};

use super::core::Core;
use super::gate::Gate;
use super::identity::Identity;
use super::library::{Library, Occurrence, Side};
use super::resets::is_after;
use super::shift::{FIRST, LATEST, Shift};
use super::{Epoch, PORT};
use crate::Time;

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// There is time.
    #[default]
    Steady,
    /// What was sent is to be acknowledged.
    Draining,
    /// It is; the message that arrives is to end.
    Drained,
    /// It has ended with this number, behind which everything waits.
    Fenced(u32),
}

impl Gate {
    /// Whether the numbers of either direction have come so far that it is time.
    fn is_worn(&self) -> bool {
        let arrived = self.theirs.inward(self.cumulative).wrapping_sub(FIRST);
        let sent = self.last_tsn.wrapping_sub(self.begun);
        // One that is before the first has not come anywhere.
        let is_far = |count: u32| (self.config.renew_after..u32::MAX - FIRST).contains(&count);
        is_far(arrived) || is_far(sent)
    }

    /// Goes on to the next phase that has been reached, when everything but `waiting` bytes is the
    /// library's.
    fn go_on_renewing(&mut self, waiting: usize) {
        let is_steady = self.is_connected && self.closing.is_none();
        if self.phase == Phase::Steady && is_steady && self.is_worn() {
            self.phase = Phase::Draining;
        }
        let is_drained =
            self.outbound.total() == waiting && !is_after(self.last_tsn, self.acknowledged);
        if self.phase == Phase::Draining && is_drained {
            self.phase = Phase::Drained;
        }
        self.put_up_fence();
    }

    /// Notes that everything up to `tsn`, or some of it, has passed to the library.
    pub(super) fn note_passed(&mut self, tsn: u32, ending: bool) {
        if is_after(tsn, self.highest) {
            self.highest = tsn;
            self.is_whole = ending;
            self.put_up_fence();
        }
    }

    fn put_up_fence(&mut self) {
        if self.phase == Phase::Drained && self.is_whole {
            self.phase = Phase::Fenced(self.highest);
        }
    }

    /// Whether what has the number `tsn` must wait for the library to come.
    pub(super) fn is_fenced_off(&self, tsn: u32) -> bool {
        matches!(self.phase, Phase::Fenced(fence) if is_after(tsn, fence))
    }

    fn is_renewable(&self) -> bool {
        self.phase == Phase::Fenced(self.cumulative)
    }

    /// Another library goes on, which is `identity` for itself.
    fn begin_anew(&mut self, identity: Identity) {
        let next = self.last_tsn.wrapping_add(1);
        self.library_tag = identity.tag;
        self.ours = Shift::between(identity.tsn, next);
        self.begun = next;
        self.theirs = Shift::between(FIRST, self.cumulative.wrapping_add(1));
        self.inbound.begin_anew();
        self.outbound.begin_anew();
        self.heartbeat.begin_anew();
        self.phase = Phase::Steady;
    }
}

/// The library that is to go on, amid its handshake.
pub(super) struct Successor<L> {
    library: L,
    identity: Identity,
}

impl<L: Library> Successor<L> {
    fn open(gate: &Gate, epoch: &Epoch, now: Time) -> Self {
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
    fn shake_hands(&mut self, gate: &Gate, epoch: &Epoch, now: Time) -> bool {
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

impl<L: Library> Core<L> {
    /// Begins anew if it is time; whether another library has just taken over.
    pub(super) fn renew(&mut self, now: Time) -> bool {
        self.gate.go_on_renewing(self.waiting.total());
        if !self.gate.is_renewable() {
            return false;
        }
        let Self { gate, epoch, .. } = self;
        let mut successor =
            (self.successor.take()).unwrap_or_else(|| Successor::open(gate, epoch, now));
        if !successor.shake_hands(gate, epoch, now) {
            self.successor = Some(successor);
            return false;
        }
        gate.begin_anew(successor.identity);
        self.library = successor.library;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Instant;

    use super::super::machine::Machine;
    use super::super::rtc::Rtc;
    use super::super::{Config, Outgoing, Output, Reliability, State};
    use super::*;

    #[expect(
        clippy::disallowed_methods,
        reason = "an instant can be had from the clock alone"
    )]
    fn machine() -> Machine<Rtc> {
        let config = Config {
            renew_after: 50,
            ..Config::default()
        };
        Machine::new(config, Epoch::new(Instant::now()))
    }

    fn say(from: &mut Machine<Rtc>, to: &mut Machine<Rtc>, now: Time) -> usize {
        if from.next_timeout().is_some_and(|due| due <= now) {
            from.advance(now);
        }
        let mut out = Output::default();
        from.poll(now, &mut out);
        for datagram in out.datagrams() {
            let _ = to.receive(now, datagram);
        }
        out.messages.len()
    }

    #[test]
    fn no_number_of_a_library_goes_far() {
        let mut ends = [machine(), machine()];
        ends[0].connect(Time::ZERO);
        let mut begun = [BTreeSet::new(), BTreeSet::new()];
        let mut messages = [0; 2];
        let mut sent = 0;
        for millis in 0..30_000 {
            let now = Time::from_millis(millis);
            for from in [0, 1] {
                let [one, other] = &mut ends;
                let pair = if from == 0 {
                    (one, other)
                } else {
                    (other, one)
                };
                messages[from] += say(pair.0, pair.1, now);
            }
            let are_connected = ends.iter().all(|end| end.state() == State::Connected);
            if are_connected && sent < 1_000 {
                sent += 1;
                for end in &mut ends {
                    let message = Outgoing {
                        stream: sent % 3,
                        ppid: 53,
                        ordered: true,
                        reliability: Reliability::Reliable,
                        payload: Bytes::from(vec![0; usize::from(sent) * 3]),
                    };
                    end.send(now, &message).expect("there is room");
                }
            }
            for (end, begun) in ends.iter().zip(&mut begun) {
                let live = end
                    .live
                    .as_ref()
                    .filter(|_| end.state() == State::Connected);
                let Some(Core { gate, .. }) = live else {
                    continue;
                };
                let arrived = gate.theirs.inward(gate.cumulative) + 1 - FIRST;
                let sent = gate.last_tsn.wrapping_sub(gate.begun).wrapping_add(1);
                assert!(arrived.max(sent) < 500, "{arrived} arrived, {sent} sent");
                begun.insert(gate.begun);
            }
        }
        assert_eq!(messages, [1_000; 2]);
        assert!(begun.iter().all(|begun| begun.len() > 5), "{begun:?}");
    }
}

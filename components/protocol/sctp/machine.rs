//! The states of an association, and the handshakes that may become it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use flumen_wire::sctp::{
    Chunk, Header, Init, check, chunks, close_chunk, kind, open_chunk, seal, write_header,
};

use super::core::{Core, SHUTDOWN};
use super::gate::{Drawn, End, Gate};
use super::identity::{Identity, draw_cookie};
use super::library::{Library, Side};
use super::{
    AssociationEvent, Config, Epoch, Failure, OutgoingMessage, Output, PORT, Refused, SendRefused,
    State,
};
use crate::{Generator, Time};

/// How long a peer that asked first may take to go on with our answer before it is asked itself:
/// RTO.Initial (RFC 9260 section 16), after which it would ask again.
const ANSWER: Duration = Duration::from_secs(1);
/// The flag of ABORT and SHUTDOWN COMPLETE that says whose tag they carry: the receiver's own
/// peer's (RFC 9260 section 8.5.1).
const REFLECTED: u8 = 1;

/// An association over the library `L`.
///
/// It answers every INIT with an association of its own in the library, and becomes the first
/// whose cookie comes back. When both ends ask at once, the greater verification tag wins: an
/// INIT below our own is not answered, one above is, and with the tag and first number of our own
/// (RFC 9260 section 5.2.1).
/// Who is asked before it asks leaves it at that for a while: an INIT with another tag than its
/// answer's confuses stacks (`webrtc-sctp`) that take the last one that they saw.
/// If it asks after all, and answers cross, the greater tag wins likewise.
///
/// A peer may restart. Amid a handshake of ours that it had answered, it is answered too: if it
/// knows our tag, it has not restarted, and waits for the cookie that it has given. If it does not
/// ask itself, our cookie is not acknowledged, and it is asked once more.
/// Amid an association (RFC 9260 section 5.2.2) it is answered beside it. Nothing of the
/// association changes before the cookie of that answer comes back, which who merely writes the
/// peer's address into an INIT does not get to see.
pub(super) struct Machine<L> {
    config: Config,
    epoch: Epoch,
    /// Draws what is drawn for each end of a handshake, if the libraries shall not.
    draws: Option<Generator>,
    pub(super) state: State,
    /// What was opened from here, or what a handshake has become.
    pub(super) live: Option<Core<L>>,
    pub(super) answered: VecDeque<Core<L>>,
    /// When to ask after all, while a peer that asked first is expected to go on.
    pub(super) ask_at: Option<Time>,
    /// The peer has forgotten once what it had answered.
    pub(super) has_asked_again: bool,
    /// Until when answers amid an association stand.
    pub(super) answers_until: Option<Time>,
    /// What is yielded by the next poll.
    pub(super) out: Output,
}

impl<L: Library> Machine<L> {
    pub(super) fn new(config: Config, epoch: Epoch) -> Self {
        let longest = config.max_send_message_size.min(L::LONGEST);
        Self {
            config: Config {
                max_send_message_size: longest,
                ..config
            },
            epoch,
            draws: None,
            state: State::New,
            live: None,
            answered: VecDeque::new(),
            ask_at: None,
            has_asked_again: false,
            answers_until: None,
            out: Output::default(),
        }
    }

    pub(super) fn draw_from(&mut self, generator: Generator) {
        self.draws = Some(generator);
    }

    pub(super) fn open(&mut self, side: Side, now: Time) -> Core<L> {
        let asking = self.asking().filter(|_| side == Side::Server);
        let mut draws = self.draws.as_mut();
        let own = draws.as_deref_mut().map(Identity::draw);
        let drawn = Drawn {
            identity: asking.or(own),
            cookie: draws.map(draw_cookie),
        };
        Core::open(&self.config, &self.epoch, side, drawn, now)
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    pub(super) fn has_begun(&self) -> bool {
        self.state != State::New || !self.answered.is_empty()
    }

    pub(super) fn end_as(&mut self, state: State) {
        self.state = state;
    }

    fn connected(&self) -> Option<&Core<L>> {
        self.live
            .as_ref()
            .filter(|_| self.state == State::Connected)
    }

    fn connected_mut(&mut self) -> Option<&mut Core<L>> {
        self.live
            .as_mut()
            .filter(|_| self.state == State::Connected)
    }

    /// Runs `act`; if the library panics, the association has failed.
    fn guarded<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let done = catch_unwind(AssertUnwindSafe(|| act(self)));
        if done.is_err() {
            self.end(End::Failed(Failure::Panicked));
        }
        done.ok()
    }

    pub(super) fn connect(&mut self, now: Time) {
        if self.state == State::New {
            self.enter(State::Connecting);
            match self.answered.is_empty() {
                true => self.ask(now),
                false => self.ask_at = Some(now + ANSWER),
            }
        }
    }

    pub(super) fn ask(&mut self, now: Time) {
        self.guarded(|this| {
            this.live = Some(this.open(Side::Client, now));
            this.settle(now);
        });
    }

    pub(super) fn receive(&mut self, now: Time, packet: &[u8]) -> Result<(), Refused> {
        let header = check(packet)?;
        if (header.source, header.destination) != (PORT, PORT) {
            return Err(Refused::Ports);
        }
        let first = chunks(packet).next().ok_or(Refused::Tag)?;
        if matches!(self.state, State::Failed | State::Closed) {
            self.answer_late(&header, &first);
            return Err(Refused::Closed);
        }
        let received = self.guarded(|this| match Init::of(&first) {
            Some(init) if first.kind == kind::INIT => this.receive_init(now, packet, &init),
            Some(ack) => this.receive_init_ack(now, packet, header.tag, &ack),
            None => this.receive_other(now, packet, header.tag, &first),
        });
        received.unwrap_or(Ok(()))
    }

    fn receive_other(
        &mut self,
        now: Time,
        packet: &[u8],
        tag: u32,
        first: &Chunk<'_>,
    ) -> Result<(), Refused> {
        if first.kind == kind::COOKIE_ECHO && self.is_outranked(tag) {
            return Err(Refused::Init);
        }
        if let Some(at) = self.answered_with(tag, first) {
            self.answered[at].receive(now, packet, &mut self.out);
            return Ok(());
        }
        // Before its INIT ACK a peer may refuse and say nothing else (RFC 9260 section 5.1): a
        // library might answer, and does not know with which tag.
        let is_abort = first.kind == kind::ABORT;
        let may_speak = |core: &&mut Core<L>| {
            core.gate.local.tag == tag && (core.gate.peer.tag != 0 || is_abort)
        };
        let mut cores = self.live.iter_mut().chain(&mut self.answered);
        if let Some(core) = cores.find(may_speak) {
            core.receive(now, packet, &mut self.out);
            return Ok(());
        }
        let live = self.live.as_mut().filter(|core| core.gate.peer.tag == tag);
        let core = live.ok_or(Refused::Tag)?;
        match (first.kind, first.flags & REFLECTED != 0) {
            (kind::ABORT, true) => core.gate.aborted(),
            (kind::SHUTDOWN_COMPLETE, true) if core.gate.has_shut_down => {
                core.gate.end.get_or_insert(End::Closed);
            }
            _ => return Err(Refused::Tag),
        }
        Ok(())
    }

    /// The handshake whose cookie comes back, if `first` is one. Several may have one tag.
    fn answered_with(&self, tag: u32, first: &Chunk<'_>) -> Option<usize> {
        let is_it = |gate: &Gate| gate.local.tag == tag && gate.cookie() == first.value;
        let mut answered = self.answered.iter();
        answered.position(|core| first.kind == kind::COOKIE_ECHO && is_it(&core.gate))
    }

    /// A peer that did not hear of the end hears of it again, RFC 9260 section 8.4.
    fn answer_late(&mut self, header: &Header, first: &Chunk<'_>) {
        let answer = match first.kind {
            kind::SHUTDOWN_ACK => kind::SHUTDOWN_COMPLETE,
            kind::DATA | kind::SACK | kind::HEARTBEAT => kind::ABORT,
            _ => return,
        };
        self.out.datagram(|bytes| {
            let start = bytes.len();
            write_header(bytes, PORT, PORT, header.tag);
            let chunk = open_chunk(bytes, answer, REFLECTED);
            close_chunk(bytes, chunk);
            seal(&mut bytes[start..]);
        });
    }

    pub(super) fn send(
        &mut self,
        now: Time,
        message: &OutgoingMessage,
    ) -> Result<usize, SendRefused> {
        self.guarded(|this| {
            let core = this.connected_mut().ok_or(SendRefused::NotConnected)?;
            core.send(now, message)
        })
        .unwrap_or(Err(SendRefused::Failed))
    }

    pub(super) fn reset_stream(&mut self, stream: u16) {
        if let Some(core) = self.connected_mut() {
            core.reset(stream);
        }
    }

    pub(super) fn shut_down(&mut self, now: Time) {
        match self.connected_mut() {
            Some(core) => {
                core.gate.closing.get_or_insert(now + SHUTDOWN);
            }
            None => self.abort(now),
        }
    }

    pub(super) fn abort(&mut self, _: Time) {
        if matches!(self.state, State::Failed | State::Closed) {
            return;
        }
        if let Some(core) = &self.live
            && core.gate.peer.tag != 0
        {
            self.out.datagram(|bytes| {
                let start = bytes.len();
                write_header(bytes, PORT, PORT, core.gate.peer.tag);
                let chunk = open_chunk(bytes, kind::ABORT, 0);
                // User-Initiated Abort, RFC 9260 section 3.3.10.12.
                bytes.extend([0, 12, 0, 4]);
                close_chunk(bytes, chunk);
                seal(&mut bytes[start..]);
            });
        }
        self.end(End::Closed);
    }

    pub(super) fn set_low_threshold(&mut self, stream: u16, bytes: usize) {
        if let Some(core) = self.connected_mut() {
            core.gate.outbound.set_low(stream, bytes);
        }
    }

    pub(super) fn buffered(&self) -> usize {
        let core = self.connected();
        core.map_or(0, |core| core.gate.outbound.total())
    }

    pub(super) fn buffered_on(&self, stream: u16) -> usize {
        let core = self.connected();
        core.map_or(0, |core| core.gate.outbound.buffered(stream))
    }

    pub(super) fn buffered_streams(&self) -> Vec<(u16, usize)> {
        let core = self.connected();
        core.map_or_else(Vec::new, |core| core.gate.outbound.all().collect())
    }

    pub(super) fn next_timeout(&self) -> Option<Time> {
        let cores = self.live.iter().chain(&self.answered);
        let due = cores.filter_map(Core::next_timeout);
        due.chain(self.ask_at).chain(self.answers_until).min()
    }

    pub(super) fn advance(&mut self, now: Time) {
        self.guarded(|this| {
            for core in this.live.iter_mut().chain(&mut this.answered) {
                core.advance(now);
            }
        });
        if self.ask_at.is_some_and(|at| at <= now) {
            self.ask_at = None;
            self.ask(now);
        }
        if self.answers_until.is_some_and(|until| until <= now) {
            self.answers_until = None;
            self.answered.clear();
        }
    }

    /// Appends to `out` what there is, in order.
    pub(super) fn poll(&mut self, now: Time, out: &mut Output) {
        self.out.move_to(out);
        // Lent, so that datagrams are written where they leave from, and memory for a flight of
        // them is not kept by every association.
        std::mem::swap(&mut self.out, out);
        self.guarded(|this| this.settle(now));
        std::mem::swap(&mut self.out, out);
    }

    /// Takes out what the libraries have, and follows where it leads.
    fn settle(&mut self, now: Time) {
        for core in self.live.iter_mut().chain(&mut self.answered) {
            core.drain(now, &mut self.out);
        }
        let is_through = |core: &Core<L>| core.gate.is_connected;
        if let Some(at) = self.answered.iter().position(is_through) {
            self.leave_behind();
            self.live = self.answered.remove(at);
        }
        if self.state != State::Connected && self.live.as_ref().is_some_and(is_through) {
            self.become_connected(now);
        }
        self.answered.retain(|core| core.gate.end.is_none());
        if let Some(end) = self.live.as_ref().and_then(|core| core.gate.end) {
            match self.is_forgotten(end) {
                true => self.ask_again(now),
                false => self.end(end),
            }
        }
    }

    fn end(&mut self, end: End) {
        self.live = None;
        self.answered.clear();
        self.ask_at = None;
        self.answers_until = None;
        match end {
            End::Closed => self.enter(State::Closed),
            End::Failed(failure) => {
                self.out.events.push(AssociationEvent::Failed(failure));
                self.enter(State::Failed);
            }
        }
    }

    pub(super) fn enter(&mut self, state: State) {
        if self.state != state {
            self.state = state;
            self.out.events.push(AssociationEvent::StateChanged(state));
        }
    }
}

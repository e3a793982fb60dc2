//! How handshakes begin, and what becomes of who wins.

use std::time::Duration;

use flumen_wire::sctp::Init;

use super::core::Core;
use super::gate::{End, Gate};
use super::identity::Identity;
use super::library::{Library, Side};
use super::machine::Machine;
use super::{AssociationEvent, Failure, Refused, State};
use crate::Time;

/// Handshakes that are answered at a time. The oldest makes room: a flood of forged INITs then
/// costs the true one at most its turn, and never more memory than this.
const HANDSHAKES: usize = 8;
/// How long a peer that seems to have restarted may take to go on with our answer:
/// Valid.Cookie.Life (RFC 9260 section 16).
const COOKIE_LIFE: Duration = Duration::from_secs(60);

impl<L: Library> Machine<L> {
    pub(super) fn receive_init(
        &mut self,
        now: Time,
        packet: &[u8],
        init: &Init<'_>,
    ) -> Result<(), Refused> {
        if !self.is_wanted(init) {
            return Err(Refused::Init);
        }
        let is_same = |core: &&Core<L>| core.gate.peer == Identity::of(init);
        if let Some(core) = self.answered.iter().find(is_same) {
            let answer = &core.gate.answer;
            // The library does not answer what RFC 9260 forbids, a tiny window for one.
            if !answer.is_empty() {
                self.out.datagram(|bytes| bytes.extend(answer));
            }
            return Ok(());
        }
        if self.answered.len() == HANDSHAKES {
            self.answered.pop_front();
        }
        if self.state == State::Connected {
            self.answers_until = Some(now + COOKIE_LIFE);
        }
        let mut core = self.open(Side::Server, now);
        core.receive(now, packet, &mut self.out);
        core.drain(now, &mut self.out);
        self.answered.push_back(core);
        Ok(())
    }

    /// Whether an INIT is to be answered: not if it repeats what led to the association, or will,
    /// and not if it loses against our own. Equal tags are as good as impossible, but for two
    /// engines with one seed.
    fn is_wanted(&self, init: &Init<'_>) -> bool {
        let Some(Core { gate, .. }) = &self.live else {
            return true;
        };
        let theirs = Identity::of(init);
        match self.state {
            State::Connected => gate.closing.is_none() && theirs != gate.peer,
            _ if gate.peer.tag == 0 => theirs >= gate.local,
            _ => theirs != gate.peer,
        }
    }

    pub(super) fn receive_init_ack(
        &mut self,
        now: Time,
        packet: &[u8],
        tag: u32,
        ack: &Init<'_>,
    ) -> Result<(), Refused> {
        let asking = self.live.as_ref().map(|core| &core.gate);
        let asking = asking.filter(|gate| gate.local.tag == tag && gate.peer.tag == 0);
        let ours = asking.ok_or(Refused::Tag)?.local;
        // A peer that had asked before, and was answered, goes on with that unless its tag is less.
        let is_expected = |it: &Gate| it.peer.tag == ack.tag && it.local != ours && it.peer >= ours;
        if self.answered.iter().any(|core| is_expected(&core.gate)) {
            return Err(Refused::Tag);
        }
        if let Some(core) = &mut self.live {
            core.receive(now, packet, &mut self.out);
        }
        Ok(())
    }

    /// Whether the cookie of the answer with this tag comes too late: both ends were asked, both
    /// answered, and both go on. The lesser tag gives way, or each would end up with the handshake
    /// that the other has left.
    pub(super) fn is_outranked(&self, tag: u32) -> bool {
        let Some(Core { gate, .. }) = &self.live else {
            return false;
        };
        let has_gone_on = self.state == State::Connecting && gate.peer.tag != 0;
        let mut answered = self.answered.iter().map(|core| &core.gate);
        let is_outranked =
            |it: &Gate| it.local.tag == tag && it.local != gate.local && it.peer < gate.local;
        has_gone_on && answered.any(is_outranked)
    }

    /// Who asks from here, as long as it does. What was drawn for it is known before it leaves.
    pub(super) fn asking(&self) -> Option<Identity> {
        let is_asking = self.state == State::Connecting;
        let Core { gate, .. } = self.live.as_ref().filter(|_| is_asking)?;
        let asked = Some(gate.local).filter(|it| it.tag != 0);
        gate.drawn.identity.or(asked)
    }

    /// Whether a handshake has ended since the peer has forgotten what it had answered.
    pub(super) fn is_forgotten(&self, end: End) -> bool {
        let had_answered = |core: &Core<L>| core.gate.peer.tag != 0;
        self.state == State::Connecting
            && end == End::Failed(Failure::Handshake)
            && self.live.as_ref().is_some_and(had_answered)
            && !self.has_asked_again
    }

    pub(super) fn ask_again(&mut self, now: Time) {
        self.has_asked_again = true;
        self.live = None;
        self.ask(now);
    }

    /// If there is an association, its peer has restarted: what it had not acknowledged is lost,
    /// and waits no longer.
    pub(super) fn leave_behind(&mut self) {
        if self.state != State::Connected {
            return;
        }
        self.enter(State::Connecting);
        if let Some(core) = self.live.take() {
            let low = |stream| AssociationEvent::BufferedAmountLow {
                stream,
                buffered: 0,
            };
            let told = core.gate.outbound.above_low().map(low);
            self.out.events.extend(told);
        }
    }

    pub(super) fn become_connected(&mut self, now: Time) {
        self.answered.clear();
        self.ask_at = None;
        self.has_asked_again = false;
        self.answers_until = None;
        if let Some(core) = &mut self.live {
            core.gate.heartbeat.heard(now);
            self.out.events.push(AssociationEvent::Streams {
                outbound: core.gate.outbound_streams,
                inbound: core.gate.inbound_streams,
            });
        }
        self.enter(State::Connected);
    }
}

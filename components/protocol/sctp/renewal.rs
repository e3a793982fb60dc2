//! A library begins anew behind the gate, so that none of its counters wraps.
//!
//! Nothing is under way then: what is to be sent waits until everything has been acknowledged, and
//! what arrives waits from the end of a message on, until that has been acknowledged too. The peer
//! sees nothing of it.

use super::core::Core;
use super::gate::Gate;
use super::identity::Identity;
use super::library::Library;
use super::phase::Phase;
use super::resets::is_after;
use super::shift::{FIRST, Shift};
use super::successor::Successor;
use crate::Time;

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

    /// `tsn`, or the last number that need not wait.
    pub(super) fn before_fence(&self, tsn: u32) -> u32 {
        match self.phase {
            Phase::Fenced(fence) if is_after(tsn, fence) => fence,
            _ => tsn,
        }
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

    use bytes::Bytes;

    use super::super::machine::Machine;
    use super::super::rtc::Rtc;
    use super::super::{Config, Epoch, OutgoingMessage, Output, Reliability, State};
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
                    let message = OutgoingMessage {
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

//! The seam.

use super::machine::Machine;
use super::recorded::{Answer, Polled, Recorded, Snapshot, Tape};
use super::rtc::Rtc;
use super::{Config, Epoch, OutgoingMessage, Output, Refused, SendRefused, State};
use crate::{Generator, Time};

/// An SCTP association, RFC 9260: datagrams, commands and the time go in, datagrams, messages and
/// events come out.
///
/// In a tick: [`receive`](Self::receive) its datagrams, [`advance`](Self::advance) to `now` if
/// [`next_timeout`](Self::next_timeout) has passed, send and command what there is, and
/// [`poll`](Self::poll) once. What is due next is known after the poll.
///
/// The implementation is chosen when it is made; an enum, so that it is a plain value, `Send`
/// and `Sync`, whose calls are direct. An idle one holds about 5 KB and asks to be called every
/// 30 seconds.
///
/// # A peer that restarts
///
/// A peer that has forgotten the association, and asks anew from the same address, gets a new one
/// in its place as soon as it has proved that it is there (RFC 9260 section 5.2.4): the state goes
/// to [`Connecting`](State::Connecting) and at once back to [`Connected`](State::Connected). Then
/// streams are agreed on and numbered anew, what was not acknowledged is lost,
/// [`BufferedAmountLow`](super::AssociationEvent::BufferedAmountLow) is told of each stream that had more
/// buffered than its threshold, and thresholds are to be set again. One that has failed or is
/// closed stays so. A peer that restarts amid the handshake is answered too; if it does not ask
/// itself, it is asked again once it has not acknowledged anything for four minutes.
///
/// # What a peer can make it hold
///
/// What arrived and cannot be delivered yet is bounded by twice the receive window in datagrams,
/// and by four chunks for each KiB of it; what must wait for a reset at the gate by the window and
/// as many chunks again. Fragments of messages that are not complete are bounded
/// by their number too, since a library goes through them: beyond as many as the longest message
/// has (of 256 bytes each, and 1,024 at least), those that do not belong to the next message are
/// dropped, to be sent again. A peer that does not complete a message in three times as many
/// fragments, or exceeds the other bounds, fails the association with
/// [`Failure::Flooded`](super::Failure::Flooded).
pub struct Association {
    behind: Behind,
    tape: Option<Tape>,
}

enum Behind {
    Rtc(Box<Machine<Rtc>>),
    #[cfg(feature = "webrtc-sctp")]
    WebRtc(Box<Machine<super::webrtc::WebRtc>>),
    Recorded(Box<Recorded>),
}

/// Calls the machine of whatever library it is.
macro_rules! each {
    ($behind:expr, $machine:ident => $call:expr) => {
        match $behind {
            Behind::Rtc($machine) => $call,
            #[cfg(feature = "webrtc-sctp")]
            Behind::WebRtc($machine) => $call,
            Behind::Recorded($machine) => $call,
        }
    };
}

impl Association {
    /// An association over `rtc-sctp`.
    pub fn new(config: Config, epoch: Epoch) -> Self {
        Self::over(Behind::Rtc(Box::new(Machine::new(config, epoch))))
    }

    /// An association over `webrtc-sctp`, tasks on a runtime that the tick runs until idle.
    ///
    /// It passes the behaviour tests of the default, except where it cannot:
    ///
    /// - A message is at most 131,072 bytes: a longer one never leaves an idle association, because
    ///   its queue waits for room before the writer is woken.
    /// - Lifetimes and round trips are measured on the system's clock. On virtual time nothing grows
    ///   too old, and RTO stays at its minimum of a second.
    /// - How hard to try is a property of the stream, not of the message: what was said last counts
    ///   for all that is under way.
    /// - Fragments of unordered messages that the peer abandoned are forgotten only if this end sends
    ///   unordered messages on that stream too.
    /// - Messages of several streams that waited for what one FORWARD TSN abandons are delivered in
    ///   any order between the streams.
    /// - It copies what it takes in, so the gate cannot tell what it holds: a peer that never
    ///   completes fragments is bounded by the window alone, which does not count what small
    ///   fragments cost.
    /// - Its timer for delayed acknowledgements fires once and then not again before something has
    ///   been acknowledged at once: the last packets of a burst may be sent again after a second.
    /// - It takes nothing in before packets are taken out, so a tick that is full of small messages can
    ///   fail an association with a small receive window as flooded.
    /// - It does not tell how often it retransmits: a peer that is gone is noticed by heartbeats.
    /// - A handshake that fails, a window that was closed and acknowledgements move on by its own
    ///   timers, which cannot be asked when they are due: while something is under way it is called
    ///   every 10 ms, and takes in and yields at most once a millisecond.
    /// - Each packet is written on a second thread, which the runtime owns; this is the one thread of
    ///   the engine that the application did not bring, and what makes it slow.
    #[cfg(feature = "webrtc-sctp")]
    pub fn webrtc(config: Config, epoch: Epoch) -> Self {
        Self::over(Behind::WebRtc(Box::new(Machine::new(config, epoch))))
    }

    /// An association that plays back `tape`: the same calls yield what they yielded then.
    ///
    /// A call that does not fit the tape fails the association with
    /// [`Failure::Diverged`](super::Failure::Diverged).
    pub fn recorded(tape: Tape) -> Self {
        Self::over(Behind::Recorded(Box::new(Recorded::new(tape))))
    }

    /// Draws verification tags, first sequence numbers and cookies from `generator`, so that every
    /// byte repeats with it; without, the library draws them from the operating system. Call it
    /// before anything else.
    #[must_use]
    pub fn drawing_from(mut self, generator: Generator) -> Self {
        match &mut self.behind {
            Behind::Rtc(machine) => machine.draw_from(generator),
            #[cfg(feature = "webrtc-sctp")]
            Behind::WebRtc(machine) => machine.draw_from(generator),
            Behind::Recorded(_) => {}
        }
        self
    }

    fn over(behind: Behind) -> Self {
        Self { behind, tape: None }
    }

    /// Records from here on what is yielded. The tape grows with every call until it is taken.
    pub fn record(&mut self) {
        self.tape.get_or_insert_default();
    }

    /// What was recorded, if anything; recording ends.
    pub fn take_tape(&mut self) -> Option<Tape> {
        self.tape.take()
    }

    /// Its state.
    pub fn state(&self) -> State {
        each!(&self.behind, it => it.state())
    }

    /// A handshake has begun: it was asked, or the peer has and was answered.
    pub fn has_begun(&self) -> bool {
        each!(&self.behind, it => it.has_begun())
    }

    /// Is over, as one was that it takes the place of: [`State::Failed`] or [`State::Closed`]. Nothing
    /// is told of it.
    pub fn end_as(&mut self, state: State) {
        each!(&mut self.behind, it => it.end_as(state));
        self.note(|| Answer::Command);
    }

    /// Asks the peer; nothing if it was done before.
    ///
    /// An association also answers a peer that asks, whether this was called or not. Both may.
    pub fn connect(&mut self, now: Time) {
        each!(&mut self.behind, it => it.connect(now));
        self.note(|| Answer::Command);
    }

    /// Takes in a datagram of the peer.
    ///
    /// # Errors
    ///
    /// Why it was not taken; nothing was changed then.
    pub fn receive(&mut self, now: Time, datagram: &[u8]) -> Result<(), Refused> {
        let received = each!(&mut self.behind, it => it.receive(now, datagram));
        if !matches!(received, Err(Refused::Malformed(_))) {
            self.note(|| Answer::Received(received));
        }
        received
    }

    /// Hands over a message; the bytes that are then buffered on its stream.
    ///
    /// Its payload is shared, not copied, and kept until the peer has acknowledged it.
    ///
    /// # Errors
    ///
    /// Why it was not taken; nothing was changed then.
    pub fn send(&mut self, now: Time, message: &OutgoingMessage) -> Result<usize, SendRefused> {
        let sent = each!(&mut self.behind, it => it.send(now, message));
        self.note(|| Answer::Sent(sent));
        sent
    }

    /// Resets what is sent on `stream` (RFC 6525), once everything on it is acknowledged; what
    /// the peer sends on it goes on. What is sent on it from now on waits here until
    /// [`ResetDone`](super::AssociationEvent::ResetDone), and counts as buffered. Nothing happens unless it is
    /// connected, or if the peer did not say that it knows resets: its numbers then go on.
    pub fn reset_stream(&mut self, stream: u16) {
        each!(&mut self.behind, it => it.reset_stream(stream));
        self.note(|| Answer::Command);
    }

    /// Tells when what is buffered on `stream` falls from above `bytes` to it or below; 0 until it
    /// is set. Nothing happens unless it is connected.
    pub fn set_low_threshold(&mut self, stream: u16, bytes: usize) {
        each!(&mut self.behind, it => it.set_low_threshold(stream, bytes));
        self.note(|| Answer::Command);
    }

    /// Closes it once everything that was taken is acknowledged, after a minute at most. Until
    /// then it is connected and takes no more messages.
    pub fn shut_down(&mut self, now: Time) {
        each!(&mut self.behind, it => it.shut_down(now));
        self.note(|| Answer::Command);
    }

    /// Closes it at once, and tells the peer.
    pub fn abort(&mut self, now: Time) {
        each!(&mut self.behind, it => it.abort(now));
        self.note(|| Answer::Command);
    }

    /// Bytes handed over and not acknowledged, on all streams.
    pub fn buffered(&self) -> usize {
        each!(&self.behind, it => it.buffered())
    }

    /// Bytes handed over and not acknowledged, on `stream`.
    pub fn buffered_on(&self, stream: u16) -> usize {
        each!(&self.behind, it => it.buffered_on(stream))
    }

    /// When to call [`advance`](Self::advance), if ever. It may be called early, and late.
    pub fn next_timeout(&self) -> Option<Time> {
        each!(&self.behind, it => it.next_timeout())
    }

    /// Fires the timers that are due.
    pub fn advance(&mut self, now: Time) {
        each!(&mut self.behind, it => it.advance(now));
        self.note(|| Answer::Command);
    }

    /// Appends to `out` what there is.
    pub fn poll(&mut self, now: Time, out: &mut Output) {
        let from = out.mark();
        each!(&mut self.behind, it => it.poll(now, out));
        self.note(|| Answer::Polled(Polled::since(out, from)));
    }

    fn note(&mut self, answer: impl FnOnce() -> Answer) {
        let after = self.tape.as_ref().map(|_| self.snapshot());
        if let (Some(tape), Some(after)) = (&mut self.tape, after) {
            tape.push(answer(), after);
        }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            state: self.state(),
            next_timeout: self.next_timeout().map(Time::as_nanos),
            buffered: each!(&self.behind, it => it.buffered_streams()),
        }
    }
}

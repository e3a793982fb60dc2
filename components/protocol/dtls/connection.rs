//! The seam.

use std::time::Instant;

use flumen_wire::state::{Malformed, Reader, State as _, Writer};

use super::machine::Machine;
use super::recorded::{Answer, Polled, Recorded, Snapshot, Tape, fingerprint};
use super::resumed::Kept;
use super::{
    Config, ConnectError, Identity, Output, Parameters, Refused, Role, SendError, State, Tapes,
    identity,
};
use crate::{Generator, Time};

/// A DTLS connection: datagrams and the time go in; datagrams, keys for SRTP and data come out.
///
/// In a tick: [`receive`](Self::receive) its datagrams, [`advance`](Self::advance) to `now` if
/// [`next_timeout`](Self::next_timeout) has passed, send what there is, and [`poll`](Self::poll)
/// once. What is due next is known after the poll.
pub struct Connection {
    behind: Behind,
    onto: Onto,
}

/// Where it is recorded.
enum Onto {
    Nothing,
    Own(Tape),
    Shared(u64, Tapes),
}

enum Behind {
    Machine(Box<Machine>),
    Recorded(Box<Recorded>),
}

/// Calls whatever stands behind.
macro_rules! each {
    ($behind:expr, $it:ident => $call:expr) => {
        match $behind {
            Behind::Machine($it) => $call,
            Behind::Recorded($it) => $call,
        }
    };
}

impl Connection {
    /// A connection of `identity` that nobody has begun. Randomness is drawn from `generator` as
    /// far as the libraries let it: see the [module](super).
    ///
    /// `epoch` is the moment at which [`Time`] is zero, for libraries that reckon in [`Instant`]s;
    /// which one it is changes nothing.
    pub fn new(config: &Config, identity: &Identity, epoch: Instant, generator: Generator) -> Self {
        let machine = Machine::new(config, identity, epoch, generator);
        Self::over(Behind::Machine(Box::new(machine)))
    }

    /// A connection that plays back `tape`: the same calls yield what they yielded then, keys and
    /// all.
    ///
    /// A call that does not fit the tape fails the connection with
    /// [`Failure::Diverged`](super::Failure::Diverged).
    pub fn recorded(tape: Tape) -> Self {
        Self::over(Behind::Recorded(Box::new(Recorded::new(tape))))
    }

    fn over(behind: Behind) -> Self {
        let onto = Onto::Nothing;
        Self { behind, onto }
    }

    /// A connection that plays back what is laid in as `number` of `tapes`, call by call as it
    /// comes: see [`recorded`](Self::recorded).
    pub fn playing(number: u64, tapes: Tapes) -> Self {
        Self::over(Behind::Recorded(Box::new(Recorded::of(number, tapes))))
    }

    /// From here on it plays back what is laid in as `number` of `tapes`, and knows no more of what
    /// it was than its getters tell.
    pub fn play(&mut self, number: u64, tapes: Tapes) {
        let certificate = self.remote_certificate().map(Vec::from);
        let recorded = Recorded::from(number, tapes, self.snapshot(), certificate);
        self.behind = Behind::Recorded(Box::new(recorded));
    }

    /// Appends what is kept of it to `out`: see [`resumed`](Self::resumed).
    pub fn save<C>(&self, out: &mut Writer<C>) {
        let kept = match &self.behind {
            Behind::Machine(machine) => machine.kept(),
            Behind::Recorded(recorded) => recorded.kept(),
        };
        kept.save(out);
    }

    /// Goes on at `now` with what was saved. One that was connected stays so, for SRTP, but its
    /// library is gone: it carries no data any more and takes nothing in. A handshake begins anew.
    ///
    /// # Errors
    ///
    /// [`Malformed`].
    pub fn resumed<C>(
        config: &Config,
        identity: &Identity,
        epoch: Instant,
        now: Time,
        from: &mut Reader<'_, C>,
    ) -> Result<Self, Malformed> {
        let kept = Kept::load(from)?;
        let machine = Machine::resumed(config, identity, epoch, now, kept);
        Ok(Self::over(Behind::Machine(Box::new(machine))))
    }

    /// Records from here on what is yielded, as `number` of `tapes`: whoever has these takes it from
    /// there in time.
    pub fn record_to(&mut self, number: u64, tapes: Tapes) {
        self.onto = Onto::Shared(number, tapes);
    }

    /// Records from here on what is yielded. The tape grows with every call until it is taken, and
    /// holds the keys.
    pub fn record(&mut self) {
        if let Onto::Nothing = self.onto {
            self.onto = Onto::Own(Tape::default());
        }
    }

    /// What was recorded, if anything; recording ends.
    pub fn take_tape(&mut self) -> Option<Tape> {
        match std::mem::replace(&mut self.onto, Onto::Nothing) {
            Onto::Own(tape) => Some(tape),
            _ => None,
        }
    }

    /// Its state.
    pub fn state(&self) -> State {
        each!(&self.behind, it => it.state())
    }

    /// Whether it is the client or the server, once that is decided.
    pub fn local_role(&self) -> Option<Role> {
        each!(&self.behind, it => it.local_role())
    }

    /// The peer's certificate in DER, once it is known to be the right one.
    pub fn remote_certificate(&self) -> Option<&[u8]> {
        each!(&self.behind, it => it.remote_certificate())
    }

    /// The same in PEM.
    pub fn remote_certificate_pem(&self) -> Option<String> {
        self.remote_certificate().map(identity::encode)
    }

    /// Takes what signalling tells of the peer, and gives the role of this end: `server` if the
    /// peer is the client, or wants to be either and its ClientHello has come already, else
    /// `client`.
    ///
    /// Of several fingerprints, those of the strongest hash function count, and one of them must
    /// match (RFC 8122 section 5.1).
    ///
    /// # Errors
    ///
    /// Why these are not the parameters of a peer; nothing was changed then.
    pub fn connect(&mut self, now: Time, remote: &Parameters) -> Result<Role, ConnectError> {
        let role = each!(&mut self.behind, it => it.connect(now, remote));
        self.note(|| Answer::Introduced(role.clone()));
        role
    }

    /// Says that there is a path: as client the ClientHello leaves with the next poll, as soon as
    /// it is known who the peer is. Nothing if it was said before.
    pub fn start(&mut self, now: Time) {
        each!(&mut self.behind, it => it.start(now));
        self.note(|| Answer::Command);
    }

    /// Takes in a datagram of the peer, which is to come from a path that is validated.
    ///
    /// A ClientHello is answered before [`connect`](Self::connect) as well; then the handshake
    /// runs, and what comes of it waits until it is known whom to expect.
    ///
    /// # Errors
    ///
    /// Why nothing in it was taken; nothing was changed then.
    pub fn receive(&mut self, now: Time, datagram: &[u8]) -> Result<(), Refused> {
        let received = each!(&mut self.behind, it => it.receive(now, datagram));
        self.note(|| Answer::Received(received));
        received
    }

    /// Sends data in a record of its own.
    ///
    /// # Errors
    ///
    /// Why it was not taken; nothing was changed then.
    pub fn send(&mut self, now: Time, data: &[u8]) -> Result<(), SendError> {
        let sent = each!(&mut self.behind, it => it.send(now, data));
        self.note(|| Answer::Sent {
            data: fingerprint(data),
            sent,
        });
        sent
    }

    /// Says goodbye, if there is somebody to say it to, and is closed.
    pub fn close(&mut self, now: Time) {
        each!(&mut self.behind, it => it.close(now));
        self.note(|| Answer::Command);
    }

    /// When [`advance`](Self::advance) is to be called next.
    pub fn next_timeout(&self) -> Option<Time> {
        each!(&self.behind, it => it.next_timeout())
    }

    /// Does what is due at `now`.
    pub fn advance(&mut self, now: Time) {
        each!(&mut self.behind, it => it.advance(now));
        self.note(|| Answer::Command);
    }

    /// Moves what was yielded behind what `out` has.
    pub fn poll(&mut self, now: Time, out: &mut Output) {
        if let Onto::Nothing = self.onto {
            return each!(&mut self.behind, it => it.poll(now, out));
        }
        let mut polled = Output::default();
        each!(&mut self.behind, it => it.poll(now, &mut polled));
        let answer = Polled::of(&polled, self.remote_certificate());
        self.note(|| Answer::Polled(answer));
        polled.move_to(out, true);
    }

    fn note(&mut self, answer: impl FnOnce() -> Answer) {
        if let Onto::Nothing = self.onto {
            return;
        }
        let after = self.snapshot();
        match &mut self.onto {
            Onto::Nothing => {}
            Onto::Own(tape) => tape.push(answer(), after),
            Onto::Shared(number, tapes) => tapes.push(*number, answer(), after),
        }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            state: self.state(),
            role: self.local_role(),
            next_timeout: self.next_timeout().map(Time::as_nanos),
        }
    }
}

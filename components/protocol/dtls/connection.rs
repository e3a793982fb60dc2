//! The seam.

use std::time::Instant;

use super::machine::Machine;
use super::{
    Config, ConnectError, Identity, Output, Parameters, Refused, Role, SendError, State, identity,
};
use crate::{Generator, Time};

/// A DTLS connection: datagrams and the time go in; datagrams, keys for SRTP and data come out.
///
/// In a tick: [`receive`](Self::receive) its datagrams, [`advance`](Self::advance) to `now` if
/// [`next_timeout`](Self::next_timeout) has passed, send what there is, and [`poll`](Self::poll)
/// once. What is due next is known after the poll.
pub struct Connection(Box<Machine>);

impl Connection {
    /// A connection of `identity` that nobody has begun. Randomness is drawn from `generator` as
    /// far as the libraries let it: see the [module](super).
    ///
    /// `epoch` is the moment at which [`Time`] is zero, for libraries that reckon in [`Instant`]s;
    /// which one it is changes nothing.
    pub fn new(config: &Config, identity: &Identity, epoch: Instant, generator: Generator) -> Self {
        Self(Box::new(Machine::new(config, identity, epoch, generator)))
    }

    /// Its state.
    pub fn state(&self) -> State {
        self.0.state()
    }

    /// Whether it is the client or the server, once that is decided.
    pub fn local_role(&self) -> Option<Role> {
        self.0.local_role()
    }

    /// The peer's certificate in DER, once it is known to be the right one.
    pub fn remote_certificate(&self) -> Option<&[u8]> {
        self.0.remote_certificate()
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
        self.0.connect(now, remote)
    }

    /// Says that there is a path: as client the ClientHello leaves with the next poll, as soon as
    /// it is known who the peer is. Nothing if it was said before.
    pub fn start(&mut self, now: Time) {
        self.0.start(now);
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
        self.0.receive(now, datagram)
    }

    /// Sends data in a record of its own.
    ///
    /// # Errors
    ///
    /// Why it was not taken; nothing was changed then.
    pub fn send(&mut self, now: Time, data: &[u8]) -> Result<(), SendError> {
        self.0.send(now, data)
    }

    /// Says goodbye, if there is somebody to say it to, and is closed.
    pub fn close(&mut self, now: Time) {
        self.0.close(now);
    }

    /// When [`advance`](Self::advance) is to be called next.
    pub fn next_timeout(&self) -> Option<Time> {
        self.0.next_timeout()
    }

    /// Does what is due at `now`.
    pub fn advance(&mut self, now: Time) {
        self.0.advance(now);
    }

    /// Moves what was yielded behind what `out` has.
    pub fn poll(&mut self, now: Time, out: &mut Output) {
        self.0.poll(now, out);
    }
}

//! What stands behind a connection.

use super::dimpl::Dimpl;
use super::rtc::Rtc;
use super::{Failure, Output, SrtpKeys};
use crate::Time;

/// What a library yields while it is driven.
#[derive(Debug, Default)]
pub(super) struct Yield {
    /// Datagrams and data.
    pub(super) out: Output,
    /// The handshake came through.
    pub(super) agreed: Option<Agreed>,
    /// The peer said goodbye.
    pub(super) is_closed: bool,
}

/// What a handshake agrees on.
#[derive(Debug)]
pub(super) struct Agreed {
    /// The peer's, in DER. It is proved that the peer has its key.
    pub(super) certificate: Vec<u8>,
    pub(super) keys: Option<SrtpKeys>,
}

/// A handshake or connection that the library has given up.
#[derive(Debug)]
pub(super) struct Broken(pub(super) Failure);

/// A handshake and what comes of it, in one of the libraries.
pub(super) enum Library {
    /// DTLS 1.3.
    Dimpl(Box<Dimpl>),
    /// DTLS 1.2.
    Rtc(Box<Rtc>),
}

/// Calls whichever library it is.
macro_rules! each {
    ($library:expr, $it:ident => $call:expr) => {
        match $library {
            Library::Dimpl($it) => $call,
            Library::Rtc($it) => $call,
        }
    };
}

impl Library {
    pub(super) fn speaks_1_3(&self) -> bool {
        matches!(self, Self::Dimpl(_))
    }

    pub(super) fn receive(
        &mut self,
        now: Time,
        datagram: &[u8],
        to: &mut Yield,
    ) -> Result<(), Broken> {
        each!(self, it => it.receive(now, datagram, to))
    }

    pub(super) fn advance(&mut self, now: Time, to: &mut Yield) -> Result<(), Broken> {
        each!(self, it => it.advance(now, to))
    }

    pub(super) fn send(&mut self, now: Time, data: &[u8], to: &mut Yield) -> Result<(), Broken> {
        each!(self, it => it.send(now, data, to))
    }

    pub(super) fn close(&mut self, now: Time, to: &mut Yield) {
        each!(self, it => it.close(now, to));
    }

    pub(super) fn next_timeout(&self) -> Option<Time> {
        each!(self, it => it.next_timeout())
    }
}

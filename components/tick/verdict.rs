//! What a system of the application decides on a row, and cannot decide.

use thiserror::Error;

use crate::tick::moment::Moment;
use crate::wire::header_extension::ExtensionWriteError;
use crate::wire::rtp::RtpError;

/// A verdict on a packet, datagram or message does not stand. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VerdictError {
    /// The system runs too early or too late for it.
    #[error("this cannot be decided when everything has {0:?}")]
    WrongMoment(Moment),
    /// There is no such row, or it was vetoed, or its stream did not accept it.
    #[error("there is no row {0} to decide on")]
    NoSuchRow(usize),
    /// It would not be an RTP packet.
    #[error(transparent)]
    Malformed(#[from] RtpError),
    /// A header extension cannot be written.
    #[error(transparent)]
    Extension(#[from] ExtensionWriteError),
    /// The entity is no producer or data producer.
    #[error("the entity is no producer")]
    NoProducer,
    /// The entity is no consumer of the packet's producer.
    #[error("the entity is no consumer of the packet's producer")]
    NoConsumer,
    /// As many packets, messages or bytes of them as one tick takes are there already.
    #[error("as much as one tick takes is there already")]
    Full,
}

impl Moment {
    /// Checks that it is one of `moments`.
    pub(crate) fn expect(self, moments: &[Self]) -> Result<(), VerdictError> {
        match moments.contains(&self) {
            true => Ok(()),
            false => Err(VerdictError::WrongMoment(self)),
        }
    }
}

//! SRTP and SRTCP (RFC 3711, RFC 7714): packets are sealed for a peer, and those of a peer opened.
//!
//! An [`Inbound`] context opens what one peer sends, an [`Outbound`] context seals what is sent to
//! it. Each has a [`MasterKey`] of its own, from signalling or a DTLS handshake. Nothing is allocated
//! for a packet once its SSRC is known.
//!
//! Keys are derived once (key derivation rate 0), there is no master key identifier, and SRTCP is
//! always encrypted. Keys are wiped when they are dropped, and are in no `Debug` output.

mod bounds;
mod cipher;
mod cm;
#[cfg(test)]
mod contexts;
mod error;
mod gcm;
mod inbound;
mod index;
mod master_key;
mod outbound;
mod replay_window;
mod session_keys;
mod ssrcs;
mod suite;
#[cfg(test)]
mod vectors;

pub use bounds::Bounds;
pub use error::{OpenError, SealError};
pub use inbound::Inbound;
pub use master_key::{KeyError, MasterKey};
pub use outbound::Outbound;
pub use suite::CryptoSuite;

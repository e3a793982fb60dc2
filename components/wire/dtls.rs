//! DTLS records, handshake fragments and what a ClientHello offers, RFC 6347 and RFC 9147.
//!
//! Enough to choose who answers and to keep back what nobody should see; nothing here decrypts.

mod client_hello;
mod handshake;
mod record;

pub use client_hello::ClientHello;
pub use handshake::{Fragment, MessageKind, fragments, write_message};
pub use record::{ContentType, PlainRecord, Record, records};

/// What was read is not well-formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not well-formed DTLS")]
pub struct Malformed;

/// Splits `count` bytes off.
fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], Malformed> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or(Malformed)?;
    *bytes = rest;
    Ok(taken)
}

/// Splits off a big-endian number of `width` bytes, eight at most.
fn number(bytes: &mut &[u8], width: usize) -> Result<u64, Malformed> {
    let taken = take(bytes, width)?;
    Ok(taken
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

/// Splits off a vector that its length, of `width` bytes, precedes.
fn vector<'a>(bytes: &mut &'a [u8], width: usize) -> Result<&'a [u8], Malformed> {
    let length = number(bytes, width)?;
    take(bytes, usize::try_from(length).map_err(|_| Malformed)?)
}

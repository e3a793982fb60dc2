//! STUN messages (RFC 8489) as far as connectivity checks need them (RFC 8445 section 16).

mod fingerprint;
mod write;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;

pub use fingerprint::fingerprint;
pub use write::Writer;

/// Bytes of the header.
pub const HEADER_LEN: usize = 20;
/// Bytes of the code that MESSAGE-INTEGRITY carries: HMAC-SHA1.
pub const INTEGRITY_LEN: usize = 20;
/// The method of a connectivity check.
pub const BINDING: u16 = 1;

const COOKIE: u32 = 0x2112_A442;
const ATTRIBUTE_HEADER_LEN: usize = 4;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
const ICE_CONTROLLING: u16 = 0x802A;
/// Of libwebrtc's renomination (draft-thatcher-ice-renomination).
const NOMINATION: u16 = 0xC001;

/// What tells requests and their responses from those of others.
pub type TransactionId = [u8; 12];

/// What a message is (RFC 8489 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It is to be answered.
    Request,
    /// It is not.
    Indication,
    /// The answer to a request that succeeded.
    Success,
    /// The answer to one that did not.
    Error,
}

/// What the sender of a check takes itself for (RFC 8445 section 7.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It nominates.
    Controlling,
    /// It does not.
    Controlled,
}

/// Why bytes are no STUN message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StunError {
    /// Shorter than its header, or its first bits or its cookie are of something else.
    #[error("it is no STUN message")]
    NotStun,
    /// Its length is not that of the datagram.
    #[error("its length is not that of the datagram")]
    Length,
    /// An attribute goes past the end, or its value is too short for its type.
    #[error("an attribute is malformed")]
    Attribute,
    /// Its fingerprint is of other bytes.
    #[error("the fingerprint is wrong")]
    Fingerprint,
}

/// A STUN message, read in place: everything was checked but its integrity.
///
/// Of an attribute that is repeated the first one counts. What follows MESSAGE-INTEGRITY is of
/// nobody's making, and ignored (RFC 8489 section 14.5), except for the fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    bytes: &'a [u8],
    /// What it is.
    pub class: Class,
    /// Of which method, [`BINDING`] for a check.
    pub method: u16,
    /// USERNAME: that of its receiver and that of its sender, with a colon between them.
    pub username: Option<&'a [u8]>,
    /// PRIORITY.
    pub priority: Option<u32>,
    /// USE-CANDIDATE.
    pub use_candidate: bool,
    /// NOMINATION.
    pub nomination: Option<u32>,
    /// ICE-CONTROLLING or ICE-CONTROLLED.
    pub role: Option<Role>,
    /// ERROR-CODE.
    pub error: Option<u16>,
    /// XOR-MAPPED-ADDRESS.
    pub mapped: Option<SocketAddr>,
    /// An attribute that must be understood and is not known here.
    pub unknown: Option<u16>,
    /// Where MESSAGE-INTEGRITY begins.
    integrity: Option<usize>,
}

/// What MESSAGE-INTEGRITY is the code of, in two parts, and the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Integrity<'a> {
    /// The first four bytes: with the length up to the code.
    pub start: [u8; 4],
    /// What follows them, up to the attribute.
    pub rest: &'a [u8],
    /// The code.
    pub code: &'a [u8; INTEGRITY_LEN],
}

impl<'a> Message<'a> {
    /// Reads a datagram that holds one message and nothing else.
    ///
    /// # Errors
    ///
    /// See [`StunError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, StunError> {
        let Some((header, attributes)) = bytes.split_at_checked(HEADER_LEN) else {
            return Err(StunError::NotStun);
        };
        if header[0] & 0xC0 != 0 || header[4..8] != COOKIE.to_be_bytes() {
            return Err(StunError::NotStun);
        }
        let length = usize::from(u16_at(header, 2));
        if length != attributes.len() || !length.is_multiple_of(4) {
            return Err(StunError::Length);
        }
        let (class, method) = kind(u16_at(header, 0));
        let mut message = Self {
            bytes,
            class,
            method,
            username: None,
            priority: None,
            use_candidate: false,
            nomination: None,
            role: None,
            error: None,
            mapped: None,
            unknown: None,
            integrity: None,
        };
        message.read_attributes()?;
        Ok(message)
    }

    fn read_attributes(&mut self) -> Result<(), StunError> {
        let mut at = HEADER_LEN;
        while at < self.bytes.len() {
            let kind = u16_at(self.bytes, at);
            let start = at + ATTRIBUTE_HEADER_LEN;
            let length = usize::from(u16_at(self.bytes, at + 2));
            let value = self.bytes.get(start..start + length);
            let value = value.ok_or(StunError::Attribute)?;
            if kind == FINGERPRINT {
                return self.check_fingerprint(at, value);
            }
            if self.integrity.is_none() {
                self.read(kind, at, value).ok_or(StunError::Attribute)?;
            }
            at = start + length.next_multiple_of(4);
        }
        Ok(())
    }

    /// It is the last attribute (RFC 8489 section 14.7).
    fn check_fingerprint(&self, at: usize, value: &[u8]) -> Result<(), StunError> {
        if at + ATTRIBUTE_HEADER_LEN + 4 != self.bytes.len() || value.len() != 4 {
            return Err(StunError::Attribute);
        }
        match value == fingerprint(&self.bytes[..at]).to_be_bytes() {
            true => Ok(()),
            false => Err(StunError::Fingerprint),
        }
    }

    fn read(&mut self, kind: u16, at: usize, value: &'a [u8]) -> Option<()> {
        match kind {
            USERNAME => self.username = self.username.or(Some(value)),
            MESSAGE_INTEGRITY => {
                <&[u8; INTEGRITY_LEN]>::try_from(value).ok()?;
                self.integrity = Some(at);
            }
            PRIORITY => self.priority = self.priority.or(Some(u32_of(value)?)),
            NOMINATION => self.nomination = self.nomination.or(Some(nomination(value)?)),
            USE_CANDIDATE => self.use_candidate = true,
            ICE_CONTROLLED => self.role = self.role.or(Some(Role::Controlled)),
            ICE_CONTROLLING => self.role = self.role.or(Some(Role::Controlling)),
            ERROR_CODE => self.error = self.error.or(Some(error_code(value)?)),
            XOR_MAPPED_ADDRESS => {
                let mapped = unmask(value, &self.bytes[4..HEADER_LEN])?;
                self.mapped = self.mapped.or(Some(mapped));
            }
            kind if !is_known(kind) => self.unknown = self.unknown.or(Some(kind)),
            _ => {}
        }
        Some(())
    }

    /// Its bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What tells it from others, and its answer too.
    pub fn transaction_id(&self) -> TransactionId {
        let mut id = TransactionId::default();
        id.copy_from_slice(&self.bytes[8..HEADER_LEN]);
        id
    }

    /// It is a connectivity check.
    pub fn is_check(&self) -> bool {
        self.class == Class::Request && self.method == BINDING
    }

    /// The user name of its receiver: what of USERNAME is before the colon (RFC 8445 section
    /// 7.1.2).
    pub fn receiver(&self) -> Option<&'a [u8]> {
        let username = self.username?;
        let colon = username.iter().position(|&byte| byte == b':')?;
        Some(&username[..colon])
    }

    /// What its integrity is to be checked with; none when it carries no code.
    pub fn integrity(&self) -> Option<Integrity<'a>> {
        let at = self.integrity?;
        let code = &self.bytes[at + ATTRIBUTE_HEADER_LEN..];
        let length = (at + ATTRIBUTE_HEADER_LEN + INTEGRITY_LEN - HEADER_LEN) as u16;
        let [high, low] = length.to_be_bytes();
        Some(Integrity {
            start: [self.bytes[0], self.bytes[1], high, low],
            rest: &self.bytes[4..at],
            code: code.first_chunk()?,
        })
    }
}

/// Class and method lie in one another (RFC 8489 section 5).
fn kind(value: u16) -> (Class, u16) {
    let class = match (value & 0x0100 != 0, value & 0x0010 != 0) {
        (false, false) => Class::Request,
        (false, true) => Class::Indication,
        (true, false) => Class::Success,
        (true, true) => Class::Error,
    };
    let method = (value & 0x000F) | ((value & 0x00E0) >> 1) | ((value & 0x3E00) >> 2);
    (class, method)
}

/// What must be understood lies below 0x8000 (RFC 8489 section 14); TURN's, and those of long-term
/// credentials, say nothing about a check.
fn is_known(kind: u16) -> bool {
    matches!(
        kind,
        0x0001..=0x0015 | 0x0019..=0x001E | 0x0020 | 0x0022 | 0x0024..=0x002A | 0x8000..
    )
}

/// Chromium writes 24 bits into 32.
fn nomination(value: &[u8]) -> Option<u32> {
    match value.len() {
        3 => Some(u32::from_be_bytes([0, value[0], value[1], value[2]])),
        _ => u32_of(value),
    }
}

fn error_code(value: &[u8]) -> Option<u16> {
    let [_, _, class, number, ..] = *value else {
        return None;
    };
    Some(u16::from(class & 7) * 100 + u16::from(number))
}

/// An address, masked with the cookie and the transaction identifier (RFC 8489 section 14.2).
fn unmask(value: &[u8], mask: &[u8]) -> Option<SocketAddr> {
    let (&[_, family, ..], port, address) =
        (value.first_chunk::<2>()?, value.get(2..4)?, value.get(4..)?);
    let port = u16::from_be_bytes([port[0] ^ mask[0], port[1] ^ mask[1]]);
    let mut octets = [0; 16];
    for ((octet, byte), mask) in octets.iter_mut().zip(address).zip(mask) {
        *octet = byte ^ mask;
    }
    let ip = match (family, address.len()) {
        (1, 4) => IpAddr::from(Ipv4Addr::from(*octets.first_chunk::<4>()?)),
        (2, 16) => IpAddr::from(Ipv6Addr::from(octets)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Every caller knows that the bytes are there: lengths are multiples of four.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn u32_of(value: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(value.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TransactionId = *b"0123456789ab";

    fn check() -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out, Class::Request, BINDING, ID);
        writer.username(b"here:there");
        writer.priority(7);
        writer.use_candidate();
        writer.role(Role::Controlling, 9);
        writer.nomination(3);
        writer.integrity(|_| [5; INTEGRITY_LEN]);
        writer.fingerprint();
        out
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = check();
        let message = Message::parse(&bytes).unwrap();
        assert!(message.is_check());
        assert_eq!(message.transaction_id(), ID);
        assert_eq!(message.receiver(), Some(&b"here"[..]));
        assert_eq!((message.priority, message.nomination), (Some(7), Some(3)));
        assert!(message.use_candidate && message.unknown.is_none());
        assert_eq!(message.role, Some(Role::Controlling));
        let integrity = message.integrity().unwrap();
        assert_eq!(integrity.code, &[5; 20]);
        assert_eq!(
            integrity.start[2..],
            (bytes.len() as u16 - 20 - 8).to_be_bytes()
        );
    }

    #[test]
    fn answers_tell_where_requests_came_from() {
        for address in ["192.0.2.1:32853", "[2001:db8::1]:9"] {
            let address = address.parse().unwrap();
            let mut out = Vec::new();
            Writer::new(&mut out, Class::Success, BINDING, ID).mapped(address);
            let message = Message::parse(&out).unwrap();
            assert_eq!(message.mapped, Some(address));
            assert_eq!(message.class, Class::Success);
        }
    }

    #[test]
    fn errors_are_told() {
        let mut out = Vec::new();
        Writer::new(&mut out, Class::Error, BINDING, ID).error(487, "Role Conflict");
        let message = Message::parse(&out).unwrap();
        assert_eq!((message.class, message.error), (Class::Error, Some(487)));
    }

    #[test]
    fn a_changed_bit_is_seen_by_the_fingerprint() {
        let bytes = check();
        // Without its type the last attribute is one that may be left out.
        for at in (0..bytes.len()).filter(|at| !(92..94).contains(at)) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(Message::parse(&changed).is_err(), "byte {at}");
        }
    }

    #[test]
    fn what_is_cut_off_is_nothing() {
        let bytes = check();
        for len in 0..bytes.len() {
            assert!(Message::parse(&bytes[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn what_comes_after_the_code_is_ignored() {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out, Class::Request, BINDING, ID);
        writer.integrity(|_| [5; INTEGRITY_LEN]);
        writer.use_candidate();
        assert!(!Message::parse(&out).unwrap().use_candidate);
    }

    #[test]
    fn what_must_be_understood_and_is_not_is_told() {
        for (kind, unknown) in [(0x7FFF, Some(0x7FFF)), (0xC057, None), (0x0014, None)] {
            let mut out = Vec::new();
            let mut writer = Writer::new(&mut out, Class::Request, BINDING, ID);
            writer.attribute(kind, b"abc");
            assert_eq!(Message::parse(&out).unwrap().unknown, unknown);
        }
    }
}

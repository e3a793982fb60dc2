//! STUN messages are written.

use std::net::{IpAddr, SocketAddr};

use super::{
    ATTRIBUTE_HEADER_LEN, COOKIE, Class, ERROR_CODE, FINGERPRINT, HEADER_LEN, ICE_CONTROLLED,
    ICE_CONTROLLING, INTEGRITY_LEN, MESSAGE_INTEGRITY, NOMINATION, PRIORITY, Role, TransactionId,
    UNKNOWN_ATTRIBUTES, USE_CANDIDATE, USERNAME, XOR_MAPPED_ADDRESS, fingerprint,
};

/// Appends one message to a buffer, attribute by attribute: it is whole after each.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> Writer<'a> {
    /// Begins a message behind what `out` holds.
    pub fn new(out: &'a mut Vec<u8>, class: Class, method: u16, id: TransactionId) -> Self {
        let start = out.len();
        let class = match class {
            Class::Request => 0,
            Class::Indication => 0x0010,
            Class::Success => 0x0100,
            Class::Error => 0x0110,
        };
        let method = (method & 0x000F) | ((method & 0x0070) << 1) | ((method & 0x0F80) << 2);
        out.extend((class | method).to_be_bytes());
        out.extend([0; 2]);
        out.extend(COOKIE.to_be_bytes());
        out.extend(id);
        Self { out, start }
    }

    /// Any attribute.
    pub fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.out.extend(kind.to_be_bytes());
        self.out.extend((value.len() as u16).to_be_bytes());
        self.out.extend(value);
        let padded = value.len().next_multiple_of(4);
        self.out.extend(&[0; 3][..padded - value.len()]);
        self.set_length(self.out.len() - self.start - HEADER_LEN);
    }

    /// USERNAME.
    pub fn username(&mut self, username: &[u8]) {
        self.attribute(USERNAME, username);
    }

    /// PRIORITY.
    pub fn priority(&mut self, priority: u32) {
        self.attribute(PRIORITY, &priority.to_be_bytes());
    }

    /// USE-CANDIDATE.
    pub fn use_candidate(&mut self) {
        self.attribute(USE_CANDIDATE, &[]);
    }

    /// NOMINATION.
    pub fn nomination(&mut self, nomination: u32) {
        self.attribute(NOMINATION, &nomination.to_be_bytes());
    }

    /// ICE-CONTROLLING or ICE-CONTROLLED.
    pub fn role(&mut self, role: Role, tie_breaker: u64) {
        let kind = match role {
            Role::Controlling => ICE_CONTROLLING,
            Role::Controlled => ICE_CONTROLLED,
        };
        self.attribute(kind, &tie_breaker.to_be_bytes());
    }

    /// XOR-MAPPED-ADDRESS.
    pub fn mapped(&mut self, address: SocketAddr) {
        let mut value = [0; 20];
        let len = match address.ip() {
            IpAddr::V4(ip) => {
                value[4..8].copy_from_slice(&ip.octets());
                8
            }
            IpAddr::V6(ip) => {
                value[4..].copy_from_slice(&ip.octets());
                20
            }
        };
        value[1] = if len == 8 { 1 } else { 2 };
        value[2..4].copy_from_slice(&address.port().to_be_bytes());
        let mask = &self.out[self.start + 4..self.start + HEADER_LEN];
        for (byte, mask) in value[4..].iter_mut().zip(mask) {
            *byte ^= mask;
        }
        for (byte, mask) in value[2..4].iter_mut().zip(mask) {
            *byte ^= mask;
        }
        self.attribute(XOR_MAPPED_ADDRESS, &value[..len]);
    }

    /// ERROR-CODE, from 300 to 699.
    pub fn error(&mut self, code: u16, reason: &str) {
        let start = [0, 0, (code / 100) as u8, (code % 100) as u8];
        self.attribute(ERROR_CODE, &[&start, reason.as_bytes()].concat());
    }

    /// UNKNOWN-ATTRIBUTES.
    pub fn unknown(&mut self, kind: u16) {
        self.attribute(UNKNOWN_ATTRIBUTES, &kind.to_be_bytes());
    }

    /// MESSAGE-INTEGRITY: the code that `code` makes of the message up to here.
    pub fn integrity(&mut self, code: impl FnOnce(&[u8]) -> [u8; INTEGRITY_LEN]) {
        let length = self.out.len() - self.start - HEADER_LEN;
        self.set_length(length + ATTRIBUTE_HEADER_LEN + INTEGRITY_LEN);
        let code = code(&self.out[self.start..]);
        self.attribute(MESSAGE_INTEGRITY, &code);
    }

    /// FINGERPRINT, the last attribute.
    pub fn fingerprint(&mut self) {
        let length = self.out.len() - self.start - HEADER_LEN;
        self.set_length(length + ATTRIBUTE_HEADER_LEN + 4);
        let sum = fingerprint(&self.out[self.start..]);
        self.attribute(FINGERPRINT, &sum.to_be_bytes());
    }

    fn set_length(&mut self, length: usize) {
        let at = self.start + 2;
        self.out[at..at + 2].copy_from_slice(&(length as u16).to_be_bytes());
    }
}

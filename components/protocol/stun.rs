//! The integrity of STUN messages (RFC 8489 section 14.5).
//!
//! Messages are read and written in [`flumen_wire::stun`], and not by the crate `is`: that drops
//! checks without PRIORITY, which one widespread sender leaves out, heeds no fingerprint, knows no
//! NOMINATION and no answers but success, and would bring an agent that goes unused.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{Context, HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key};
use flumen_wire::stun::{INTEGRITY_LEN, Message, Writer};

/// What the messages of one side of a session are signed with: made of its password.
#[derive(Clone)]
pub struct IntegrityKey(Key);

impl IntegrityKey {
    /// The key of a password (short-term credentials, RFC 8489 section 9.1).
    pub fn new(password: &str) -> Self {
        Self(Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes()))
    }

    /// Whether `message` was signed with this key. One without a code was not.
    pub fn verifies(&self, message: &Message<'_>) -> bool {
        let Some(integrity) = message.integrity() else {
            return false;
        };
        let code = self.code([&integrity.start, integrity.rest]);
        verify_slices_are_equal(&code, integrity.code).is_ok()
    }

    /// Ends a message: its code, and its fingerprint.
    pub fn seal(&self, mut message: Writer<'_>) {
        message.integrity(|bytes| self.code([bytes, &[]]));
        message.fingerprint();
    }

    fn code(&self, parts: [&[u8]; 2]) -> [u8; INTEGRITY_LEN] {
        let mut context = Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        let tag = context.sign();
        let mut code = [0; INTEGRITY_LEN];
        code.copy_from_slice(tag.as_ref());
        code
    }
}

/// Keys are nobody's to see.
impl fmt::Debug for IntegrityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IntegrityKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5769 section 2: the password of its vectors.
    const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

    const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420\
        636c69656e74002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020\
        000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
    const OVER_IPV4: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f72\
        20002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004\
        c07d4c96";
    const OVER_IPV6: &str = "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f72\
        20002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292\
        c275bfe3ed4180280004c8fb0b4c";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<_> = hex.bytes().collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
        digits.chunks(2).map(|pair| byte(pair).unwrap()).collect()
    }

    #[test]
    fn the_vectors_of_rfc_5769_verify() {
        let key = IntegrityKey::new(PASSWORD);
        let request = bytes(REQUEST);
        let request = Message::parse(&request).unwrap();
        assert!(request.is_check() && key.verifies(&request));
        assert_eq!(request.receiver(), Some(&b"evtj"[..]));
        assert_eq!(request.priority, Some(0x6e00_01ff));
        for (hex, mapped) in [
            (OVER_IPV4, "192.0.2.1:32853"),
            (OVER_IPV6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
        ] {
            let answer = bytes(hex);
            let answer = Message::parse(&answer).unwrap();
            assert!(key.verifies(&answer));
            assert_eq!(answer.mapped, Some(mapped.parse().unwrap()));
        }
    }

    #[test]
    fn another_password_and_a_changed_bit_do_not_verify() {
        let request = bytes(REQUEST);
        let request = Message::parse(&request).unwrap();
        assert!(!IntegrityKey::new("VOkJxbRl1RmTxUk/WvJxBT").verifies(&request));
        let mut changed = bytes(REQUEST);
        changed.truncate(changed.len() - 8);
        changed[3] -= 8;
        let whole = Message::parse(&changed).unwrap();
        assert!(
            IntegrityKey::new(PASSWORD).verifies(&whole),
            "without fingerprint"
        );
        changed[70] ^= 1;
        let changed = Message::parse(&changed).unwrap();
        assert!(!IntegrityKey::new(PASSWORD).verifies(&changed));
    }
}

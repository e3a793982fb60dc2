//! AES in counter mode with HMAC-SHA1: RFC 3711 sections 4.1.1 and 4.2.1.

use aws_lc_rs::cipher::{EncryptingKey, EncryptionContext};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use super::cipher::{Broken, PacketId};
use super::session_keys::{SessionKeys, counter_mode};

/// The keys of one protocol.
pub(super) struct Cm {
    key: EncryptingKey,
    auth: hmac::Key,
    salt: Zeroizing<[u8; 14]>,
}

impl Cm {
    pub(super) fn new(keys: &SessionKeys, key_len: usize) -> Self {
        Self {
            key: counter_mode(&keys.cipher[..key_len]),
            auth: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &*keys.auth),
            salt: keys.salt.clone(),
        }
    }

    /// Encrypts the two parts of a text into `sealed`, which is as long.
    pub(super) fn encrypt(
        &self,
        packet: PacketId,
        [first, second]: [&[u8]; 2],
        sealed: &mut [u8],
    ) -> Result<(), Broken> {
        let (begin, end) = sealed.split_at_mut_checked(first.len()).ok_or(Broken)?;
        begin.copy_from_slice(first);
        end.copy_from_slice(second);
        self.crypt(packet, sealed)
    }

    /// Encrypts or decrypts in place: it is the same.
    pub(super) fn crypt(&self, packet: PacketId, text: &mut [u8]) -> Result<(), Broken> {
        self.key
            .less_safe_encrypt(text, self.iv(packet))
            .map(drop)
            .map_err(|_| Broken)
    }

    /// Writes the tag of a packet's parts, as many bytes as there is space for.
    pub(super) fn sign(&self, parts: [&[u8]; 3], tag: &mut [u8]) {
        let signature = self.signature(parts);
        tag.copy_from_slice(&signature.as_ref()[..tag.len()]);
    }

    /// Checks the tag of a packet's parts.
    pub(super) fn verify(&self, parts: [&[u8]; 3], tag: &[u8]) -> Result<(), Broken> {
        let signature = self.signature(parts);
        let expected = &signature.as_ref()[..tag.len()];
        verify_slices_are_equal(expected, tag).map_err(|_| Broken)
    }

    fn signature(&self, parts: [&[u8]; 3]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.auth);
        for part in parts {
            context.update(part);
        }
        context.sign()
    }

    fn iv(&self, packet: PacketId) -> EncryptionContext {
        let mut iv = [0; 16];
        iv[4..8].copy_from_slice(&packet.ssrc.to_be_bytes());
        iv[8..14].copy_from_slice(&packet.index_bytes());
        for (byte, salt) in iv.iter_mut().zip(&*self.salt) {
            *byte ^= salt;
        }
        EncryptionContext::Iv128(FixedLength::from(iv))
    }
}

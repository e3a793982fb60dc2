//! AES in Galois/counter mode: RFC 7714.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::cipher::{Broken, PacketId};
use super::session_keys::SessionKeys;

/// The key of one protocol.
pub(super) struct Gcm {
    key: LessSafeKey,
    salt: Zeroizing<[u8; 12]>,
}

/// Length of a tag.
pub(super) const TAG_LEN: usize = 16;

impl Gcm {
    pub(super) fn new(keys: &SessionKeys, key_len: usize) -> Self {
        let algorithm = match key_len {
            16 => &AES_128_GCM,
            _ => &AES_256_GCM,
        };
        let key = UnboundKey::new(algorithm, &keys.cipher[..key_len]);
        let mut salt = Zeroizing::new([0; 12]);
        salt.copy_from_slice(&keys.salt[..12]);
        Self {
            key: LessSafeKey::new(key.expect("keys have the length of their suite")),
            salt,
        }
    }

    /// Encrypts the two parts of a text into `sealed`, with the tag behind it.
    pub(super) fn seal(
        &self,
        packet: PacketId,
        clear: &[u8],
        [first, second]: [&[u8]; 2],
        sealed: &mut [u8],
    ) -> Result<(), Broken> {
        let (first_sealed, rest) = sealed.split_at_mut_checked(first.len()).ok_or(Broken)?;
        let (nonce, aad) = (self.nonce(packet), Aad::from(clear));
        self.key
            .seal_out_of_place_scatter(nonce, aad, first, first_sealed, second, rest)
            .map_err(|_| Broken)
    }

    /// Decrypts a text that has its tag behind it, in place.
    pub(super) fn open(
        &self,
        packet: PacketId,
        clear: &[u8],
        sealed: &mut [u8],
    ) -> Result<(), Broken> {
        let (nonce, aad) = (self.nonce(packet), Aad::from(clear));
        let (text, tag) = sealed.split_last_chunk_mut::<TAG_LEN>().ok_or(Broken)?;
        self.key
            .open_in_place_separate_tag(nonce, aad, tag, text)
            .map(drop)
            .map_err(|_| Broken)
    }

    /// Sections 8.1 and 9.1: the same for RTP and RTCP, whose indices have 48 and 31 bits.
    fn nonce(&self, packet: PacketId) -> Nonce {
        let mut nonce = [0; 12];
        nonce[2..6].copy_from_slice(&packet.ssrc.to_be_bytes());
        nonce[6..].copy_from_slice(&packet.index_bytes());
        for (byte, salt) in nonce.iter_mut().zip(&*self.salt) {
            *byte ^= salt;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

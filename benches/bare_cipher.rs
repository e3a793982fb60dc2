//! What ciphers themselves cost: no window, no index, no table of SSRCs.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use flumen::srtp::CryptoSuite;

/// A key of a suite.
pub(crate) enum BareCipher {
    Gcm(LessSafeKey),
    Cm(Box<(EncryptingKey, hmac::Key)>),
}

impl BareCipher {
    pub(crate) fn new(suite: CryptoSuite) -> Self {
        let aead = |algorithm| {
            let key = UnboundKey::new(algorithm, &vec![7; suite.key_len()]);
            Self::Gcm(LessSafeKey::new(key.expect("it has its length")))
        };
        match suite {
            CryptoSuite::AeadAes256Gcm => aead(&AES_256_GCM),
            CryptoSuite::AeadAes128Gcm => aead(&AES_128_GCM),
            CryptoSuite::AesCm128HmacSha1_80 | CryptoSuite::AesCm128HmacSha1_32 => {
                let key = UnboundCipherKey::new(&AES_128, &[7; 16]);
                let key = key.and_then(EncryptingKey::ctr);
                let auth = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &[7; 20]);
                Self::Cm(Box::new((key.expect("it has its length"), auth)))
            }
        }
    }

    /// Encrypts `payload` into `out`, with the tag behind it.
    pub(crate) fn seal(&self, index: u64, header: &[u8], payload: &[u8], out: &mut [u8]) {
        match self {
            Self::Gcm(key) => {
                let mut nonce = [0; 12];
                nonce[4..].copy_from_slice(&index.to_be_bytes());
                let nonce = Nonce::assume_unique_for_key(nonce);
                let aad = Aad::from(header);
                key.seal_in_place_scatter(nonce, aad, &mut [], payload, out)
                    .expect("there is space");
            }
            Self::Cm(keys) => {
                let (key, auth) = &**keys;
                let (text, tag) = out.split_at_mut(payload.len());
                text.copy_from_slice(payload);
                let mut iv = [0; 16];
                iv[6..14].copy_from_slice(&index.to_be_bytes());
                let iv = EncryptionContext::Iv128(FixedLength::from(iv));
                key.less_safe_encrypt(text, iv).expect("any length will do");
                let mut context = hmac::Context::with_key(auth);
                context.update(header);
                context.update(text);
                context.update(&[0; 4]);
                tag.copy_from_slice(&context.sign().as_ref()[..tag.len()]);
            }
        }
    }
}

//! Master keys: what signalling or a handshake gives.

use std::fmt;

use base64ct::{Base64, Encoding};
use flumen_wire::state::{Malformed, Reader, State, Writer};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use super::suite::CryptoSuite;
use crate::generator::Generator;

/// A master key and its salt, of which the keys of one direction are derived.
///
/// It is wiped when it is dropped, and `Debug` tells its suite alone.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey {
    suite: CryptoSuite,
    bytes: Zeroizing<Vec<u8>>,
}

/// Why something is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Not base64 (RFC 4648 section 4).
    #[error("the key is not base64")]
    Base64,
    /// Another length than that of key and salt of its suite.
    #[error("{found} bytes are no key of {suite:?}, which has {}", suite.master_len())]
    Length {
        /// The suite.
        suite: CryptoSuite,
        /// How many bytes there are.
        found: usize,
    },
}

impl MasterKey {
    /// A key of `suite`: the key, then its salt.
    ///
    /// # Errors
    ///
    /// [`KeyError::Length`].
    pub fn new(suite: CryptoSuite, bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.len() != suite.master_len() {
            let found = bytes.len();
            return Err(KeyError::Length { suite, found });
        }
        let bytes = Zeroizing::new(bytes.to_vec());
        Ok(Self { suite, bytes })
    }

    /// A key as signalling has it (RFC 4568 section 6.1).
    ///
    /// # Errors
    ///
    /// [`KeyError`].
    pub fn from_base64(suite: CryptoSuite, text: &str) -> Result<Self, KeyError> {
        let bytes = Base64::decode_vec(text).map_err(|_| KeyError::Base64)?;
        Self::new(suite, &Zeroizing::new(bytes))
    }

    /// A key that `generator` draws.
    pub fn generate(suite: CryptoSuite, generator: &mut Generator) -> Self {
        let mut bytes = Zeroizing::new(vec![0; suite.master_len()]);
        for part in bytes.chunks_mut(16) {
            let mut drawn = generator.bits().to_le_bytes();
            part.copy_from_slice(&drawn[..part.len()]);
            drawn.zeroize();
        }
        Self { suite, bytes }
    }

    /// The keys of a DTLS client and of its server, from what their handshake exports (RFC 5764
    /// section 4.2): twice [`CryptoSuite::master_len`] bytes.
    ///
    /// # Errors
    ///
    /// [`KeyError::Length`].
    pub fn exported(suite: CryptoSuite, material: &[u8]) -> Result<(Self, Self), KeyError> {
        let (keys, salts) = material
            .split_at_checked(2 * suite.key_len())
            .unwrap_or((material, &[]));
        let key_of = |side: usize| {
            let key = keys.chunks(suite.key_len()).nth(side).unwrap_or_default();
            let salt = salts.chunks(suite.salt_len()).nth(side).unwrap_or_default();
            Self::new(suite, &Zeroizing::new([key, salt].concat()))
        };
        if material.len() != 2 * suite.master_len() {
            let found = material.len();
            return Err(KeyError::Length { suite, found });
        }
        Ok((key_of(0)?, key_of(1)?))
    }

    /// The suite that it is of.
    pub fn suite(&self) -> CryptoSuite {
        self.suite
    }

    /// As signalling has it: to be told to the peer, and nobody else.
    pub fn to_base64(&self) -> String {
        Base64::encode_string(&self.bytes)
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.bytes[..self.suite.key_len()]
    }

    pub(super) fn salt(&self) -> &[u8] {
        &self.bytes[self.suite.key_len()..]
    }
}

impl<C> State<C> for MasterKey {
    fn save(&self, out: &mut Writer<C>) {
        self.suite.save(out);
        out.raw(&self.bytes);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        let suite = CryptoSuite::load(from)?;
        let bytes = from.raw(suite.master_len())?;
        Self::new(suite, bytes).map_err(|_| Malformed)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey")
            .field("suite", &self.suite)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUITE: CryptoSuite = CryptoSuite::AeadAes128Gcm;

    #[test]
    fn what_is_no_key_says_why() {
        let short = KeyError::Length {
            suite: SUITE,
            found: 27,
        };
        assert_eq!(MasterKey::new(SUITE, &[1; 27]), Err(short));
        let text = MasterKey::new(SUITE, &[1; 28]).unwrap().to_base64();
        assert!(MasterKey::from_base64(SUITE, &text).is_ok());
        let unpadded = text.trim_end_matches('=');
        assert_eq!(
            MasterKey::from_base64(SUITE, unpadded),
            Err(KeyError::Base64)
        );
        let suite = CryptoSuite::AeadAes256Gcm;
        let found = 28;
        let error = KeyError::Length { suite, found };
        assert_eq!(MasterKey::from_base64(suite, &text), Err(error));
    }

    #[test]
    fn a_generator_decides_the_key() {
        let draw = |stream| {
            let mut generator = Generator::new([3; 32], stream);
            let first = MasterKey::generate(CryptoSuite::AeadAes256Gcm, &mut generator);
            let second = MasterKey::generate(CryptoSuite::AeadAes256Gcm, &mut generator);
            assert_ne!(first, second);
            first
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(draw(1).bytes.iter().any(|byte| *byte != 0));
    }

    /// RFC 5764 section 4.2: client key, server key, client salt, server salt.
    #[test]
    fn a_handshake_exports_keys_before_salts() {
        let material: Vec<u8> = (0..56).collect();
        let (client, server) = MasterKey::exported(SUITE, &material).unwrap();
        let expected = |key: u8, salt: u8| {
            let bytes: Vec<u8> = (key..key + 16).chain(salt..salt + 12).collect();
            MasterKey::new(SUITE, &bytes).unwrap()
        };
        assert_eq!((client, server), (expected(0, 32), expected(16, 44)));
        for found in [0, 31, 32, 55, 57] {
            let suite = SUITE;
            let error = KeyError::Length { suite, found };
            let material = vec![0; found];
            assert_eq!(MasterKey::exported(SUITE, &material), Err(error));
        }
    }

    #[test]
    fn a_key_is_not_in_debug_output() {
        let key = MasterKey::new(SUITE, &[0xab; 28]).unwrap();
        assert_eq!(format!("{key:?}"), "MasterKey { suite: AeadAes128Gcm, .. }");
    }
}

//! What signalling tells of the keys of a plain transport.

use std::fmt;

use bevy_ecs::component::Component;
use flumen_protocol::srtp::{CryptoSuite, KeyError, MasterKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::tick::seed::Generator;

/// The key of one direction, as the JavaScript API has it: each side tells the other what it seals
/// with.
///
/// Serialised it holds the key: tell it to the peer, over a channel that is encrypted itself, and
/// to nobody else. `Debug` leaves the key out, and it is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SrtpParameters {
    /// How packets are protected.
    pub crypto_suite: CryptoSuite,
    /// The master key, then its salt, in base64.
    pub key_base64: String,
}

/// What a plain transport seals with, or will once its peer's key is known.
#[derive(Component, Clone)]
pub struct SrtpOffer {
    /// The key.
    pub key: MasterKey,
    /// Where it comes from, and the next.
    generator: Generator,
}

crate::snapshot::state! { struct SrtpOffer { key, generator } }

impl SrtpParameters {
    /// The key that is meant.
    ///
    /// # Errors
    ///
    /// [`KeyError`].
    pub fn key(&self) -> Result<MasterKey, KeyError> {
        MasterKey::from_base64(self.crypto_suite, &self.key_base64)
    }
}

impl From<&MasterKey> for SrtpParameters {
    fn from(key: &MasterKey) -> Self {
        Self {
            crypto_suite: key.suite(),
            key_base64: key.to_base64(),
        }
    }
}

impl fmt::Debug for SrtpParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SrtpParameters")
            .field("crypto_suite", &self.crypto_suite)
            .finish_non_exhaustive()
    }
}

impl Drop for SrtpParameters {
    fn drop(&mut self) {
        self.key_base64.zeroize();
    }
}

impl SrtpOffer {
    /// A key of `suite` that `generator` draws.
    pub fn new(suite: CryptoSuite, mut generator: Generator) -> Self {
        let key = MasterKey::generate(suite, &mut generator);
        Self { key, generator }
    }

    /// The same if the peer has the same suite, else one with another key.
    #[must_use]
    pub fn for_suite(&self, suite: CryptoSuite) -> Self {
        match self.key.suite() == suite {
            true => self.clone(),
            false => Self::new(suite, self.generator.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_the_names_of_the_javascript_api_and_hide_the_key() {
        let parameters = SrtpParameters {
            crypto_suite: CryptoSuite::AesCm128HmacSha1_80,
            key_base64: "c2VjcmV0".into(),
        };
        let json = r#"{"cryptoSuite":"AES_CM_128_HMAC_SHA1_80","keyBase64":"c2VjcmV0"}"#;
        assert_eq!(serde_json::to_string(&parameters).unwrap(), json);
        assert_eq!(
            serde_json::from_str::<SrtpParameters>(json).unwrap(),
            parameters
        );
        let debug = "SrtpParameters { crypto_suite: AesCm128HmacSha1_80, .. }";
        assert_eq!(format!("{parameters:?}"), debug);
    }

    #[test]
    fn another_suite_has_another_key() {
        let generator = Generator::new([1; 32], 0);
        let offer = SrtpOffer::new(CryptoSuite::AeadAes128Gcm, generator);
        assert_eq!(offer.for_suite(CryptoSuite::AeadAes128Gcm).key, offer.key);
        let other = offer.for_suite(CryptoSuite::AeadAes256Gcm);
        let texts = [&offer.key, &other.key].map(MasterKey::to_base64);
        assert_ne!(texts[0][..20], texts[1][..20]);
    }
}

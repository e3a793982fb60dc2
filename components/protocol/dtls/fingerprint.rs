//! What certificates are known by, RFC 8122.

use std::fmt::Write;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

use super::ConnectError;

/// A hash function, with its name in signalling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// SHA-1: told of our own certificates, not believed of others'.
    #[serde(rename = "sha-1")]
    Sha1,
    /// SHA-224.
    #[serde(rename = "sha-224")]
    Sha224,
    /// SHA-256.
    #[serde(rename = "sha-256")]
    Sha256,
    /// SHA-384.
    #[serde(rename = "sha-384")]
    Sha384,
    /// SHA-512.
    #[serde(rename = "sha-512")]
    Sha512,
}

flumen_wire::state! { enum HashAlgorithm { Sha1, Sha224, Sha256, Sha384, Sha512 } }

impl HashAlgorithm {
    /// All of them, weakest first.
    pub const ALL: [Self; 5] = [
        Self::Sha1,
        Self::Sha224,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
    ];

    fn digest(self, bytes: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha224 => &digest::SHA224,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes)
    }

    fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// The hash of a certificate, as in `a=fingerprint` (RFC 8122 section 5).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint {
    /// By which function.
    pub algorithm: HashAlgorithm,
    /// Bytes in hexadecimal, with colons between. Ours are in upper case.
    pub value: String,
}

flumen_wire::state! { struct Fingerprint { algorithm, value } }

impl Fingerprint {
    /// That of a certificate in DER.
    pub fn of(certificate: &[u8], algorithm: HashAlgorithm) -> Self {
        let digest = algorithm.digest(certificate);
        let mut value = String::with_capacity(3 * algorithm.length());
        for (at, byte) in digest.as_ref().iter().enumerate() {
            let colon = if at == 0 { "" } else { ":" };
            // Writing to a String does not fail.
            let _ = write!(value, "{colon}{byte:02X}");
        }
        Self { algorithm, value }
    }

    /// Whether it is that of a certificate in DER, in either case of its letters.
    pub fn matches(&self, certificate: &[u8]) -> bool {
        self.bytes()
            .is_some_and(|bytes| bytes == self.algorithm.digest(certificate).as_ref())
    }

    /// The bytes, if it is well-formed and as long as the function says.
    fn bytes(&self) -> Option<Vec<u8>> {
        let bytes: Option<Vec<u8>> = self.value.split(':').map(byte).collect();
        bytes.filter(|bytes| bytes.len() == self.algorithm.length())
    }
}

fn byte(digits: &str) -> Option<u8> {
    let is_byte = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_byte
        .then(|| u8::from_str_radix(digits, 16).ok())
        .flatten()
}

/// Whom to expect: of what signalling told, the fingerprints of the strongest function, of which
/// one must match (RFC 8122 section 5.1). SHA-1 alone convinces nobody.
#[derive(Clone, Debug)]
pub(super) struct Expected(Vec<Fingerprint>);

flumen_wire::state! { struct Expected(it) }

impl Expected {
    pub(super) fn new(told: &[Fingerprint]) -> Result<Self, ConnectError> {
        if told.is_empty() {
            return Err(ConnectError::NoFingerprint);
        }
        if let Some(bad) = told
            .iter()
            .find(|fingerprint| fingerprint.bytes().is_none())
        {
            return Err(ConnectError::InvalidFingerprint(bad.value.clone()));
        }
        let strongest = told.iter().map(|fingerprint| fingerprint.algorithm).max();
        let mut kept = told.to_vec();
        kept.retain(|fingerprint| Some(fingerprint.algorithm) == strongest);
        if strongest == Some(HashAlgorithm::Sha1) {
            return Err(ConnectError::NoSupportedFingerprint);
        }
        Ok(Self(kept))
    }

    pub(super) fn matches(&self, certificate: &[u8]) -> bool {
        self.0
            .iter()
            .any(|fingerprint| fingerprint.matches(certificate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_that_of_its_certificate_alone() {
        for algorithm in HashAlgorithm::ALL {
            let fingerprint = Fingerprint::of(b"a certificate", algorithm);
            assert!(fingerprint.matches(b"a certificate"));
            assert!(!fingerprint.matches(b"another"));
            let lower = Fingerprint {
                value: fingerprint.value.to_lowercase(),
                ..fingerprint
            };
            assert!(lower.matches(b"a certificate"));
        }
    }

    #[test]
    fn the_empty_input_has_the_published_hash() {
        let fingerprint = Fingerprint::of(b"", HashAlgorithm::Sha1);
        let expected = "DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF:95:60:18:90:AF:D8:07:09";
        assert_eq!(fingerprint.value, expected);
    }

    #[test]
    fn the_strongest_function_decides_and_one_of_its_lines_is_enough() {
        let strong = |bytes: &[u8]| Fingerprint::of(bytes, HashAlgorithm::Sha512);
        let weak = Fingerprint::of(b"mine", HashAlgorithm::Sha256);
        let lines = [weak.clone(), strong(b"another"), strong(b"mine")];
        assert!(Expected::new(&lines).unwrap().matches(b"mine"));
        let lines = [weak, strong(b"another")];
        assert!(!Expected::new(&lines).unwrap().matches(b"mine"));
    }

    #[test]
    fn what_is_no_fingerprint_is_refused() {
        let of = |algorithm, value: &str| Fingerprint {
            algorithm,
            value: value.to_owned(),
        };
        let sha1 = Fingerprint::of(b"", HashAlgorithm::Sha1);
        assert_eq!(Expected::new(&[]).unwrap_err(), ConnectError::NoFingerprint);
        let refused = Expected::new(std::slice::from_ref(&sha1)).unwrap_err();
        assert_eq!(refused, ConnectError::NoSupportedFingerprint);
        for value in ["", "AB", "+A:BC", "AB:CD:", &sha1.value] {
            let lines = [sha1.clone(), of(HashAlgorithm::Sha256, value)];
            let refused = Expected::new(&lines).unwrap_err();
            assert_eq!(refused, ConnectError::InvalidFingerprint(value.to_owned()));
        }
    }
}

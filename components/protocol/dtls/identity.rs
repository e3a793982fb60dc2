//! The certificate of an end.

use std::fmt;
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use rtc_crypto::RTCCrypto;
use rtc_crypto::providers::AwsLcRsCrypto;
use rtc_dtls::crypto::Certificate;
use thiserror::Error;
use zeroize::Zeroizing;

use super::{Fingerprint, HashAlgorithm};

/// Why there is no identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// No X.509 certificate in PEM.
    #[error("no certificate in PEM")]
    Certificate,
    /// No private key in PEM (PKCS#8), or not one of ECDSA on P-256, which every WebRTC stack
    /// verifies and both libraries sign with.
    #[error("no private key of ECDSA on P-256 in PEM")]
    PrivateKey,
    /// The private key is not that of the certificate.
    #[error("the private key is not that of the certificate")]
    Mismatch,
    /// The operating system gave no random numbers.
    #[error("no key could be made")]
    Generation,
}

/// A certificate and its private key, with which connections prove who they are.
///
/// Clones share them. A connection keeps the one it was made with, so who wants a new one now and
/// then makes later connections with it. The key is never in `Debug`, and wiped when the last clone is dropped (a
/// connection of DTLS 1.3 holds a copy which its library does not wipe).
#[derive(Clone)]
pub struct Identity(Arc<Shared>);

struct Shared {
    certificate: Vec<u8>,
    private_key: Zeroizing<Vec<u8>>,
    fingerprints: Vec<Fingerprint>,
    signing: Certificate,
}

impl Identity {
    /// A new key of ECDSA on P-256 and a certificate that it signs itself, from the operating
    /// system's random numbers: a seed does not repeat them.
    ///
    /// # Errors
    ///
    /// The operating system gave no random numbers.
    pub fn generate() -> Result<Self, IdentityError> {
        let failed = |_| IdentityError::Generation;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let mut parameters = CertificateParams::default();
        let name = &mut parameters.distinguished_name;
        name.push(DnType::CommonName, "flumen");
        let certificate = parameters.self_signed(&key).map_err(failed)?;
        Self::new(certificate.der().to_vec(), &key)
    }

    /// That of the application: a certificate and its private key (PKCS#8), both in PEM.
    ///
    /// # Errors
    ///
    /// Which of the two cannot be read, or that they do not belong together.
    pub fn from_pem(certificate: &str, private_key: &str) -> Result<Self, IdentityError> {
        let certificate = decode(certificate).ok_or(IdentityError::Certificate)?;
        let key = KeyPair::from_pem(private_key).map_err(|_| IdentityError::PrivateKey)?;
        Self::new(certificate, &key)
    }

    /// What [`to_der`](Self::to_der) gave.
    ///
    /// # Errors
    ///
    /// The key cannot be read, or is not that of the certificate.
    pub fn from_der(certificate: &[u8], private_key: &[u8]) -> Result<Self, IdentityError> {
        let key = KeyPair::try_from(private_key).map_err(|_| IdentityError::PrivateKey)?;
        Self::new(certificate.to_vec(), &key)
    }

    /// The certificate, and the private key (PKCS#8), in DER: who has them can pass for this end.
    /// The key is wiped when it is dropped.
    pub fn to_der(&self) -> (Vec<u8>, Zeroizing<Vec<u8>>) {
        (self.certificate().to_vec(), self.0.private_key.clone())
    }

    fn new(certificate: Vec<u8>, key: &KeyPair) -> Result<Self, IdentityError> {
        let private_key = Zeroizing::new(key.serialize_der());
        let crypto = AwsLcRsCrypto;
        let scheme = rtc_crypto::SignatureScheme::EcdsaP256Sha256;
        let signing_key = crypto
            .import_signing_key(scheme, &private_key)
            .map_err(|_| IdentityError::PrivateKey)?;
        let public = key.der_bytes();
        if !certificate
            .windows(public.len())
            .any(|bytes| bytes == public)
        {
            return Err(IdentityError::Mismatch);
        }
        let fingerprint = |algorithm| Fingerprint::of(&certificate, algorithm);
        Ok(Self(Arc::new(Shared {
            fingerprints: HashAlgorithm::ALL.map(fingerprint).to_vec(),
            signing: Certificate::from_signing_key(vec![certificate.clone().into()], signing_key),
            certificate,
            private_key,
        })))
    }

    /// What the certificate is known by: one fingerprint of each function, from SHA-1 to SHA-512.
    pub fn fingerprints(&self) -> &[Fingerprint] {
        &self.0.fingerprints
    }

    /// The certificate in DER.
    pub fn certificate(&self) -> &[u8] {
        &self.0.certificate
    }

    /// The certificate in PEM.
    pub fn certificate_pem(&self) -> String {
        encode(self.certificate())
    }

    pub(super) fn private_key(&self) -> &[u8] {
        &self.0.private_key
    }

    pub(super) fn signing(&self) -> Certificate {
        self.0.signing.clone()
    }
}

/// The first block of a PEM text (RFC 7468), if it is a certificate.
fn decode(text: &str) -> Option<Vec<u8>> {
    let block = pem::parse(text).ok()?;
    (block.tag() == "CERTIFICATE").then(|| block.into_contents())
}

/// A certificate in PEM.
pub(super) fn encode(certificate: &[u8]) -> String {
    pem::encode(&pem::Pem::new("CERTIFICATE", certificate))
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("fingerprints", &self.fingerprints())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (String, String) {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let certificate = CertificateParams::default().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    #[test]
    fn an_identity_has_the_fingerprints_of_its_certificate() {
        let identity = Identity::generate().unwrap();
        assert_eq!(identity.fingerprints().len(), 5);
        let of_it = |fingerprint: &Fingerprint| fingerprint.matches(identity.certificate());
        assert!(identity.fingerprints().iter().all(of_it));
        let other = Identity::generate().unwrap();
        assert_ne!(identity.fingerprints(), other.fingerprints());
    }

    #[test]
    fn a_given_identity_is_the_given_one() {
        let (certificate, key) = pair();
        let identity = Identity::from_pem(&certificate, &key).unwrap();
        let decoded = decode(&certificate).unwrap();
        assert_eq!(identity.certificate(), decoded);
        assert_eq!(decode(&identity.certificate_pem()).unwrap(), decoded);
    }

    #[test]
    fn an_identity_goes_through_der() {
        let identity = Identity::generate().unwrap();
        let (certificate, key) = identity.to_der();
        let same = Identity::from_der(&certificate, &key).unwrap();
        assert_eq!(same.fingerprints(), identity.fingerprints());
        let (_, other) = Identity::generate().unwrap().to_der();
        let mismatch = Identity::from_der(&certificate, &other).unwrap_err();
        assert_eq!(mismatch, IdentityError::Mismatch);
        let none = Identity::from_der(&certificate, b"none").unwrap_err();
        assert_eq!(none, IdentityError::PrivateKey);
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let (certificate, key) = pair();
        let (_, other_key) = pair();
        let refused =
            |certificate: &str, key: &str| Identity::from_pem(certificate, key).unwrap_err();
        assert_eq!(refused(&certificate, &other_key), IdentityError::Mismatch);
        assert_eq!(refused(&key, &key), IdentityError::Certificate);
        assert_eq!(refused(&certificate, "nothing"), IdentityError::PrivateKey);
        let ed25519 = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let ed25519 = ed25519.serialize_pem();
        assert_eq!(refused(&certificate, &ed25519), IdentityError::PrivateKey);
    }

    #[test]
    fn debug_output_holds_no_key() {
        let (certificate, key) = pair();
        let identity = Identity::from_pem(&certificate, &key).unwrap();
        let told = format!("{identity:?}");
        assert!(!told.contains("private") && told.len() < 1_200, "{told}");
    }
}

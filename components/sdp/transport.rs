//! How the peer is reached and known: ICE, DTLS, SCTP.

use flumen_protocol::dtls;

use crate::attributes::values;
use crate::error::SdpError;
use crate::offer::Offer;
use crate::section::{Carries, Section};

/// What the peer says of its side of the transport.
#[derive(Clone, Debug, PartialEq)]
pub struct Remote {
    /// Its user name fragment and password; the engine, being ICE-lite, needs neither.
    pub username_fragment: String,
    /// See [`username_fragment`](Self::username_fragment).
    pub password: String,
    /// Its role and the fingerprints of its certificates, for `Engine::connect_webrtc`: a peer that
    /// leaves the role to us is the client.
    pub dtls: dtls::Parameters,
}

/// What the peer says of its association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sctp {
    /// Its port.
    pub port: u16,
    /// The largest message it receives, in bytes; 0 for any (RFC 8841 section 6.1).
    pub max_message_size: u64,
}

/// What `a=max-message-size` is when it is not there (RFC 8841 section 6.1).
const MAX_MESSAGE_SIZE: u64 = 64 * 1024;

impl Offer {
    /// The peer's side of the transport, as the first usable section says it, or the session.
    ///
    /// # Errors
    ///
    /// No section is usable, or something is missing or makes no sense.
    pub fn remote(&self) -> Result<Remote, SdpError> {
        let section = self.sections().iter().find(|section| section.is_usable);
        let section = section.ok_or(SdpError::Section(0))?;
        let text = |name: &'static str| {
            let said = self.said(section, name).filter(|said| !said.is_empty());
            said.map(String::from).ok_or(SdpError::Missing(name))
        };
        Ok(Remote {
            username_fragment: text("ice-ufrag")?,
            password: text("ice-pwd")?,
            dtls: dtls::Parameters {
                role: self.role(section)?,
                fingerprints: self.fingerprints(section)?,
            },
        })
    }

    /// The peer's association, if it has a section for data that is usable.
    ///
    /// # Errors
    ///
    /// A number that is none.
    pub fn sctp(&self) -> Result<Option<Sctp>, SdpError> {
        let is_data = |section: &&Section| section.is_usable && section.carries == Carries::Data;
        let Some(section) = self.sections().iter().find(is_data) else {
            return Ok(None);
        };
        Ok(Some(Sctp {
            port: number(section, "sctp-port", 5_000)?,
            max_message_size: number(section, "max-message-size", MAX_MESSAGE_SIZE)?,
        }))
    }

    /// Who begins the handshake (RFC 8842 section 5.2).
    fn role(&self, section: &Section) -> Result<dtls::Role, SdpError> {
        let name = "setup";
        match self.said(section, name).ok_or(SdpError::Missing(name))? {
            "active" | "actpass" => Ok(dtls::Role::Client),
            "passive" => Ok(dtls::Role::Server),
            other => Err(SdpError::Value {
                name,
                value: other.into(),
            }),
        }
    }

    /// All fingerprints of the section, or else of the session, that can be checked (RFC 8122).
    fn fingerprints(&self, section: &Section) -> Result<Vec<dtls::Fingerprint>, SdpError> {
        let read = |from: &[(String, String)]| {
            let known = values(from, "fingerprint").filter_map(fingerprint);
            known.collect::<Vec<_>>()
        };
        let own = read(&section.attributes);
        let found = if own.is_empty() {
            read(&self.attributes)
        } else {
            own
        };
        if found.is_empty() {
            Err(SdpError::Missing("fingerprint"))
        } else {
            Ok(found)
        }
    }
}

/// `sha-256 AB:CD ...`; names of hashes are not case-sensitive.
fn fingerprint(value: &str) -> Option<dtls::Fingerprint> {
    let (algorithm, value) = value.split_once(' ')?;
    Some(dtls::Fingerprint {
        algorithm: hash(algorithm)?,
        value: value.trim().to_ascii_uppercase(),
    })
}

fn hash(name: &str) -> Option<dtls::HashAlgorithm> {
    use dtls::HashAlgorithm::{Sha1, Sha224, Sha256, Sha384, Sha512};
    let known = [
        ("sha-1", Sha1),
        ("sha-224", Sha224),
        ("sha-256", Sha256),
        ("sha-384", Sha384),
        ("sha-512", Sha512),
    ];
    let mut known = known.into_iter();
    known
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, hash)| hash)
}

fn number<N: std::str::FromStr>(
    section: &Section,
    name: &'static str,
    usual: N,
) -> Result<N, SdpError> {
    match crate::attributes::value(&section.attributes, name) {
        None => Ok(usual),
        Some(text) => text.parse().map_err(|_| SdpError::Value {
            name,
            value: text.into(),
        }),
    }
}

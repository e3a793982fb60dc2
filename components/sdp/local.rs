//! Our side of the transport, as answers say it.

use flumen_components::{IceCandidate, Protocol};
use flumen_protocol::{dtls, ice};

use crate::error::SdpError;
use crate::lines::Lines;

/// Our side of the transport.
#[derive(Clone, Debug)]
pub struct Local<'a> {
    /// `Engine::ice_parameters`.
    pub ice: &'a ice::Parameters,
    /// `Engine::ice_candidates`.
    pub candidates: &'a [IceCandidate],
    /// Who begins the handshake, and the fingerprints of our certificate.
    pub dtls: &'a dtls::Parameters,
}

/// Our candidates, credentials and fingerprints. Candidates and their end are in the first section
/// alone (RFC 8843 section 7.3).
pub(crate) fn write_transport(
    out: &mut Lines,
    local: &Local<'_>,
    is_first: bool,
) -> Result<(), SdpError> {
    let setup = match local.dtls.role {
        dtls::Role::Client => "active",
        dtls::Role::Server | dtls::Role::Auto => "passive",
    };
    out.write(format_args!("a=ice-ufrag:{}", local.ice.username_fragment))?;
    out.write(format_args!("a=ice-pwd:{}", local.ice.password))?;
    // Some read the last one only: one that everybody knows.
    for fingerprint in &local.dtls.fingerprints {
        if fingerprint.algorithm == dtls::HashAlgorithm::Sha256 {
            out.write(format_args!("a=fingerprint:sha-256 {}", fingerprint.value))?;
        }
    }
    out.write(format_args!("a=setup:{setup}"))?;
    if !is_first {
        return Ok(());
    }
    for candidate in local.candidates {
        write_candidate(out, candidate)?;
    }
    out.write(format_args!("a=end-of-candidates"))
}

/// RFC 8839 section 5.1; RFC 6544 section 4.5 for TCP.
fn write_candidate(out: &mut Lines, candidate: &IceCandidate) -> Result<(), SdpError> {
    let (protocol, tail) = match candidate.protocol {
        Protocol::Udp => ("udp", ""),
        Protocol::Tcp => ("tcp", " tcptype passive"),
    };
    let IceCandidate {
        foundation,
        priority,
        address,
        port,
        ..
    } = candidate;
    out.write(format_args!(
        "a=candidate:{foundation} 1 {protocol} {priority} {address} {port} typ host{tail}"
    ))
}

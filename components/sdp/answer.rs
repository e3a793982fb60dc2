//! What is answered to an offer.

use std::fmt::Write;

use flumen_components::rtp_parameters::{RtpCodecParameters, RtpEncodingParameters, RtpParameters};
use flumen_components::{IceCandidate, Protocol};
use flumen_protocol::{dtls, ice};

use crate::attributes::{value, write_format_parameters};
use crate::encodings::rids;
use crate::error::SdpError;
use crate::offer::Offer;
use crate::section::Section;
use crate::transport::Sctp;

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

/// What is answered to one section.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// Nothing goes through it.
    Rejected,
    /// We receive what the peer sends: the parameters of the producer.
    Receives(&'a RtpParameters),
    /// We send: the parameters of the consumer, with the payload types of the offer. Its tracks of
    /// one `stream` are played together.
    Sends {
        /// The parameters of the consumer.
        parameters: &'a RtpParameters,
        /// The identifier of the media stream.
        stream: &'a str,
        /// The identifier of the track.
        track: &'a str,
    },
    /// Data channels, with our port and the largest message we receive.
    Data(Sctp),
}

impl Offer {
    /// The answer with one [`Answer`] for each section, all over one transport.
    ///
    /// # Errors
    ///
    /// The answers are not as many as the sections, or accept one that is not usable.
    pub fn answer(&self, local: &Local<'_>, answers: &[Answer<'_>]) -> Result<String, SdpError> {
        let (expected, given) = (self.sections().len(), answers.len());
        if expected != given {
            return Err(SdpError::Sections { expected, given });
        }
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = self.write_session(&mut out, answers);
        let mut is_first = true;
        for (index, (section, answer)) in self.sections().iter().zip(answers).enumerate() {
            let accepts = !matches!(answer, Answer::Rejected);
            if accepts && !section.is_usable {
                return Err(SdpError::Section(index));
            }
            let _ = write_section(&mut out, section, answer);
            if accepts {
                let _ = write_transport(&mut out, local, is_first);
                is_first = false;
            }
        }
        Ok(out)
    }

    fn write_session(&self, out: &mut String, answers: &[Answer<'_>]) -> std::fmt::Result {
        let accepted = self.sections().iter().zip(answers);
        let mids: Vec<&str> = accepted
            .filter(|(_, answer)| !matches!(answer, Answer::Rejected))
            .map(|(section, _)| section.mid.as_str())
            .collect();
        out.write_str("v=0\r\no=flumen 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-lite\r\n")?;
        if !mids.is_empty() && value(&self.attributes, "group").is_some() {
            write!(out, "a=group:BUNDLE {}\r\n", mids.join(" "))?;
        }
        if value(&self.attributes, "extmap-allow-mixed").is_some() {
            out.write_str("a=extmap-allow-mixed\r\n")?;
        }
        out.write_str("a=msid-semantic: WMS *\r\n")
    }
}

/// Our candidates, credentials and fingerprints. Candidates and their end are in the first section
/// alone (RFC 8843 section 7.3).
fn write_transport(out: &mut String, local: &Local<'_>, is_first: bool) -> std::fmt::Result {
    let setup = match local.dtls.role {
        dtls::Role::Client => "active",
        dtls::Role::Server | dtls::Role::Auto => "passive",
    };
    write!(out, "a=ice-ufrag:{}\r\n", local.ice.username_fragment)?;
    write!(out, "a=ice-pwd:{}\r\n", local.ice.password)?;
    // Some read the last one only: one that everybody knows.
    for fingerprint in &local.dtls.fingerprints {
        if fingerprint.algorithm == dtls::HashAlgorithm::Sha256 {
            write!(out, "a=fingerprint:sha-256 {}\r\n", fingerprint.value)?;
        }
    }
    write!(out, "a=setup:{setup}\r\n")?;
    if !is_first {
        return Ok(());
    }
    for candidate in local.candidates {
        write_candidate(out, candidate)?;
    }
    out.write_str("a=end-of-candidates\r\n")
}

/// RFC 8839 section 5.1; RFC 6544 section 4.5 for TCP.
fn write_candidate(out: &mut String, candidate: &IceCandidate) -> std::fmt::Result {
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
    write!(
        out,
        "a=candidate:{foundation} 1 {protocol} {priority} {address} {port} typ host{tail}\r\n"
    )
}

fn write_section(out: &mut String, section: &Section, answer: &Answer<'_>) -> std::fmt::Result {
    match answer {
        Answer::Rejected => write_rejected(out, section),
        Answer::Data(sctp) => write_data(out, section, *sctp),
        Answer::Receives(parameters) => {
            write_media(out, section, parameters)?;
            out.write_str("a=recvonly\r\n")?;
            write_simulcast(out, section, &parameters.encodings)
        }
        Answer::Sends {
            parameters,
            stream,
            track,
        } => {
            write_media(out, section, parameters)?;
            write!(out, "a=sendonly\r\na=msid:{stream} {track}\r\n")?;
            write_sources(out, parameters)
        }
    }
}

fn write_head(out: &mut String, section: &Section, port: u16, formats: &str) -> std::fmt::Result {
    let Section {
        media,
        protocol,
        mid,
        ..
    } = section;
    write!(
        out,
        "m={media} {port} {protocol} {formats}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\n"
    )
}

fn write_rejected(out: &mut String, section: &Section) -> std::fmt::Result {
    write_head(out, section, 0, &section.formats.join(" "))?;
    out.write_str("a=inactive\r\n")
}

fn write_data(out: &mut String, section: &Section, sctp: Sctp) -> std::fmt::Result {
    write_head(out, section, 9, "webrtc-datachannel")?;
    let Sctp {
        port,
        max_message_size,
    } = sctp;
    write!(
        out,
        "a=sctp-port:{port}\r\na=max-message-size:{max_message_size}\r\n"
    )
}

fn write_media(
    out: &mut String,
    section: &Section,
    parameters: &RtpParameters,
) -> std::fmt::Result {
    let formats: Vec<String> = parameters
        .codecs
        .iter()
        .map(|c| c.payload_type.to_string())
        .collect();
    write_head(out, section, 9, &formats.join(" "))?;
    out.write_str("a=rtcp-mux\r\n")?;
    if value(&section.attributes, "rtcp-rsize").is_some() {
        out.write_str("a=rtcp-rsize\r\n")?;
    }
    for codec in &parameters.codecs {
        write_codec(out, codec)?;
    }
    for extension in &parameters.header_extensions {
        write!(out, "a=extmap:{} {}\r\n", extension.id, extension.uri)?;
    }
    Ok(())
}

fn write_codec(out: &mut String, codec: &RtpCodecParameters) -> std::fmt::Result {
    let payload_type = codec.payload_type;
    let name = codec.mime_type.split_once('/').map_or("", |(_, name)| name);
    write!(out, "a=rtpmap:{payload_type} {name}/{}", codec.clock_rate)?;
    match codec.channels {
        Some(channels) if channels > 1 => write!(out, "/{channels}\r\n")?,
        _ => out.write_str("\r\n")?,
    }
    if !codec.parameters.is_empty() {
        let parameters = write_format_parameters(&codec.parameters);
        write!(out, "a=fmtp:{payload_type} {parameters}\r\n")?;
    }
    for feedback in &codec.rtcp_feedback {
        let text = format!("{} {}", feedback.kind, feedback.parameter);
        write!(out, "a=rtcp-fb:{payload_type} {}\r\n", text.trim_end())?;
    }
    Ok(())
}

/// We receive every RID of the producer, in its order (RFC 8853 section 5.3).
fn write_simulcast(
    out: &mut String,
    section: &Section,
    encodings: &[RtpEncodingParameters],
) -> std::fmt::Result {
    let offered = rids(&section.attributes);
    let known = |rid: &&str| offered.contains(rid);
    let rids: Vec<&str> = encodings
        .iter()
        .filter_map(|one| one.rid.as_deref())
        .filter(known)
        .collect();
    for rid in &rids {
        write!(out, "a=rid:{rid} recv\r\n")?;
    }
    if rids.is_empty() || value(&section.attributes, "simulcast").is_none() {
        return Ok(());
    }
    write!(out, "a=simulcast:recv {}\r\n", rids.join(";"))
}

/// What we send with (RFC 5576): some clients wait for it.
fn write_sources(out: &mut String, parameters: &RtpParameters) -> std::fmt::Result {
    let Some(encoding) = parameters.encodings.first() else {
        return Ok(());
    };
    let Some(ssrc) = encoding.ssrc else {
        return Ok(());
    };
    let rtx = encoding.rtx.map(|rtx| rtx.ssrc);
    if let Some(rtx) = rtx {
        write!(out, "a=ssrc-group:FID {ssrc} {rtx}\r\n")?;
    }
    let cname = parameters.rtcp.cname.as_deref().unwrap_or("flumen");
    for ssrc in [Some(ssrc), rtx].into_iter().flatten() {
        write!(out, "a=ssrc:{ssrc} cname:{cname}\r\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flumen_components::rtp_parameters::RtpEncodingRtx;

    const OFFER: &str = include_str!("offers/chromium-156-whip-simulcast-data.sdp");

    fn answer(answers: &[Answer<'_>]) -> Result<String, SdpError> {
        let ice = ice::Parameters {
            username_fragment: "name".into(),
            password: "word".into(),
            ice_lite: true,
        };
        let candidate = |protocol: Protocol, priority, tcp_type: Option<&str>| IceCandidate {
            foundation: "f".into(),
            priority,
            address: "sfu.example".into(),
            ip: "sfu.example".into(),
            protocol,
            port: 44_444,
            type_: "host".into(),
            tcp_type: tcp_type.map(String::from),
        };
        let candidates = [
            candidate(Protocol::Udp, 2, None),
            candidate(Protocol::Tcp, 1, Some("passive")),
        ];
        let fingerprint = |algorithm, value: &str| dtls::Fingerprint {
            algorithm,
            value: value.into(),
        };
        let dtls = dtls::Parameters {
            role: dtls::Role::Server,
            fingerprints: vec![
                fingerprint(dtls::HashAlgorithm::Sha1, "01"),
                fingerprint(dtls::HashAlgorithm::Sha256, "AB:CD"),
            ],
        };
        let local = Local {
            ice: &ice,
            candidates: &candidates,
            dtls: &dtls,
        };
        Offer::parse(OFFER).unwrap().answer(&local, answers)
    }

    fn parameters() -> RtpParameters {
        let rid = |rid: &str| RtpEncodingParameters {
            rid: Some(rid.into()),
            ..Default::default()
        };
        RtpParameters {
            encodings: vec![rid("r0"), rid("r1"), rid("r2")],
            ..Default::default()
        }
    }

    const DATA: Answer<'static> = Answer::Data(Sctp {
        port: 5_000,
        max_message_size: 262_144,
    });

    #[test]
    fn everything_goes_over_one_transport_whose_candidates_are_said_once() {
        let text = answer(&[Answer::Rejected, Answer::Receives(&parameters()), DATA]).unwrap();
        let count = |line: &str| text.matches(line).count();
        assert!(text.contains("a=group:BUNDLE 1 2\r\n") && text.contains("a=ice-lite\r\n"));
        assert!(text.contains("m=audio 0 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\n"));
        let candidates = "a=candidate:f 1 udp 2 sfu.example 44444 typ host\r\n\
                          a=candidate:f 1 tcp 1 sfu.example 44444 typ host tcptype passive\r\n\
                          a=end-of-candidates\r\n";
        assert_eq!((count(candidates), count("a=candidate")), (1, 2));
        let security = "a=ice-ufrag:name\r\na=ice-pwd:word\r\na=fingerprint:sha-256 AB:CD\r\na=setup:passive\r\n";
        assert_eq!((count(security), count("a=fingerprint")), (2, 2));
        assert!(text.contains("a=sctp-port:5000\r\na=max-message-size:262144\r\n"));
        assert!(!text.contains('\n') || text.lines().all(|line| !line.is_empty()));
    }

    #[test]
    fn every_rid_is_received() {
        let text = answer(&[Answer::Rejected, Answer::Receives(&parameters()), DATA]).unwrap();
        let simulcast = "a=recvonly\r\na=rid:r0 recv\r\na=rid:r1 recv\r\na=rid:r2 recv\r\n\
                         a=simulcast:recv r0;r1;r2\r\n";
        assert!(text.contains(simulcast), "{text}");
    }

    #[test]
    fn what_is_sent_names_its_sources() {
        let sent = RtpParameters {
            encodings: vec![RtpEncodingParameters {
                ssrc: Some(7),
                rtx: Some(RtpEncodingRtx { ssrc: 8 }),
                ..Default::default()
            }],
            ..Default::default()
        };
        let sends = Answer::Sends {
            parameters: &sent,
            stream: "s",
            track: "t",
        };
        let text = answer(&[sends, Answer::Rejected, DATA]).unwrap();
        let sources = "a=sendonly\r\na=msid:s t\r\na=ssrc-group:FID 7 8\r\n\
                       a=ssrc:7 cname:flumen\r\na=ssrc:8 cname:flumen\r\n";
        assert!(text.contains(sources), "{text}");
    }

    #[test]
    fn there_is_an_answer_for_each_section() {
        let wrong = SdpError::Sections {
            expected: 3,
            given: 1,
        };
        assert_eq!(answer(&[DATA]), Err(wrong));
    }
}

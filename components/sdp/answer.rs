//! What is answered to an offer.

use flumen_components::rtp_parameters::{RtpCodecParameters, RtpEncodingParameters, RtpParameters};

use crate::attributes::{value, values, write_format_parameters};
use crate::encodings::rids;
use crate::error::SdpError;
use crate::lines::Lines;
use crate::local::{Local, write_transport};
use crate::offer::Offer;
use crate::section::Section;
use crate::transport::Sctp;

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
    /// The answers are not as many as the sections, accept one that is not usable, or say something
    /// that would break its line.
    pub fn answer(&self, local: &Local<'_>, answers: &[Answer<'_>]) -> Result<String, SdpError> {
        let (expected, given) = (self.sections().len(), answers.len());
        if expected != given {
            return Err(SdpError::Sections { expected, given });
        }
        let mut out = Lines::default();
        self.write_session(&mut out, answers)?;
        let mut is_first = true;
        for (index, (section, answer)) in self.sections().iter().zip(answers).enumerate() {
            let accepts = !matches!(answer, Answer::Rejected);
            if accepts && !section.is_usable {
                return Err(SdpError::Section(index));
            }
            write_section(&mut out, section, answer)?;
            if accepts {
                write_transport(&mut out, local, is_first)?;
                is_first = false;
            }
        }
        Ok(out.into_text())
    }

    fn write_session(&self, out: &mut Lines, answers: &[Answer<'_>]) -> Result<(), SdpError> {
        let accepted = self.sections().iter().zip(answers);
        let mids: Vec<&str> = accepted
            .filter(|(_, answer)| !matches!(answer, Answer::Rejected))
            .map(|(section, _)| section.mid.as_str())
            .collect();
        for line in [
            "v=0",
            "o=flumen 0 0 IN IP4 0.0.0.0",
            "s=-",
            "t=0 0",
            "a=ice-lite",
        ] {
            out.write(format_args!("{line}"))?;
        }
        let mut groups = values(&self.attributes, "group");
        let is_bundled = groups.any(|group| group.starts_with("BUNDLE"));
        if !mids.is_empty() && is_bundled {
            out.write(format_args!("a=group:BUNDLE {}", mids.join(" ")))?;
        }
        if value(&self.attributes, "extmap-allow-mixed").is_some() {
            out.write(format_args!("a=extmap-allow-mixed"))?;
        }
        out.write(format_args!("a=msid-semantic: WMS *"))
    }
}

fn write_section(out: &mut Lines, section: &Section, answer: &Answer<'_>) -> Result<(), SdpError> {
    match answer {
        Answer::Rejected => write_rejected(out, section),
        Answer::Data(sctp) => write_data(out, section, *sctp),
        Answer::Receives(parameters) => {
            write_media(out, section, parameters)?;
            out.write(format_args!("a=recvonly"))?;
            write_simulcast(out, section, &parameters.encodings)
        }
        Answer::Sends {
            parameters,
            stream,
            track,
        } => {
            write_media(out, section, parameters)?;
            out.write(format_args!("a=sendonly"))?;
            out.write(format_args!("a=msid:{stream} {track}"))?;
            write_sources(out, parameters)
        }
    }
}

fn write_head(
    out: &mut Lines,
    section: &Section,
    port: u16,
    formats: &str,
) -> Result<(), SdpError> {
    let Section {
        media,
        protocol,
        mid,
        ..
    } = section;
    out.write(format_args!("m={media} {port} {protocol} {formats}"))?;
    out.write(format_args!("c=IN IP4 0.0.0.0"))?;
    out.write(format_args!("a=mid:{mid}"))
}

fn write_rejected(out: &mut Lines, section: &Section) -> Result<(), SdpError> {
    write_head(out, section, 0, &section.formats.join(" "))?;
    out.write(format_args!("a=inactive"))
}

fn write_data(out: &mut Lines, section: &Section, sctp: Sctp) -> Result<(), SdpError> {
    write_head(out, section, 9, "webrtc-datachannel")?;
    let Sctp {
        port,
        max_message_size,
    } = sctp;
    out.write(format_args!("a=sctp-port:{port}"))?;
    out.write(format_args!("a=max-message-size:{max_message_size}"))
}

fn write_media(
    out: &mut Lines,
    section: &Section,
    parameters: &RtpParameters,
) -> Result<(), SdpError> {
    let formats: Vec<String> = parameters
        .codecs
        .iter()
        .map(|c| c.payload_type.to_string())
        .collect();
    write_head(out, section, 9, &formats.join(" "))?;
    out.write(format_args!("a=rtcp-mux"))?;
    if value(&section.attributes, "rtcp-rsize").is_some() {
        out.write(format_args!("a=rtcp-rsize"))?;
    }
    for codec in &parameters.codecs {
        write_codec(out, codec)?;
    }
    for extension in &parameters.header_extensions {
        out.write(format_args!("a=extmap:{} {}", extension.id, extension.uri))?;
    }
    Ok(())
}

fn write_codec(out: &mut Lines, codec: &RtpCodecParameters) -> Result<(), SdpError> {
    let payload_type = codec.payload_type;
    let name = codec.mime_type.split_once('/').map_or("", |(_, name)| name);
    let clock_rate = codec.clock_rate;
    match codec.channels.filter(|channels| *channels > 1) {
        Some(channels) => {
            out.write(format_args!(
                "a=rtpmap:{payload_type} {name}/{clock_rate}/{channels}"
            ))?;
        }
        None => out.write(format_args!("a=rtpmap:{payload_type} {name}/{clock_rate}"))?,
    }
    if !codec.parameters.is_empty() {
        let parameters = write_format_parameters(&codec.parameters);
        out.write(format_args!("a=fmtp:{payload_type} {parameters}"))?;
    }
    for feedback in &codec.rtcp_feedback {
        let text = format!("{} {}", feedback.kind, feedback.parameter);
        out.write(format_args!("a=rtcp-fb:{payload_type} {}", text.trim_end()))?;
    }
    Ok(())
}

/// We receive every RID of the producer, in the order of the offer (RFC 8853 section 5.3): ours is that
/// of layers, and here it would be one of preference.
fn write_simulcast(
    out: &mut Lines,
    section: &Section,
    encodings: &[RtpEncodingParameters],
) -> Result<(), SdpError> {
    let is_received = |rid: &&str| {
        let mut received = encodings.iter().filter_map(|one| one.rid.as_deref());
        received.any(|one| one == *rid)
    };
    let mut rids = rids(&section.attributes);
    rids.retain(is_received);
    for rid in &rids {
        out.write(format_args!("a=rid:{rid} recv"))?;
    }
    if rids.is_empty() || value(&section.attributes, "simulcast").is_none() {
        return Ok(());
    }
    out.write(format_args!("a=simulcast:recv {}", rids.join(";")))
}

/// What we send with (RFC 5576): some clients wait for it.
fn write_sources(out: &mut Lines, parameters: &RtpParameters) -> Result<(), SdpError> {
    let Some(encoding) = parameters.encodings.first() else {
        return Ok(());
    };
    let Some(ssrc) = encoding.ssrc else {
        return Ok(());
    };
    let rtx = encoding.rtx.map(|rtx| rtx.ssrc);
    if let Some(rtx) = rtx {
        out.write(format_args!("a=ssrc-group:FID {ssrc} {rtx}"))?;
    }
    let cname = parameters.rtcp.cname.as_deref().unwrap_or("flumen");
    for ssrc in [Some(ssrc), rtx].into_iter().flatten() {
        out.write(format_args!("a=ssrc:{ssrc} cname:{cname}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::breaks;
    use flumen_components::rtp_parameters::RtpEncodingRtx;
    use flumen_components::{IceCandidate, Protocol};
    use flumen_protocol::{dtls, ice};

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
        assert!(text.ends_with("\r\n"));
        let is_line = |line: &str| !line.is_empty() && !breaks(line);
        assert!(text.split_terminator("\r\n").all(is_line));
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
    fn what_is_answered_cannot_begin_a_line_of_its_own() {
        for end in ["\r\n", "\n", "\r"] {
            let mut sent = RtpParameters {
                encodings: vec![RtpEncodingParameters {
                    ssrc: Some(7),
                    ..Default::default()
                }],
                ..Default::default()
            };
            sent.rtcp.cname = Some(format!("x{end}a=fingerprint:sha-256 00"));
            let sends = Answer::Sends {
                parameters: &sent,
                stream: "s",
                track: "t",
            };
            let refused = answer(&[sends, Answer::Rejected, DATA]);
            assert!(matches!(refused, Err(SdpError::Line(_))), "{refused:?}");
        }
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

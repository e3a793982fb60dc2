//! The codecs of a section.

use flumen_components::rtp_parameters::{MediaKind, RtcpFeedback, RtpCodecParameters};

use crate::attributes::{format_parameters, numbered, values};

/// The codecs of a section, in the order in which its sender likes them.
pub(crate) fn read(
    kind: MediaKind,
    formats: &[String],
    attributes: &[(String, String)],
) -> Vec<RtpCodecParameters> {
    let codec = |format: &String| {
        let payload_type = format.parse().ok().filter(|number| *number < 128)?;
        codec(kind, payload_type, attributes)
    };
    formats.iter().filter_map(codec).collect()
}

fn codec(
    kind: MediaKind,
    payload_type: u8,
    attributes: &[(String, String)],
) -> Option<RtpCodecParameters> {
    let about = |name| {
        values(attributes, name)
            .filter_map(numbered::<u8>)
            .filter(move |(number, _)| *number == payload_type)
            .map(|(_, rest)| rest)
    };
    let map = about("rtpmap").next().or_else(|| assigned(payload_type))?;
    let (name, clock_rate, channels) = encoding(map)?;
    Some(RtpCodecParameters {
        mime_type: format!("{}/{name}", type_of(kind)),
        payload_type,
        clock_rate,
        channels: channels.or_else(|| unsaid_channels(kind, name)),
        parameters: about("fmtp").map(format_parameters).fold(
            Default::default(),
            |mut all, more| {
                all.extend(
                    more.iter()
                        .map(|(name, value)| (name.clone(), value.clone())),
                );
                all
            },
        ),
        rtcp_feedback: feedback(payload_type, attributes),
    })
}

/// Audio has one channel when nothing is said, but Opus has two and must say so (RFC 7587 section 7),
/// which not everybody does.
fn unsaid_channels(kind: MediaKind, name: &str) -> Option<u8> {
    let channels = if name.eq_ignore_ascii_case("opus") {
        2
    } else {
        1
    };
    (kind == MediaKind::Audio).then_some(channels)
}

/// The first part of a MIME type.
pub(crate) fn type_of(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
    }
}

/// `VP8/90000` or `opus/48000/2` (RFC 8866 section 6.6).
fn encoding(map: &str) -> Option<(&str, u32, Option<u8>)> {
    let mut parts = map.split('/');
    let (name, clock_rate) = (parts.next()?, parts.next()?.parse().ok()?);
    Some((
        name,
        clock_rate,
        parts.next().and_then(|channels| channels.parse().ok()),
    ))
}

/// The payload types that need no mapping (RFC 3551 section 6), as far as they are still used.
fn assigned(payload_type: u8) -> Option<&'static str> {
    match payload_type {
        0 => Some("PCMU/8000"),
        8 => Some("PCMA/8000"),
        9 => Some("G722/8000"),
        _ => None,
    }
}

/// `a=rtcp-fb` of a payload type, or of all (RFC 4585 section 4.2).
fn feedback(payload_type: u8, attributes: &[(String, String)]) -> Vec<RtcpFeedback> {
    let said = values(attributes, "rtcp-fb").filter_map(|value| value.split_once(' '));
    said.filter(|(about, _)| *about == "*" || about.parse() == Ok(payload_type))
        .map(|(_, what)| what.trim().split_once(' ').unwrap_or((what.trim(), "")))
        .map(|(kind, parameter)| RtcpFeedback::new(kind, parameter.trim()))
        .collect()
}

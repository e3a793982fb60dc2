//! The codecs of a section.

use std::collections::{BTreeMap, BTreeSet};

use flumen_components::rtp_parameters::{
    FormatParameters, MediaKind, RtcpFeedback, RtpCodecParameters,
};

use crate::attributes::{format_parameters, numbered, values};

/// What may be said about a payload type: no client says more, and what is said of all of them is
/// kept for each.
const FEEDBACK_MAX: usize = 32;

/// What a section says of its payload types.
struct Said<'a> {
    maps: BTreeMap<u8, &'a str>,
    parameters: BTreeMap<u8, FormatParameters>,
    /// Of one payload type, or of all (RFC 4585 section 4.2).
    feedback: BTreeMap<Option<u8>, Vec<(usize, RtcpFeedback)>>,
}

/// The codecs of a section, in the order in which its sender likes them. What is there twice counts once.
pub(crate) fn read(
    kind: MediaKind,
    formats: &[String],
    attributes: &[(String, String)],
) -> Vec<RtpCodecParameters> {
    let said = Said::read(attributes);
    let mut known = BTreeSet::new();
    let codec = |format: &String| {
        let payload_type = format.parse().ok().filter(|number| *number < 128)?;
        known.insert(payload_type).then_some(())?;
        said.codec(kind, payload_type)
    };
    formats.iter().filter_map(codec).collect()
}

impl<'a> Said<'a> {
    /// Reads every attribute once, however many payload types there are.
    fn read(attributes: &'a [(String, String)]) -> Self {
        let mut said = Self {
            maps: BTreeMap::new(),
            parameters: BTreeMap::new(),
            feedback: BTreeMap::new(),
        };
        for (number, map) in values(attributes, "rtpmap").filter_map(numbered) {
            said.maps.entry(number).or_insert(map);
        }
        for (number, text) in values(attributes, "fmtp").filter_map(numbered) {
            let parameters: &mut FormatParameters = said.parameters.entry(number).or_default();
            let more = format_parameters(text);
            parameters.extend(
                more.iter()
                    .map(|(name, value)| (name.clone(), value.clone())),
            );
        }
        for (place, value) in values(attributes, "rtcp-fb").enumerate() {
            said.add_feedback(place, value);
        }
        said
    }

    fn add_feedback(&mut self, place: usize, value: &str) {
        let Some((about, what)) = value.split_once(' ') else {
            return;
        };
        let about = match about {
            "*" => None,
            number => match number.parse() {
                Ok(number) => Some(number),
                Err(_) => return,
            },
        };
        let what = what.trim();
        let (kind, parameter) = what.split_once(' ').unwrap_or((what, ""));
        let all = self.feedback.entry(about).or_default();
        if all.len() < FEEDBACK_MAX {
            all.push((place, RtcpFeedback::new(kind, parameter.trim())));
        }
    }

    fn codec(&self, kind: MediaKind, payload_type: u8) -> Option<RtpCodecParameters> {
        let map = self.maps.get(&payload_type).copied();
        let (name, clock_rate, channels) = encoding(map.or_else(|| assigned(payload_type))?)?;
        Some(RtpCodecParameters {
            mime_type: format!("{}/{name}", type_of(kind)),
            payload_type,
            clock_rate,
            channels: channels.or_else(|| unsaid_channels(kind, name)),
            parameters: (self.parameters.get(&payload_type).cloned()).unwrap_or_default(),
            rtcp_feedback: self.feedback(payload_type),
        })
    }

    /// What is said of it and of all, in the order in which it is.
    fn feedback(&self, payload_type: u8) -> Vec<RtcpFeedback> {
        let both = [Some(payload_type), None];
        let mut said: Vec<_> = (both.iter().filter_map(|about| self.feedback.get(about)))
            .flatten()
            .collect();
        said.sort_by_key(|(place, _)| *place);
        said.into_iter()
            .map(|(_, feedback)| feedback.clone())
            .collect()
    }
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

//! The encodings that a section sends.

use flumen_components::rtp_parameters::{RtpEncodingParameters, RtpEncodingRtx};

use crate::attributes::{numbered, value, values};
use crate::known::Listing;

/// The encodings of a section, the lowest first: by the limits that all their RIDs have, of size before
/// those of bitrate (RFC 8851 section 5), or else as they are `listed`.
pub(crate) fn rising(
    attributes: &[(String, String)],
    listed: Listing,
) -> Vec<RtpEncodingParameters> {
    let mut encodings = read(attributes);
    if listed == Listing::Falling {
        encodings.reverse();
    }
    let limit = |one: &RtpEncodingParameters, name| limit(attributes, one.rid.as_deref()?, name);
    let stated = ["max-width", "max-height", "max-fs", "max-br"];
    let stated = stated.map(|name| {
        encodings
            .iter()
            .all(|one| limit(one, name).is_some())
            .then_some(name)
    });
    encodings.sort_by_key(|one| stated.map(|name| name.and_then(|name| limit(one, name))));
    encodings
}

/// The encodings of a section: those with a RID in the order in which simulcast names them (RFC
/// 8853), or else those with SSRCs, or one of which nothing is known but its MID.
pub(crate) fn read(attributes: &[(String, String)]) -> Vec<RtpEncodingParameters> {
    let by_rid: Vec<_> = rids(attributes).into_iter().map(with_rid).collect();
    if !by_rid.is_empty() {
        return by_rid;
    }
    let by_ssrc = with_ssrcs(attributes);
    if by_ssrc.is_empty() {
        vec![RtpEncodingParameters::default()]
    } else {
        by_ssrc
    }
}

/// The RIDs that are sent: of alternatives (`a,b`) the first, without the `~` of those that begin
/// paused. Without `a=simulcast`, every `a=rid` that is sent.
pub(crate) fn rids(attributes: &[(String, String)]) -> Vec<&str> {
    let declared: Vec<&str> = values(attributes, "rid").filter_map(sent_rid).collect();
    let Some(listed) = value(attributes, "simulcast").and_then(sent_streams) else {
        return declared;
    };
    let first = |stream: &'_ str| stream.split(',').next().map(str::len);
    listed
        .split(';')
        .filter_map(|stream| Some(stream.get(..first(stream)?)?.trim_start_matches('~')))
        .filter(|rid| declared.contains(rid))
        .collect()
}

/// `h send` and `h send pt=96;max-width=1280` (RFC 8851 section 4).
fn sent_rid(value: &str) -> Option<&str> {
    let mut words = value.split(' ');
    let rid = words.next().filter(|rid| !rid.is_empty())?;
    (words.next() == Some("send")).then_some(rid)
}

/// A limit of a RID that is sent.
fn limit(attributes: &[(String, String)], rid: &str, name: &str) -> Option<u64> {
    let mut sent = values(attributes, "rid").filter(|value| sent_rid(value) == Some(rid));
    let limits = sent.next()?.split(' ').nth(2)?;
    let mut pairs = limits.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    value.parse().ok()
}

/// The list behind `send` in `send q;h;f recv a`; an early draft wrote `send rid=q;h;f`.
fn sent_streams(value: &str) -> Option<&str> {
    let mut words = value.split(' ').skip_while(|word| *word != "send").skip(1);
    words.next().map(|list| list.trim_start_matches("rid="))
}

fn with_rid(rid: &str) -> RtpEncodingParameters {
    RtpEncodingParameters {
        rid: Some(rid.into()),
        ..RtpEncodingParameters::default()
    }
}

/// An encoding for each SSRC that is no retransmission of another (RFC 5576; RFC 4588 section 8):
/// those of a simulcast group, or the first.
fn with_ssrcs(attributes: &[(String, String)]) -> Vec<RtpEncodingParameters> {
    let groups: Vec<Group<'_>> = values(attributes, "ssrc-group")
        .filter_map(Group::read)
        .collect();
    let rtx_of = |ssrc: u32| {
        let pair = groups
            .iter()
            .find(|group| group.is("FID") && group.ssrcs.first() == Some(&ssrc));
        pair.and_then(|pair| pair.ssrcs.get(1).copied())
    };
    let simulcast = groups
        .iter()
        .find(|group| group.is("SIM"))
        .map(|group| group.ssrcs.clone());
    // The order of lines says nothing (RFC 5576 section 4.1).
    let repairs = |ssrc: &u32| {
        let mut pairs = groups.iter().filter(|group| group.is("FID"));
        pairs.any(|pair| pair.ssrcs.iter().skip(1).any(|repair| repair == ssrc))
    };
    let first = || {
        values(attributes, "ssrc")
            .filter_map(numbered::<u32>)
            .map(|(ssrc, _)| ssrc)
            .find(|ssrc| !repairs(ssrc))
    };
    simulcast
        .unwrap_or_else(|| first().into_iter().collect())
        .into_iter()
        .map(|ssrc| RtpEncodingParameters {
            ssrc: Some(ssrc),
            rtx: rtx_of(ssrc).map(|ssrc| RtpEncodingRtx { ssrc }),
            ..RtpEncodingParameters::default()
        })
        .collect()
}

/// `FID 1 2`: SSRCs that belong together.
struct Group<'a> {
    semantics: &'a str,
    ssrcs: Vec<u32>,
}

impl<'a> Group<'a> {
    fn read(value: &'a str) -> Option<Self> {
        let (semantics, ssrcs) = value.split_once(' ')?;
        let ssrcs = ssrcs
            .split(' ')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .ok()?;
        Some(Self { semantics, ssrcs })
    }

    fn is(&self, semantics: &str) -> bool {
        self.semantics == semantics
    }
}

/// The canonical name of the source (RFC 5576 section 6.1).
pub(crate) fn cname(attributes: &[(String, String)]) -> Option<String> {
    let mut about = values(attributes, "ssrc").filter_map(numbered::<u32>);
    about.find_map(|(_, what)| what.strip_prefix("cname:").map(String::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(lines: &str) -> Vec<(String, String)> {
        let line = |line: &str| {
            let (key, value) = line.trim().split_once(':').unwrap_or((line.trim(), ""));
            (key.into(), value.into())
        };
        lines
            .lines()
            .filter(|text| !text.trim().is_empty())
            .map(line)
            .collect()
    }

    fn names(lines: &str) -> Vec<(Option<String>, Option<u32>, Option<u32>)> {
        let encodings = read(&attributes(lines));
        let name = |one: RtpEncodingParameters| (one.rid, one.ssrc, one.rtx.map(|rtx| rtx.ssrc));
        encodings.into_iter().map(name).collect()
    }

    #[test]
    fn simulcast_names_the_order() {
        let lines = "rid:f send\nrid:h send max-width=640\nrid:q send\nrid:r recv
                     simulcast:recv r send q;~h,x;f";
        let rid = |rid: &str| (Some(rid.to_string()), None, None);
        assert_eq!(names(lines), [rid("q"), rid("h"), rid("f")]);
    }

    #[test]
    fn the_lowest_encoding_is_the_first() {
        let rids = |limits: [&str; 3], listed| {
            let [a, b, c] = limits;
            let lines =
                format!("rid:a send {a}\nrid:b send {b}\nrid:c send {c}\nsimulcast:send a;b;c");
            let encodings = rising(&attributes(&lines), listed).into_iter();
            encodings.filter_map(|one| one.rid).collect::<String>()
        };
        let unlike = [
            "max-width=1280;max-br=9",
            "pt=96;max-width=320;max-br=9",
            "max-width=640;max-br=1",
        ];
        let rows = [
            (["", "", ""], "abc", "cba"),
            (unlike, "bca", "bca"),
            (["max-br=900", "max-br=300", "max-br=100"], "cba", "cba"),
            // Where one has none, others say nothing.
            (["max-br=900", "", "max-br=100"], "abc", "cba"),
            (["max-width=x", "max-width=2", "max-width=1"], "abc", "cba"),
            // Pictures of one size differ in what they cost.
            (
                [
                    "max-fs=9;max-br=3",
                    "max-fs=9;max-br=1",
                    "max-fs=8;max-br=4",
                ],
                "cba",
                "cba",
            ),
            (["max-fs=9", "max-fs=9", "max-fs=9"], "abc", "cba"),
        ];
        for (limits, rising, falling) in rows {
            assert_eq!(rids(limits, Listing::Rising), rising, "{limits:?}");
            assert_eq!(rids(limits, Listing::Falling), falling, "{limits:?}");
        }
    }

    #[test]
    fn the_order_of_the_draft_that_wrote_rid_is_read() {
        let lines = "rid:a send\nrid:b send\nsimulcast: send rid=b;a";
        let found: Vec<_> = names(lines)
            .into_iter()
            .filter_map(|(rid, ..)| rid)
            .collect();
        assert_eq!(found, ["b", "a"]);
    }

    #[test]
    fn rids_count_more_than_ssrcs() {
        let lines = "ssrc-group:FID 1 2\nssrc:1 cname:x\nssrc:2 cname:x\nrid:a send";
        assert_eq!(names(lines), [(Some("a".into()), None, None)]);
    }

    #[test]
    fn a_retransmission_is_no_encoding() {
        let lines = "ssrc-group:FID 1 2\nssrc:1 cname:x\nssrc:2 cname:x";
        assert_eq!(names(lines), [(None, Some(1), Some(2))]);
        let backwards = "ssrc:2 cname:x\nssrc:1 cname:x\nssrc-group:FID 1 2";
        assert_eq!(names(backwards), [(None, Some(1), Some(2))]);
    }

    #[test]
    fn a_group_of_ssrcs_is_simulcast() {
        let lines = "ssrc-group:SIM 1 3\nssrc-group:FID 1 2\nssrc-group:FID 3 4\nssrc:1 cname:x";
        assert_eq!(
            names(lines),
            [(None, Some(1), Some(2)), (None, Some(3), Some(4))]
        );
    }

    #[test]
    fn without_either_it_is_known_by_its_mid() {
        assert_eq!(names("mid:0"), [(None, None, None)]);
    }
}

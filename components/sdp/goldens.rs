//! Offers of real clients, or written after what such are known to write, and what is to be read in
//! them.

use crate::lines::breaks;
use flumen_components::rtp_parameters::{
    MediaKind, RtpCapabilities, RtpCodecCapability, RtpParameters,
};
use flumen_protocol::{dtls, ice};
use proptest::prelude::*;

use crate::{Answer, Carries, Known, Listing, Local, Offer, SdpError};

const PLAIN: &str = include_str!("offers/chromium-156-whip-plain.sdp");
const SIMULCAST: &str = include_str!("offers/chromium-156-whip-simulcast-data.sdp");
const SVC: &str = include_str!("offers/chromium-156-whip-svc.sdp");
const WHEP: &str = include_str!("offers/chromium-156-whep-data.sdp");
const GSTREAMER: &str = include_str!("offers/gstreamer-1.22-whip.sdp");
const FIREFOX: &str = include_str!("offers/firefox-153-whip-simulcast.sdp");
const FIREFOX_WHEP: &str = include_str!("offers/firefox-153-whep.sdp");
const AIORTC: &str = include_str!("offers/aiortc-1.16-sendrecv-data.sdp");

/// As OBS writes it: all of the transport at session level, and lips to be synchronised.
const OBS: &str = "v=0\r\no=rtc 3767197920 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
a=group:LS 0 1\r\na=msid-semantic:WMS *\r\na=setup:actpass\r\na=ice-ufrag:Ktfr\r\na=ice-pwd:4FX7\r\n\
a=ice-options:ice2,trickle\r\na=fingerprint:sha-256 AB:CD\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
c=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=ssrc:11 cname:obs\r\na=ssrc:11 msid:s s-audio\r\n\
a=rtcp-mux\r\na=rtpmap:111 OPUS/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sendonly\r\na=ssrc:12 cname:obs\r\n\
a=ssrc:12 msid:s s-video\r\na=rtcp-mux\r\na=rtpmap:96 H264/90000\r\na=rtcp-fb:96 nack\r\n\
a=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 goog-remb\r\n\
a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1\r\n";

fn router() -> RtpCapabilities {
    let codecs = [
        r#"{ "kind": "audio", "mimeType": "audio/opus", "clockRate": 48000, "channels": 2 }"#,
        r#"{ "kind": "video", "mimeType": "video/VP8", "clockRate": 90000 }"#,
        r#"{ "kind": "video", "mimeType": "video/VP9", "clockRate": 90000 }"#,
        r#"{ "kind": "video", "mimeType": "video/H264", "clockRate": 90000,
             "parameters": { "packetization-mode": 1, "profile-level-id": "42e01f",
                             "level-asymmetry-allowed": 1 } }"#,
    ];
    let codecs = codecs.map(|codec| serde_json::from_str::<RtpCodecCapability>(codec).unwrap());
    RtpCapabilities::generate(&codecs).unwrap()
}

fn sent(offer: &Offer, section: usize) -> RtpParameters {
    let Carries::Media(kind) = offer.sections()[section].carries else {
        panic!("section {section} carries no media");
    };
    let parameters = offer.sent(section, &router(), Known::default()).unwrap();
    parameters.validated(kind).unwrap()
}

/// Codecs with their payload types, and encodings as RID or SSRC and that of its retransmissions.
fn summary(parameters: &RtpParameters) -> (Vec<(String, u8)>, Vec<(String, Option<u32>)>) {
    let codecs = parameters.codecs.iter();
    let encodings = parameters.encodings.iter().map(|one| {
        let ssrc = one.ssrc.map(|ssrc| ssrc.to_string());
        let name = one.rid.clone().or(ssrc).unwrap_or_default();
        (name, one.rtx.map(|rtx| rtx.ssrc))
    });
    (
        codecs
            .map(|codec| (codec.mime_type.clone(), codec.payload_type))
            .collect(),
        encodings.collect(),
    )
}

fn named(codecs: &[(&str, u8)]) -> Vec<(String, u8)> {
    codecs
        .iter()
        .map(|(name, number)| (name.to_string(), *number))
        .collect()
}

#[test]
fn what_sections_carry() {
    let carried = |text| {
        let offer = Offer::parse(text).unwrap();
        let sections = offer.sections().iter();
        sections
            .map(|one| {
                (
                    one.mid.clone(),
                    one.carries,
                    one.sends,
                    one.receives,
                    one.is_usable,
                )
            })
            .collect::<Vec<_>>()
    };
    let (audio, video) = (
        Carries::Media(MediaKind::Audio),
        Carries::Media(MediaKind::Video),
    );
    let row =
        |mid: &str, carries, sends, receives| (mid.to_string(), carries, sends, receives, true);
    assert_eq!(
        carried(SIMULCAST),
        [
            row("0", audio, true, false),
            row("1", video, true, false),
            row("2", Carries::Data, true, true)
        ]
    );
    assert_eq!(
        carried(WHEP),
        [
            row("0", audio, false, true),
            row("1", video, false, true),
            row("2", Carries::Data, true, true)
        ]
    );
    // Those that are bundled have the port 0, which elsewhere rejects a section (RFC 9143).
    assert_eq!(
        carried(FIREFOX),
        [
            row("0", audio, true, false),
            row("1", video, true, false),
            row("2", Carries::Data, true, true)
        ]
    );
    assert_eq!(
        carried(GSTREAMER),
        [
            row("video0", video, true, true),
            row("audio1", audio, true, true)
        ]
    );
    assert_eq!(
        carried(OBS),
        [row("0", audio, true, false), row("1", video, true, false)]
    );
}

#[test]
fn what_chromium_sends() {
    let offer = Offer::parse(PLAIN).unwrap();
    let (codecs, encodings) = summary(&sent(&offer, 0));
    assert_eq!(codecs, named(&[("audio/opus", 111)]));
    assert_eq!(encodings.len(), 1);
    let video = sent(&offer, 1);
    let (codecs, encodings) = summary(&video);
    assert_eq!(codecs, named(&[("video/VP8", 96), ("video/rtx", 97)]));
    assert!(encodings[0].1.is_some());
    assert!(video.rtcp.cname.is_some() && video.rtcp.reduced_size);
    let feedback: Vec<_> = video.codecs[0]
        .rtcp_feedback
        .iter()
        .map(|f| (f.kind.as_str(), f.parameter.as_str()))
        .collect();
    assert_eq!(
        feedback,
        [
            ("goog-remb", ""),
            ("transport-cc", ""),
            ("ccm", "fir"),
            ("nack", ""),
            ("nack", "pli")
        ]
    );
    let uris: Vec<_> = video
        .header_extensions
        .iter()
        .map(|one| one.uri.as_str())
        .collect();
    assert!(
        uris.contains(&"urn:3gpp:video-orientation")
            && uris.contains(&"urn:ietf:params:rtp-hdrext:sdes:mid")
    );
    assert!(
        !uris.iter().any(|uri| uri.contains("color-space")),
        "{uris:?}"
    );
}

#[test]
fn what_firefox_receives() {
    let capabilities = Offer::parse(FIREFOX_WHEP).unwrap().capabilities(1).unwrap();
    let codecs = capabilities.codecs.iter();
    let codecs: Vec<_> = codecs
        .map(|codec| (codec.mime_type.as_str(), codec.preferred_payload_type))
        .collect();
    let expected = [
        ("video/VP8", 120),
        ("video/rtx", 124),
        ("video/VP9", 121),
        ("video/rtx", 125),
        ("video/AV1", 99),
        ("video/rtx", 100),
        ("video/ulpfec", 123),
        ("video/red", 122),
        ("video/rtx", 119),
    ];
    assert_eq!(codecs, expected.map(|(name, number)| (name, Some(number))));
}

#[test]
fn simulcast_is_an_encoding_for_each_rid() {
    let video = sent(&Offer::parse(SIMULCAST).unwrap(), 1);
    let rids = ["r0", "r1", "r2"].map(|rid| (rid.to_string(), None));
    assert_eq!(summary(&video).1, rids);
    let offer = Offer::parse(SIMULCAST).unwrap();
    let layers = Known {
        scalability_mode: Some("L1T3"),
        ..Known::default()
    };
    let layered = offer.sent(1, &router(), layers).unwrap();
    assert_eq!(
        layered.encodings[0].scalability_mode.as_deref(),
        Some("L1T3")
    );
    assert_eq!(
        summary(&sent(&Offer::parse(FIREFOX).unwrap(), 1)).1,
        rids,
        "though it tells SSRCs, too"
    );
}

/// As OBS writes simulcast since version 32.1: RIDs by the number of the encoder, of which the first is of
/// the full size.
fn obs_simulcast() -> String {
    let video = "a=mid:1\r\na=sendonly\r\na=ssrc:12 cname:obs\r\na=ssrc:12 msid:s s-video\r\n";
    let rids = "a=mid:1\r\na=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\na=sendonly\r\na=rid:0 send\r\n\
a=rid:1 send\r\na=rid:2 send\r\na=simulcast:send 0;1;2\r\n";
    assert_eq!(OBS.matches(video).count(), 1);
    OBS.replace(video, rids)
}

#[test]
fn simulcast_that_lists_the_highest_first_is_turned_round() {
    let offer = Offer::parse(&obs_simulcast()).unwrap();
    let rids = |listing| {
        let known = Known {
            listing,
            ..Known::default()
        };
        let video = offer.sent(1, &router(), known).unwrap();
        let video = video.validated(MediaKind::Video).unwrap();
        let rids = video.encodings.iter().filter_map(|one| one.rid.clone());
        (rids.collect::<String>(), video)
    };
    assert_eq!(rids(Listing::Rising).0, "012");
    let (found, video) = rids(Listing::Falling);
    assert_eq!(found, "210");
    let answers = [Answer::Rejected, Answer::Receives(&video)];
    let answer = answer(&offer, &answers).unwrap();
    assert!(answer.contains("a=simulcast:recv 0;1;2\r\n"), "{answer}");
}

#[test]
fn the_first_codec_that_the_router_has_is_taken() {
    let codecs = summary(&sent(&Offer::parse(SVC).unwrap(), 1)).0;
    assert_eq!(codecs, named(&[("video/VP9", 98), ("video/rtx", 99)]));
    let codecs = summary(&sent(&Offer::parse(OBS).unwrap(), 1)).0;
    assert_eq!(codecs, named(&[("video/H264", 96)]));
    let offer = Offer::parse(SVC).unwrap();
    let none = offer
        .sent(1, &RtpCapabilities::default(), Known::default())
        .unwrap_err();
    assert!(
        none.to_string()
            .starts_with("no codec of section 1 can be received: "),
        "{none}"
    );
}

#[test]
fn retransmissions_that_the_router_does_not_have_are_left_out() {
    let more =
        "a=mid:0\r\na=rtpmap:112 rtx/48000\r\na=fmtp:112 apt=111\r\na=ssrc-group:FID 11 13\r\n";
    let offer = OBS.replace("SAVPF 111\r\n", "SAVPF 111 112\r\n");
    let offer = offer.replace("a=mid:0\r\n", more);
    let (codecs, encodings) = summary(&sent(&Offer::parse(&offer).unwrap(), 0));
    assert_eq!(codecs, named(&[("audio/OPUS", 111)]));
    assert_eq!(encodings, [("11".into(), None)]);
}

#[test]
fn what_is_said_of_a_format_again_and_again_is_read_once() {
    let formats = vec!["111"; 128].join(" ");
    let offer = OBS.replace("SAVPF 111\r\n", &format!("SAVPF {formats}\r\n"));
    let feedback: String = (0..1_000)
        .map(|number| format!("a=rtcp-fb:* kind{number}\r\na=fmtp:111 x{number}=1\r\n"))
        .collect();
    let offer = offer.replace("a=mid:0\r\n", &format!("a=mid:0\r\n{feedback}"));
    let capabilities = Offer::parse(&offer).unwrap().capabilities(0).unwrap();
    assert_eq!(capabilities.codecs.len(), 1, "it is named 128 times");
    let opus = &capabilities.codecs[0];
    assert_eq!(opus.rtcp_feedback.len(), 32, "of a thousand");
    assert_eq!(opus.parameters.integer("x999"), Some(1));
}

#[test]
fn formats_and_encodings_have_their_bounds() {
    let many = |count: usize| vec!["111"; count].join(" ");
    let formats = |count| OBS.replace("SAVPF 111\r\n", &format!("SAVPF {}\r\n", many(count)));
    assert!(Offer::parse(&formats(128)).is_ok());
    let refused = Offer::parse(&formats(129)).unwrap_err();
    assert!(
        matches!(refused, SdpError::TooMany { max: 128, .. }),
        "{refused}"
    );
    let group = |count: usize| {
        let ssrcs: Vec<_> = (1..=count).map(|ssrc| ssrc.to_string()).collect();
        let line = format!("a=mid:0\r\na=ssrc-group:SIM {}\r\n", ssrcs.join(" "));
        Offer::parse(&OBS.replace("a=mid:0\r\n", &line)).unwrap()
    };
    let eight = group(8).sent(0, &router(), Known::default()).unwrap();
    assert_eq!(eight.encodings.len(), 8);
    let refused = group(9).sent(0, &router(), Known::default()).unwrap_err();
    assert!(
        matches!(refused, SdpError::TooMany { max: 8, .. }),
        "{refused}"
    );
}

#[test]
fn a_line_that_breaks_is_refused() {
    for end in ["\r", "\0"] {
        let mid = format!("a=mid:1{end}a=fingerprint:sha-256 00");
        let refused = Offer::parse(&PLAIN.replace("a=mid:1", &mid)).unwrap_err();
        assert!(matches!(refused, SdpError::Line(_)), "{refused}");
    }
    let feeds = PLAIN.replace("\r\n", "\n");
    assert!(Offer::parse(&feeds).is_ok(), "some end lines with LF alone");
}

#[test]
fn extensions_that_the_peer_only_receives_are_not_sent() {
    let video = sent(&Offer::parse(FIREFOX).unwrap(), 1);
    let ids: Vec<_> = video.header_extensions.iter().map(|one| one.id).collect();
    assert_eq!(ids, [3, 4, 5, 7, 8, 9, 10], "not 6");
}

#[test]
fn opus_has_two_channels_also_when_it_does_not_say_so() {
    let unsaid = OBS.replace("OPUS/48000/2", "OPUS/48000");
    let audio = sent(&Offer::parse(&unsaid).unwrap(), 0);
    assert_eq!(audio.codecs[0].channels, Some(2));
}

#[test]
fn what_chromium_receives_has_its_numbers() {
    let offer = Offer::parse(WHEP).unwrap();
    let capabilities = offer.capabilities(1).unwrap().validated().unwrap();
    let number = |mime: &str| {
        let mut codecs = capabilities.codecs.iter();
        codecs
            .find(|codec| codec.mime_type == mime)
            .and_then(|codec| codec.preferred_payload_type)
    };
    assert_eq!(
        (number("video/VP8"), number("video/VP9")),
        (Some(96), Some(98))
    );
    assert!(
        capabilities
            .header_extensions
            .iter()
            .all(|one| one.preferred_id > 0)
    );
    assert_eq!(offer.capabilities(2).unwrap_err(), SdpError::Section(2));
}

#[test]
fn the_transport_is_read_where_it_is_said() {
    for text in [
        PLAIN,
        SIMULCAST,
        SVC,
        WHEP,
        GSTREAMER,
        AIORTC,
        OBS,
        FIREFOX,
        FIREFOX_WHEP,
    ] {
        let remote = Offer::parse(text).unwrap().remote().unwrap();
        assert!(!remote.username_fragment.is_empty() && !remote.password.is_empty());
        assert!(!remote.dtls.fingerprints.is_empty());
    }
    let without = PLAIN.replace("a=fingerprint", "a=print");
    assert_eq!(
        Offer::parse(&without).unwrap().remote(),
        Err(SdpError::Missing("fingerprint"))
    );
}

#[test]
fn data_has_a_port_and_a_size() {
    let sctp = Offer::parse(SIMULCAST).unwrap().sctp().unwrap().unwrap();
    assert_eq!((sctp.port, sctp.max_message_size), (5_000, 262_144));
    let unsaid = SIMULCAST.replace("a=max-message-size:262144\r\n", "");
    assert_eq!(
        Offer::parse(&unsaid)
            .unwrap()
            .sctp()
            .unwrap()
            .unwrap()
            .max_message_size,
        65_536
    );
    assert_eq!(Offer::parse(PLAIN).unwrap().sctp(), Ok(None));
}

#[test]
fn what_was_not_bundled_is_answered_without_a_bundle() {
    let bundled = |text: &str| {
        let answer = answered(&Offer::parse(text).unwrap()).unwrap();
        answer.contains("a=group:BUNDLE 0")
    };
    assert!(bundled(PLAIN));
    assert!(!bundled(
        &PLAIN.replace("a=group:BUNDLE 0 1", "a=group:LS 0 1")
    ));
}

#[test]
fn sections_of_another_transport_are_not_usable() {
    let alone = PLAIN.replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 0");
    let offer = Offer::parse(&alone).unwrap();
    let usable: Vec<_> = offer.sections().iter().map(|one| one.is_usable).collect();
    assert_eq!(usable, [true, false]);
}

#[test]
fn what_is_wrong_is_named() {
    let refused = |text: &str| Offer::parse(text).unwrap_err();
    assert!(matches!(refused("hello"), SdpError::Syntax(_)));
    assert_eq!(
        refused(&PLAIN.replace("a=mid:1", "a=mid:0")),
        SdpError::Mid { section: 1 }
    );
    assert_eq!(
        refused(&PLAIN.replace("a=mid:1\r\n", "")),
        SdpError::Mid { section: 1 }
    );
    let long = format!("{PLAIN}{}", "a=x\r\n".repeat(200_000));
    assert!(matches!(refused(&long), SdpError::TooLong { .. }));
    let many = format!("{PLAIN}{}", "a=x\r\n".repeat(3_000));
    assert!(matches!(refused(&many), SdpError::TooMany { .. }));
}

/// The answer to an offer that takes all that can be received.
fn answered(offer: &Offer) -> Result<String, SdpError> {
    let sent = |index| offer.sent(index, &router(), Known::default()).ok();
    let sent: Vec<_> = (0..offer.sections().len()).map(sent).collect();
    let answers = offer.sections().iter().zip(&sent);
    let answers: Vec<_> = answers
        .map(|(section, sent)| match sent {
            Some(sent) if section.is_usable => Answer::Receives(sent),
            _ => Answer::Rejected,
        })
        .collect();
    answer(offer, &answers)
}

fn answer(offer: &Offer, answers: &[Answer<'_>]) -> Result<String, SdpError> {
    let ice = ice::Parameters {
        username_fragment: "name".into(),
        password: "word".into(),
        ice_lite: true,
    };
    let local = Local {
        ice: &ice,
        candidates: &[],
        dtls: &dtls::Parameters {
            role: dtls::Role::Server,
            fingerprints: Vec::new(),
        },
    };
    offer.answer(&local, answers)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever becomes of an offer on the way, it is refused, or read and answered section by section.
    #[test]
    fn anything_is_refused_or_answered(which in 0usize..6, cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), ".{0,12}"), 1..6)) {
        let mut text = [PLAIN, SIMULCAST, SVC, WHEP, GSTREAMER, AIORTC][which].to_string();
        for (from, to, new) in &cuts {
            let lines: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).chain([0]).collect();
            let at = lines[from.index(lines.len())];
            let end = (at + to.index(40)).min(text.len());
            text.replace_range(at..end, &new.replace(|c: char| !c.is_ascii(), ":"));
        }
        if let Ok(offer) = Offer::parse(&text) {
            let _ = (offer.remote(), offer.sctp());
            for section in 0..offer.sections().len() {
                let _ = (offer.sent(section, &router(), Known::default()), offer.capabilities(section));
            }
            let text = answered(&offer).unwrap();
            prop_assert!(text.split_terminator("\r\n").all(|line| !line.is_empty() && !breaks(line)));
            let mids = |offer: &Offer| offer.sections().iter().map(|one| one.mid.clone()).collect::<Vec<_>>();
            prop_assert_eq!(mids(&Offer::parse(&text).unwrap()), mids(&offer));
        }
    }
}

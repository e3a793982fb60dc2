//! What holds for any parameters.

use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use serde_json::{Value, json};

use super::samples::{consumable, device, goldens, parsed, read, router};
use super::*;

const MEDIA_CODECS: &str = include_str!("data/mediaCodecs.json");

fn producers() -> Vec<(MediaKind, RtpParameters)> {
    let producer = |golden: &Value| {
        let kind = read(&golden["kind"]);
        let parameters: RtpParameters = read(&golden["producerRtpParameters"]);
        (kind, parameters.validated(kind).unwrap())
    };
    goldens().iter().map(producer).collect()
}

/// JSON that is not too deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_i64..200).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,9}".prop_map(Value::from),
        select(vec![
            "L3T3",
            "L1T2_KEY",
            "video/VP9",
            "audio/opus",
            "video/rtx",
            "apt"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,5}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// Puts `put` in the place of one of the values in `value`.
fn replace_one(value: &mut Value, at: &Index, put: Value) {
    let count = count(value);
    replace_nth(value, &mut at.index(count), put);
}

fn count(value: &Value) -> usize {
    let children: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => Vec::new(),
    };
    1 + children.into_iter().map(count).sum::<usize>()
}

fn replace_nth(value: &mut Value, nth: &mut usize, put: Value) -> bool {
    if *nth == 0 {
        *value = put;
        return true;
    }
    *nth -= 1;
    let mut children: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(fields) => fields.values_mut().collect(),
        _ => Vec::new(),
    };
    children
        .iter_mut()
        .any(|child| replace_nth(child, nth, put.clone()))
}

/// A recorded producer in which something is wrong.
fn odd_producer() -> impl Strategy<Value = (MediaKind, Value)> {
    let changes = prop::collection::vec((any::<Index>(), any_json()), 0..3);
    (select(goldens()), changes).prop_map(|(golden, changes)| {
        let mut parameters = golden["producerRtpParameters"].clone();
        for (at, put) in changes {
            replace_one(&mut parameters, &at, put);
        }
        (read(&golden["kind"]), parameters)
    })
}

fn media_codecs() -> impl Strategy<Value = Vec<RtpCodecCapability>> {
    let codecs: Vec<RtpCodecCapability> = read(&parsed(MEDIA_CODECS));
    let pcmu = RtpCodecCapability::new(MediaKind::Audio, "audio/PCMU", 8_000);
    let known: Vec<_> = codecs.into_iter().chain([pcmu]).collect();
    let preferred = prop_oneof![3 => Just(None), 1 => (0_u8..=127).prop_map(Some)];
    let codec = (select(known), preferred).prop_map(|(mut codec, preferred)| {
        codec.preferred_payload_type = preferred;
        codec
    });
    prop::collection::vec(codec, 0..20)
}

/// The recorded browser, or what is left of it.
fn remote() -> impl Strategy<Value = RtpCapabilities> {
    let all = device();
    let codecs = subsequence(all.codecs.clone(), 0..=all.codecs.len());
    let extensions = all.header_extensions.clone();
    let extensions = subsequence(extensions, 0..=all.header_extensions.len());
    (codecs, extensions).prop_map(|(codecs, header_extensions)| RtpCapabilities {
        codecs,
        header_extensions,
    })
}

fn is_retransmission_of_another(codec: &RtpCodecParameters, all: &[RtpCodecParameters]) -> bool {
    let mut media = all.iter().filter(|other| other.codec().is_media());
    media.any(|other| codec.is_rtx_of(other.payload_type))
}

proptest! {
    #[test]
    fn generated_capabilities_never_share_a_payload_type(codecs in media_codecs()) {
        let Ok(capabilities) = RtpCapabilities::generate(&codecs) else {
            return Ok(());
        };
        let mut given: Vec<u8> = capabilities
            .codecs
            .iter()
            .map(|codec| codec.preferred_payload_type.unwrap())
            .collect();
        given.sort_unstable();
        prop_assert!(given.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(given.iter().all(|&payload_type| payload_type < 128));
    }

    #[test]
    fn generated_capabilities_keep_preferences_and_order(codecs in media_codecs()) {
        let Ok(capabilities) = RtpCapabilities::generate(&codecs) else {
            return Ok(());
        };
        let media = capabilities.codecs.iter().filter(|codec| codec.codec().is_media());
        for (made, asked) in media.zip(&codecs) {
            prop_assert_eq!(&made.mime_type, &asked.mime_type);
            let preferred = asked.preferred_payload_type;
            prop_assert!(preferred.is_none() || preferred == made.preferred_payload_type);
            let rtx = capabilities.rtx_of(made.preferred_payload_type.unwrap());
            prop_assert_eq!(rtx.is_some(), made.kind == MediaKind::Video);
        }
    }

    #[test]
    fn any_json_is_read_or_refused(given in any_json()) {
        let _ = serde_json::from_value::<RtpParameters>(given.clone());
        let _ = serde_json::from_value::<RtpCapabilities>(given);
    }

    #[test]
    fn what_is_read_is_in_normal_form((kind, given) in odd_producer()) {
        let Ok(parameters) = serde_json::from_value::<RtpParameters>(given) else {
            return Ok(());
        };
        let written = serde_json::to_value(&parameters).unwrap();
        prop_assert_eq!(&read::<RtpParameters>(&written), &parameters);
        if let Ok(valid) = parameters.validated(kind) {
            prop_assert_eq!(valid.clone().validated(kind), Ok(valid.clone()));
            let written = serde_json::to_value(&valid).unwrap();
            prop_assert_eq!(read::<RtpParameters>(&written), valid);
        }
    }

    #[test]
    fn what_is_mapped_can_be_piped_to_another_router((kind, given) in odd_producer()) {
        let producer = RtpParameters::from_json(kind, given);
        let Ok(producer) = producer else { return Ok(()) };
        let Ok(mapping) = rtp_mapping(&producer, &router(), 1_000) else {
            return Ok(());
        };
        let made = consumable_parameters(kind, &producer, &router(), &mapping).unwrap();
        let ssrcs = SsrcBase { media: 2_000, rtx: 3_000 };
        let piped = pipe_consumer_parameters(&made, true, ssrcs).validated(kind).unwrap();
        let mapping = rtp_mapping(&piped, &router(), 4_000).unwrap();
        let again = consumable_parameters(kind, &piped, &router(), &mapping).unwrap();
        prop_assert_eq!(again.codecs, made.codecs);
        prop_assert_eq!(piped.producer_type(), producer.producer_type());
    }

    #[test]
    fn a_consumer_has_nothing_that_is_not_consumable(
        (kind, producer) in select(producers()),
        remote in remote(),
        (enable_rtx, pipe) in any::<(bool, bool)>(),
    ) {
        let consumable = consumable(kind, &producer);
        let options = ConsumerRequest { enable_rtx, pipe, ..ConsumerRequest::default() };
        let ssrcs = SsrcBase { media: 2_000, rtx: 3_000 };
        let made = consumer_parameters(&consumable, &remote, &options, ssrcs);
        prop_assert_eq!(made.is_ok(), can_consume(&consumable, &remote));
        let Ok(made) = made else { return Ok(()) };
        for codec in &made.codecs {
            let same = |other: &RtpCodecParameters| {
                let rtcp_feedback = codec.rtcp_feedback.clone();
                RtpCodecParameters { rtcp_feedback, ..other.clone() } == *codec
            };
            prop_assert!(consumable.codecs.iter().any(same));
            let is_media = codec.codec().is_media();
            prop_assert!(is_media || is_retransmission_of_another(codec, &made.codecs));
            prop_assert!(enable_rtx || !codec.has_feedback("nack", ""));
        }
        let known = &consumable.header_extensions;
        prop_assert!(made.header_extensions.iter().all(|extension| known.contains(extension)));
        let count = if pipe { consumable.encodings.len() } else { 1 };
        prop_assert_eq!(made.encodings.len(), count);
    }

    #[test]
    fn any_scalability_mode_has_at_least_one_layer(mode in "[LS]?[0-9]{0,3}T?[0-9]{0,3}\\PC*") {
        let mode = ScalabilityMode::parse(&mode);
        prop_assert!((1..=99).contains(&mode.spatial_layers));
        prop_assert!((1..=99).contains(&mode.temporal_layers));
    }

    #[test]
    fn scalability_modes_are_read_back(spatial in 1_u8..=99, temporal in 1_u8..=99, ksvc: bool, independent: bool) {
        let letter = if independent { "S" } else { "L" };
        let key = if ksvc { "_KEY" } else { "" };
        let mode = ScalabilityMode::parse(&format!("{letter}{spatial}T{temporal}{key}"));
        let expected = ScalabilityMode {
            spatial_layers: spatial,
            temporal_layers: temporal,
            ksvc,
            independent,
        };
        prop_assert_eq!(mode, expected);
    }
}

//! Whether the encodings of a producer can be told from one another.

use std::collections::BTreeSet;

use super::{RtpEncodingParameters, RtpParameters, RtpParametersError};
use crate::wire::header_extension::TWO_BYTE_VALUE_MAX;

/// Refuses encodings of `parameters`, which are in normal form, that cannot be received.
pub(super) fn check_encodings(parameters: &RtpParameters) -> Result<(), RtpParametersError> {
    for index in 0..parameters.encodings.len() {
        check_codec_payload_type(parameters, index)?;
    }
    let encodings = &parameters.encodings;
    check_layers(encodings)?;
    check_identities(encodings, parameters.mid.is_some())?;
    check_rids(encodings)?;
    check_ssrcs(encodings)
}

fn check_codec_payload_type(
    parameters: &RtpParameters,
    index: usize,
) -> Result<(), RtpParametersError> {
    let named = parameters
        .encodings
        .get(index)
        .and_then(|encoding| encoding.codec_payload_type);
    match named {
        Some(payload_type) if parameters.media_codec(index).is_none() => {
            Err(RtpParametersError::CodecPayloadTypeUnknown { payload_type })
        }
        _ => Ok(()),
    }
}

fn check_layers(encodings: &[RtpEncodingParameters]) -> Result<(), RtpParametersError> {
    if encodings.len() < 2 {
        return Ok(());
    }
    match encodings
        .iter()
        .find(|encoding| encoding.scalability().spatial_layers > 1)
    {
        Some(layered) => Err(RtpParametersError::SimulcastAndSvc {
            scalability_mode: layered.scalability_mode.clone().unwrap_or_default(),
        }),
        None => Ok(()),
    }
}

/// Several encodings need an SSRC or a RID each; a single one may also be known by the MID.
fn check_identities(
    encodings: &[RtpEncodingParameters],
    has_mid: bool,
) -> Result<(), RtpParametersError> {
    if encodings.len() == 1 && has_mid {
        return Ok(());
    }
    let is_unidentified =
        |encoding: &RtpEncodingParameters| encoding.ssrc.is_none() && encoding.rid.is_none();
    match encodings.iter().position(is_unidentified) {
        Some(index) => Err(RtpParametersError::EncodingUnidentified { index }),
        None => Ok(()),
    }
}

fn check_rids(encodings: &[RtpEncodingParameters]) -> Result<(), RtpParametersError> {
    let mut seen = BTreeSet::new();
    for rid in encodings
        .iter()
        .filter_map(|encoding| encoding.rid.as_ref())
    {
        if !is_rid(rid) {
            return Err(RtpParametersError::RidInvalid { rid: rid.clone() });
        }
        if !seen.insert(rid) {
            return Err(RtpParametersError::RidDuplicated { rid: rid.clone() });
        }
    }
    Ok(())
}

/// RFC 8851 section 10 allows `-` and `_`, RFC 8852 section 3.1 does not; clients use both.
fn is_rid(rid: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=TWO_BYTE_VALUE_MAX).contains(&rid.len()) && rid.bytes().all(is_legal)
}

fn check_ssrcs(encodings: &[RtpEncodingParameters]) -> Result<(), RtpParametersError> {
    let ssrcs = encodings
        .iter()
        .flat_map(|encoding| [encoding.ssrc, encoding.rtx.map(|rtx| rtx.ssrc)])
        .flatten();
    let mut seen = BTreeSet::new();
    for ssrc in ssrcs {
        if !seen.insert(ssrc) {
            return Err(RtpParametersError::SsrcDuplicated { ssrc });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp_parameters::RtpEncodingRtx;
    use crate::rtp_parameters::samples::{encoding, vp8};

    fn checked(encodings: &[RtpEncodingParameters]) -> Result<(), RtpParametersError> {
        let mut parameters = vp8();
        parameters.encodings = encodings.to_vec();
        check_encodings(&parameters)
    }

    fn with_rid(rid: &str) -> RtpEncodingParameters {
        RtpEncodingParameters {
            rid: Some(rid.into()),
            ..Default::default()
        }
    }

    #[test]
    fn a_codec_that_is_not_there_or_no_media() {
        for payload_type in [97, 98] {
            let mut encoding = encoding(1);
            encoding.codec_payload_type = Some(payload_type);
            assert_eq!(
                checked(&[encoding]),
                Err(RtpParametersError::CodecPayloadTypeUnknown { payload_type })
            );
        }
    }

    #[test]
    fn simulcast_and_svc_at_once() {
        let mut layered = encoding(2);
        layered.scalability_mode = Some("L2T1".into());
        assert_eq!(checked(&[layered.clone()]), Ok(()));
        assert_eq!(
            checked(&[encoding(1), layered]),
            Err(RtpParametersError::SimulcastAndSvc {
                scalability_mode: "L2T1".into()
            })
        );
    }

    #[test]
    fn encodings_that_cannot_be_told_apart() {
        let unknown = RtpEncodingParameters::default();
        let unidentified = |index| Err(RtpParametersError::EncodingUnidentified { index });
        assert_eq!(
            checked(std::slice::from_ref(&unknown)),
            Ok(()),
            "the MID tells"
        );
        assert_eq!(checked(&[with_rid("a"), unknown.clone()]), unidentified(1));
        let mut parameters = vp8();
        parameters.mid = None;
        parameters.encodings = vec![unknown];
        assert_eq!(check_encodings(&parameters), unidentified(0));
    }

    #[test]
    fn ids_given_twice() {
        let ssrc = 5;
        let twice = Err(RtpParametersError::SsrcDuplicated { ssrc });
        assert_eq!(checked(&[encoding(5), encoding(5)]), twice);
        let mut own_rtx = encoding(5);
        own_rtx.rtx = Some(RtpEncodingRtx { ssrc });
        assert_eq!(checked(&[own_rtx]), twice);
        assert_eq!(
            checked(&[with_rid("a"), with_rid("a")]),
            Err(RtpParametersError::RidDuplicated { rid: "a".into() })
        );
    }

    #[test]
    fn rids_of_letters_digits_and_dashes() {
        let longest = "x".repeat(255);
        for rid in ["r0", "hi-res_2", "0", &longest] {
            assert_eq!(checked(&[with_rid(rid)]), Ok(()));
        }
        let too_long = "x".repeat(256);
        for rid in ["a b", "ü", "a/b", "\0", &too_long] {
            let rid = rid.to_owned();
            let refused = Err(RtpParametersError::RidInvalid { rid: rid.clone() });
            assert_eq!(checked(&[with_rid(&rid)]), refused);
        }
    }
}

//! Whether the parameters of a producer make sense.

use super::codec_parameters::normal_channels;
use super::encodings_check::check_encodings;
use super::format_parameters::FormatValue;
use super::header_extensions_check::check_header_extensions;
use super::{
    Codec, MediaKind, RtpCodecParameters, RtpEncodingParameters, RtpParameters, RtpParametersError,
};
use crate::wire::header_extension::TWO_BYTE_VALUE_MAX;

impl RtpParameters {
    /// The parameters in normal form, if a producer of `kind` can have them.
    ///
    /// Normal form: audio codecs state their channels and video codecs do not, `dtx` is stated,
    /// `reducedSize` is true, an empty `mid` or `rid` is absent, and no encodings are one encoding
    /// of which nothing is known.
    ///
    /// # Errors
    ///
    /// The first thing found wrong: codecs first, then header extensions, encodings, and how they
    /// go together.
    pub fn validated(mut self, kind: MediaKind) -> Result<Self, RtpParametersError> {
        let has_encodings = !self.encodings.is_empty();
        self.normalise();
        check_codecs(&self.codecs, kind)?;
        check_header_extensions(&self.header_extensions)?;
        check_mid(self.mid.as_deref())?;
        if !has_encodings && self.mid.is_none() {
            return Err(RtpParametersError::NoEncodings);
        }
        check_encodings(&self)?;
        self.producer_type()?;
        Ok(self)
    }

    fn normalise(&mut self) {
        self.mid.take_if(|mid| mid.is_empty());
        self.rtcp.reduced_size = true;
        for codec in &mut self.codecs {
            codec.channels = normal_channels(&codec.mime_type, codec.channels);
        }
        if self.encodings.is_empty() {
            self.encodings.push(RtpEncodingParameters::default());
        }
        for encoding in &mut self.encodings {
            encoding.rid.take_if(|rid| rid.is_empty());
            encoding.dtx.get_or_insert(false);
        }
    }
}

/// Refuses a MID that fits no header extension.
fn check_mid(mid: Option<&str>) -> Result<(), RtpParametersError> {
    match mid {
        Some(mid) if mid.len() > TWO_BYTE_VALUE_MAX => Err(RtpParametersError::MidTooLong {
            mid: mid.to_owned(),
        }),
        _ => Ok(()),
    }
}

fn check_codecs(codecs: &[RtpCodecParameters], kind: MediaKind) -> Result<(), RtpParametersError> {
    if codecs.is_empty() {
        return Err(RtpParametersError::NoCodecs);
    }
    for (index, codec) in codecs.iter().enumerate() {
        check_codec(codec, kind)?;
        check_payload_type(codec.payload_type, codecs.get(..index).unwrap_or_default())?;
    }
    if !codecs.iter().any(|codec| codec.codec().is_media()) {
        return Err(RtpParametersError::NoMediaCodec);
    }
    codecs.iter().try_for_each(|codec| check_apt(codec, codecs))
}

fn check_codec(codec: &RtpCodecParameters, kind: MediaKind) -> Result<(), RtpParametersError> {
    let mime_type = || codec.mime_type.clone();
    let payload_type = codec.payload_type;
    match codec.kind() {
        None => Err(RtpParametersError::MimeTypeInvalid {
            mime_type: mime_type(),
        }),
        Some(own) if own != kind => Err(RtpParametersError::KindMismatch {
            mime_type: mime_type(),
            kind,
        }),
        Some(_) if codec.clock_rate == 0 => Err(RtpParametersError::ClockRateZero { payload_type }),
        Some(_)
            if codec
                .rtcp_feedback
                .iter()
                .any(|feedback| feedback.kind.is_empty()) =>
        {
            Err(RtpParametersError::FeedbackTypeEmpty { payload_type })
        }
        Some(_) => Ok(()),
    }
}

fn check_payload_type(
    payload_type: u8,
    earlier: &[RtpCodecParameters],
) -> Result<(), RtpParametersError> {
    if payload_type > MAX_PAYLOAD_TYPE {
        return Err(RtpParametersError::PayloadTypeOutOfRange { payload_type });
    }
    match earlier
        .iter()
        .any(|codec| codec.payload_type == payload_type)
    {
        true => Err(RtpParametersError::PayloadTypeDuplicated { payload_type }),
        false => Ok(()),
    }
}

/// Refuses an `apt` that names nothing, or repair (RFC 4588, section 8.6).
fn check_apt(
    codec: &RtpCodecParameters,
    codecs: &[RtpCodecParameters],
) -> Result<(), RtpParametersError> {
    let payload_type = codec.payload_type;
    let is_rtx = codec.codec() == Codec::Rtx;
    match codec.parameters.get("apt") {
        Some(&FormatValue::Integer(apt)) if is_rtx => {
            check_retransmitted(payload_type, apt, codecs)
        }
        Some(&FormatValue::Integer(_)) => Ok(()),
        Some(_) => Err(RtpParametersError::AptNotANumber { payload_type }),
        None if is_rtx => Err(RtpParametersError::AptMissing { payload_type }),
        None => Ok(()),
    }
}

fn check_retransmitted(
    payload_type: u8,
    apt: i64,
    codecs: &[RtpCodecParameters],
) -> Result<(), RtpParametersError> {
    let mut named = codecs
        .iter()
        .filter(|codec| i64::from(codec.payload_type) == apt);
    match named.next() {
        None => Err(RtpParametersError::AptUnknown { payload_type, apt }),
        Some(named) if named.codec().is_repair() => Err(RtpParametersError::AptIsRepair {
            payload_type,
            apt: named.payload_type,
            mime_type: named.mime_type.clone(),
        }),
        Some(_) => Ok(()),
    }
}

const MAX_PAYLOAD_TYPE: u8 = 127;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp_parameters::samples::{codec, encoding, opus, rtx, vp8};
    use crate::rtp_parameters::{ProducerType, RtcpFeedback};

    fn refusal(parameters: RtpParameters) -> RtpParametersError {
        parameters.validated(MediaKind::Video).unwrap_err()
    }

    /// Why VP8 is refused once `change` was made to it.
    fn refused(change: impl FnOnce(&mut RtpParameters)) -> RtpParametersError {
        let mut parameters = vp8();
        change(&mut parameters);
        refusal(parameters)
    }

    #[test]
    fn parameters_in_normal_form_stay_as_they_are() {
        assert_eq!(vp8().validated(MediaKind::Video), Ok(vp8()));
        assert_eq!(opus().validated(MediaKind::Audio), Ok(opus()));
    }

    #[test]
    fn typed_parameters_are_brought_into_normal_form() {
        let mut given = vp8();
        given.codecs[0].channels = Some(2);
        given.encodings.clear();
        given.rtcp.reduced_size = false;
        let valid = given.validated(MediaKind::Video).unwrap();
        assert_eq!(valid.codecs[0].channels, None);
        assert_eq!(valid.encodings.len(), 1);
        assert_eq!(valid.encodings[0].dtx, Some(false));
        assert!(valid.rtcp.reduced_size);

        let mut given = opus();
        given.codecs[0].channels = None;
        given.mid = Some(String::new());
        given.encodings[0].rid = Some(String::new());
        let valid = given.validated(MediaKind::Audio).unwrap();
        assert_eq!(valid.codecs[0].channels, Some(1));
        assert_eq!((valid.mid, valid.encodings[0].rid.clone()), (None, None));
    }

    #[test]
    fn no_codecs() {
        assert_eq!(refused(|p| p.codecs.clear()), RtpParametersError::NoCodecs);
    }

    #[test]
    fn a_mime_type_of_no_kind() {
        let mime_type = "text/plain".to_owned();
        assert_eq!(
            refused(|p| p.codecs[0].mime_type.clone_from(&mime_type)),
            RtpParametersError::MimeTypeInvalid {
                mime_type: "text/plain".into()
            }
        );
    }

    #[test]
    fn a_codec_of_the_other_kind() {
        assert_eq!(
            refusal(opus()),
            RtpParametersError::KindMismatch {
                mime_type: "audio/opus".into(),
                kind: MediaKind::Video
            }
        );
    }

    #[test]
    fn a_payload_type_that_does_not_fit() {
        assert_eq!(
            refused(|p| p.codecs[0].payload_type = 128),
            RtpParametersError::PayloadTypeOutOfRange { payload_type: 128 }
        );
    }

    #[test]
    fn a_payload_type_given_twice() {
        assert_eq!(
            refused(|p| p.codecs.push(codec("video/VP9", 97))),
            RtpParametersError::PayloadTypeDuplicated { payload_type: 97 }
        );
    }

    #[test]
    fn a_clock_that_stands_still() {
        assert_eq!(
            refused(|p| p.codecs[0].clock_rate = 0),
            RtpParametersError::ClockRateZero { payload_type: 96 }
        );
    }

    #[test]
    fn an_apt_that_is_no_number() {
        for wrong in [FormatValue::from("96"), FormatValue::from(96.5)] {
            let change = |p: &mut RtpParameters| drop(p.codecs[1].parameters.insert("apt", wrong));
            let refusal = RtpParametersError::AptNotANumber { payload_type: 97 };
            assert_eq!(refused(change), refusal);
        }
    }

    #[test]
    fn an_rtx_codec_for_nothing() {
        assert_eq!(
            refused(|p| drop(p.codecs[1].parameters.remove("apt"))),
            RtpParametersError::AptMissing { payload_type: 97 }
        );
        for apt in [98, -1, 352] {
            assert_eq!(
                refused(|p| drop(p.codecs[1].parameters.insert("apt", apt))),
                RtpParametersError::AptUnknown {
                    payload_type: 97,
                    apt
                }
            );
        }
    }

    #[test]
    fn an_rtx_codec_for_repair() {
        for mime_type in ["video/rtx", "video/ulpfec", "video/flexfec-03"] {
            let mut repair = codec(mime_type, 98);
            repair.parameters.insert("apt", 96);
            assert_eq!(
                refused(|p| p.codecs.extend([repair, rtx(99, 98)])),
                RtpParametersError::AptIsRepair {
                    payload_type: 99,
                    apt: 98,
                    mime_type: mime_type.into()
                }
            );
        }
    }

    #[test]
    fn an_apt_of_another_codec_means_nothing() {
        let mut parameters = vp8();
        parameters.codecs[0].parameters.insert("apt", 5);
        assert!(parameters.validated(MediaKind::Video).is_ok());
    }

    #[test]
    fn no_media_codec() {
        assert_eq!(
            refused(|p| drop(p.codecs.remove(0))),
            RtpParametersError::NoMediaCodec
        );
    }

    #[test]
    fn feedback_of_no_type() {
        let nameless = RtcpFeedback::new("", "pli");
        assert_eq!(
            refused(|p| p.codecs[0].rtcp_feedback.push(nameless)),
            RtpParametersError::FeedbackTypeEmpty { payload_type: 96 }
        );
    }

    #[test]
    fn a_mid_that_is_too_long() {
        let mid = "m".repeat(256);
        let change = |p: &mut RtpParameters| p.mid = Some("m".repeat(256));
        assert_eq!(refused(change), RtpParametersError::MidTooLong { mid });
        let mut parameters = vp8();
        parameters.mid = Some("m".repeat(255));
        assert!(parameters.validated(MediaKind::Video).is_ok());
    }

    #[test]
    fn no_encodings_and_no_mid() {
        let nothing_told = |p: &mut RtpParameters| {
            p.encodings.clear();
            p.mid = None;
        };
        assert_eq!(refused(nothing_told), RtpParametersError::NoEncodings);
        let told_too_little = |p: &mut RtpParameters| {
            p.encodings = vec![RtpEncodingParameters::default()];
            p.mid = None;
        };
        let refusal = RtpParametersError::EncodingUnidentified { index: 0 };
        assert_eq!(refused(told_too_little), refusal);
    }

    #[test]
    fn a_codec_that_cannot_be_layered_so() {
        let simulcast = |p: &mut RtpParameters| {
            p.codecs[0].mime_type = "video/VC1".into();
            p.encodings.push(encoding(12));
        };
        assert_eq!(
            refused(simulcast),
            RtpParametersError::CodecUnsupportedForType {
                mime_type: "video/VC1".into(),
                producer_type: ProducerType::Simulcast
            }
        );
    }
}

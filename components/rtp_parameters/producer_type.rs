//! How a producer's stream is layered.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Codec, RtpCodecParameters, RtpParameters, RtpParametersError};

/// How a producer's stream is layered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProducerType {
    /// One encoding without layers.
    Simple,
    /// Several encodings of the same source.
    Simulcast,
    /// One encoding with several spatial or temporal layers.
    Svc,
}

crate::snapshot::state! { enum ProducerType { Simple, Simulcast, Svc } }

impl ProducerType {
    /// Whether streams of `codec` can be layered in this way.
    const fn takes(self, codec: Codec) -> bool {
        match self {
            Self::Simple => true,
            // The reference takes simulcast of VP8 and H.264 alone; browsers send it of all.
            Self::Simulcast | Self::Svc => {
                use Codec::{Av1, H264, H265, Vp8, Vp9};
                matches!(codec, Vp8 | Vp9 | H264 | H265 | Av1)
            }
        }
    }
}

impl fmt::Display for ProducerType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Simple => "simple",
            Self::Simulcast => "simulcast",
            Self::Svc => "svc",
        })
    }
}

impl RtpParameters {
    /// How the stream is layered: more than one encoding is simulcast; one encoding with layers is
    /// SVC, also when they are temporal layers only.
    ///
    /// # Errors
    ///
    /// [`CodecUnsupportedForType`](RtpParametersError::CodecUnsupportedForType) when one of the
    /// encodings uses a codec that cannot be layered so.
    pub fn producer_type(&self) -> Result<ProducerType, RtpParametersError> {
        let producer_type = self.intended_type();
        let mut codecs = (0..self.encodings.len()).filter_map(|index| self.media_codec(index));
        match codecs.find(|codec| !producer_type.takes(codec.codec())) {
            Some(codec) => Err(unsupported(codec, producer_type)),
            None => Ok(producer_type),
        }
    }

    /// What the encodings amount to, whatever the codec.
    fn intended_type(&self) -> ProducerType {
        match self.encodings.as_slice() {
            [] => ProducerType::Simple,
            [only] if only.scalability().is_layered() => ProducerType::Svc,
            [_] => ProducerType::Simple,
            _ => ProducerType::Simulcast,
        }
    }
}

fn unsupported(codec: &RtpCodecParameters, producer_type: ProducerType) -> RtpParametersError {
    RtpParametersError::CodecUnsupportedForType {
        mime_type: codec.mime_type.clone(),
        producer_type,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp_parameters::RtpEncodingParameters;

    fn derived(mime_type: &str, modes: &[&str]) -> Result<ProducerType, RtpParametersError> {
        let codec = RtpCodecParameters {
            mime_type: mime_type.into(),
            ..Default::default()
        };
        let encoding = |mode: &&str| RtpEncodingParameters {
            scalability_mode: Some((*mode).into()),
            ..Default::default()
        };
        RtpParameters {
            codecs: vec![codec],
            encodings: modes.iter().map(encoding).collect(),
            ..Default::default()
        }
        .producer_type()
    }

    const LAYERED: [&str; 5] = [
        "video/VP8",
        "video/vp9",
        "video/H264",
        "video/h265",
        "video/AV1",
    ];

    #[test]
    fn one_encoding_without_layers_is_simple_for_any_codec() {
        assert_eq!(derived("audio/opus", &["L1T1"]), Ok(ProducerType::Simple));
        assert_eq!(derived("video/whatever", &[""]), Ok(ProducerType::Simple));
        assert_eq!(derived("video/VP8", &["S200T3"]), Ok(ProducerType::Simple));
    }

    #[test]
    fn one_encoding_with_layers_is_svc() {
        for mime_type in LAYERED {
            assert_eq!(derived(mime_type, &["L1T3"]), Ok(ProducerType::Svc));
            assert_eq!(derived(mime_type, &["L3T1_KEY"]), Ok(ProducerType::Svc));
        }
    }

    #[test]
    fn several_encodings_are_simulcast() {
        let modes = ["L1T3", "L1T3"];
        for mime_type in LAYERED {
            assert_eq!(derived(mime_type, &modes), Ok(ProducerType::Simulcast));
        }
    }

    #[test]
    fn a_codec_that_cannot_be_layered_so_is_refused() {
        let refused = |mime_type: &str, producer_type| {
            Err(RtpParametersError::CodecUnsupportedForType {
                mime_type: mime_type.into(),
                producer_type,
            })
        };
        let two = ["L1T1", "L1T1"];
        assert_eq!(
            derived("video/VC1", &two),
            refused("video/VC1", ProducerType::Simulcast)
        );
        assert_eq!(
            derived("audio/opus", &two),
            refused("audio/opus", ProducerType::Simulcast)
        );
        assert_eq!(
            derived("audio/opus", &["L1T2"]),
            refused("audio/opus", ProducerType::Svc)
        );
    }
}

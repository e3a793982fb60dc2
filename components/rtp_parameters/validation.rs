//! Whether the parameters of a producer make sense.

use super::codec_parameters::normal_channels;
use super::encodings_check::check_encodings;
use super::format_parameters::FormatValue;
use super::{
    Codec, MediaKind, RtpCodecParameters, RtpEncodingParameters, RtpHeaderExtensionParameters,
    RtpParameters, RtpParametersError,
};

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
        self.normalise();
        check_codecs(&self.codecs, kind)?;
        check_header_extensions(&self.header_extensions)?;
        check_mid(self.mid.as_deref())?;
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

/// Refuses a MID that does not fit the room forwarded packets keep for it.
pub(super) fn check_mid(mid: Option<&str>) -> Result<(), RtpParametersError> {
    match mid {
        Some(mid) if mid.len() > MAX_MID_BYTES => Err(RtpParametersError::MidTooLong {
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
    let apt = match codec.parameters.get("apt") {
        Some(&FormatValue::Integer(apt)) => apt,
        Some(_) => return Err(RtpParametersError::AptNotANumber { payload_type }),
        None if codec.codec() == Codec::Rtx => {
            return Err(RtpParametersError::AptMissing { payload_type });
        }
        None => return Ok(()),
    };
    if codec.codec() != Codec::Rtx {
        return Ok(());
    }
    let named = codecs
        .iter()
        .find(|other| i64::from(other.payload_type) == apt);
    match named {
        None => Err(RtpParametersError::AptUnknown { payload_type, apt }),
        Some(named) if named.codec().is_repair() => Err(RtpParametersError::AptIsRepair {
            payload_type,
            apt: named.payload_type,
            mime_type: named.mime_type.clone(),
        }),
        Some(_) => Ok(()),
    }
}

fn check_header_extensions(
    extensions: &[RtpHeaderExtensionParameters],
) -> Result<(), RtpParametersError> {
    for (index, extension) in extensions.iter().enumerate() {
        let (id, uri) = (extension.id, extension.uri.clone());
        if id == 0 {
            return Err(RtpParametersError::HeaderExtensionIdZero { uri });
        }
        let mut earlier = extensions.iter().take(index);
        if earlier.any(|other| other.id == id) {
            return Err(RtpParametersError::HeaderExtensionIdDuplicated { id });
        }
    }
    Ok(())
}

const MAX_PAYLOAD_TYPE: u8 = 127;
const MAX_MID_BYTES: usize = 8;

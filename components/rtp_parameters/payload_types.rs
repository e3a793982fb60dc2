//! Payload types that are still free.

use super::{CapabilitiesError, RtpCodecCapability};

/// The payload types of a router, while they are handed out.
pub(super) struct PayloadTypes {
    taken: Vec<u8>,
}

impl PayloadTypes {
    /// All payload types but those that `codecs` prefer.
    pub(super) fn new(codecs: &[RtpCodecCapability]) -> Result<Self, CapabilitiesError> {
        let mut taken = Vec::new();
        for payload_type in codecs
            .iter()
            .filter_map(|codec| codec.preferred_payload_type)
        {
            if taken.contains(&payload_type) {
                return Err(CapabilitiesError::PayloadTypeDuplicated { payload_type });
            }
            taken.push(payload_type);
        }
        Ok(Self { taken })
    }

    /// Takes the `usual` payload type of a codec if it is free, or else the next dynamic one.
    pub(super) fn take(
        &mut self,
        usual: Option<u8>,
        mime_type: &str,
    ) -> Result<u8, CapabilitiesError> {
        // 100 and up first: browsers give 96 to 99 to VP8 and VP9 themselves.
        let free = usual
            .into_iter()
            .chain(100..=127)
            .chain(96..=99)
            .find(|payload_type| !self.taken.contains(payload_type));
        let payload_type = free.ok_or_else(|| CapabilitiesError::PayloadTypesExhausted {
            mime_type: mime_type.to_owned(),
        })?;
        self.taken.push(payload_type);
        Ok(payload_type)
    }
}

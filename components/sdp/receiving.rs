//! What the peer can receive in a section.

use flumen_components::rtp_parameters::{
    RtpCapabilities, RtpCodecCapability, RtpHeaderExtension, RtpHeaderExtensionDirection,
};

use crate::error::SdpError;
use crate::offer::Offer;
use crate::section::Carries;
use crate::{codecs, extensions};

impl Offer {
    /// What the peer can receive in a section, with the payload types and header extension ids that
    /// it expects.
    ///
    /// # Errors
    ///
    /// The section does not exist or carries no media.
    pub fn capabilities(&self, section: usize) -> Result<RtpCapabilities, SdpError> {
        let index = section;
        let section = self.section(index)?;
        let Carries::Media(kind) = section.carries else {
            return Err(SdpError::Section(index));
        };
        let codecs = codecs::read(kind, &section.formats, &section.attributes);
        let extensions = extensions::read(&section.attributes, "sendonly");
        Ok(RtpCapabilities {
            codecs: codecs
                .into_iter()
                .map(|codec| RtpCodecCapability {
                    kind,
                    mime_type: codec.mime_type,
                    preferred_payload_type: Some(codec.payload_type),
                    clock_rate: codec.clock_rate,
                    channels: codec.channels,
                    parameters: codec.parameters,
                    rtcp_feedback: codec.rtcp_feedback,
                })
                .collect(),
            header_extensions: extensions
                .into_iter()
                .map(|extension| RtpHeaderExtension {
                    kind,
                    uri: extension.uri,
                    preferred_id: extension.id,
                    preferred_encrypt: false,
                    direction: RtpHeaderExtensionDirection::SendRecv,
                })
                .collect(),
        })
    }
}

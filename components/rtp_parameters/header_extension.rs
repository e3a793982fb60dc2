//! The header extensions that are known by name.

/// An RTP header extension (RFC 8285) that routers know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HeaderExtension {
    /// Media identification (RFC 9143, section 15).
    Mid,
    /// RTP stream id (RFC 8852).
    Rid,
    /// Id of the stream that retransmissions repair (RFC 8852).
    RepairedRid,
    /// When the packet left its sender.
    AbsSendTime,
    /// Transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    TransportCc,
    /// Client-to-mixer audio level (RFC 6464).
    AudioLevel,
    /// Dependency descriptor (RTP Payload Format For AV1, appendix A).
    DependencyDescriptor,
    /// Coordination of video orientation (3GPP TS 26.114).
    VideoOrientation,
    /// Transmission time offset (RFC 5450).
    Toffset,
    /// When the frame was captured.
    AbsCaptureTime,
    /// Bounds of the playout delay.
    PlayoutDelay,
    /// A number that follows a packet from router to router.
    PacketId,
}

impl HeaderExtension {
    /// All of them in the order of their [ids](Self::router_id).
    pub const IN_ORDER: [Self; 12] = [
        Self::Mid,
        Self::Rid,
        Self::RepairedRid,
        Self::AbsSendTime,
        Self::TransportCc,
        Self::AudioLevel,
        Self::DependencyDescriptor,
        Self::VideoOrientation,
        Self::Toffset,
        Self::AbsCaptureTime,
        Self::PlayoutDelay,
        Self::PacketId,
    ];

    /// The extension that `uri` names.
    pub fn of_uri(uri: &str) -> Option<Self> {
        Self::IN_ORDER
            .into_iter()
            .find(|extension| extension.uri() == uri)
    }

    /// The URI that names it in negotiation.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Mid => "urn:ietf:params:rtp-hdrext:sdes:mid",
            Self::Rid => "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
            Self::RepairedRid => "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
            Self::AbsSendTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            Self::TransportCc => {
                "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
            }
            Self::AudioLevel => "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            Self::DependencyDescriptor => {
                "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
            }
            Self::VideoOrientation => "urn:3gpp:video-orientation",
            Self::Toffset => "urn:ietf:params:rtp-hdrext:toffset",
            Self::AbsCaptureTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
            Self::PlayoutDelay => "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
            Self::PacketId => "urn:mediasoup:params:rtp-hdrext:packet-id",
        }
    }

    /// Its id in the packets that a router sends: the same in every router, 1 to 12.
    pub const fn router_id(self) -> u8 {
        self as u8 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_uri_names_its_extension() {
        for extension in HeaderExtension::IN_ORDER {
            assert_eq!(HeaderExtension::of_uri(extension.uri()), Some(extension));
        }
        assert_eq!(HeaderExtension::of_uri("urn:nobody:knows"), None);
    }

    #[test]
    fn ids_count_from_one_in_order() {
        let ids = HeaderExtension::IN_ORDER.map(HeaderExtension::router_id);
        assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    }
}

//! Header extensions by name: their URIs and their values.

use rtp::extension::abs_send_time_extension::AbsSendTimeExtension;
use rtp::extension::audio_level_extension::AudioLevelExtension;
use rtp::extension::playout_delay_extension::PlayoutDelayExtension;
use rtp::extension::transport_cc_extension::TransportCcExtension;
use webrtc_util::marshal::{Marshal, Unmarshal};

/// Length of an abs-send-time value.
pub const ABS_SEND_TIME_LEN: usize = 3;
/// Length of a transport-wide sequence number.
pub const TRANSPORT_SEQUENCE_LEN: usize = 2;
/// Length of an abs-capture-time value with the clock offset.
pub const ABS_CAPTURE_TIME_LEN: usize = 16;
/// Its length without the clock offset.
const CAPTURE_TIME_LEN: usize = 8;

const CAMERA_BIT: u8 = 0x08;
const FLIP_BIT: u8 = 0x04;
const ROTATION_MASK: u8 = 0x03;

/// The header extensions that mean something to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExtensionKind {
    /// Identification of the media section, RFC 9143.
    Mid,
    /// RTP stream id, RFC 8852.
    Rid,
    /// Id of the RTP stream that is repaired, RFC 8852.
    RepairedRid,
    /// When the packet left, 24 bits of seconds in 6.18 fixed point.
    AbsSendTime,
    /// Sequence number across all streams of a transport.
    TransportSequence,
    /// How loud the audio in the packet is, RFC 6464.
    AudioLevel,
    /// The dependency descriptor of AV1.
    DependencyDescriptor,
    /// Coordination of video orientation, 3GPP TS 26.114 section 6.2.3.
    VideoOrientation,
    /// Transmission time offset, RFC 5450.
    TransmissionOffset,
    /// When the first frame in the packet was captured, by the capturer's clock.
    AbsCaptureTime,
    /// Least and most delay the receiver should play out with.
    PlayoutDelay,
    /// mediasoup's number of a packet across routers.
    PacketId,
}

impl ExtensionKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Mid,
        Self::Rid,
        Self::RepairedRid,
        Self::AbsSendTime,
        Self::TransportSequence,
        Self::AudioLevel,
        Self::DependencyDescriptor,
        Self::VideoOrientation,
        Self::TransmissionOffset,
        Self::AbsCaptureTime,
        Self::PlayoutDelay,
        Self::PacketId,
    ];

    /// The URI under which it is negotiated, RFC 8285 section 5.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Mid => "urn:ietf:params:rtp-hdrext:sdes:mid",
            Self::Rid => "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
            Self::RepairedRid => "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
            Self::AbsSendTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            Self::TransportSequence => {
                "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
            }
            Self::AudioLevel => "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            Self::DependencyDescriptor => {
                "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
            }
            Self::VideoOrientation => "urn:3gpp:video-orientation",
            Self::TransmissionOffset => "urn:ietf:params:rtp-hdrext:toffset",
            Self::AbsCaptureTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
            Self::PlayoutDelay => "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
            Self::PacketId => "urn:mediasoup:params:rtp-hdrext:packet-id",
        }
    }

    /// The kind negotiated under `uri`, if it means something here.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.uri() == uri)
    }
}

/// How a receiver has to turn the picture, 3GPP TS 26.114 section 6.2.3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoOrientation {
    /// The camera at the back is in use.
    pub camera: bool,
    /// The picture is mirrored.
    pub flip: bool,
    /// Degrees: 0, 90, 180 or 270.
    pub rotation: u16,
}

impl VideoOrientation {
    /// Reads the one byte of the extension; its high four bits are reserved and ignored.
    pub fn from_byte(byte: u8) -> Self {
        Self {
            camera: byte & CAMERA_BIT != 0,
            flip: byte & FLIP_BIT != 0,
            rotation: 90 * u16::from(byte & ROTATION_MASK),
        }
    }
}

/// How loud the audio of a packet is, RFC 6464.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioLevel {
    /// The sender believes that it is voice.
    pub voice: bool,
    /// Decibels below the loudest: 0 is loudest, 127 is silence.
    pub level: u8,
}

impl AudioLevel {
    /// Reads the first byte of `value`; `None` when it is empty.
    pub fn parse(mut value: &[u8]) -> Option<Self> {
        let AudioLevelExtension { level, voice } = Unmarshal::unmarshal(&mut value).ok()?;
        Some(Self { voice, level })
    }
}

/// The time of leaving that belongs into abs-send-time: 24 bits, seconds in 6.18 fixed point.
///
/// `ntp` is Q32.32 seconds; the value wraps every 64 seconds.
pub fn abs_send_time(ntp: u64) -> [u8; ABS_SEND_TIME_LEN] {
    let mut value = [0; ABS_SEND_TIME_LEN];
    let extension = AbsSendTimeExtension {
        timestamp: ntp >> 14,
    };
    // The array has exactly the length that is written, so this cannot fail.
    let _ = extension.marshal_to(&mut value);
    value
}

/// Reads an abs-send-time value: 24 bits of seconds in 6.18 fixed point.
pub fn parse_abs_send_time(mut value: &[u8]) -> Option<u32> {
    let extension = AbsSendTimeExtension::unmarshal(&mut value).ok()?;
    Some(extension.timestamp as u32)
}

/// Reads a transport-wide sequence number (version 1 of the extension).
pub fn parse_transport_sequence(mut value: &[u8]) -> Option<u16> {
    let extension = TransportCcExtension::unmarshal(&mut value).ok()?;
    Some(extension.transport_sequence)
}

/// How long the receiver should hold frames back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayoutDelay {
    /// At least, in units of 10 ms: 12 bits.
    pub min: u16,
    /// At most, in units of 10 ms: 12 bits.
    pub max: u16,
}

impl PlayoutDelay {
    /// Reads the first three bytes of `value`; `None` when there are fewer.
    pub fn parse(mut value: &[u8]) -> Option<Self> {
        let extension = PlayoutDelayExtension::unmarshal(&mut value).ok()?;
        Some(Self {
            min: extension.min_delay,
            max: extension.max_delay,
        })
    }
}

/// When the first frame of a packet was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbsCaptureTime {
    /// NTP time of the capturer's clock, Q32.32 seconds.
    pub timestamp: u64,
    /// Estimated offset from the sender's clock to the capturer's, Q32.32 seconds.
    pub offset: Option<i64>,
}

impl AbsCaptureTime {
    /// Reads a value of 8 or 16 bytes; `None` for any other length.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (timestamp, rest) = value.split_first_chunk::<CAPTURE_TIME_LEN>()?;
        let offset = match rest {
            [] => None,
            _ => Some(i64::from_be_bytes(rest.try_into().ok()?)),
        };
        Some(Self {
            timestamp: u64::from_be_bytes(*timestamp),
            offset,
        })
    }

    /// The long form: timestamp and offset, which is 0 when unknown.
    pub fn to_bytes(self) -> [u8; ABS_CAPTURE_TIME_LEN] {
        let both = u128::from(self.timestamp) << 64 | u128::from(self.offset.unwrap_or(0) as u64);
        both.to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_uri_finds_its_kind() {
        for kind in ExtensionKind::ALL {
            assert_eq!(ExtensionKind::from_uri(kind.uri()), Some(kind));
        }
        assert_eq!(ExtensionKind::from_uri("urn:nobody"), None);
    }

    #[test]
    fn orientation_is_read_from_the_low_four_bits() {
        let orientation = |camera, flip, rotation| VideoOrientation {
            camera,
            flip,
            rotation,
        };
        assert_eq!(VideoOrientation::from_byte(0), orientation(false, false, 0));
        assert_eq!(
            VideoOrientation::from_byte(0xF1),
            orientation(false, false, 90)
        );
        assert_eq!(
            VideoOrientation::from_byte(0x06),
            orientation(false, true, 180)
        );
        assert_eq!(
            VideoOrientation::from_byte(0x0B),
            orientation(true, false, 270)
        );
    }

    #[test]
    fn audio_level_has_seven_bits_and_a_flag() {
        let loud = AudioLevel {
            voice: true,
            level: 5,
        };
        assert_eq!(AudioLevel::parse(&[0x85]), Some(loud));
        assert_eq!(
            AudioLevel::parse(&[127, 0]).map(|level| level.level),
            Some(127)
        );
        assert_eq!(AudioLevel::parse(&[]), None);
    }

    #[test]
    fn abs_send_time_is_six_bits_of_seconds_and_eighteen_of_fraction() {
        // 65.5 seconds: one second and a half after a wrap.
        assert_eq!(abs_send_time((65 << 32) | (1 << 31)), [0x06, 0, 0]);
        assert_eq!(abs_send_time(u64::MAX), [0xFF; 3]);
        assert_eq!(parse_abs_send_time(&[1, 2, 3]), Some(0x01_02_03));
        assert_eq!(parse_abs_send_time(&[1, 2]), None);
    }

    #[test]
    fn capture_time_has_eight_or_sixteen_bytes() {
        let long = AbsCaptureTime {
            timestamp: 0x0102_0304_0506_0708,
            offset: Some(-2),
        };
        assert_eq!(AbsCaptureTime::parse(&long.to_bytes()), Some(long));
        let short = AbsCaptureTime::parse(&long.to_bytes()[..8]).unwrap();
        assert_eq!(
            short,
            AbsCaptureTime {
                offset: None,
                ..long
            }
        );
        assert_eq!(short.to_bytes()[8..], [0; 8]);
        for len in (0..8).chain(9..16) {
            assert_eq!(AbsCaptureTime::parse(&long.to_bytes()[..len]), None);
        }
        assert_eq!(AbsCaptureTime::parse(&[0; 17]), None);
    }

    #[test]
    fn short_values_are_read_or_refused() {
        assert_eq!(parse_transport_sequence(&[0x12, 0x34]), Some(0x1234));
        assert_eq!(parse_transport_sequence(&[0x12]), None);
        let delay = PlayoutDelay {
            min: 0x012,
            max: 0x345,
        };
        assert_eq!(PlayoutDelay::parse(&[0x01, 0x23, 0x45]), Some(delay));
        assert_eq!(PlayoutDelay::parse(&[0x01, 0x23]), None);
    }
}

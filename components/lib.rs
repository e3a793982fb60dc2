//! What the world of Flumen is made of: one noun a file.
#![forbid(unsafe_code)]

mod inbox;
mod outbox;
mod parked;
mod refusal;
mod rtp_parameters;
mod socket;
mod time;

pub use flumen_wire as wire;
pub use inbox::{Datagram, Inbox, Origin};
pub use outbox::{Destination, Outbox, Outgoing};
pub use parked::Parked;
pub use refusal::Refusal;
pub use rtp_parameters::{
    CapabilitiesError, Codec, CodecMapping, ConsumerOptions, ConsumerParametersError,
    EncodingMapping, FormatParameters, FormatValue, HeaderExtension, HeaderExtensionIds,
    MappingError, MediaKind, ProducerType, RtcpFeedback, RtcpParameters, RtpCapabilities,
    RtpCodecCapability, RtpCodecParameters, RtpEncodingParameters, RtpEncodingRtx,
    RtpHeaderExtension, RtpHeaderExtensionDirection, RtpHeaderExtensionParameters, RtpMapping,
    RtpParameters, RtpParametersError, ScalabilityMode, SsrcBase, StreamParameters, can_consume,
    consumable_parameters, consumer_parameters, pipe_consumer_parameters, rtp_mapping,
};
pub use socket::{Socket, SocketKey};
pub use time::{Now, NtpEpoch, Time};

//! Producers: media that enters a router.

use std::time::Duration;

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;
use smallvec::SmallVec;

use crate::media::layer_rates::LayerCounts;
use crate::media::ssrc_changes::SsrcChanges;
use crate::rtp_parameters::{Codec, MediaKind, ProducerType, RtpMapping, RtpParameters};

/// What the forwarding path knows of a producer. Its identifier is a
/// [`ProducerId`](crate::ProducerId) beside it.
#[derive(Component, Clone, Debug)]
pub struct Producer {
    /// Audio or video.
    pub kind: MediaKind,
    /// The transport it receives on.
    pub transport: Entity,
    /// Its payload types and what they are called in this router.
    pub payload_types: SmallVec<[PayloadType; 4]>,
    /// After how long without packets a stream of it is told not to be live; zero for never.
    pub liveness_timeout: Duration,
    /// How many of its consumers may need packets that came before: those that
    /// [`need history`](crate::Emission::needs_history).
    pub need_history: u32,
    /// Its encodings, in the order of its parameters.
    pub encodings: SmallVec<[Encoding; 1]>,
}

crate::snapshot::state! {
    struct Producer {
        kind, transport, payload_types, liveness_timeout, need_history, encodings
    }
}

/// A payload type of a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadType {
    /// As the producer sends it.
    pub incoming: u8,
    /// As consumers receive it.
    pub mapped: u8,
}

crate::snapshot::state! { struct PayloadType { incoming, mapped } }

/// An encoding of a producer: what is known of it before its first packet, and its stream after.
#[derive(Clone, Debug)]
pub struct Encoding {
    /// The SSRC, when the parameters name it.
    pub ssrc: Option<u32>,
    /// The RTP stream identifier (RFC 8852), when it has one.
    pub rid: Option<Box<str>>,
    /// The SSRC of retransmissions, when the parameters name it.
    pub rtx_ssrc: Option<u32>,
    /// The payload type of media.
    pub payload_type: u8,
    /// The payload type of retransmissions, when it has them.
    pub rtx_payload_type: Option<u8>,
    /// The codec of its media.
    pub codec: Codec,
    /// Lost packets can be asked for with NACK (RFC 4585).
    pub use_nack: bool,
    /// Key frames can be asked for with PLI (RFC 4585).
    pub use_pli: bool,
    /// Key frames can be asked for with FIR (RFC 5104).
    pub use_fir: bool,
    /// Opus repairs single losses by itself (RFC 7587 section 2.1.7), if it knows how many to
    /// expect.
    pub use_in_band_fec: bool,
    /// The RTP clock rate in Hz.
    pub clock_rate: u32,
    /// How many layers were declared.
    pub layers: LayerCounts,
    /// Spatial layers were declared to need each other in key pictures alone (K-SVC), or never (S
    /// modes).
    pub is_ksvc: bool,
    /// Silence need not be transmitted (DTX).
    pub use_dtx: bool,
    /// A stream without media is inactive: senders stop those they have no bandwidth for.
    pub checks_inactivity: bool,
    /// The stream, once its first packet arrived. Another takes its place when the sender comes
    /// back with another SSRC.
    pub stream: Option<Entity>,
    /// The SSRC with which retransmissions arrive, once the first one did.
    pub rtx: Option<u32>,
    /// SSRCs that others took the place of.
    pub changes: SsrcChanges,
}

crate::snapshot::state! {
    struct Encoding {
        ssrc, rid, rtx_ssrc, payload_type, rtx_payload_type, codec, use_nack, use_pli, use_fir,
        use_in_band_fec, clock_rate, layers, is_ksvc, use_dtx, checks_inactivity, stream, rtx,
        changes
    }
}

/// What a producer was made with: never touched by the forwarding path.
#[derive(Component, Clone, Debug)]
pub struct ProducerParameters {
    /// Validated and normalised parameters.
    pub rtp: RtpParameters,
    /// Simple, simulcast or SVC.
    pub producer_type: ProducerType,
    /// What its payload types and encodings are called in the router.
    pub mapping: RtpMapping,
    /// What consumers can get.
    pub consumable: RtpParameters,
}

crate::snapshot::state! { struct ProducerParameters { rtp, producer_type, mapping, consumable } }

impl Producer {
    /// What consumers call `payload_type`.
    pub fn mapped(&self, payload_type: u8) -> Option<u8> {
        let found = self
            .payload_types
            .iter()
            .find(|entry| entry.incoming == payload_type);
        found.map(|entry| entry.mapped)
    }

    /// How many layers there are to choose among, of a producer with these parameters. Of simulcast
    /// whose temporal layers nobody declared, as many as packets can tell: those that are there after
    /// all are not withheld for want of a declaration.
    pub fn layer_counts(&self, parameters: &ProducerParameters) -> LayerCounts {
        let first = self.encodings.first().map(|encoding| encoding.layers);
        let mut stated = parameters.rtp.encodings.iter();
        let is_declared = stated.all(|encoding| encoding.scalability_mode.is_some());
        let temporal = self
            .encodings
            .iter()
            .map(|encoding| encoding.layers.temporal);
        match parameters.producer_type {
            ProducerType::Simple => LayerCounts::ONE,
            ProducerType::Simulcast => LayerCounts {
                spatial: u8::try_from(self.encodings.len()).unwrap_or(u8::MAX),
                temporal: match is_declared {
                    true => temporal.max().unwrap_or(1),
                    false => LayerCounts::MAX,
                },
            },
            ProducerType::Svc => first.unwrap_or(LayerCounts::ONE),
        }
    }

    /// Its streams, in the order of its encodings.
    pub fn streams(&self) -> impl Iterator<Item = Entity> {
        self.encodings.iter().filter_map(|encoding| encoding.stream)
    }
}

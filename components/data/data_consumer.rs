//! Data consumers: messages that leave a router.

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;

use crate::data::sctp_stream_parameters::SctpStreamParameters;

/// What routing knows of a data consumer. Its identifier is a
/// [`DataConsumerId`](crate::DataConsumerId) beside it, as is what it
/// [subscribed](crate::Subchannels) to.
///
/// Counters are written by Forward.
#[derive(Component, Clone, Copy, Debug)]
pub struct DataConsumer {
    /// The SCTP stream that it sends on; none on a direct transport.
    pub stream: Option<SctpStreamParameters>,
    /// The data producer it consumes.
    pub data_producer: Entity,
    /// The transport it sends on.
    pub transport: Entity,
    /// The data producer is paused.
    pub data_producer_paused: bool,
    /// Its position in the data producer's [`Routes`](crate::Routes).
    pub route: u32,
    /// The longest message that its transport sends, in bytes.
    pub max_message_size: usize,
    /// Its last message did not fit what may wait to be sent.
    pub send_buffer_full: bool,
    /// Messages sent, whatever became of them then.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

crate::snapshot::state! {
    struct DataConsumer {
        stream, data_producer, transport, data_producer_paused, route, max_message_size,
        send_buffer_full, messages, bytes
    }
}

/// When a data consumer has so few bytes waiting to be sent that it tells.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferedAmountLowThreshold(pub u32);

crate::snapshot::state! { struct BufferedAmountLowThreshold(it) }

impl Default for BufferedAmountLowThreshold {
    fn default() -> Self {
        Self(1_024)
    }
}

/// The longest messages of a transport that carries any, in bytes.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageSizes {
    /// Towards data consumers.
    pub send_max: usize,
    /// Towards data producers.
    pub receive_max: usize,
}

crate::snapshot::state! { struct MessageSizes { send_max, receive_max } }

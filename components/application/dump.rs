//! What is known of an entity, with the field names of the JavaScript API's `dump()`: to be looked
//! at, not to be programmed against.

mod consumer_dump;
mod data_dump;
mod producer_dump;
mod router_dump;
mod stream_dump;
mod transport_dump;
mod webrtc_server_dump;

pub use consumer_dump::{ConsumerDump, LayersDump};
pub use data_dump::{DataConsumerDump, DataProducerDump};
pub use producer_dump::ProducerDump;
pub use router_dump::RouterDump;
pub use stream_dump::{RtpStreamDump, RtxStreamDump, RtxStreamParameters};
pub use transport_dump::{
    PlainTransportDump, ReceivedExtensionIds, RtpListenerDump, SctpListenerDump, TransportDump,
    WebRtcTransportDump,
};
pub use webrtc_server_dump::{ListenerDump, TupleDump, UsernameFragmentDump, WebRtcServerDump};

use serde::Serialize;

/// An entry of a map: one value for a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyValue<K, V> {
    /// The key.
    pub key: K,
    /// Its value.
    pub value: V,
}

/// An entry of a map: several values for a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyValues<K, V> {
    /// The key.
    pub key: K,
    /// Its values.
    pub values: Vec<V>,
}

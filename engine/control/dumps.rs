//! What is known of an entity, laid out as the JavaScript API's `dump()` does.

use flumen_components::dump::{
    ConsumerDump, DataConsumerDump, DataProducerDump, ProducerDump, RouterDump, TransportDump,
    WebRtcServerDump,
};
use flumen_components::{
    Closed, ConsumerId, DataConsumerId, DataProducerId, ProducerId, RouterId, TransportId,
    WebRtcServerId,
};
use flumen_systems::control;

use crate::engine::Engine;

/// Dumps: the live world, to be looked at. They serialise with the field names of the JavaScript
/// API.
impl Engine {
    /// The transports of a router, and what consumes what.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the router is.
    pub fn dump_router(&self, router: RouterId) -> Result<RouterDump, Closed> {
        control::dump_router(&self.world, router)
    }

    /// The sockets of a WebRTC server, the transports on it, and how datagrams find these.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the server is.
    pub fn dump_webrtc_server(&self, server: WebRtcServerId) -> Result<WebRtcServerDump, Closed> {
        control::dump_webrtc_server(&self.world, server)
    }

    /// Who is on a transport, and how packets find them.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the transport is.
    pub fn dump_transport(&self, transport: TransportId) -> Result<TransportDump, Closed> {
        control::dump_transport(&self.world, transport)
    }

    /// What a producer was made with, and its streams that have begun.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the producer is.
    pub fn dump_producer(&self, producer: ProducerId) -> Result<ProducerDump, Closed> {
        control::dump_producer(&self.world, producer)
    }

    /// What a consumer was made with, and what it sends.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the consumer is.
    pub fn dump_consumer(&self, consumer: ConsumerId) -> Result<ConsumerDump, Closed> {
        control::dump_consumer(&self.world, consumer)
    }

    /// What a data producer was made with.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the data producer is.
    pub fn dump_data_producer(
        &self,
        data_producer: DataProducerId,
    ) -> Result<DataProducerDump, Closed> {
        control::dump_data_producer(&self.world, data_producer)
    }

    /// What a data consumer was made with, what it subscribed to, and what waits.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the data consumer is.
    pub fn dump_data_consumer(
        &self,
        data_consumer: DataConsumerId,
    ) -> Result<DataConsumerDump, Closed> {
        control::dump_data_consumer(&self.world, data_consumer)
    }
}

//! A router, dumped.

use serde::Serialize;

use super::{KeyValue, KeyValues};
use crate::application::id::{
    ConsumerId, DataConsumerId, DataProducerId, ProducerId, RouterId, RtpObserverId, TransportId,
};

/// A router: its transports, and what consumes what. Everything in the order of creation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouterDump {
    /// The router.
    pub id: RouterId,
    /// Its transports.
    pub transport_ids: Vec<TransportId>,
    /// Its observers of audio.
    pub rtp_observer_ids: Vec<RtpObserverId>,
    /// Its producers, with their consumers.
    pub map_producer_id_consumer_ids: Vec<KeyValues<ProducerId, ConsumerId>>,
    /// Its consumers, with their producers.
    pub map_consumer_id_producer_id: Vec<KeyValue<ConsumerId, ProducerId>>,
    /// Its producers that observers listen to, with those, in the order in which it was added.
    pub map_producer_id_observer_ids: Vec<KeyValues<ProducerId, RtpObserverId>>,
    /// Its data producers, with their data consumers.
    pub map_data_producer_id_data_consumer_ids: Vec<KeyValues<DataProducerId, DataConsumerId>>,
    /// Its data consumers, with their data producers.
    pub map_data_consumer_id_data_producer_id: Vec<KeyValue<DataConsumerId, DataProducerId>>,
}

//! Data producers and data consumers, dumped.

use serde::Serialize;

use crate::application::id::{DataConsumerId, DataProducerId};
use crate::data::data_producer::DataParameters;

/// A data producer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataProducerDump {
    /// The data producer.
    pub id: DataProducerId,
    /// It is paused.
    pub paused: bool,
    /// What it was made with.
    #[serde(flatten)]
    pub parameters: DataParameters,
}

/// A data consumer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataConsumerDump {
    /// The data consumer.
    pub id: DataConsumerId,
    /// Its owner paused it.
    pub paused: bool,
    /// Its data producer is paused.
    pub data_producer_paused: bool,
    /// What it subscribed to, in rising order.
    pub subchannels: Vec<u16>,
    /// The data producer it consumes.
    pub data_producer_id: DataProducerId,
    /// What it was made with.
    #[serde(flatten)]
    pub parameters: DataParameters,
    /// Bytes that wait until the peer acknowledges them: 0 on a direct transport.
    pub buffered_amount: u64,
    /// The amount at which it tells that little is waiting: 0 on a direct transport.
    pub buffered_amount_low_threshold: u32,
}

//! Data producers: messages that enter a router.

use bevy_ecs::component::Component;
use bevy_ecs::entity::{Entity, EntityHashSet};
use serde::{Deserialize, Serialize};

use crate::data::sctp_stream_parameters::SctpStreamParameters;

/// How messages come or go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum DataKind {
    /// Over an SCTP association.
    Sctp,
    /// From and to the application itself.
    Direct,
}

crate::snapshot::state! { enum DataKind { Sctp, Direct } }

/// What routing knows of a data producer. Its identifier is a
/// [`DataProducerId`](crate::DataProducerId) beside it.
///
/// Counters are written by Receive.
#[derive(Component, Clone, Copy, Debug)]
pub struct DataProducer {
    /// How its messages come.
    pub kind: DataKind,
    /// The transport it receives on.
    pub transport: Entity,
    /// Messages received, those received while paused included.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

crate::snapshot::state! { struct DataProducer { kind, transport, messages, bytes } }

/// What a data producer or data consumer was made with, as it is told to clients: never touched by
/// routing.
#[derive(Component, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataParameters {
    /// How messages come or go.
    #[serde(rename = "type")]
    pub kind: DataKind,
    /// The SCTP stream; none on a direct transport.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sctp_stream_parameters: Option<SctpStreamParameters>,
    /// What tells data channels apart for people.
    pub label: String,
    /// The name of the protocol spoken over the data channel.
    pub protocol: String,
}

crate::snapshot::state! { struct DataParameters { kind, sctp_stream_parameters, label, protocol } }

/// The data producer that a data consumer consumes.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
#[relationship(relationship_target = DataConsumers)]
pub struct ConsumesDataFrom(pub Entity);

crate::snapshot::state! { struct ConsumesDataFrom(it) }

/// The data consumers of a data producer, in no order. Routing reads
/// [`Routes`](crate::Routes) instead.
#[derive(Component, Debug, Default)]
#[relationship_target(relationship = ConsumesDataFrom)]
pub struct DataConsumers(EntityHashSet);

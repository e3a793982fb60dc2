//! Data producers begin.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::event::{DataProducerCreated, emit};
use flumen_components::{
    AppData, Closed, DataConsumers, DataKind, DataParameters, DataProducer, DataProducerId,
    Directory, OnTransport, PausedByOwner, Routes, SctpParameters, SctpStreamParameters,
    SctpStreamParametersError, SctpStreams, Subject, TransportId, TransportKind, find,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::birth;
use super::sctp::stir;

/// What a data producer is made with.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataProducerOptions {
    /// The identifier, when the application brings its own. One that was closed may be used again.
    pub id: Option<DataProducerId>,
    /// The SCTP stream that it receives; needed on any transport but a direct one, where it is
    /// ignored.
    pub sctp_stream_parameters: Option<SctpStreamParameters>,
    /// What tells data channels apart for people.
    pub label: String,
    /// The name of the protocol spoken over the data channel.
    pub protocol: String,
    /// It begins paused.
    pub paused: bool,
    /// What the application remembers with it.
    #[serde(skip)]
    pub app_data: AppData,
}

/// A data producer cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProduceDataError {
    /// The transport is closed.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The identifier is taken.
    #[error("{0} names something else already")]
    IdInUse(DataProducerId),
    /// Only on a direct transport a data producer needs no SCTP stream.
    #[error("SCTP stream parameters are missing, and the transport is not a direct one")]
    ParametersMissing,
    /// The SCTP stream parameters make no sense.
    #[error(transparent)]
    Parameters(#[from] SctpStreamParametersError),
    /// Another data producer of the transport receives this stream.
    #[error("SCTP stream {0} is in use by another data producer of the transport")]
    StreamIdInUse(u16),
    /// The peer was told of fewer streams ([`Limits::sctp_inbound_streams`]), and cannot send on
    /// this one.
    ///
    /// [`Limits::sctp_inbound_streams`]: flumen_components::Limits::sctp_inbound_streams
    #[error("SCTP stream {stream} is not below {streams}, as many as the peer may send on")]
    StreamIdTooHigh {
        /// The stream asked for.
        stream: u16,
        /// Streams that the peer may send on.
        streams: u16,
    },
    /// The transport carries no messages.
    #[error("the transport has no SCTP and is not a direct one")]
    SctpNotEnabled,
}

/// Makes a data producer on a transport.
///
/// # Errors
///
/// See [`ProduceDataError`]; nothing has changed then.
pub fn produce_data(
    world: &mut World,
    transport_id: TransportId,
    options: DataProducerOptions,
) -> Result<DataProducerId, ProduceDataError> {
    let transport = find(world, transport_id)?;
    if let Some(id) = options.id
        && world.resource::<Directory>().find(id).is_ok()
    {
        return Err(ProduceDataError::IdInUse(id));
    }
    let stream = stream(world, transport, &options)?;
    let kind = stream.map_or(DataKind::Direct, |_| DataKind::Sctp);
    let parameters = DataParameters {
        kind,
        sctp_stream_parameters: stream,
        label: options.label,
        protocol: options.protocol,
    };
    let created = birth::number(world);
    let id = options.id.unwrap_or_else(|| birth::id(world, created));
    let data_producer = DataProducer {
        kind,
        transport,
        messages: 0,
        bytes: 0,
    };
    let bundle = (
        (id, created, data_producer, parameters),
        (PausedByOwner(options.paused), Routes::default()),
        (DataConsumers::default(), options.app_data),
        OnTransport(transport),
    );
    let entity = world.spawn(bundle).id();
    world.resource_mut::<Directory>().insert(id, entity);
    if let Some(stream) = stream
        && let Some(mut streams) = world.get_mut::<SctpStreams>(transport)
    {
        streams.incoming.insert(stream.stream_id, entity);
        stir(world, transport);
    }
    let event = DataProducerCreated {
        about: transport,
        subject: Subject::Transport(transport_id),
        data_producer: id,
    };
    emit(world, event);
    Ok(id)
}

/// The stream on which messages come; none on a direct transport.
fn stream(
    world: &World,
    transport: Entity,
    options: &DataProducerOptions,
) -> Result<Option<SctpStreamParameters>, ProduceDataError> {
    if world.get::<TransportKind>(transport) == Some(&TransportKind::Direct) {
        return Ok(None);
    }
    let stream = options.sctp_stream_parameters;
    let stream = stream
        .ok_or(ProduceDataError::ParametersMissing)?
        .validated()?;
    let streams = world.get::<SctpStreams>(transport);
    let streams = streams.ok_or(ProduceDataError::SctpNotEnabled)?;
    let parameters = world.get::<SctpParameters>(transport);
    let announced = parameters.map_or(0, |parameters| parameters.incoming_streams);
    if stream.stream_id >= announced {
        return Err(ProduceDataError::StreamIdTooHigh {
            stream: stream.stream_id,
            streams: announced,
        });
    }
    if streams.incoming.contains_key(&stream.stream_id) {
        return Err(ProduceDataError::StreamIdInUse(stream.stream_id));
    }
    Ok(Some(stream))
}

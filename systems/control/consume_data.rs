//! Data consumers begin.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::event::{DataConsumerCreated, emit};
use flumen_components::{
    AppData, BufferedAmountLowThreshold, Closed, ConsumesDataFrom, DataConsumer, DataConsumerId,
    DataKind, DataParameters, DataProducerId, Directory, MessageSizes, OnTransport, PausedByOwner,
    ReliabilityOverrides, Routes, SctpAssociation, SctpStreamParametersError, SctpStreams,
    Subchannels, Subject, TransportId, TransportKind, find,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::belonging::router_of;
use super::birth;
use super::sctp::stir;

/// What a data consumer is made with.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataConsumerOptions {
    /// The data producer to consume.
    pub data_producer_id: DataProducerId,
    /// What is otherwise than with the data producer. Ignored on a direct transport.
    pub reliability: ReliabilityOverrides,
    /// The SCTP stream to send on: that of a data channel which the peer opened, or any other that no
    /// data consumer of the transport has. None: the next free one that is no such channel's.
    /// Ignored on a direct transport. Not in the JavaScript API.
    pub stream_id: Option<u16>,
    /// It begins paused.
    pub paused: bool,
    /// What it subscribes to, in any order.
    pub subchannels: Vec<u16>,
    /// What the application remembers with it.
    #[serde(skip)]
    pub app_data: AppData,
}

impl DataConsumerOptions {
    /// A data consumer of `data_producer_id`, not paused, subscribed to no subchannel.
    pub fn new(data_producer_id: DataProducerId) -> Self {
        Self {
            data_producer_id,
            reliability: ReliabilityOverrides::default(),
            stream_id: None,
            paused: false,
            subchannels: Vec::new(),
            app_data: AppData::default(),
        }
    }
}

/// A data consumer cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConsumeDataError {
    /// The transport is closed.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The router of the transport has no such data producer.
    #[error("the router has no data producer {0}")]
    NotFound(DataProducerId),
    /// What is to be otherwise than with the data producer makes no sense.
    #[error(transparent)]
    Parameters(#[from] SctpStreamParametersError),
    /// Every stream of the transport's association has a data consumer.
    #[error("no SCTP stream is free")]
    NoStreamId,
    /// The stream that was asked for is not one to send on: another data consumer of the transport
    /// does, it is being closed, or the peer takes fewer streams.
    #[error("SCTP stream {0} is none to send on")]
    StreamIdUnavailable(u16),
    /// The transport carries no messages.
    #[error("the transport has no SCTP and is not a direct one")]
    SctpNotEnabled,
}

/// Makes a data consumer on a transport.
///
/// # Errors
///
/// See [`ConsumeDataError`]; nothing has changed then.
pub fn consume_data(
    world: &mut World,
    transport_id: TransportId,
    options: DataConsumerOptions,
) -> Result<DataConsumerId, ConsumeDataError> {
    let transport = find(world, transport_id)?;
    let data_producer = data_producer_in_router(world, transport, options.data_producer_id)?;
    let parameters = parameters(world, transport, data_producer, &options)?;
    let sizes = world.get::<MessageSizes>(transport).copied();
    let sizes = sizes.ok_or(ConsumeDataError::SctpNotEnabled)?;
    let created = birth::number(world);
    let id: DataConsumerId = birth::id(world, created);
    let data_consumer = DataConsumer {
        stream: parameters.sctp_stream_parameters,
        data_producer,
        transport,
        data_producer_paused: world
            .get::<PausedByOwner>(data_producer)
            .is_some_and(|it| it.0),
        route: 0,
        max_message_size: sizes.send_max,
        send_buffer_full: false,
        messages: 0,
        bytes: 0,
    };
    let subchannels: Subchannels = options.subchannels.into_iter().collect();
    let bundle = (
        (id, created, data_consumer, parameters),
        (PausedByOwner(options.paused), subchannels, options.app_data),
        (OnTransport(transport), ConsumesDataFrom(data_producer)),
    );
    let entity = world.spawn(bundle).id();
    world.resource_mut::<Directory>().insert(id, entity);
    route(world, data_producer, entity);
    if let Some(stream) = data_consumer.stream {
        enter_stream(world, transport, entity, stream.stream_id);
    }
    let event = DataConsumerCreated {
        about: transport,
        subject: Subject::Transport(transport_id),
        data_consumer: id,
    };
    emit(world, event);
    Ok(id)
}

fn data_producer_in_router(
    world: &World,
    transport: Entity,
    id: DataProducerId,
) -> Result<Entity, ConsumeDataError> {
    let data_producer = find(world, id).map_err(|_| ConsumeDataError::NotFound(id))?;
    let home = world
        .get::<OnTransport>(data_producer)
        .and_then(|on| router_of(world, on.0));
    match home {
        Some(router) if router_of(world, transport) == Some(router) => Ok(data_producer),
        _ => Err(ConsumeDataError::NotFound(id)),
    }
}

/// What the data consumer sends: as the data producer does, where nothing else is asked for.
fn parameters(
    world: &World,
    transport: Entity,
    data_producer: Entity,
    options: &DataConsumerOptions,
) -> Result<DataParameters, ConsumeDataError> {
    let parameters = world.get::<DataParameters>(data_producer).cloned();
    let parameters = parameters.ok_or(ConsumeDataError::NotFound(options.data_producer_id))?;
    if world.get::<TransportKind>(transport) == Some(&TransportKind::Direct) {
        return Ok(DataParameters {
            kind: DataKind::Direct,
            sctp_stream_parameters: None,
            ..parameters
        });
    }
    let streams = world.get::<SctpStreams>(transport);
    let streams = streams.ok_or(ConsumeDataError::SctpNotEnabled)?;
    // What a direct data producer sends is reliable and in order.
    let base = parameters.sctp_stream_parameters.unwrap_or_default();
    let stream = match options.stream_id {
        Some(asked) if streams.may_be_occupied(asked) => Ok(asked),
        Some(asked) => Err(ConsumeDataError::StreamIdUnavailable(asked)),
        None => streams.vacant().ok_or(ConsumeDataError::NoStreamId),
    };
    let id = stream.as_ref().copied().unwrap_or_default();
    let sent = base.overridden(&options.reliability, id)?;
    stream?;
    Ok(DataParameters {
        kind: DataKind::Sctp,
        sctp_stream_parameters: Some(sent),
        ..parameters
    })
}

/// Gives a stream of the transport's association to a data consumer.
fn enter_stream(world: &mut World, transport: Entity, entity: Entity, stream: u16) {
    let threshold = BufferedAmountLowThreshold::default();
    world.entity_mut(entity).insert(threshold);
    if let Some(mut streams) = world.get_mut::<SctpStreams>(transport) {
        streams.occupy(stream, entity);
    }
    if let Some(mut association) = world.get_mut::<SctpAssociation>(transport) {
        association.set_low_threshold(stream, threshold.0 as usize);
    }
    stir(world, transport);
}

/// Adds a data consumer to those that get what its data producer has.
fn route(world: &mut World, data_producer: Entity, entity: Entity) {
    let routes = world.get_mut::<Routes>(data_producer);
    let position = routes.map(|mut routes| routes.push(entity));
    if let (Some(position), Some(mut consumer)) = (position, world.get_mut::<DataConsumer>(entity))
    {
        consumer.route = position;
    }
}

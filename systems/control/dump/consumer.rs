//! Consumers are dumped.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::dump::{ConsumerDump, LayersDump, RtpStreamDump};
use flumen_components::{
    Closed, Consumer, ConsumerId, ConsumerParameters, Layering, PausedByOwner, ProducerId,
    ProducerParameters, Score, TraceTypes, find,
};

use crate::control::layers::priority;

/// What a consumer was made with, and what it sends.
///
/// # Errors
///
/// [`Closed`] when the consumer is.
pub fn dump_consumer(world: &World, id: ConsumerId) -> Result<ConsumerDump, Closed> {
    let entity = find(world, id)?;
    dump(world, entity, id).ok_or_else(|| Closed::new(id))
}

fn dump(world: &World, entity: Entity, id: ConsumerId) -> Option<ConsumerDump> {
    let consumer = world.get::<Consumer>(entity)?;
    let rtp = world.get::<ConsumerParameters>(entity)?.rtp();
    let producer = world.get::<ProducerParameters>(consumer.producer)?;
    let media = rtp.codecs.iter().filter(|codec| codec.codec().is_media());
    let payload_types = media.map(|codec| codec.payload_type).collect();
    let rtp_stream = RtpStreamDump::new(rtp.stream_parameters(0)?, world.get::<Score>(entity)?.0);
    Some(ConsumerDump {
        id,
        producer_id: *world.get::<ProducerId>(consumer.producer)?,
        kind: consumer.kind,
        type_: producer.producer_type,
        rtp_parameters: rtp,
        consumable_rtp_encodings: producer.consumable.encodings.clone(),
        supported_codec_payload_types: payload_types,
        trace_event_types: world.get::<TraceTypes>(entity)?.iter().collect(),
        paused: world.get::<PausedByOwner>(entity)?.0,
        producer_paused: consumer.producer_paused,
        priority: priority(world, id).ok()?,
        rtp_stream,
        layers: world.get::<Layering>(entity).map(layers),
    })
}

fn layers(layering: &Layering) -> LayersDump {
    let selection = &layering.selection;
    LayersDump::new(
        selection.preferred(),
        selection.target(),
        layering.current(),
    )
}

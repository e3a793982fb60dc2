//! Producers are dumped.

use bevy_ecs::world::World;
use flumen_components::dump::{ProducerDump, RtpStreamDump};
use flumen_components::{
    Closed, Encoding, PausedByOwner, Producer, ProducerId, ProducerParameters, RtpStream, Score,
    TraceTypes, find,
};

/// What a producer was made with, and its streams that have begun.
///
/// # Errors
///
/// [`Closed`] when the producer is.
pub fn dump_producer(world: &World, id: ProducerId) -> Result<ProducerDump, Closed> {
    let entity = find(world, id)?;
    let closed = || Closed::new(id);
    let producer = world.get::<Producer>(entity).ok_or_else(closed)?;
    let parameters = world.get::<ProducerParameters>(entity).ok_or_else(closed)?;
    let streams = producer.encodings.iter().enumerate();
    let traced = world.get::<TraceTypes>(entity).copied().unwrap_or_default();
    Ok(ProducerDump {
        id,
        kind: producer.kind,
        type_: parameters.producer_type,
        rtp_parameters: parameters.rtp.clone(),
        rtp_mapping: parameters.mapping.clone(),
        rtp_streams: streams
            .filter_map(|(index, encoding)| stream(world, parameters, index, encoding))
            .collect(),
        trace_event_types: traced.iter().collect(),
        paused: world
            .get::<PausedByOwner>(entity)
            .is_some_and(|paused| paused.0),
    })
}

/// The stream of an encoding, with the SSRCs that it turned out to have.
fn stream(
    world: &World,
    parameters: &ProducerParameters,
    index: usize,
    encoding: &Encoding,
) -> Option<RtpStreamDump> {
    let stream = encoding.stream?;
    let mut params = parameters.rtp.stream_parameters(index)?;
    params.ssrc = Some(world.get::<RtpStream>(stream)?.ssrc);
    params.rtx_ssrc = encoding.rtx.or(params.rtx_ssrc);
    Some(RtpStreamDump::new(params, world.get::<Score>(stream)?.0))
}

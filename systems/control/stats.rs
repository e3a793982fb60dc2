//! Statistics are read.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::rtp_parameters::{MediaKind, RtpParameters};
use flumen_components::stats::{InboundRtpStats, OutboundRtpStats, RtpStats, StreamStats};
use flumen_components::{
    Closed, Consumer, ConsumerId, ConsumerParameters, Emission, Now, Producer, ProducerId,
    ProducerParameters, ProducerScore, Reception, Reporting, RtpStream, Score, find,
};

use crate::score::scores_of;

/// An entry for each stream of a producer that has begun.
///
/// # Errors
///
/// [`Closed`] when the producer is.
pub fn producer_stats(world: &World, id: ProducerId) -> Result<Vec<RtpStats>, Closed> {
    let entity = find(world, id)?;
    let streams = world
        .get::<Producer>(entity)
        .into_iter()
        .flat_map(Producer::streams);
    Ok(streams
        .filter_map(|stream| inbound(world, entity, stream))
        .collect())
}

/// What a consumer sends, then what its producer's stream receives.
///
/// # Errors
///
/// [`Closed`] when the consumer is.
pub fn consumer_stats(world: &World, id: ConsumerId) -> Result<Vec<RtpStats>, Closed> {
    let entity = find(world, id)?;
    let mut stats: Vec<_> = outbound(world, entity).into_iter().collect();
    if let Some(consumer) = world.get::<Consumer>(entity) {
        let streams = world.get::<Producer>(consumer.producer).into_iter();
        let streams = streams.flat_map(Producer::streams);
        stats.extend(streams.filter_map(|stream| inbound(world, consumer.producer, stream)));
    }
    Ok(stats)
}

/// The scores of a producer's streams, in the order of its encodings.
///
/// # Errors
///
/// [`Closed`] when the producer is.
pub fn producer_score(world: &World, id: ProducerId) -> Result<Vec<ProducerScore>, Closed> {
    let entity = find(world, id)?;
    let producer = world
        .get::<Producer>(entity)
        .ok_or_else(|| Closed::new(id))?;
    let stream = |stream| Some((world.get::<RtpStream>(stream)?, world.get::<Score>(stream)?));
    Ok(scores_of(producer, stream))
}

fn inbound(world: &World, producer: Entity, entity: Entity) -> Option<RtpStats> {
    let now = world.resource::<Now>().time;
    let stream = world.get::<RtpStream>(entity)?;
    let reception = world.get::<Reception>(entity)?;
    let reporting = world.get::<Reporting>(entity)?;
    let owner = world.get::<Producer>(producer)?;
    let parameters = world.get::<ProducerParameters>(producer)?;
    let index = stream.encoding_index as usize;
    let stats = StreamStats {
        timestamp: now.as_millis(),
        ssrc: stream.ssrc,
        rtx_ssrc: owner.encodings.get(index).and_then(|encoding| encoding.rtx),
        rid: stream.rid.as_deref().map(Into::into),
        kind: owner.kind,
        mime_type: mime_type(&parameters.rtp, index),
        packet_count: reception.packets,
        byte_count: reception.bytes,
        bitrate: reception.rate.clone().bits_per_second(now),
        pli_count: reception.pli_count,
        fir_count: reception.fir_count,
        score: world.get::<Score>(entity)?.0,
    };
    Some(RtpStats::Inbound(InboundRtpStats {
        stream: stats,
        jitter: reception.jitter.in_clock_units(),
        packets_discarded: reception.discarded,
        packets_retransmitted: reception.retransmitted,
        packets_repaired: reception.repaired,
        rtx_packets_discarded: reception.rtx_discarded,
        packets_lost: reporting.packets_lost,
        fraction_lost: reporting.fraction_lost,
        nack_count: reception.nack_count,
        nack_packet_count: reception.nack_packet_count,
        round_trip_time: reporting.round_trip().as_micros() as f64 / 1_000.0,
    }))
}

fn outbound(world: &World, entity: Entity) -> Option<RtpStats> {
    let now = world.resource::<Now>().time;
    let emission = world.get::<Emission>(entity)?;
    let parameters = &world.get::<ConsumerParameters>(entity)?.rtp;
    let rtx = parameters
        .encodings
        .first()
        .and_then(|encoding| encoding.rtx);
    let stats = StreamStats {
        timestamp: now.as_millis(),
        ssrc: emission.ssrc,
        rtx_ssrc: rtx.map(|rtx| rtx.ssrc),
        rid: None,
        kind: world
            .get::<Consumer>(entity)
            .map_or(MediaKind::Audio, |consumer| consumer.kind),
        mime_type: mime_type(parameters, 0),
        packet_count: emission.packets,
        byte_count: emission.bytes,
        bitrate: emission.rate.clone().bits_per_second(now),
        pli_count: emission.pli_count,
        fir_count: emission.fir_count,
        score: Score::default().0,
    };
    Some(RtpStats::Outbound(OutboundRtpStats { stream: stats }))
}

fn mime_type(parameters: &RtpParameters, encoding: usize) -> String {
    parameters
        .media_codec(encoding)
        .map(|codec| codec.mime_type.clone())
        .unwrap_or_default()
}

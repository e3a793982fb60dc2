//! Statistics are read.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::rtp_parameters::{MediaKind, RtpParameters};
use flumen_components::stats::{InboundRtpStats, OutboundRtpStats, RtpStats, StreamStats};
use flumen_components::{
    Closed, Consumer, ConsumerId, ConsumerParameters, ConsumerScore, Emission, LayerRate, Layering,
    Liveness, Now, Producer, ProducerId, ProducerParameters, ProducerScore, Reception,
    RemoteReception, Reporting, Retransmission, RtpStream, Score, StreamLiveness, find,
};

use super::belonging::streams_of;
use crate::score::{consumer_score_of, forwarded, liveness_of, scores_of};

/// An entry for each stream of a producer that has begun, in the order of discovery.
///
/// # Errors
///
/// [`Closed`] when the producer is.
pub fn producer_stats(world: &World, id: ProducerId) -> Result<Vec<RtpStats>, Closed> {
    let entity = find(world, id)?;
    Ok(all_inbound(world, entity).collect())
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
        stats.extend(inbound_of(world, entity, consumer.producer));
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

/// Whether packets of a producer's streams arrive, in the order of its encodings; nothing for a
/// producer without a liveness timeout.
///
/// # Errors
///
/// [`Closed`] when the producer is.
pub fn producer_liveness(world: &World, id: ProducerId) -> Result<Vec<StreamLiveness>, Closed> {
    let streams = streams_of(world, find(world, id)?).into_iter();
    let told = |entity| {
        let Liveness(timer) = world.get(entity)?;
        Some(liveness_of(world.get(entity)?, !timer.is_silent()))
    };
    Ok(streams.filter_map(told).collect())
}

/// The stream of a producer that a consumer gets.
fn inbound_of(world: &World, consumer: Entity, producer: Entity) -> Option<RtpStats> {
    let forwarded = forwarded(world.get::<Layering>(consumer))?;
    let encodings = &world.get::<Producer>(producer)?.encodings;
    let stream = encodings.get(usize::from(forwarded))?.stream?;
    inbound(world, producer, stream)
}

fn all_inbound(world: &World, producer: Entity) -> impl Iterator<Item = RtpStats> {
    let mut streams = streams_of(world, producer);
    let discovered = |&stream: &Entity| world.get::<RtpStream>(stream).map(|of| of.discovered);
    streams.sort_by_key(discovered);
    let entry = move |stream| inbound(world, producer, stream);
    streams.into_iter().filter_map(entry)
}

/// The scores that concern a consumer.
///
/// # Errors
///
/// [`Closed`] when the consumer is.
pub fn consumer_score(world: &World, id: ConsumerId) -> Result<ConsumerScore, Closed> {
    let entity = find(world, id)?;
    let consumer = world.get::<Consumer>(entity);
    let producer = consumer.and_then(|consumer| world.get::<Producer>(consumer.producer));
    let producer = producer.ok_or_else(|| Closed::new(id))?;
    let own = world.get::<Score>(entity).copied().unwrap_or_default();
    let of_stream = |stream| world.get::<Score>(stream).map(|score| score.0);
    let forwarded = forwarded(world.get::<Layering>(entity));
    Ok(consumer_score_of(own, producer, forwarded, of_stream))
}

fn inbound(world: &World, producer: Entity, entity: Entity) -> Option<RtpStats> {
    let now = world.resource::<Now>().time;
    let stream = world.get::<RtpStream>(entity)?;
    let reception = world.get::<Reception>(entity)?;
    let reporting = world.get::<Reporting>(entity)?;
    let owner = world.get::<Producer>(producer)?;
    let parameters = world.get::<ProducerParameters>(producer)?;
    let index = stream.encoding_index as usize;
    let mut rate = reception.rate.clone();
    let by_layer = rate.by_layer(now).into_iter();
    let named = |layer: LayerRate| {
        let name = format!("{}.{}", layer.spatial, layer.temporal);
        (name, layer.bits_per_second)
    };
    let stats = StreamStats {
        timestamp: now.as_millis(),
        ssrc: stream.ssrc,
        rtx_ssrc: owner.encodings.get(index).and_then(|encoding| encoding.rtx),
        rid: stream.rid.as_deref().map(Into::into),
        kind: owner.kind,
        mime_type: mime_type(&parameters.rtp, index),
        packet_count: reception.packets,
        byte_count: reception.bytes,
        bitrate: rate.bits_per_second(now),
        pli_count: reception.pli_count,
        fir_count: reception.fir_count,
        score: world.get::<Score>(entity)?.0,
    };
    Some(RtpStats::Inbound(InboundRtpStats {
        stream: stats,
        bitrate_by_layer: by_layer.map(named).collect(),
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
    let parameters = world.get::<ConsumerParameters>(entity)?;
    let stats = StreamStats {
        timestamp: now.as_millis(),
        ssrc: emission.ssrc,
        rtx_ssrc: parameters.rtx_ssrc(),
        rid: None,
        kind: world
            .get::<Consumer>(entity)
            .map_or(MediaKind::Audio, |consumer| consumer.kind),
        mime_type: mime_type(parameters.common(), 0),
        packet_count: emission.packets,
        byte_count: emission.sent.bytes(),
        bitrate: emission.sent.bits_per_second(now),
        pli_count: emission.pli_count,
        fir_count: emission.fir_count,
        score: world.get::<Score>(entity)?.0,
    };
    let remote = world.get::<RemoteReception>(entity)?;
    let again = world.get::<Retransmission>(entity);
    let count = |count: fn(&Retransmission) -> u64| again.map_or(0, count);
    Some(RtpStats::Outbound(OutboundRtpStats {
        stream: stats,
        packets_lost: remote.packets_lost,
        fraction_lost: remote.fraction_lost,
        jitter: remote.jitter,
        packets_discarded: emission.discarded,
        packets_retransmitted: count(|again| again.packets),
        packets_repaired: count(|again| again.repaired),
        nack_count: count(|again| again.nack_count),
        nack_packet_count: count(|again| again.nack_packet_count),
        round_trip_time: remote.round_trip().as_micros() as f64 / 1_000.0,
        rtx_packets_discarded: count(|again| again.refused),
    }))
}

fn mime_type(parameters: &RtpParameters, encoding: usize) -> String {
    parameters
        .media_codec(encoding)
        .map(|codec| codec.mime_type.clone())
        .unwrap_or_default()
}

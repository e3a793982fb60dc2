//! Producers tell the scores of their streams, and consumers theirs.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, ResMut, SystemParam};
use flumen_components::event::{ConsumerScoreChanged, Event, Pending, ScoreChanged};
use flumen_components::{
    Consumer, ConsumerId, ConsumerScore, ConsumerScoresChanged, Producer, ProducerId,
    ProducerScore, RemoteReception, Routes, RtpStream, Score, ScoresChanged, Subject,
};

/// Whose scores are told.
#[derive(SystemParam)]
pub(crate) struct Scored<'w, 's> {
    producers: Query<'w, 's, (&'static ProducerId, &'static Producer, &'static Routes)>,
    streams: Query<'w, 's, (&'static RtpStream, &'static Score)>,
    consumers: Query<
        'w,
        's,
        (
            &'static ConsumerId,
            &'static Consumer,
            &'static Score,
            &'static mut RemoteReception,
        ),
    >,
    pending: ResMut<'w, Pending>,
}

/// Makes score events: for each stream that began or changed its score in this tick one of its
/// producer and one of each consumer, and one for each consumer that changed its own.
pub(crate) fn announce_scores(
    mut changed: ResMut<'_, ScoresChanged>,
    mut consumers_changed: ResMut<'_, ConsumerScoresChanged>,
    mut scored: Scored<'_, '_>,
) {
    for producer in changed.0.drain(..) {
        scored.announce_producer(producer);
    }
    for consumer in consumers_changed.0.drain(..) {
        scored.announce_consumer(consumer);
        if let Ok((.., mut remote)) = scored.consumers.get_mut(consumer) {
            remote.score_changed = false;
        }
    }
}

impl Scored<'_, '_> {
    fn announce_producer(&mut self, about: Entity) {
        let Ok((&id, producer, routes)) = self.producers.get(about) else {
            return;
        };
        let score = scores_of(producer, |stream| self.streams.get(stream).ok());
        let subject = Subject::Producer(id);
        self.pending.0.push(Event::from(ScoreChanged {
            about,
            subject,
            score,
        }));
        for consumer in routes.iter() {
            let event = consumer_event(consumer, &self.consumers, producer, &self.streams);
            self.pending.0.extend(event);
        }
    }

    fn announce_consumer(&mut self, about: Entity) {
        let Ok((_, consumer, ..)) = self.consumers.get(about) else {
            return;
        };
        if let Ok((_, producer, _)) = self.producers.get(consumer.producer) {
            let event = consumer_event(about, &self.consumers, producer, &self.streams);
            self.pending.0.extend(event);
        }
    }
}

fn consumer_event(
    about: Entity,
    consumers: &Query<'_, '_, (&ConsumerId, &Consumer, &Score, &mut RemoteReception)>,
    producer: &Producer,
    streams: &Query<'_, '_, (&RtpStream, &Score)>,
) -> Option<Event> {
    let (&id, _, own, _) = consumers.get(about).ok()?;
    let score = consumer_score_of(*own, producer, |stream| {
        streams.get(stream).ok().map(|(_, score)| score.0)
    });
    let subject = Subject::Consumer(id);
    Some(Event::from(ConsumerScoreChanged {
        about,
        subject,
        score,
    }))
}

/// The scores of a producer's streams, in the order of its encodings.
pub(crate) fn scores_of<'a>(
    producer: &Producer,
    stream: impl Fn(Entity) -> Option<(&'a RtpStream, &'a Score)>,
) -> Vec<ProducerScore> {
    let entry = |(stream, score): (&RtpStream, &Score)| ProducerScore {
        encoding_idx: stream.encoding_index,
        ssrc: stream.ssrc,
        rid: stream.rid.as_deref().map(Into::into),
        score: score.0,
    };
    producer.streams().filter_map(stream).map(entry).collect()
}

/// The scores that concern a consumer: its own, and those of its producer's encodings. It gets the
/// only stream of the producer, or none.
pub(crate) fn consumer_score_of(
    own: Score,
    producer: &Producer,
    stream: impl Fn(Entity) -> Option<u8>,
) -> ConsumerScore {
    let encodings = producer.encodings.iter();
    let of_encoding = encodings.map(|encoding| encoding.stream.and_then(&stream).unwrap_or(0));
    let producer_scores: Vec<u8> = of_encoding.collect();
    ConsumerScore {
        score: own.0,
        producer_score: producer_scores.first().copied().unwrap_or(0),
        producer_scores,
    }
}

//! Producers tell the scores of their streams, and consumers theirs.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Local, Query, ResMut, SystemParam};
use flumen_components::event::{ConsumerScoreChanged, Event, Pending, ScoreChanged};
use flumen_components::{
    Agenda, Changes, Consumer, ConsumerId, ConsumerScore, Layering, Producer, ProducerId,
    ProducerScore, Routes, RtpStream, Score, Subject,
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
            Option<&'static Layering>,
            &'static Score,
        ),
    >,
    agenda: ResMut<'w, Agenda>,
    pending: ResMut<'w, Pending>,
}

/// Makes score events: one of each producer of which a stream began or has another score than
/// before this tick, one of each of its consumers, and one of each consumer that has another score
/// itself. Nobody is told twice, however many reports its peer sends in a tick.
pub(crate) fn announce_scores(mut scored: Scored<'_, '_>, mut producers: Local<'_, Changes>) {
    let mut changed = std::mem::take(&mut scored.agenda.scores);
    let mut consumers_changed = std::mem::take(&mut scored.agenda.consumer_scores);
    changed.0.settle(|stream| scored.of_stream(stream));
    consumers_changed.0.settle(|one| scored.of_consumer(one));
    for stream in changed.0.drain() {
        if let Ok((stream, _)) = scored.streams.get(stream) {
            producers.add(stream.producer, None);
        }
    }
    for producer in producers.drain() {
        // What began, stopped or came back may be forwarded from now on, or no more.
        scored.agenda.layers_to_choose.add(producer);
        scored.announce_producer(producer, &consumers_changed.0);
    }
    for consumer in consumers_changed.0.drain() {
        scored.announce_consumer(consumer);
    }
    scored.agenda.scores = changed;
    scored.agenda.consumer_scores = consumers_changed;
}

impl Scored<'_, '_> {
    fn of_stream(&self, stream: Entity) -> Option<Score> {
        self.streams.get(stream).ok().map(|(_, score)| *score)
    }

    fn of_consumer(&self, consumer: Entity) -> Option<Score> {
        self.consumers.get(consumer).ok().map(|(.., score)| *score)
    }

    /// Tells of a producer and its consumers, without those that are told of for `themselves`.
    fn announce_producer(&mut self, about: Entity, themselves: &Changes) {
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
        for consumer in routes
            .iter()
            .filter(|&consumer| !themselves.contains(consumer))
        {
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
    consumers: &Query<'_, '_, (&ConsumerId, &Consumer, Option<&Layering>, &Score)>,
    producer: &Producer,
    streams: &Query<'_, '_, (&RtpStream, &Score)>,
) -> Option<Event> {
    let (&id, _, layering, own) = consumers.get(about).ok()?;
    let score = consumer_score_of(*own, producer, forwarded(layering), |stream| {
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

/// The position of the encoding that a consumer gets: the first of those without layers.
pub(crate) fn forwarded(layering: Option<&Layering>) -> Option<u8> {
    layering.map_or(Some(0), Layering::followed)
}

/// The scores that concern a consumer: its own, and those of its producer's encodings, of which it
/// gets the one that is `forwarded`.
pub(crate) fn consumer_score_of(
    own: Score,
    producer: &Producer,
    forwarded: Option<u8>,
    stream: impl Fn(Entity) -> Option<u8>,
) -> ConsumerScore {
    let encodings = producer.encodings.iter();
    let of_encoding = encodings.map(|encoding| encoding.stream.and_then(&stream).unwrap_or(0));
    let producer_scores: Vec<u8> = of_encoding.collect();
    ConsumerScore {
        score: own.0,
        producer_score: forwarded
            .and_then(|encoding| producer_scores.get(usize::from(encoding)).copied())
            .unwrap_or(0),
        producer_scores,
    }
}

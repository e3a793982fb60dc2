//! Producers tell the scores of their streams.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, ResMut};
use flumen_components::event::{Event, Pending, ScoreChanged};
use flumen_components::{
    Producer, ProducerId, ProducerScore, RtpStream, Score, ScoresChanged, Subject,
};

/// Makes a score event for each stream that began or changed its score in this tick.
pub(crate) fn announce_scores(
    mut changed: ResMut<'_, ScoresChanged>,
    producers: Query<'_, '_, (&ProducerId, &Producer)>,
    streams: Query<'_, '_, (&RtpStream, &Score)>,
    mut pending: ResMut<'_, Pending>,
) {
    for about in changed.0.drain(..) {
        let Ok((&id, producer)) = producers.get(about) else {
            continue;
        };
        let score = scores_of(producer, |stream| streams.get(stream).ok());
        let subject = Subject::Producer(id);
        pending.0.push(Event::from(ScoreChanged {
            about,
            subject,
            score,
        }));
    }
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

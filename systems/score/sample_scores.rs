//! Each sender report is the occasion for a sample of its stream's quality.

use bevy_ecs::system::{Query, ResMut};
use flumen_components::{Agenda, Histogram, Inactivity, Reception, Reporting, RtpStream, Score};

/// Samples the streams of which a sender report arrived.
pub(crate) fn sample_scores(
    mut agenda: ResMut<'_, Agenda>,
    mut streams: Query<
        '_,
        '_,
        (
            &RtpStream,
            &Reception,
            &mut Reporting,
            &mut Histogram,
            &mut Score,
            Option<&Inactivity>,
        ),
    >,
) {
    let Agenda {
        sender_reports,
        scores,
        ..
    } = &mut *agenda;
    for entity in sender_reports.0.drain(..) {
        let Ok((stream, reception, mut reporting, mut histogram, mut score, inactivity)) =
            streams.get_mut(entity)
        else {
            continue;
        };
        let sample = reporting
            .sample(reception, stream.rtx_payload_type.is_some())
            .score();
        // The loss of a stream that has stopped says nothing of it.
        if inactivity.is_some_and(|inactivity| inactivity.0.is_silent()) {
            continue;
        }
        let after = Score(histogram.add(sample));
        if *score != after {
            scores.0.add(entity, Some(*score));
            *score = after;
        }
    }
}

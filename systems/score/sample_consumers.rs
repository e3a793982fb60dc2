//! Each report of a consumer's receiver is the occasion for a sample of its quality.

use bevy_ecs::system::{Query, ResMut};
use flumen_components::{Agenda, Histogram, Score};

/// Samples the consumers of which a report arrived.
pub(crate) fn sample_consumers(
    mut agenda: ResMut<'_, Agenda>,
    mut consumers: Query<'_, '_, (&mut Histogram, &mut Score)>,
) {
    let Agenda {
        receiver_reports,
        consumer_scores,
        ..
    } = &mut *agenda;
    for (consumer, sample) in receiver_reports.0.drain(..) {
        let Ok((mut histogram, mut score)) = consumers.get_mut(consumer) else {
            continue;
        };
        let after = Score(histogram.add(sample));
        if *score != after {
            consumer_scores.0.add(consumer, Some(*score));
            *score = after;
        }
    }
}

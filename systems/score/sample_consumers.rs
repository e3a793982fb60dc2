//! Each report of a consumer's receiver is the occasion for a sample of its quality.

use bevy_ecs::system::{Query, ResMut};
use flumen_components::{ConsumerScoresChanged, Histogram, ReceiverReports, Score};

/// Samples the consumers of which a report arrived.
pub(crate) fn sample_consumers(
    mut reports: ResMut<'_, ReceiverReports>,
    mut consumers: Query<'_, '_, (&mut Histogram, &mut Score)>,
    mut changed: ResMut<'_, ConsumerScoresChanged>,
) {
    for (consumer, sample) in reports.0.drain(..) {
        let Ok((mut histogram, mut score)) = consumers.get_mut(consumer) else {
            continue;
        };
        let after = Score(histogram.add(sample));
        if *score != after {
            changed.0.add(consumer, Some(*score));
            *score = after;
        }
    }
}

//! Each sender report is the occasion for a sample of its stream's quality.

use bevy_ecs::system::{Query, ResMut};
use flumen_components::{
    Histogram, Reception, Reporting, RtpStream, Score, ScoresChanged, SenderReports,
};

/// Samples the streams of which a sender report arrived.
pub(crate) fn sample_scores(
    mut reports: ResMut<'_, SenderReports>,
    mut streams: Query<
        '_,
        '_,
        (
            &RtpStream,
            &Reception,
            &mut Reporting,
            &mut Histogram,
            &mut Score,
        ),
    >,
    mut changed: ResMut<'_, ScoresChanged>,
) {
    for stream in reports.0.drain(..) {
        let Ok((stream, reception, mut reporting, mut histogram, mut score)) =
            streams.get_mut(stream)
        else {
            continue;
        };
        let sample = reporting
            .sample(reception, stream.rtx_payload_type.is_some())
            .score();
        let after = Score(histogram.add(sample));
        if *score != after {
            *score = after;
            changed.0.push(stream.producer);
        }
    }
}

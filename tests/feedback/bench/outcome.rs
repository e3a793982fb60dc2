//! What was made of a link, as figures.

/// What was made of it. The worst of all receivers and videos, where it is not of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Percent of the link that media made use of, without padding.
    pub used: u64,
    /// Percent that the best choice of layers would have made use of.
    pub fits: u64,
    /// The 95th percentile of the milliseconds in its queue, two seconds after each change.
    pub queue_ms: u64,
    /// Packets in ten thousand that found its queue full.
    pub lost: u64,
    /// How many of the same packets would have if they had been paced ideally, where the queue is
    /// shallow.
    pub ideal: Option<u64>,
    /// Milliseconds after a step down until no more was sent than it carries.
    pub down_ms: Option<u64>,
    /// Milliseconds after a step up until 85 % of what fits was used.
    pub up_ms: Option<u64>,
    /// Changes of the spatial layer of a video in ten minutes of those that were steady.
    pub changes: u64,
    /// Milliseconds in the ten seconds after a step for which a video froze, on average over steps.
    pub frozen_ms: Option<u64>,
    /// Percent of what was received that was padding.
    pub padding: u64,
}

impl Outcome {
    /// What was made of it on average.
    pub(super) fn mean(outcomes: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> u64| {
            outcomes.iter().map(figure).sum::<u64>() / outcomes.len() as u64
        };
        let of_some = |figure: fn(&Self) -> Option<u64>| {
            let sum = outcomes.iter().map(figure).sum::<Option<u64>>();
            sum.map(|sum| sum / outcomes.len() as u64)
        };
        Self {
            used: of(|it| it.used),
            fits: of(|it| it.fits),
            queue_ms: of(|it| it.queue_ms),
            lost: of(|it| it.lost),
            ideal: of_some(|it| it.ideal),
            down_ms: of_some(|it| it.down_ms),
            up_ms: of_some(|it| it.up_ms),
            changes: of(|it| it.changes),
            frozen_ms: of_some(|it| it.frozen_ms),
            padding: of(|it| it.padding),
        }
    }
}

//! What a path shows of whether it carries what is sent.

use crate::feedback::outgoing_estimate::{EstimateCause, PathEstimate};

/// What is sent may exceed the estimate by this, in percent, before anybody gets less: a key frame
/// is no rate, and a path that is over-used is soon believed to carry 85 % of what it does.
const TOLERANCE_PERCENT: u64 = 15;
/// A queue that gets so much of what gets out of it, in percent, drains.
const DRAINS_PERCENT: u64 = 95;
/// What is sent into a queue as short as this, of which so much arrives and almost nothing is lost,
/// is carried, whatever is believed.
const CARRIED_MS: f64 = 20.0;
const CARRIED_PERCENT: u64 = 90;
const CARRIED_LOSS: f64 = 0.005;

/// What is sent arrives, and does not wait on its way: too little is believed of the path.
pub(crate) fn is_carried(path: &PathEstimate, sent: u64) -> bool {
    let figures = &path.figures;
    let arrives = figures
        .acknowledged_bitrate
        .is_some_and(|acknowledged| acknowledged >= sent / 100 * CARRIED_PERCENT);
    let is_told = !matches!(path.cause, EstimateCause::Silence | EstimateCause::Limit);
    let is_short = figures.queueing_delay < CARRIED_MS;
    is_told && arrives && is_short && !is_lossy(path)
}

/// It is plain that too much is sent, or nobody tells whether it is.
pub(crate) fn is_plain(path: &PathEstimate) -> bool {
    let is_untold = path.figures.acknowledged_bitrate.is_none();
    let is_decided = matches!(path.cause, EstimateCause::Silence | EstimateCause::Limit);
    is_untold || is_decided || path.is_crowded() || is_lossy(path)
}

fn is_lossy(path: &PathEstimate) -> bool {
    path.figures.loss.is_some_and(|loss| loss > CARRIED_LOSS)
}

/// Up to which bitrate everybody keeps what it has. Where packets wait for long or are lost in a queue,
/// what is sent again counts, and what gets out of that queue is what the path carries.
pub(crate) fn kept(path: &PathEstimate, repeated: u64) -> u64 {
    let PathEstimate {
        bitrate, figures, ..
    } = path;
    if !path.is_crowded() {
        return bitrate + bitrate / 100 * TOLERANCE_PERCENT;
    }
    let carried = match path.is_full() {
        true => 0,
        false => figures.acknowledged_bitrate.unwrap_or(0) / 100 * DRAINS_PERCENT,
    };
    carried.max(*bitrate).saturating_sub(repeated)
}

//! What an engine tells of itself: counted all the time, and looked at by whoever wants to.

#[cfg(feature = "metrics")]
mod metrics;
mod queues;
mod tick_times;
mod work;

pub use queues::Queues;
pub use tick_times::TickTimes;
pub use work::{StageWork, Work};

//! After how long a key frame is asked for again.

use std::time::Duration;

use bevy_ecs::resource::Resource;
use serde::{Deserialize, Serialize};

/// How long key frames are waited for before they are asked for again. A resource.
#[derive(Resource, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFrameRetry {
    /// After the first request and after the second one.
    pub interval: Duration,
    /// The longest: as long as somebody waits, each interval is twice the one before until then.
    pub interval_max: Duration,
}

impl Default for KeyFrameRetry {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            interval_max: Duration::from_secs(8),
        }
    }
}

impl KeyFrameRetry {
    /// The interval that follows `interval`.
    pub(crate) fn after(self, interval: Duration) -> Duration {
        let doubled = interval.saturating_mul(2).min(self.interval_max);
        doubled.max(self.interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_double_up_to_the_longest() {
        let retry = KeyFrameRetry::default();
        for (seconds, next) in [(0, 1), (1, 2), (2, 4), (4, 8), (5, 8), (8, 8)] {
            assert_eq!(
                retry.after(Duration::from_secs(seconds)),
                Duration::from_secs(next)
            );
        }
    }
}

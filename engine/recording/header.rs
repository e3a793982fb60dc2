//! What an engine was made with.

use std::fmt;
use std::time::Duration;

use flumen_components::{KeyFrameRetry, Limits, NtpEpoch};
use flumen_protocol::{dtls, sctp};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

/// The first frame of a file, as JSON. It holds secrets, which are wiped when it is dropped.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Header {
    /// The version of the engine.
    pub(crate) engine: String,
    pub(crate) seed: [u8; 32],
    /// NTP time of the engine's epoch (Q32.32).
    pub(crate) ntp_epoch: u64,
    /// Certificate and private key of WebRTC transports, in DER.
    pub(crate) identity: (Vec<u8>, Zeroizing<Vec<u8>>),
    pub(crate) settings: Settings,
}

impl Drop for Header {
    fn drop(&mut self) {
        self.seed.zeroize();
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = to.debug_struct("Header");
        shown.field("engine", &self.engine);
        shown.field("settings", &self.settings);
        shown.finish_non_exhaustive()
    }
}

impl Header {
    pub(crate) fn new(
        seed: [u8; 32],
        epoch: NtpEpoch,
        identity: &dtls::Identity,
        settings: Settings,
    ) -> Self {
        Self {
            engine: env!("CARGO_PKG_VERSION").into(),
            seed,
            ntp_epoch: epoch.0,
            identity: identity.to_der(),
            settings,
        }
    }
}

/// What must be the same for a run to be the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    pub(crate) liveness_timeout: Duration,
    pub(crate) key_frame_retry: KeyFrameRetry,
    pub(crate) port_range: (u16, u16),
    pub(crate) sctp_stack: sctp::Stack,
    pub(crate) dtls: dtls::Config,
    /// The estimator of bandwidth is the application's.
    pub(crate) own_estimator: bool,
    /// The engine's own systems run.
    pub(crate) pipeline: bool,
    /// The types of plugins, or of systems that were added without one.
    pub(crate) plugins: Vec<String>,
}

/// A setting that is another than it was.
pub(crate) struct Changed {
    pub(crate) name: String,
    pub(crate) recorded: String,
    pub(crate) given: String,
}

impl Settings {
    /// The first setting, plugins aside, that `given` has otherwise.
    pub(crate) fn first_change(&self, given: &Self) -> Option<Changed> {
        let (recorded, given) = (self.named(), given.named());
        let differ = |name: &&String| recorded.get(*name) != given.get(*name);
        let mut names = recorded.keys().chain(given.keys());
        let name = names.find(differ)?;
        let value = |of: &serde_json::Map<_, serde_json::Value>| match of.get(name) {
            Some(value) => value.to_string(),
            None => "not there".into(),
        };
        Some(Changed {
            name: name.clone(),
            recorded: value(&recorded),
            given: value(&given),
        })
    }

    /// Every setting but the plugins by its name, limits beside the others.
    fn named(&self) -> serde_json::Map<String, serde_json::Value> {
        let map = |value: serde_json::Result<serde_json::Value>| match value {
            Ok(serde_json::Value::Object(map)) => map,
            // These have names, and values that JSON has words for.
            _ => serde_json::Map::default(),
        };
        let mut named = map(serde_json::to_value(self));
        named.remove("plugins");
        named.remove("limits");
        named.extend(map(serde_json::to_value(&self.limits)));
        named
    }
}

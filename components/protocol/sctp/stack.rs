//! Which library stands behind the associations of transports.

use serde::{Deserialize, Serialize};

use super::library::Library;
use super::rtc::Rtc;
use super::{Association, Config, Epoch};
use crate::Generator;

/// The SCTP library of an engine's transports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Stack {
    /// `rtc-sctp`: see [`Association::new`].
    #[default]
    RtcSctp,
    /// `webrtc-sctp`: see [`Association::webrtc`] for what it cannot do.
    #[cfg(feature = "webrtc-sctp")]
    WebRtcSctp,
}

impl Stack {
    /// An association over the library.
    pub fn associate(self, config: Config, epoch: Epoch, generator: Generator) -> Association {
        let association = match self {
            Self::RtcSctp => Association::new(config, epoch),
            #[cfg(feature = "webrtc-sctp")]
            Self::WebRtcSctp => Association::webrtc(config, epoch),
        };
        association.drawing_from(generator)
    }

    /// The same again is the same again: nothing is drawn from the operating system, and no clock read
    /// but that of the caller.
    pub fn repeats_itself(self) -> bool {
        self == Self::RtcSctp
    }

    /// The longest message that the library can send, in bytes.
    pub fn longest_message(self) -> u32 {
        match self {
            Self::RtcSctp => Rtc::LONGEST,
            #[cfg(feature = "webrtc-sctp")]
            Self::WebRtcSctp => super::webrtc::WebRtc::LONGEST,
        }
    }
}

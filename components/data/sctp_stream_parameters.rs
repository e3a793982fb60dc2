//! How the messages of a data producer or data consumer travel over SCTP.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Highest stream identifier: 65,535 would be the 65,536th stream, more than an INIT can announce
/// (RFC 8832 section 6).
pub const STREAM_ID_MAX: u16 = 65_534;

/// The SCTP stream of a data producer or data consumer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SctpStreamParameters {
    /// The stream, 0 to 65,534.
    pub stream_id: u16,
    /// Messages arrive in the order in which they were sent. When not given: true, unless one of
    /// the limits below is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered: Option<bool>,
    /// Milliseconds after which a message is abandoned (RFC 3758). Unordered streams only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_packet_life_time: Option<u16>,
    /// Retransmissions after which a message is abandoned (RFC 7496); 0 sends everything once.
    /// Unordered streams only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_retransmits: Option<u16>,
}

crate::snapshot::state! {
    struct SctpStreamParameters {
        stream_id, ordered, max_packet_life_time, max_retransmits
    }
}

/// What a data consumer sends otherwise than its data producer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReliabilityOverrides {
    /// Messages arrive in the order in which they were sent, all of them: true lifts both limits.
    #[serde(default)]
    pub ordered: Option<bool>,
    /// Milliseconds after which a message is abandoned: takes the place of any limit of the data
    /// producer.
    #[serde(default)]
    pub max_packet_life_time: Option<u16>,
    /// Retransmissions after which a message is abandoned: takes the place of any limit of the data
    /// producer.
    #[serde(default)]
    pub max_retransmits: Option<u16>,
}

/// SCTP stream parameters make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SctpStreamParametersError {
    /// There is no such stream.
    #[error("stream {0} is above 65534, the highest there is")]
    StreamIdTooHigh(u16),
    /// Only one of the limits can be given.
    #[error("maxPacketLifeTime and maxRetransmits are both given")]
    TwoLimits,
    /// What is ordered is not abandoned.
    #[error("ordered is true, and maxPacketLifeTime or maxRetransmits is given")]
    OrderedWithLimit,
}

impl SctpStreamParameters {
    /// A reliable, ordered stream.
    pub fn new(stream_id: u16) -> Self {
        Self {
            stream_id,
            ..Self::default()
        }
    }

    /// The parameters with `ordered` decided.
    ///
    /// # Errors
    ///
    /// See [`SctpStreamParametersError`].
    pub fn validated(self) -> Result<Self, SctpStreamParametersError> {
        if self.stream_id > STREAM_ID_MAX {
            return Err(SctpStreamParametersError::StreamIdTooHigh(self.stream_id));
        }
        let limited = self.max_packet_life_time.is_some() || self.max_retransmits.is_some();
        if self.max_packet_life_time.is_some() && self.max_retransmits.is_some() {
            return Err(SctpStreamParametersError::TwoLimits);
        }
        if self.ordered == Some(true) && limited {
            return Err(SctpStreamParametersError::OrderedWithLimit);
        }
        Ok(Self {
            ordered: Some(self.ordered.unwrap_or(!limited)),
            ..self
        })
    }

    /// What a data consumer sends on `stream_id` when its data producer sends like this.
    ///
    /// # Errors
    ///
    /// See [`SctpStreamParametersError`].
    pub fn overridden(
        self,
        by: &ReliabilityOverrides,
        stream_id: u16,
    ) -> Result<Self, SctpStreamParametersError> {
        let limited = by.max_packet_life_time.is_some() || by.max_retransmits.is_some();
        let base = Self { stream_id, ..self };
        let unlimited = Self {
            max_packet_life_time: None,
            max_retransmits: None,
            ..base
        };
        let chosen = match by.ordered {
            Some(true) => Self {
                ordered: Some(true),
                ..unlimited
            },
            _ if limited => Self {
                ordered: Some(false),
                max_packet_life_time: by.max_packet_life_time,
                max_retransmits: by.max_retransmits,
                ..base
            },
            Some(false) => Self {
                ordered: Some(false),
                ..base
            },
            None => base,
        };
        chosen.validated()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SctpStreamParametersError as E;

    fn stream(
        ordered: Option<bool>,
        max_packet_life_time: Option<u16>,
        max_retransmits: Option<u16>,
    ) -> SctpStreamParameters {
        SctpStreamParameters {
            stream_id: 7,
            ordered,
            max_packet_life_time,
            max_retransmits,
        }
    }

    #[test]
    fn every_row_of_the_validation() {
        let rows = [
            (stream(None, None, None), Ok(true)),
            (stream(Some(true), None, None), Ok(true)),
            (stream(Some(false), None, None), Ok(false)),
            (stream(None, Some(100), None), Ok(false)),
            (stream(None, None, Some(0)), Ok(false)),
            (stream(Some(false), Some(100), None), Ok(false)),
            (stream(Some(false), None, Some(2)), Ok(false)),
            (stream(None, Some(100), Some(2)), Err(E::TwoLimits)),
            (stream(Some(true), Some(100), Some(2)), Err(E::TwoLimits)),
            (
                stream(Some(true), Some(100), None),
                Err(E::OrderedWithLimit),
            ),
            (stream(Some(true), None, Some(0)), Err(E::OrderedWithLimit)),
        ];
        for (given, expected) in rows {
            let validated = given.validated();
            assert_eq!(
                validated.map(|v| v.ordered),
                expected.map(Some),
                "{given:?}"
            );
            if let Ok(validated) = validated {
                assert_eq!(validated.validated(), Ok(validated), "it stays valid");
            }
        }
        let of = |id| {
            SctpStreamParameters::new(id)
                .validated()
                .map(|v| v.stream_id)
        };
        assert_eq!(of(65_534), Ok(65_534));
        assert_eq!(of(65_535), Err(E::StreamIdTooHigh(65_535)));
    }

    #[test]
    fn every_row_of_what_a_data_consumer_overrides() {
        let by = |ordered, max_packet_life_time, max_retransmits| ReliabilityOverrides {
            ordered,
            max_packet_life_time,
            max_retransmits,
        };
        let reliable = stream(Some(true), None, None);
        let unordered = stream(Some(false), None, None);
        let timed = stream(Some(false), Some(100), None);
        let counted = stream(Some(false), None, Some(2));
        let rows = [
            (reliable, by(None, None, None), Ok(reliable)),
            (timed, by(None, None, None), Ok(timed)),
            (reliable, by(Some(false), None, None), Ok(unordered)),
            (timed, by(Some(false), None, None), Ok(timed)),
            (timed, by(Some(true), None, None), Ok(reliable)),
            (reliable, by(None, Some(100), None), Ok(timed)),
            (reliable, by(None, None, Some(2)), Ok(counted)),
            (timed, by(None, None, Some(2)), Ok(counted)),
            (counted, by(Some(false), Some(100), None), Ok(timed)),
            (reliable, by(Some(true), Some(100), None), Ok(reliable)),
            (reliable, by(None, Some(100), Some(2)), Err(E::TwoLimits)),
        ];
        for (producer, by, expected) in rows {
            let expected = expected.map(|expected| SctpStreamParameters {
                stream_id: 9,
                ..expected
            });
            assert_eq!(
                producer.overridden(&by, 9),
                expected,
                "{producer:?}, {by:?}"
            );
        }
    }
}

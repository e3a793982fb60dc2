//! What a RE-CONFIG carries, RFC 6525 section 4.

use super::parameter::parameter_kind;
use super::{Parameter, be16, be32};

/// A peer is about to reset streams that it sends on, RFC 6525 section 4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResetRequest<'a> {
    /// The number of the request.
    pub sequence: u32,
    /// The last transmission sequence number that its sender assigned.
    pub last_tsn: u32,
    streams: &'a [u8],
}

impl<'a> ResetRequest<'a> {
    /// Bytes in front of the streams, without the parameter header.
    pub const FIXED_LEN: usize = 12;

    /// Reads an Outgoing SSN Reset Request; `None` if it is another parameter, or cut short.
    pub fn of(parameter: &Parameter<'a>) -> Option<Self> {
        if parameter.kind != parameter_kind::OUTGOING_RESET {
            return None;
        }
        let streams = parameter.value.get(Self::FIXED_LEN..)?;
        streams.len().is_multiple_of(2).then_some(())?;
        Some(Self {
            sequence: be32(parameter.value, 0)?,
            last_tsn: be32(parameter.value, 8)?,
            streams,
        })
    }

    /// The streams; none means all.
    pub fn streams(&self) -> impl Iterator<Item = u16> + 'a {
        self.streams.chunks_exact(2).filter_map(|id| be16(id, 0))
    }
}

/// The answer to a request, RFC 6525 section 4.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResetResponse {
    /// The number of the request.
    pub sequence: u32,
    /// What became of it; see the constants.
    pub result: u32,
}

impl ResetResponse {
    /// Success, and nothing was to be done.
    pub const NOTHING_TO_DO: u32 = 0;
    /// Success.
    pub const PERFORMED: u32 = 1;
    /// The number was not the next one.
    pub const BAD_SEQUENCE: u32 = 5;
    /// Ask again.
    pub const IN_PROGRESS: u32 = 6;

    /// Reads a Re-configuration Response; `None` if it is another parameter, or cut short.
    pub fn of(parameter: &Parameter<'_>) -> Option<Self> {
        if parameter.kind != parameter_kind::RECONFIG_RESPONSE {
            return None;
        }
        Some(Self {
            sequence: be32(parameter.value, 0)?,
            result: be32(parameter.value, 4)?,
        })
    }
}

//! INIT and INIT ACK, RFC 9260 sections 3.3.2 and 3.3.3.

use super::{Chunk, Parameters, be16, be32, kind, parameters};

/// The first two packets of a handshake carry the same fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Init<'a> {
    /// The verification tag of what is sent to the one who wrote this; never zero.
    pub tag: u32,
    /// Receive window, in bytes.
    pub window: u32,
    /// Streams that its sender wants to send on.
    pub outbound_streams: u16,
    /// Streams that its sender takes in.
    pub inbound_streams: u16,
    /// Its first transmission sequence number.
    pub tsn: u32,
    /// Type, length, value; see [`Init::parameters`].
    options: &'a [u8],
}

impl<'a> Init<'a> {
    /// Bytes in front of the parameters, without the chunk header.
    pub const FIXED_LEN: usize = 16;
    /// Where the numbers of streams stand behind the chunk header, in bytes: outbound, inbound.
    pub const STREAMS: usize = 8;

    /// Reads an INIT or an INIT ACK; `None` if it is neither, or too short.
    pub fn of(chunk: &Chunk<'a>) -> Option<Self> {
        if !matches!(chunk.kind, kind::INIT | kind::INIT_ACK) {
            return None;
        }
        Some(Self {
            tag: be32(chunk.value, 0)?,
            window: be32(chunk.value, 4)?,
            outbound_streams: be16(chunk.value, 8)?,
            inbound_streams: be16(chunk.value, 10)?,
            tsn: be32(chunk.value, 12)?,
            options: chunk.value.get(Self::FIXED_LEN..)?,
        })
    }

    /// Its parameters, in order.
    pub fn parameters(&self) -> Parameters<'a> {
        parameters(self.options)
    }
}

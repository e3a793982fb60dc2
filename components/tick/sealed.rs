//! Payloads that were encrypted for one receiver.

use flumen_protocol::srtp::CryptoSuite;

use crate::tick::outbox::{Outgoing, OutgoingKind};
use crate::tick::refusal::Refusal;
use crate::transport::srtp_session::{Clear, SrtpSession};
use crate::wire::classify::{PacketKind, classify};

/// A byte arena of sealed payloads, which is used again once they have left.
#[derive(Debug, Default)]
pub struct Sealed {
    bytes: Vec<u8>,
    used: usize,
}

impl Sealed {
    /// Space for `len` bytes behind those that are used, and its offset.
    #[inline]
    pub(crate) fn room(&mut self, len: usize) -> (usize, &mut [u8]) {
        let (start, end) = (self.used, self.used + len);
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        (start, &mut self.bytes[start..end])
    }

    /// So many bytes of the room are used.
    #[inline]
    pub(crate) fn commit(&mut self, len: usize) {
        self.used += len;
    }

    /// `len` bytes in place of those that are used.
    pub(crate) fn anew(&mut self, len: usize) -> &mut [u8] {
        self.used = 0;
        self.room(len);
        self.used = len;
        &mut self.bytes[..len]
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.used]
    }

    /// Gives up all of them.
    pub(crate) fn clear(&mut self) {
        self.used = 0;
    }
}

impl Outgoing {
    /// How much room it needs to be sealed, at most.
    #[inline]
    pub fn sealed_len_max(&self) -> usize {
        self.len() as usize + CryptoSuite::OVERHEAD_MAX
    }

    /// How much of that it took: nothing when it is not sealed.
    #[inline]
    pub fn sealed_len(&self) -> usize {
        match self.overhead {
            0 => 0,
            _ => self.len() as usize,
        }
    }

    /// Seals it into the front of `out`, if it is of a protocol that `session` protects. Its header
    /// lies among `headers`, its payload among `payloads`; `out` lies at `at` among what is sealed.
    ///
    /// # Errors
    ///
    /// The reason not to send it.
    #[inline]
    pub fn seal(
        &self,
        (headers, payloads): (&[u8], &[u8]),
        session: &mut SrtpSession,
        (at, out): (usize, &mut [u8]),
    ) -> Result<Self, Refusal> {
        let start = self.header_start as usize;
        let header = &headers[start..start + usize::from(self.header_len)];
        let kind = match self.kind {
            OutgoingKind::Control => classify(header).ok_or(Refusal::MalformedPacket)?,
            _ => PacketKind::Rtp,
        };
        if !matches!(kind, PacketKind::Rtp | PacketKind::Rtcp) {
            return Ok(*self);
        }
        let (clear, first) = Clear::split(kind, header).ok_or(Refusal::MalformedPacket)?;
        let start = self.payload_start as usize;
        let second = &payloads[start..start + usize::from(self.payload_len)];
        let overhead = session.overhead(clear)?;
        let (clear_len, payload_len) = (clear.bytes().len(), first.len() + second.len() + overhead);
        // The header once more, so that a run of packets lies in memory as it is sent.
        let (header, out) = out[..clear_len + payload_len].split_at_mut(clear_len);
        header.copy_from_slice(clear.bytes());
        session.seal(clear, [first, second], out)?;
        Ok(Self {
            payload_start: at as u32,
            header_len: clear_len as u16,
            payload_len: u16::try_from(payload_len).map_err(|_| Refusal::TooLarge)?,
            overhead: overhead as u8,
            ..*self
        })
    }
}

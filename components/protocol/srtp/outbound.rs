//! What is sent to a peer is sealed.

use std::fmt;

use flumen_wire::rtp::ClearHeader;
use flumen_wire::state::{Malformed, Reader, State, Writer};

use super::bounds::Bounds;
use super::cipher::{Broken, Cipher, PacketId, RTCP_CLEAR};
use super::error::SealError;
use super::index::{INDICES, estimate};
use super::master_key::MasterKey;
use super::replay_window::{Replay, ReplayWindow};
use super::session_keys::{Protocol, SessionKeys};
use super::ssrcs::{Full, Ssrcs};
use super::suite::CryptoSuite;

/// Seals packets for one peer.
///
/// No SSRC and index is used twice: a packet that repeats one of the latest 1,024 sequence numbers
/// of its SSRC, or is behind these, is refused. A stream's first sequence number should be below
/// 2^15, or a peer that loses the packets around the first wrap cannot know that it passed.
pub struct Outbound {
    suite: CryptoSuite,
    /// What the ciphers were derived from: a snapshot has it.
    key: MasterKey,
    rtp: Cipher,
    rtcp: Cipher,
    streams: Ssrcs<ReplayWindow<16>>,
    /// The index of the next RTCP packet of each SSRC.
    reporters: Ssrcs<u64>,
    rtp_left: u64,
    rtcp_left: u64,
}

/// Indices that SRTCP has: 31 bits.
const RTCP_INDICES: u64 = 1 << 31;

impl Outbound {
    /// Seals with `key`.
    pub fn new(key: &MasterKey, bounds: Bounds) -> Self {
        let suite = key.suite();
        let cipher = |protocol| Cipher::new(suite, &SessionKeys::derive(key, protocol));
        Self {
            suite,
            key: key.clone(),
            rtp: cipher(Protocol::Rtp),
            rtcp: cipher(Protocol::Rtcp),
            streams: Ssrcs::new(bounds.ssrcs),
            reporters: Ssrcs::new(bounds.ssrcs),
            rtp_left: bounds.rtp_packets,
            rtcp_left: bounds.rtcp_packets,
        }
    }

    /// The suite of its key.
    pub fn suite(&self) -> CryptoSuite {
        self.suite
    }

    /// Seals an RTP packet: `header` (with CSRCs and extension block) stays as it is, what lies
    /// behind it in two parts is encrypted into `out`, which has
    /// [`rtp_overhead`](CryptoSuite::rtp_overhead) bytes more.
    ///
    /// # Errors
    ///
    /// [`SealError`]; what is in `out` then must not be sent.
    pub fn seal_rtp(
        &mut self,
        header: &[u8],
        payload: [&[u8]; 2],
        out: &mut [u8],
    ) -> Result<(), SealError> {
        let sealed_len = payload[0].len() + payload[1].len() + self.suite.rtp_overhead();
        let clear = ClearHeader::parse(header).filter(|clear| clear.len == header.len());
        let clear = clear.filter(|_| out.len() == sealed_len);
        let clear = clear.ok_or(SealError::Malformed)?;
        if self.rtp_left == 0 {
            return Err(SealError::KeyExhausted);
        }
        let (ssrc, number) = (clear.ssrc, clear.sequence_number);
        let index = match self.streams.find(ssrc)? {
            Ok(window) => {
                let index = estimate(window.highest(), number);
                if index >= INDICES {
                    return Err(SealError::KeyExhausted);
                }
                window.check(index)?;
                window.mark(index);
                index
            }
            Err(vacant) => {
                let index = u64::from(number);
                self.streams.enter(vacant, ssrc, ReplayWindow::new(index));
                index
            }
        };
        self.rtp_left -= 1;
        let packet = PacketId { ssrc, index };
        Ok(self.rtp.seal_rtp(packet, header, payload, out)?)
    }

    /// Seals an RTCP packet or compound: the first eight bytes stay as they are, what lies behind
    /// them in two parts is encrypted into `out`, which has
    /// [`rtcp_overhead`](CryptoSuite::rtcp_overhead) bytes more.
    ///
    /// # Errors
    ///
    /// [`SealError`]; what is in `out` then must not be sent.
    pub fn seal_rtcp(
        &mut self,
        header: &[u8; RTCP_CLEAR],
        body: [&[u8]; 2],
        out: &mut [u8],
    ) -> Result<(), SealError> {
        if out.len() != body[0].len() + body[1].len() + self.suite.rtcp_overhead() {
            return Err(SealError::Malformed);
        }
        if self.rtcp_left == 0 {
            return Err(SealError::KeyExhausted);
        }
        let [.., a, b, c, d] = *header;
        let ssrc = u32::from_be_bytes([a, b, c, d]);
        let index = match self.reporters.find(ssrc)? {
            Ok(next) if *next >= RTCP_INDICES => return Err(SealError::KeyExhausted),
            Ok(next) => {
                *next += 1;
                *next - 1
            }
            Err(vacant) => {
                self.reporters.enter(vacant, ssrc, 1);
                0
            }
        };
        self.rtcp_left -= 1;
        let packet = PacketId { ssrc, index };
        Ok(self.rtcp.seal_rtcp(packet, header, body, out)?)
    }
}

impl<C> State<C> for Outbound {
    fn save(&self, out: &mut Writer<C>) {
        self.key.save(out);
        self.streams.save(out);
        self.reporters.save(out);
        self.rtp_left.save(out);
        self.rtcp_left.save(out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        let mut it = Self::new(&MasterKey::load(from)?, Bounds::of(0));
        it.streams = State::load(from)?;
        it.reporters = State::load(from)?;
        it.rtp_left = State::load(from)?;
        it.rtcp_left = State::load(from)?;
        Ok(it)
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("suite", &self.suite)
            .field("streams", &self.streams.len())
            .finish_non_exhaustive()
    }
}

impl From<Broken> for SealError {
    fn from(_: Broken) -> Self {
        Self::Malformed
    }
}

impl From<Full> for SealError {
    fn from(_: Full) -> Self {
        Self::TooManySsrcs
    }
}

impl From<Replay> for SealError {
    fn from(replay: Replay) -> Self {
        match replay {
            Replay::Seen => Self::IndexUsed,
            Replay::TooOld => Self::TooOld,
        }
    }
}

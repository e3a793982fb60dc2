//! What a peer sends is opened.

use std::fmt;

use flumen_wire::rtp::ClearHeader;
use flumen_wire::state::{Malformed, Reader, State, Writer};

use super::bounds::Bounds;
use super::cipher::{Broken, Cipher, ENCRYPTED, PacketId, RTCP_CLEAR};
use super::error::OpenError;
use super::index::{INDICES, estimate};
use super::master_key::MasterKey;
use super::replay_window::{Replay, ReplayWindow};
use super::session_keys::{Protocol, SessionKeys};
use super::ssrcs::{Full, Ssrcs};
use super::suite::CryptoSuite;

/// Opens the packets of one peer.
///
/// Of each SSRC the latest 1,024 RTP packets and 128 RTCP packets are told apart from replays; what
/// is older than these is not opened. Nothing of it changes for a packet that is not authentic.
pub struct Inbound {
    suite: CryptoSuite,
    /// What the ciphers were derived from: a snapshot has it.
    key: MasterKey,
    rtp: Cipher,
    rtcp: Cipher,
    streams: Ssrcs<ReplayWindow<16>>,
    reporters: Ssrcs<ReplayWindow<2>>,
}

/// Sequence numbers below this may be of a stream that began before they wrapped.
const HALF: u16 = 1 << 15;
/// Longest first packet of a stream that is tried twice: above any path MTU of the internet.
const TRIED_TWICE_MAX: usize = 2_048;

impl Inbound {
    /// Opens what was sealed with `key`.
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
        }
    }

    /// The suite of its key.
    pub fn suite(&self) -> CryptoSuite {
        self.suite
    }

    /// Opens an SRTP packet in place; returns the length of the RTP packet that it becomes.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, OpenError> {
        let tag_len = self.suite.rtp_overhead();
        let opened_len = packet.len().checked_sub(tag_len);
        let opened_len = opened_len.ok_or(OpenError::Malformed)?;
        let clear = ClearHeader::parse(&packet[..opened_len]).ok_or(OpenError::Malformed)?;
        let (header, sealed) = packet.split_at_mut(clear.len);
        let (ssrc, number) = (clear.ssrc, clear.sequence_number);
        match self.streams.find(ssrc)? {
            Ok(window) => {
                let index = estimate(window.highest(), number);
                window.check(index)?;
                let packet = PacketId { ssrc, index };
                // No packet has an index beyond the last.
                let sealed = (index < INDICES).then_some(sealed).ok_or(Broken)?;
                self.rtp.open_rtp(packet, header, sealed, tag_len)?;
                window.mark(index);
            }
            Err(vacant) => {
                let index = open_first(&self.rtp, (ssrc, number), header, sealed, tag_len)?;
                self.streams.enter(vacant, ssrc, ReplayWindow::new(index));
            }
        }
        Ok(opened_len)
    }

    /// Opens an SRTCP packet in place; returns the length of the RTCP packet that it becomes.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, OpenError> {
        let opened_len = packet.len().checked_sub(self.suite.rtcp_overhead());
        let opened_len = opened_len.ok_or(OpenError::Malformed)?;
        let parts = packet.split_first_chunk_mut::<RTCP_CLEAR>();
        let (header, sealed) = parts.ok_or(OpenError::Malformed)?;
        if opened_len < RTCP_CLEAR {
            return Err(OpenError::Malformed);
        }
        let word = self.rtcp.rtcp_word(sealed)?;
        if word & ENCRYPTED == 0 {
            return Err(OpenError::Unencrypted);
        }
        let [.., a, b, c, d] = *header;
        let ssrc = u32::from_be_bytes([a, b, c, d]);
        let index = u64::from(word & !ENCRYPTED);
        let packet = PacketId { ssrc, index };
        match self.reporters.find(ssrc)? {
            Ok(window) => {
                window.check(index)?;
                self.rtcp.open_rtcp(packet, header, sealed)?;
                window.mark(index);
            }
            Err(vacant) => {
                self.rtcp.open_rtcp(packet, header, sealed)?;
                self.reporters.enter(vacant, ssrc, ReplayWindow::new(index));
            }
        }
        Ok(opened_len)
    }
}

/// Opens the first packet of an SSRC; returns its index. If those before a wrap were lost, the
/// rollover counter is 1 already.
fn open_first(
    cipher: &Cipher,
    (ssrc, number): (u32, u16),
    header: &[u8],
    sealed: &mut [u8],
    tag_len: usize,
) -> Result<u64, Broken> {
    let index = u64::from(number);
    let packet = PacketId { ssrc, index };
    let mut copy = [0; TRIED_TWICE_MAX];
    // A first try leaves nothing to try again with.
    let kept = copy.get_mut(..sealed.len()).filter(|_| number < HALF);
    let Some(kept) = kept else {
        return cipher
            .open_rtp(packet, header, sealed, tag_len)
            .map(|()| index);
    };
    kept.copy_from_slice(sealed);
    if cipher.open_rtp(packet, header, sealed, tag_len).is_ok() {
        return Ok(index);
    }
    sealed.copy_from_slice(kept);
    let index = index + (1 << 16);
    let packet = PacketId { ssrc, index };
    cipher
        .open_rtp(packet, header, sealed, tag_len)
        .map(|()| index)
}

impl<C> State<C> for Inbound {
    fn save(&self, out: &mut Writer<C>) {
        self.key.save(out);
        self.streams.save(out);
        self.reporters.save(out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        let mut it = Self::new(&MasterKey::load(from)?, Bounds::of(0));
        it.streams = State::load(from)?;
        it.reporters = State::load(from)?;
        Ok(it)
    }
}

impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound")
            .field("suite", &self.suite)
            .field("streams", &self.streams.len())
            .finish_non_exhaustive()
    }
}

impl From<Broken> for OpenError {
    fn from(_: Broken) -> Self {
        Self::Forged
    }
}

impl From<Full> for OpenError {
    fn from(_: Full) -> Self {
        Self::TooManySsrcs
    }
}

impl From<Replay> for OpenError {
    fn from(replay: Replay) -> Self {
        match replay {
            Replay::Seen => Self::Replayed,
            Replay::TooOld => Self::TooOld,
        }
    }
}

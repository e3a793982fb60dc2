//! What protects the packets of a transport.

use bevy_ecs::component::Component;
use flumen_protocol::srtp::{
    Bounds, CryptoSuite, Inbound, MasterKey, OpenError, Outbound, SealError,
};

use crate::tick::discard::Discard;
use crate::tick::limits::Limits;
use crate::tick::refusal::Refusal;
use crate::wire::classify::PacketKind;
use crate::wire::rtp::ClearHeader;

/// RTP and RTCP of the transport are protected (RFC 3711, RFC 7714): what comes is opened before it
/// is read, what leaves is sealed. Without keys nothing passes. A transport that does not have this
/// is not protected; what is not RTP or RTCP is not protected by this.
///
/// Keys come from `connect` on plain transports. Written by Demux and Flush.
#[derive(Component, Debug, Default)]
pub struct SrtpSession(Option<Box<Contexts>>);

/// Both directions. On the heap, so that keys stay in one place and are wiped there.
#[derive(Debug)]
struct Contexts {
    inbound: Inbound,
    outbound: Outbound,
}

crate::snapshot::state! { struct SrtpSession(it) }

crate::snapshot::state! { struct Contexts { inbound, outbound } }

/// The part of a packet that stays readable, by what it is; none for what is not protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clear<'a> {
    /// The header of an RTP packet, with CSRCs and extension block.
    Rtp(&'a [u8]),
    /// The first eight bytes of an RTCP packet.
    Rtcp(&'a [u8; 8]),
}

impl<'a> Clear<'a> {
    /// Splits a packet, of which `kind` is known, behind what stays readable; none when that runs
    /// past it.
    pub fn split(kind: PacketKind, packet: &'a [u8]) -> Option<(Self, &'a [u8])> {
        if kind == PacketKind::Rtcp {
            let (clear, rest) = packet.split_first_chunk()?;
            return Some((Self::Rtcp(clear), rest));
        }
        let header = ClearHeader::parse(packet)?;
        let (clear, rest) = packet.split_at(header.len);
        Some((Self::Rtp(clear), rest))
    }

    /// The bytes that stay readable.
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Self::Rtp(header) => header,
            Self::Rtcp(header) => header,
        }
    }
}

impl SrtpSession {
    /// A session that opens with one key and seals with the other.
    pub fn new(inbound: &MasterKey, outbound: &MasterKey, limits: &Limits) -> Self {
        let mut session = Self::default();
        session.set_keys(inbound, outbound, limits);
        session
    }

    /// Begins anew with keys of which nothing was sealed or opened before.
    pub fn set_keys(&mut self, inbound: &MasterKey, outbound: &MasterKey, limits: &Limits) {
        let inbound = Inbound::new(inbound, Bounds::of(limits.srtp_inbound_ssrcs));
        let outbound = Outbound::new(outbound, Bounds::of(limits.srtp_outbound_ssrcs));
        self.set_contexts(inbound, outbound);
    }

    /// Begins anew with contexts that were made elsewhere.
    pub fn set_contexts(&mut self, inbound: Inbound, outbound: Outbound) {
        self.0 = Some(Box::new(Contexts { inbound, outbound }));
    }

    /// It has keys.
    pub fn has_keys(&self) -> bool {
        self.0.is_some()
    }

    /// How what leaves is protected, once there are keys.
    pub fn suite(&self) -> Option<CryptoSuite> {
        let contexts = self.0.as_deref()?;
        Some(contexts.outbound.suite())
    }

    /// Opens an RTP or RTCP packet in place; the length that it has then.
    ///
    /// # Errors
    ///
    /// The reason to discard it.
    pub fn open(&mut self, kind: PacketKind, packet: &mut [u8]) -> Result<usize, Discard> {
        let contexts = self.0.as_deref_mut();
        let inbound = &mut contexts.ok_or(Discard::SrtpKeysMissing)?.inbound;
        let opened = match kind {
            PacketKind::Rtcp => inbound.open_rtcp(packet),
            _ => inbound.open_rtp(packet),
        };
        Ok(opened?)
    }

    /// How many bytes sealing adds to a packet.
    ///
    /// # Errors
    ///
    /// [`Refusal::SrtpKeysMissing`].
    pub fn overhead(&self, clear: Clear<'_>) -> Result<usize, Refusal> {
        let suite = self.suite().ok_or(Refusal::SrtpKeysMissing)?;
        Ok(match clear {
            Clear::Rtp(_) => suite.rtp_overhead(),
            Clear::Rtcp(_) => suite.rtcp_overhead(),
        })
    }

    /// Seals the two parts of a packet behind what stays readable into `out`, which has
    /// [`overhead`](Self::overhead) bytes more.
    ///
    /// # Errors
    ///
    /// The reason not to send it.
    pub fn seal(
        &mut self,
        clear: Clear<'_>,
        parts: [&[u8]; 2],
        out: &mut [u8],
    ) -> Result<(), Refusal> {
        let contexts = self.0.as_deref_mut();
        let outbound = &mut contexts.ok_or(Refusal::SrtpKeysMissing)?.outbound;
        let sealed = match clear {
            Clear::Rtp(header) => outbound.seal_rtp(header, parts, out),
            Clear::Rtcp(header) => outbound.seal_rtcp(header, parts, out),
        };
        Ok(sealed?)
    }
}

impl From<OpenError> for Discard {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Malformed => Self::MalformedSrtp,
            OpenError::Unencrypted => Self::UnencryptedSrtcp,
            OpenError::Replayed => Self::ReplayedSrtp,
            OpenError::TooOld => Self::SrtpTooOld,
            OpenError::Forged => Self::ForgedSrtp,
            OpenError::TooManySsrcs => Self::TooManySrtpSsrcs,
        }
    }
}

impl From<SealError> for Refusal {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Malformed => Self::MalformedPacket,
            SealError::IndexUsed => Self::SrtpIndexUsed,
            SealError::TooOld => Self::SrtpTooOld,
            SealError::TooManySsrcs => Self::TooManySrtpSsrcs,
            SealError::KeyExhausted => Self::SrtpKeyExhausted,
        }
    }
}

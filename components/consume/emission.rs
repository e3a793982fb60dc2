//! What a consumer sends: how packets of a producer become its own.

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;
use smallvec::SmallVec;

use crate::consume::numbering::{Numbering, PayloadTypes};
use crate::media::flow::Flow;
use crate::rtp_parameters::{HeaderExtension, router_id};
use crate::tick::time::Time;
use crate::transport::pacer::Pacer;
use crate::wire::header_extension::TWO_BYTE_VALUE_MAX;
use crate::wire::sequence::SequenceManager;

/// The rewriting state of a consumer: all that the fan-out reads and writes of it.
#[derive(Component, Clone, Debug)]
pub struct Emission {
    /// The transport to send on.
    pub transport: Entity,
    /// The SSRC to send with.
    pub ssrc: u32,
    /// The negotiated payload types, as the router calls them.
    pub payload_types: PayloadTypes,
    /// The negotiated header extensions, and how the receiver calls them and payload types.
    pub numbering: Numbering,
    /// Dependency descriptors are changed: numbers, and which decode targets are active.
    pub changes_dependencies: bool,
    /// The MID to send with.
    pub mid: Mid,
    /// The next packet begins a new run of sequence numbers.
    pub sync_required: bool,
    /// A run begins with a key frame.
    pub waits_for_key_frame: bool,
    /// Silence of discontinuous transmission is not forwarded.
    pub ignore_dtx: bool,
    /// What its receiver misses is sent again: NACK was negotiated (RFC 4585).
    pub resends: bool,
    /// The map from incoming to outgoing sequence numbers.
    pub sequence: SequenceManager<16>,
    /// Packets sent.
    pub packets: u64,
    /// Bytes of their payloads.
    pub payload_bytes: u64,
    /// Their bytes, header and padding included, and bits a second over 2.5 seconds.
    pub sent: Flow,
    /// The RTP clock rate in Hz.
    pub clock_rate: u32,
    /// The packet sent with the newest RTP timestamp.
    pub newest: Option<Newest>,
    /// Picture loss indications received (RFC 4585).
    pub pli_count: u64,
    /// Full intra requests received (RFC 5104).
    pub fir_count: u64,
    /// Packets that came too late for their place in the outgoing sequence.
    pub discarded: u64,
}

crate::snapshot::state! {
    struct Emission {
        transport, ssrc, payload_types, numbering, changes_dependencies, mid, sync_required,
        waits_for_key_frame, ignore_dtx, resends, sequence, packets, payload_bytes, sent,
        clock_rate, newest, pli_count, fir_count, discarded
    }
}

impl Emission {
    /// What waits of it for its turn is not sent after all, and does not count: how many packets
    /// that are.
    pub fn supersede(&mut self, pacer: &mut Pacer) -> u64 {
        let superseded = pacer.supersede(self.ssrc, &mut self.sequence);
        self.packets = self.packets.saturating_sub(superseded.packets);
        self.sent.take_back(superseded.bytes);
        self.payload_bytes = self.payload_bytes.saturating_sub(superseded.payload_bytes);
        superseded.packets
    }

    /// Its packets get transport-wide numbers, by which their receiver tells when they came.
    pub fn numbers_packets(&self) -> bool {
        let extension = router_id(HeaderExtension::TransportSequence);
        self.numbering.extension(extension).is_some()
    }

    /// Nothing is sent before a key frame comes.
    pub fn awaits_key_frame(&self) -> bool {
        self.sync_required && self.waits_for_key_frame
    }

    /// The number with which a run of another stream's packets begins, of which `first` is the
    /// first: one more than all before, and its own in the first run.
    pub fn next_run(&mut self, first: u16) -> u16 {
        if self.newest.is_some() {
            return self.sequence.max_input().wrapping_add(1);
        }
        self.sequence.restart(first.wrapping_sub(1));
        first
    }

    /// It may need packets that came before: to send them again, or behind a key frame that they
    /// overtook.
    pub fn needs_history(&self) -> bool {
        self.resends || self.waits_for_key_frame
    }
}

/// A packet that a consumer sent: what its sender reports are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newest {
    /// Its RTP timestamp, as it was sent.
    pub timestamp: u32,
    /// Its RTP timestamp, as it came.
    pub captured: u32,
    /// When it arrived.
    pub at: Time,
    /// The stream it is of.
    pub stream: Entity,
}

crate::snapshot::state! { struct Newest { timestamp, captured, at, stream } }

/// A media identification (RFC 9143).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mid {
    /// Its bytes, and zeros up to the room that headers keep for it.
    padded: SmallVec<[u8; 16]>,
    len: u8,
}

crate::snapshot::state! { struct Mid { padded, len } }

impl Default for Mid {
    fn default() -> Self {
        Self::holding(&[])
    }
}

impl Mid {
    /// A MID, unless it is longer than an element of a header extension block can be.
    pub fn new(mid: &str) -> Option<Self> {
        (mid.len() <= TWO_BYTE_VALUE_MAX).then(|| Self::holding(mid.as_bytes()))
    }

    fn holding(bytes: &[u8]) -> Self {
        let stepped = bytes.len().max(1).next_multiple_of(8);
        let mut padded = SmallVec::from_slice(bytes);
        padded.resize(stepped.min(TWO_BYTE_VALUE_MAX), 0);
        let len = bytes.len() as u8;
        Self { padded, len }
    }

    /// Its bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.padded[..usize::from(self.len)]
    }

    /// Its bytes and the zeros behind them: as many as it has [`room`](Self::room).
    #[inline]
    pub fn padded(&self) -> &[u8] {
        &self.padded
    }

    /// The bytes that headers keep for it: in steps, so that consumers whose MIDs have nearly one
    /// length share their headers, and never more than keeps a MID in the one-byte form that can
    /// be (RFC 8285 section 4.2).
    #[inline]
    pub fn room(&self) -> u8 {
        self.padded.len() as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mid_has_room_in_steps_up_to_the_longest_element() {
        // Length, room.
        for (len, room) in [
            (1, 8),
            (8, 8),
            (9, 16),
            (16, 16),
            (17, 24),
            (248, 248),
            (255, 255),
        ] {
            let mid = Mid::new(&"m".repeat(len)).unwrap();
            assert_eq!((mid.bytes().len(), mid.room()), (len, room));
        }
        assert_eq!(Mid::new(&"m".repeat(256)), None);
    }
}

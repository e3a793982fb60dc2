//! Generic NACK, RFC 4585 section 6.2.1.

use std::iter::Peekable;

use rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;

use super::write::{append, close};
use super::{FEEDBACK_SSRCS_LEN, Row, Rows, be16, be32};

/// How many items one packet is given: with these it has 1012 bytes and fits any path.
pub const NACK_ITEMS_MAX: usize = 250;

/// How many numbers behind its base an item can name.
const MASK_BITS: u16 = 16;
const MASK: usize = 2;

/// Packets of a stream are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nack<'a> {
    /// Who misses them.
    pub sender_ssrc: u32,
    /// The stream.
    pub media_ssrc: u32,
    items: &'a [u8],
}

/// Up to 17 missing packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NackItem {
    /// PID: the sequence number of the first.
    pub base: u16,
    /// BLP: bit i is set when number base + i + 1 is missing too.
    pub mask: u16,
}

impl<'a> Nack<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let (_, items) = body.split_at_checked(FEEDBACK_SSRCS_LEN)?;
        let whole = items.len().is_multiple_of(NackItem::LEN);
        whole.then_some(Self {
            sender_ssrc: be32(body, 0)?,
            media_ssrc: be32(body, 4)?,
            items,
        })
    }

    /// The items, each up to 17 numbers.
    pub fn items(&self) -> Rows<'a, NackItem> {
        Rows::new(self.items)
    }

    /// The missing sequence numbers, in the order of the packet.
    ///
    /// A datagram can name a quarter of a million, and the same one often: whoever answers sets
    /// the limit.
    pub fn sequence_numbers(&self) -> impl Iterator<Item = u16> + Clone + use<'a> {
        self.items().flat_map(NackItem::sequence_numbers)
    }
}

impl Row for NackItem {
    const LEN: usize = 4;

    fn read(row: &[u8]) -> Option<Self> {
        Some(Self {
            base: be16(row, 0)?,
            mask: be16(row, MASK)?,
        })
    }
}

impl NackItem {
    /// The missing sequence numbers, rising.
    pub fn sequence_numbers(self) -> impl Iterator<Item = u16> + Clone {
        let behind = (0..MASK_BITS).filter(move |bit| self.mask >> bit & 1 != 0);
        std::iter::once(self.base).chain(behind.map(move |bit| self.base.wrapping_add(bit + 1)))
    }
}

/// Appends NACKs for the numbers in `lost`, in packets of at most [`NACK_ITEMS_MAX`] items.
///
/// Numbers that rise, wrapping, share items; any other order is legal and takes more of them.
/// Nothing is appended when nothing is lost.
pub fn write_nack(
    out: &mut Vec<u8>,
    sender_ssrc: u32,
    media_ssrc: u32,
    lost: impl IntoIterator<Item = u16>,
) {
    let lost = lost.into_iter().peekable();
    let mut items = Packing { lost }.peekable();
    while items.peek().is_some() {
        let nacks = Vec::new();
        let nack = TransportLayerNack {
            sender_ssrc,
            media_ssrc,
            nacks,
        };
        let start = append(out, &nack);
        for item in items.by_ref().take(NACK_ITEMS_MAX) {
            out.extend_from_slice(&item.base.to_be_bytes());
            out.extend_from_slice(&item.mask.to_be_bytes());
        }
        close(out, start);
    }
}

/// How many of the numbers in `lost` one packet of [`write_nack`] can name, from the first on.
pub fn named_by_one_nack(lost: &[u16]) -> usize {
    let mut rest = lost;
    for _ in 0..NACK_ITEMS_MAX {
        let Some((&base, behind)) = rest.split_first() else {
            break;
        };
        let fits = |lost: &&u16| lost.wrapping_sub(base) <= MASK_BITS;
        rest = &behind[behind.iter().take_while(fits).count()..];
    }
    lost.len() - rest.len()
}

/// Gathers sequence numbers into items.
struct Packing<I: Iterator<Item = u16>> {
    lost: Peekable<I>,
}

impl<I: Iterator<Item = u16>> Iterator for Packing<I> {
    type Item = NackItem;

    fn next(&mut self) -> Option<NackItem> {
        let base = self.lost.next()?;
        let mut mask = 0;
        let fits = |lost: &u16| lost.wrapping_sub(base) <= MASK_BITS;
        while let Some(lost) = self.lost.next_if(fits) {
            // The base itself, once more, adds nothing.
            if let Some(bit) = lost.wrapping_sub(base).checked_sub(1) {
                mask |= 1 << bit;
            }
        }
        Some(NackItem { base, mask })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{RtcpError, RtcpPacket, packets};

    fn round_trip(lost: &[u16]) -> (Vec<u16>, usize) {
        let mut out = vec![];
        write_nack(&mut out, 1, 2, lost.iter().copied());
        let numbers = packets(&out).flat_map(|packet| match packet {
            Ok(RtcpPacket::Nack(nack)) => {
                assert_eq!((nack.sender_ssrc, nack.media_ssrc), (1, 2));
                nack.sequence_numbers()
            }
            other => panic!("{other:?}"),
        });
        (numbers.collect(), packets(&out).count())
    }

    #[test]
    fn numbers_within_sixteen_of_the_first_share_an_item() {
        let mut out = vec![];
        write_nack(&mut out, 1, 2, [65534, 65535, 14, 15]);
        let expected = [
            0x81, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, //
            0xFF, 0xFE, 0x80, 0x01, 0, 15, 0, 0,
        ];
        assert_eq!(out, expected);
    }

    #[test]
    fn what_is_written_is_read() {
        for lost in [
            &[][..],
            &[7],
            &[0, 1, 2, 3],
            &[65535, 0],
            &[1, 17, 18, 35, 36],
        ] {
            assert_eq!(
                round_trip(lost),
                (lost.to_vec(), usize::from(!lost.is_empty()))
            );
        }
        // Falling and repeated numbers cost items but none is lost.
        assert_eq!(round_trip(&[5, 4, 4]).0, [5, 4]);
    }

    #[test]
    fn long_lists_take_several_packets() {
        let lost: Vec<u16> = (0..1000).map(|i| i * 20).collect();
        assert_eq!(round_trip(&lost), (lost, 4));
    }

    #[test]
    fn what_one_packet_names_is_what_it_is_given() {
        let dense: Vec<u16> = (0..3_000_u16).map(|i| i.wrapping_add(65_000)).collect();
        let sparse: Vec<u16> = (0..600).map(|i| i * 17).collect();
        // An item names 17 numbers, or one.
        let rows = [
            (&[][..], 0),
            (&[7, 7, 6], 3),
            (&dense, 3_000),
            (&sparse, 250),
        ];
        for (lost, named) in rows {
            assert_eq!(named_by_one_nack(lost), named);
            assert!(round_trip(&lost[..named]).1 <= 1);
        }
        assert_eq!(round_trip(&sparse[..251]).1, 2);
    }

    #[test]
    fn half_an_item_is_malformed() {
        let packet = [0xA1, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 9, 0, 1];
        assert_eq!(packets(&packet).next(), Some(Err(RtcpError::BadBody)));
        let short = [0x81, 205, 0, 1, 0, 0, 0, 1];
        assert_eq!(packets(&short).next(), Some(Err(RtcpError::BadBody)));
    }
}

//! Walking the elements of an extension block, RFC 8285 section 4.

use super::{ONE_BYTE_PROFILE, TWO_BYTE_PROFILE};

/// The one-byte id that ends the block, RFC 8285 section 4.2.
const STOP_ID: u8 = 15;
/// Between elements and behind them, in both forms.
const PADDING: u8 = 0;
/// The id of padding. An element that has it and a length ends the block (RFC 8285 section 4.1.2).
/// In the two-byte form there is none, since a byte of zero is padding and the next one an id.
const PADDING_ID: u8 = 0;

/// The elements of one extension block: id and value, in order.
///
/// Never lies and never fails: [`RtpHeader::parse`](super::RtpHeader::parse) has walked it before.
/// Empty by default.
#[derive(Clone, Debug, Default)]
pub struct ExtensionIter<'a> {
    rest: &'a [u8],
    two_byte: bool,
}

impl<'a> ExtensionIter<'a> {
    #[inline]
    pub(super) fn new(profile: u16, elements: &'a [u8]) -> Self {
        let two_byte = profile & 0xFFF0 == TWO_BYTE_PROFILE;
        let known = two_byte || profile == ONE_BYTE_PROFILE;
        Self {
            rest: if known { elements } else { &[] },
            two_byte,
        }
    }

    /// Whether every element lies inside the block.
    pub(super) fn is_well_formed(&self) -> bool {
        let mut walk = self.clone();
        walk.by_ref().for_each(drop);
        walk.rest.is_empty()
    }

    /// Id, length of the element's header and length of its value.
    #[inline]
    fn element(&self) -> Option<(u8, usize, usize)> {
        let (&first, behind) = self.rest.split_first()?;
        if self.two_byte {
            return Some((first, 2, usize::from(*behind.first()?)));
        }
        Some((first >> 4, 1, usize::from(first & 0x0F) + 1))
    }
}

impl<'a> Iterator for ExtensionIter<'a> {
    type Item = (u8, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let [PADDING, rest @ ..] = self.rest {
                self.rest = rest;
                continue;
            }
            let (id, header_len, len) = self.element()?;
            if !self.two_byte && matches!(id, PADDING_ID | STOP_ID) {
                self.rest = &[];
                return None;
            }
            let (element, rest) = self.rest.split_at_checked(header_len + len)?;
            self.rest = rest;
            return Some((id, &element[header_len..]));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    fn walk(profile: u16, elements: &[u8]) -> (Vec<(u8, Vec<u8>)>, bool) {
        let walk = ExtensionIter::new(profile, elements);
        let found = walk.clone().map(|(id, value)| (id, value.to_vec()));
        (found.collect(), walk.is_well_formed())
    }

    #[test]
    fn one_byte_elements_with_padding_between_them() {
        let block = [0x10, 0xAA, 0, 0, 0x31, 1, 2, 0];
        let expected = vec![(1, vec![0xAA]), (3, vec![1, 2])];
        assert_eq!(walk(0xBEDE, &block), (expected, true));
    }

    #[test]
    fn id_fifteen_ends_a_one_byte_block() {
        let block = [0x10, 0xAA, 0xFF, 0x20, 0xBB, 0, 0, 0];
        assert_eq!(walk(0xBEDE, &block), (vec![(1, vec![0xAA])], true));
    }

    #[test]
    fn id_zero_with_a_length_ends_a_one_byte_block() {
        let block = [0x10, 0xAA, 0x01, 0x20, 0xBB, 0x20, 0xCC, 0];
        assert_eq!(walk(0xBEDE, &block), (vec![(1, vec![0xAA])], true));
        // Its length is ignored, even one that goes past the block.
        assert_eq!(walk(0xBEDE, &[0x0F, 0x10, 0xAA, 0]), (vec![], true));
        assert_eq!(
            walk(0xBEDE, &[1, 1, 1, 0x10, 0x55, 0, 0, 0]),
            (vec![], true)
        );
    }

    #[test]
    fn zeros_are_padding_between_two_byte_elements() {
        let block = [0, 0, 1, 1, 0xAA, 0, 2, 2, 7, 8, 0, 0];
        let expected = vec![(1, vec![0xAA]), (2, vec![7, 8])];
        assert_eq!(walk(0x1000, &block), (expected, true));
    }

    proptest! {
        #[test]
        fn elements_behind_id_zero_with_a_length_are_not_read(
            values in vec(vec(any::<u8>(), 1..=16), 0..8),
            at in any::<Index>(),
            len in 1..16_u8,
        ) {
            let (mut block, mut before) = (Vec::new(), Vec::new());
            let end = at.index(values.len() + 1);
            for (index, value) in values.into_iter().enumerate() {
                if index == end {
                    block.push(len);
                }
                block.push(0x50 | (value.len() - 1) as u8);
                block.extend(&value);
                block.extend(vec![PADDING; index % 3]);
                before.extend((index < end).then_some((5, value)));
            }
            prop_assert_eq!(walk(0xBEDE, &block), (before, true));
        }
    }

    #[test]
    fn two_byte_elements_may_be_empty_and_have_any_id() {
        let block = [15, 0, 0, 200, 2, 8, 9, 0];
        let expected = vec![(15, vec![]), (200, vec![8, 9])];
        assert_eq!(walk(0x1000, &block), (expected.clone(), true));
        assert_eq!(walk(0x100F, &block), (expected, true));
    }

    #[test]
    fn an_element_past_its_block_is_malformed() {
        assert!(!walk(0xBEDE, &[0x13, 1, 2, 3]).1);
        assert!(!walk(0x1000, &[1, 3, 1, 2]).1);
        assert!(!walk(0x1000, &[0, 0, 0, 1]).1);
        assert!(walk(0x1010, &[1, 3, 1, 2]).1);
    }
}

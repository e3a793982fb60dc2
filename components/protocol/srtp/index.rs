//! The index of a packet: its sequence number and how often that has begun again.

/// Indices that an RTP stream has: 32 bits of rollover counter, 16 of sequence number.
pub(super) const INDICES: u64 = 1 << 48;

/// The index nearest to `highest` whose sequence number is `sequence_number` (RFC 3711 section
/// 3.3.1 and appendix A): none lies before the stream began.
pub(super) fn estimate(highest: u64, sequence_number: u16) -> u64 {
    let ahead = sequence_number.wrapping_sub(highest as u16);
    // Half a round is ahead for one half of the numbers and behind for the other.
    let is_ahead = match ahead {
        0x8000 => (highest as u16) < 0x8000,
        _ => ahead < 0x8000,
    };
    if is_ahead {
        return highest + u64::from(ahead);
    }
    let behind = u64::from(ahead.wrapping_neg());
    let before_the_first = u64::from(sequence_number);
    highest.checked_sub(behind).unwrap_or(before_the_first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_begin_again_where_they_wrap() {
        assert_eq!(estimate(0xffff, 0), 0x1_0000);
        assert_eq!(estimate(0x1_0002, 0xfffe), 0xfffe);
        assert_eq!(estimate(0x5_8000, 0x8000), 0x5_8000);
        // A stream that began close to the wrap lost its packets before it, or jumped.
        assert_eq!(estimate(3, 0xfff0), 0xfff0);
    }

    /// As RFC 3711 has it in appendix A.
    fn published(highest: u64, number: u16) -> u64 {
        let (rollovers, last) = (highest >> 16, i64::from(highest as u16));
        let this = i64::from(number);
        let rollovers = if last < 0x8000 {
            let is_behind = this - last > 0x8000;
            if is_behind {
                rollovers.wrapping_sub(1)
            } else {
                rollovers
            }
        } else if last - 0x8000 > this {
            rollovers + 1
        } else {
            rollovers
        };
        (rollovers << 16) + u64::from(number)
    }

    proptest! {
        #[test]
        fn an_estimate_is_the_published_one(
            highest in 0x1_0000_u64..INDICES,
            gap in prop_oneof![Just(0x7fff_u16), Just(0x8000), Just(0x8001), any::<u16>()],
        ) {
            let number = (highest as u16).wrapping_add(gap);
            prop_assert_eq!(estimate(highest, number), published(highest, number));
        }

        #[test]
        fn the_nearest_index_is_chosen(highest in 0x1_0000_u64..INDICES, step in -0x7fff_i64..0x8000) {
            let index = highest.wrapping_add_signed(step);
            prop_assert_eq!(estimate(highest, index as u16), index);
        }

        #[test]
        fn an_estimate_has_the_number_that_it_is_of(highest in 0..INDICES, number: u16) {
            prop_assert_eq!(estimate(highest, number) as u16, number);
        }
    }
}

//! Wrap-aware order of counters.

mod counter;
mod dropped;
mod manager;
mod taken_back;

pub use dropped::WINDOW;
pub use manager::SequenceManager;

/// Whether `l` comes after `r` in a counter of `BITS` bits that wraps (RFC 1982).
///
/// Both must be below 2^BITS; `BITS` is 1 to 32. At exactly half the space, where RFC 1982 leaves
/// the order open, the smaller number counts as the higher: of two different numbers exactly one
/// is higher.
pub fn is_higher<const BITS: u32>(l: u32, r: u32) -> bool {
    let half = 1 << (BITS - 1);
    let ahead = l.wrapping_sub(r) & mask::<BITS>();
    (ahead != 0 && ahead < half) || (ahead == half && l < r)
}

/// [`is_higher`] for 16 bits: RTP sequence numbers.
pub fn is_higher_u16(l: u16, r: u16) -> bool {
    is_higher::<16>(l.into(), r.into())
}

/// [`is_higher`] for 32 bits: RTP timestamps.
pub fn is_higher_u32(l: u32, r: u32) -> bool {
    is_higher::<32>(l, r)
}

const fn mask<const BITS: u32>() -> u32 {
    u32::MAX >> (32 - BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_wraps() {
        assert!(is_higher_u16(1, 0) && !is_higher_u16(0, 1));
        assert!(is_higher_u16(0, 65535) && !is_higher_u16(65535, 0));
        assert!(is_higher_u16(32767, 0) && !is_higher_u16(0, 32767));
        assert!(is_higher_u32(0, u32::MAX) && !is_higher_u32(u32::MAX, 0));
        assert!(is_higher::<15>(0, 32767) && is_higher::<8>(3, 250));
        assert!(!is_higher_u16(7, 7));
    }

    #[test]
    fn half_the_space_apart_the_smaller_is_higher() {
        assert!(is_higher_u16(0, 32768) && !is_higher_u16(32768, 0));
        assert!(is_higher::<8>(1, 129) && !is_higher::<8>(129, 1));
        assert!(is_higher_u32(0, 1 << 31) && !is_higher_u32(1 << 31, 0));
    }
}

//! Arithmetic of counters of `BITS` bits.

use super::{is_higher, mask};

pub(super) fn truncate<const BITS: u32>(value: u16) -> u16 {
    value & mask::<BITS>() as u16
}

pub(super) fn add<const BITS: u32>(l: u16, r: u16) -> u16 {
    truncate::<BITS>(l.wrapping_add(r))
}

pub(super) fn subtract<const BITS: u32>(l: u16, r: u16) -> u16 {
    truncate::<BITS>(l.wrapping_sub(r))
}

pub(super) fn higher<const BITS: u32>(l: u16, r: u16) -> bool {
    is_higher::<BITS>(l.into(), r.into())
}

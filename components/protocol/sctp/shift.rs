//! Sequence numbers as a library counts them.
//!
//! Neither library survives that its numbers begin again at 0: additions overflow, and gaps are
//! reckoned without the wrap. So each direction is shifted by a constant in every chunk that
//! carries one, and a library whose own first number is late is opened again.

/// What a library takes for the peer's first number. What came before does not wrap either.
pub(super) const FIRST: u32 = 1 << 16;
/// The latest number that a library may draw for its own first.
pub(super) const LATEST: u32 = u32::MAX / 2;

/// How far the numbers of one direction are ahead on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shift(u32);

impl Shift {
    /// What is `inside` in the library is `outside` on the wire.
    pub(super) fn between(inside: u32, outside: u32) -> Self {
        Self(outside.wrapping_sub(inside))
    }

    /// The library's number for `outside`.
    pub(super) fn inward(self, outside: u32) -> u32 {
        outside.wrapping_sub(self.0)
    }

    /// The number on the wire for `inside`.
    pub(super) fn outward(self, inside: u32) -> u32 {
        inside.wrapping_add(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_wraps_and_the_library_does_not() {
        let shift = Shift::between(FIRST, u32::MAX);
        let wire = [u32::MAX, 0, 1];
        let inside = wire.map(|tsn| shift.inward(tsn));
        assert_eq!(inside, [FIRST, FIRST + 1, FIRST + 2]);
        assert_eq!(inside.map(|tsn| shift.outward(tsn)), wire);
        assert_eq!(shift.inward(u32::MAX - 9), FIRST - 9);
    }
}

//! Packet status chunks, sections 3.1.2 to 3.1.4 of the draft.

const VECTOR_BIT: u16 = 0x8000;
const TWO_BIT_BIT: u16 = 0x4000;
const RUN_SYMBOL_SHIFT: u32 = 13;
const SYMBOL_MASK: u16 = 0x03;

/// Longest run.
pub(super) const RUN_MAX: usize = 0x1FFF;
/// Symbols in a vector of one-bit and of two-bit symbols.
pub(super) const ONE_BIT_LEN: usize = 14;
pub(super) const TWO_BIT_LEN: usize = 7;

/// The state of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symbol {
    NotReceived = 0,
    /// A delta of one byte.
    Small = 1,
    /// A delta of two bytes with sign.
    Large = 2,
}

impl Symbol {
    fn read(bits: u16) -> Option<Self> {
        match bits & SYMBOL_MASK {
            0 => Some(Self::NotReceived),
            1 => Some(Self::Small),
            2 => Some(Self::Large),
            // 3 is reserved.
            _ => None,
        }
    }
}

/// Some symbols in a row, the first of which can be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// The same one several times.
    Run { symbol: u16, len: u16 },
    /// Symbols of `width` bits, the first in the highest bits.
    Vector { bits: u16, width: u16, len: u16 },
}

impl Chunk {
    pub(super) const EMPTY: Self = Self::Run { symbol: 0, len: 0 };

    pub(super) fn read(chunk: u16) -> Self {
        if chunk & VECTOR_BIT == 0 {
            return Self::Run {
                symbol: chunk >> RUN_SYMBOL_SHIFT & SYMBOL_MASK,
                len: chunk & RUN_MAX as u16,
            };
        }
        let (width, len) = match chunk & TWO_BIT_BIT {
            0 => (1, ONE_BIT_LEN as u16),
            _ => (2, TWO_BIT_LEN as u16),
        };
        let bits = chunk << 2;
        Self::Vector { bits, width, len }
    }

    /// How many symbols are left.
    pub(super) fn len(&self) -> u16 {
        match *self {
            Self::Run { len, .. } | Self::Vector { len, .. } => len,
        }
    }

    /// Takes the first symbol away; `None` when there is none, or a reserved one.
    pub(super) fn take(&mut self) -> Option<Symbol> {
        match self {
            Self::Run { symbol, len } => {
                *len = len.checked_sub(1)?;
                Symbol::read(*symbol)
            }
            Self::Vector { bits, width, len } => {
                *len = len.checked_sub(1)?;
                let symbol = *bits >> (16 - *width);
                *bits <<= *width;
                Symbol::read(symbol)
            }
        }
    }

    /// Length in bytes of the deltas of the first `count` symbols.
    pub(super) fn deltas_len(mut self, count: u16) -> Option<usize> {
        if let Self::Run { symbol, .. } = self {
            // At once: a packet of 1500 bytes may announce eight thousand symbols 700 times.
            return match count {
                0 => Some(0),
                _ => Some(Symbol::read(symbol)? as usize * usize::from(count)),
            };
        }
        (0..count).map(|_| Some(self.take()? as usize)).sum()
    }
}

/// A run of `len` symbols, at most [`RUN_MAX`].
pub(super) fn run(symbol: Symbol, len: usize) -> u16 {
    (symbol as u16) << RUN_SYMBOL_SHIFT | len as u16
}

/// A vector of at most [`ONE_BIT_LEN`] symbols, none of them large.
pub(super) fn one_bit_vector(symbols: &[Symbol]) -> u16 {
    let set = |bits, (index, symbol): (usize, &Symbol)| bits | (*symbol as u16) << (13 - index);
    symbols.iter().enumerate().fold(VECTOR_BIT, set)
}

/// A vector of at most [`TWO_BIT_LEN`] symbols.
pub(super) fn two_bit_vector(symbols: &[Symbol]) -> u16 {
    let set = |bits, (index, symbol): (usize, &Symbol)| bits | (*symbol as u16) << (12 - 2 * index);
    symbols
        .iter()
        .enumerate()
        .fold(VECTOR_BIT | TWO_BIT_BIT, set)
}

#[cfg(test)]
mod tests {
    use super::Symbol::{Large, NotReceived, Small};
    use super::*;

    fn symbols(chunk: u16) -> Vec<Symbol> {
        let mut chunk = Chunk::read(chunk);
        std::iter::from_fn(|| chunk.take()).collect()
    }

    #[test]
    fn the_examples_of_the_draft_are_read() {
        // Section 3.1.3: 221 packets lost; 24 packets received with small deltas.
        assert_eq!(symbols(0x00DD), [NotReceived; 221]);
        assert_eq!(symbols(0x2018), [Small; 24]);
        // Section 3.1.4: one lost, five received, three lost, three received, two lost.
        let expected = [
            [NotReceived; 1].as_slice(),
            &[Small; 5],
            &[NotReceived; 3],
            &[Small; 3],
            &[NotReceived; 2],
        ];
        assert_eq!(symbols(0x9F1C), expected.concat());
        // Two-bit: one lost, one large, three small, two lost.
        let expected = [
            NotReceived,
            Large,
            Small,
            Small,
            Small,
            NotReceived,
            NotReceived,
        ];
        assert_eq!(symbols(0xC950), expected);
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(symbols(run(Large, 9)), [Large; 9]);
        let some = [
            Small,
            NotReceived,
            Small,
            Small,
            NotReceived,
            NotReceived,
            Small,
        ];
        assert_eq!(symbols(one_bit_vector(&some))[..7], some);
        let some = [Small, Large, NotReceived, Large, Small, NotReceived, Large];
        assert_eq!(symbols(two_bit_vector(&some)), some);
    }

    #[test]
    fn deltas_are_measured_up_to_the_count() {
        assert_eq!(Chunk::read(run(Large, 9)).deltas_len(4), Some(8));
        assert_eq!(Chunk::read(run(Small, 9)).deltas_len(9), Some(9));
        assert_eq!(Chunk::read(0xC950).deltas_len(3), Some(3));
        assert_eq!(Chunk::read(0x6001).deltas_len(1), None);
        assert_eq!(Chunk::read(0xF000).deltas_len(1), None);
    }
}

//! Which checks came already: one that is caught and sent again from elsewhere has a right code.

use std::collections::VecDeque;

use flumen_wire::state::{Malformed, Reader, State, Writer};
use flumen_wire::stun::TransactionId;

/// Transactions that are remembered: half a minute of an eager peer's.
const REMEMBERED: usize = 64;

/// The latest checks and the ways they came.
#[derive(Clone, Debug)]
pub(super) struct Repeats<T>(VecDeque<(TransactionId, T)>);

/// How a check goes with those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Never,
    /// Sent again by the peer, as its answer may be lost.
    Here,
    Elsewhere,
}

impl<C, T: State<C>> State<C> for Repeats<T> {
    fn save(&self, out: &mut Writer<C>) {
        self.0.save(out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        State::load(from).map(Self)
    }
}

impl<T> Default for Repeats<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: Copy + PartialEq> Repeats<T> {
    pub(super) fn note(&mut self, id: TransactionId, tuple: T) -> Seen {
        if let Some((_, before)) = self.0.iter().find(|(known, _)| *known == id) {
            let here = *before == tuple;
            return if here { Seen::Here } else { Seen::Elsewhere };
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((id, tuple));
        Seen::Never
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_remembered() {
        let mut repeats = Repeats::default();
        let id = |number: u8| [number; 12];
        for number in 0..=REMEMBERED as u8 {
            assert_eq!(repeats.note(id(number), 'a'), Seen::Never);
        }
        assert_eq!(repeats.note(id(1), 'a'), Seen::Here);
        assert_eq!(repeats.note(id(1), 'b'), Seen::Elsewhere);
        assert_eq!(repeats.note(id(0), 'b'), Seen::Never, "long ago");
    }
}

//! Counters by reason: an enum and an array with one counter for each of its variants.

use std::fmt;
use std::ops::{Index, IndexMut};

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::snapshot::Roster;
use crate::tick::veto::{VETOES_MAX, Veto};
use crate::wire::state::{Malformed, Reader, State, Writer};

/// A closed list of reasons that can be counted.
pub trait Reason: Copy + Send + Sync + 'static {
    /// Every reason, in the order of its index.
    const ALL: &'static [Self];

    /// Position in [`ALL`](Self::ALL).
    fn index(self) -> usize;

    /// The name under which it is counted: lower camel case.
    fn name(self) -> &'static str;
}

/// How many reasons a list has at most. Counters are stored in place, so that a ledger can be lent
/// out of the world in every tick without a call to the heap.
pub(crate) const REASONS_MAX: usize = 48;

/// One counter for each reason in `R`, and one for each [`Veto`] that was used.
#[derive(Clone, PartialEq, Eq)]
pub struct Counts<R: Reason> {
    // In place, so that counters can be moved without the heap.
    counts: [u64; REASONS_MAX],
    // Nobody pays for those of an application that has none.
    vetoes: Vec<(Veto, u64)>,
    reasons: std::marker::PhantomData<R>,
}

impl<R: Reason> Counts<R> {
    /// All counters together.
    pub fn total(&self) -> u64 {
        let vetoes = self.vetoes.iter().map(|(_, count)| count);
        self.counts.iter().chain(vetoes).sum()
    }

    /// Nothing was counted.
    pub fn is_zero(&self) -> bool {
        self.total() == 0
    }

    /// The reasons that were counted at least once, in their order.
    pub fn nonzero(&self) -> impl Iterator<Item = (R, u64)> {
        R::ALL
            .iter()
            .map(|&reason| (reason, self[reason]))
            .filter(|&(_, count)| count > 0)
    }

    /// The reasons of the application's own that were counted at least once, the first one first.
    pub fn vetoes(&self) -> impl Iterator<Item = (Veto, u64)> {
        self.vetoes.iter().copied().filter(|&(_, count)| count > 0)
    }
}

/// The application's own reasons by their names, which must be registered where they are loaded.
impl<R: Reason> State<Roster> for Counts<R> {
    fn save(&self, out: &mut Writer<Roster>) {
        self.counts.save(out);
        self.vetoes.len().save(out);
        for (veto, count) in &self.vetoes {
            Box::<str>::from(veto.name()).save(out);
            count.save(out);
        }
    }

    fn load(from: &mut Reader<'_, Roster>) -> Result<Self, Malformed> {
        let (counts, named): (_, Vec<(Box<str>, u64)>) = State::load(from)?;
        let mut counts = Self {
            counts,
            ..Self::default()
        };
        for (name, count) in named {
            let mut known = from.context.vetoes.iter();
            let veto = known.find(|veto| veto.name() == &*name).ok_or(Malformed)?;
            counts[*veto] = count;
        }
        Ok(counts)
    }
}

impl<R: Reason> Default for Counts<R> {
    fn default() -> Self {
        Self {
            counts: [0; REASONS_MAX],
            vetoes: Vec::new(),
            reasons: std::marker::PhantomData,
        }
    }
}

impl<R: Reason> Index<R> for Counts<R> {
    type Output = u64;

    fn index(&self, reason: R) -> &u64 {
        &self.counts[reason.index()]
    }
}

impl<R: Reason> IndexMut<R> for Counts<R> {
    fn index_mut(&mut self, reason: R) -> &mut u64 {
        &mut self.counts[reason.index()]
    }
}

/// A reason of the application's own.
impl<R: Reason> Index<Veto> for Counts<R> {
    type Output = u64;

    fn index(&self, veto: Veto) -> &u64 {
        let counted = self.vetoes.iter().find(|entry| entry.0 == veto);
        counted.map_or(&0, |(_, count)| count)
    }
}

impl<R: Reason> IndexMut<Veto> for Counts<R> {
    fn index_mut(&mut self, veto: Veto) -> &mut u64 {
        let known = self.vetoes.iter().position(|entry| entry.0 == veto);
        let position = known.unwrap_or_else(|| {
            if self.vetoes.is_empty() {
                self.vetoes.reserve_exact(VETOES_MAX);
            }
            self.vetoes.push((veto, 0));
            self.vetoes.len() - 1
        });
        &mut self.vetoes[position].1
    }
}

impl<R: Reason> Counts<R> {
    fn by_name(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let own = self.vetoes().map(|(veto, count)| (veto.name(), count));
        let reasons = self.nonzero().map(|(reason, count)| (reason.name(), count));
        reasons.chain(own)
    }
}

impl<R: Reason> fmt::Debug for Counts<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.by_name()).finish()
    }
}

/// A map of the nonzero counters by name.
impl<R: Reason> Serialize for Counts<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, count) in self.by_name() {
            map.serialize_entry(name, &count)?;
        }
        map.end()
    }
}

/// Declares an enum of reasons with its names, so that list, index and names cannot part.
macro_rules! reasons {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)+
        }

        const _: () = assert!([$($name::$variant,)+].len() <= $crate::tick::counts::REASONS_MAX);

        impl $crate::tick::counts::Reason for $name {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];

            fn index(self) -> usize {
                self as usize
            }

            fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

pub(crate) use reasons;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Refusal;

    #[test]
    fn counters_are_told_apart_and_totalled() {
        let mut counts = Counts::<Refusal>::default();
        counts[Refusal::TooLarge] += 2;
        counts[Refusal::QueueFull] += 1;
        assert_eq!(counts.total(), 3);
        let nonzero: Vec<_> = counts
            .nonzero()
            .map(|(reason, n)| (reason.name(), n))
            .collect();
        assert_eq!(nonzero, [("queueFull", 1), ("tooLarge", 2)]);
    }

    #[test]
    fn every_reason_has_its_own_index_and_name() {
        for (position, reason) in crate::Discard::ALL.iter().enumerate() {
            assert_eq!(reason.index(), position);
            let same_name = crate::Discard::ALL
                .iter()
                .filter(|r| r.name() == reason.name());
            assert_eq!(same_name.count(), 1);
        }
    }
}

//! Subchannels: which messages of a data producer a data consumer wants.

use bevy_ecs::component::Component;
use smallvec::SmallVec;

use crate::data::undelivered::MessageWithheld;

/// The subchannels that a data consumer subscribed to: a sorted set.
///
/// Written between ticks, read by Forward.
#[derive(Component, Clone, Debug, Default, PartialEq, Eq)]
pub struct Subchannels(SmallVec<[u16; 8]>);

crate::snapshot::state! { struct Subchannels(it) }

/// Whom a message is for. The default is everybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audience<'a> {
    /// Who subscribed to one of these, which are sorted; everybody when there is none.
    pub subchannels: &'a [u16],
    /// Who subscribed to this one, too.
    pub required: Option<u16>,
    /// Who did not subscribe to this one.
    pub ignored: Option<u16>,
}

impl Subchannels {
    /// The subchannels, in rising order.
    pub fn as_slice(&self) -> &[u16] {
        &self.0
    }

    /// Subscribes to one.
    pub fn insert(&mut self, subchannel: u16) {
        if let Err(position) = self.0.binary_search(&subchannel) {
            self.0.insert(position, subchannel);
        }
    }

    /// Unsubscribes from one.
    pub fn remove(&mut self, subchannel: u16) {
        if let Ok(position) = self.0.binary_search(&subchannel) {
            self.0.remove(position);
        }
    }

    /// Whether it is subscribed to.
    pub fn contains(&self, subchannel: u16) -> bool {
        self.0.binary_search(&subchannel).is_ok()
    }
}

impl FromIterator<u16> for Subchannels {
    fn from_iter<I: IntoIterator<Item = u16>>(subchannels: I) -> Self {
        let mut sorted: SmallVec<[u16; 8]> = subchannels.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        Self(sorted)
    }
}

impl Audience<'_> {
    /// Whether who subscribed to `wanted` is meant.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn admit(&self, wanted: &Subchannels) -> Result<(), MessageWithheld> {
        if self.required.is_some_and(|one| !wanted.contains(one)) {
            return Err(MessageWithheld::RequiredSubchannel);
        }
        if self.ignored.is_some_and(|one| wanted.contains(one)) {
            return Err(MessageWithheld::IgnoredSubchannel);
        }
        if !self.subchannels.is_empty() && !intersect(self.subchannels, wanted.as_slice()) {
            return Err(MessageWithheld::NoSubchannel);
        }
        Ok(())
    }
}

/// Whether two sorted lists have something in common.
fn intersect(one: &[u16], other: &[u16]) -> bool {
    let (few, many) = if one.len() < other.len() {
        (one, other)
    } else {
        (other, one)
    };
    few.iter().any(|number| many.binary_search(number).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(numbers: &[u16]) -> Subchannels {
        numbers.iter().copied().collect()
    }

    #[test]
    fn a_set_is_sorted_and_has_nothing_twice() {
        let mut wanted = set(&[5, 1, 65_535, 5, 0]);
        assert_eq!(wanted.as_slice(), [0, 1, 5, 65_535]);
        wanted.insert(3);
        wanted.insert(3);
        wanted.remove(0);
        wanted.remove(9);
        assert_eq!(wanted.as_slice(), [1, 3, 5, 65_535]);
        assert!(wanted.contains(3) && !wanted.contains(0));
    }

    #[test]
    fn every_row_of_the_routing_rule() {
        use MessageWithheld::{IgnoredSubchannel, NoSubchannel, RequiredSubchannel};
        // What the message names, what is required, what is ignored; what the consumer wants.
        type Row<'a> = (
            &'a [u16],
            Option<u16>,
            Option<u16>,
            &'a [u16],
            Result<(), MessageWithheld>,
        );
        let rows: [Row<'_>; 19] = [
            (&[], None, None, &[], Ok(())),
            (&[], None, None, &[1], Ok(())),
            (&[1], None, None, &[], Err(NoSubchannel)),
            (&[1], None, None, &[2], Err(NoSubchannel)),
            (&[1], None, None, &[1], Ok(())),
            (&[1, 2, 3], None, None, &[3, 4], Ok(())),
            (&[], Some(1), None, &[], Err(RequiredSubchannel)),
            (&[], Some(1), None, &[2], Err(RequiredSubchannel)),
            (&[], Some(1), None, &[1, 2], Ok(())),
            (&[2], Some(1), None, &[1], Err(NoSubchannel)),
            (&[2], Some(1), None, &[2], Err(RequiredSubchannel)),
            (&[2], Some(1), None, &[1, 2], Ok(())),
            (&[], None, Some(1), &[], Ok(())),
            (&[], None, Some(1), &[1], Err(IgnoredSubchannel)),
            (&[], None, Some(1), &[2], Ok(())),
            (&[2], None, Some(1), &[1, 2], Err(IgnoredSubchannel)),
            (&[2], None, Some(1), &[2], Ok(())),
            (&[], Some(1), Some(1), &[1], Err(IgnoredSubchannel)),
            (&[], Some(1), Some(2), &[2], Err(RequiredSubchannel)),
        ];
        for (subchannels, required, ignored, wanted, expected) in rows {
            let audience = Audience {
                subchannels,
                required,
                ignored,
            };
            let admitted = audience.admit(&set(wanted));
            assert_eq!(admitted, expected, "{audience:?} for {wanted:?}");
        }
    }
}

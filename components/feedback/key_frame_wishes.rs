//! Who wants a key frame.

use bevy_ecs::entity::{Entity, EntityHashMap};

/// Wishes for key frames since the last Feedback, in order.
///
/// Written by Demux, Receive, Forward and between ticks; read and emptied by Feedback.
#[derive(Debug, Default)]
pub struct KeyFrameWishes {
    wishes: Vec<KeyFrameWish>,
    // Never iterated: its order is that of a hash.
    positions: EntityHashMap<usize>,
    reminders: Vec<Entity>,
}

crate::snapshot::state! { struct KeyFrameWishes { wishes, positions, reminders } }

impl KeyFrameWishes {
    /// Adds a wish. All wishes for a stream in one tick are one, and forced if one of them is. One
    /// peer can repeat a wish for each of thousands of streams a hundred thousand times in a tick,
    /// so that must not take a search.
    pub fn add(&mut self, wish: KeyFrameWish) {
        let next = self.wishes.len();
        let position = *self.positions.entry(wish.stream).or_insert(next);
        match self.wishes.get_mut(position) {
            Some(known) => known.force |= wish.force,
            None => self.wishes.push(wish),
        }
    }

    /// What was wished for before is still needed of a stream: it is asked for again in its time.
    /// Consumers of one stream follow one another, so most repetitions are left out here.
    pub fn remind(&mut self, stream: Entity) {
        if self.reminders.last() != Some(&stream) {
            self.reminders.push(stream);
        }
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.wishes.is_empty() && self.reminders.is_empty()
    }

    /// Takes every reminder.
    pub fn drain_reminders(&mut self) -> impl Iterator<Item = Entity> {
        self.reminders.drain(..)
    }

    /// Takes every wish, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = KeyFrameWish> {
        self.positions.clear();
        self.wishes.drain(..)
    }
}

/// A wish for a key frame of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFrameWish {
    /// The stream entity.
    pub stream: Entity,
    /// Ask even when a request is pending or held back.
    pub force: bool,
}

crate::snapshot::state! { struct KeyFrameWish { stream, force } }

//! A table of what sockets have, by key.

use flumen_components::SocketKey;

/// Entries by socket key.
///
/// Keys of closed sockets are given out again before new ones, so a table indexed by key stays as
/// small as the most sockets there ever were, and one socket among thousands comes and goes at no
/// cost to the others.
#[derive(Debug)]
pub(crate) struct Slots<T>(Vec<Option<T>>);

impl<T> Slots<T> {
    pub(crate) fn is_vacant(&self, key: SocketKey) -> bool {
        self.get(key).is_none()
    }

    /// Enters `entry`; what was there is dropped.
    pub(crate) fn insert(&mut self, key: SocketKey, entry: T) {
        let index = key.0 as usize;
        if self.0.len() <= index {
            self.0.resize_with(index + 1, || None);
        }
        self.0[index] = Some(entry);
    }

    pub(crate) fn remove(&mut self, key: SocketKey) -> Option<T> {
        self.0.get_mut(key.0 as usize)?.take()
    }

    pub(crate) fn get(&self, key: SocketKey) -> Option<&T> {
        self.0.get(key.0 as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, key: SocketKey) -> Option<&mut T> {
        self.0.get_mut(key.0 as usize)?.as_mut()
    }
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

//! How much a library still holds on to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// Counts the datagrams, or messages, of one association that are still referred to.
///
/// A library keeps fragments as slices of the datagram they came in, so a fragment of one byte
/// can hold a whole datagram. Only the last reference going away tells, hence the counter that
/// travels with the bytes. Nothing is decided by the order of these operations.
#[derive(Debug, Default)]
pub(super) struct Held {
    bytes: AtomicUsize,
    parts: AtomicUsize,
    fragments: AtomicUsize,
}

/// What is in a datagram, or message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Content {
    /// Chunks or messages.
    pub(super) parts: usize,
    /// Chunks among them that are not a message by themselves.
    pub(super) fragments: usize,
}

impl Held {
    /// Wraps `bytes`, so that they and their content count until nobody refers to them.
    pub(super) fn wrap<B>(self: &Arc<Self>, bytes: B, content: Content) -> Bytes
    where
        B: AsRef<[u8]> + Send + 'static,
    {
        self.bytes
            .fetch_add(bytes.as_ref().len(), Ordering::Relaxed);
        self.parts.fetch_add(content.parts, Ordering::Relaxed);
        self.fragments
            .fetch_add(content.fragments, Ordering::Relaxed);
        Bytes::from_owner(Counted {
            bytes,
            content,
            held: Arc::clone(self),
        })
    }

    /// Bytes that are referred to.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Chunks or messages in them.
    pub(super) fn parts(&self) -> usize {
        self.parts.load(Ordering::Relaxed)
    }

    /// Fragments among them.
    pub(super) fn fragments(&self) -> usize {
        self.fragments.load(Ordering::Relaxed)
    }
}

struct Counted<B: AsRef<[u8]>> {
    bytes: B,
    content: Content,
    held: Arc<Held>,
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for Counted<B> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

impl<B: AsRef<[u8]>> Drop for Counted<B> {
    fn drop(&mut self) {
        let length = self.bytes.as_ref().len();
        self.held.bytes.fetch_sub(length, Ordering::Relaxed);
        let Content { parts, fragments } = self.content;
        self.held.parts.fetch_sub(parts, Ordering::Relaxed);
        self.held.fragments.fetch_sub(fragments, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_holds_the_whole() {
        let held = Arc::new(Held::default());
        let content = Content {
            parts: 3,
            fragments: 2,
        };
        let datagram = held.wrap(vec![0; 100], content);
        let slice = datagram.slice(1..2);
        drop(datagram);
        let counts = || (held.bytes(), held.parts(), held.fragments());
        assert_eq!(counts(), (100, 3, 2));
        drop(slice);
        assert_eq!(counts(), (0, 0, 0));
    }
}

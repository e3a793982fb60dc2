//! ClientHellos put together of their fragments.

use flumen_wire::dtls::Fragment;

/// The fragments of one ClientHello, however they arrive: browsers with post-quantum key shares
/// send it in several datagrams. Of two that differ, the newer counts.
#[derive(Debug, Default)]
pub(super) struct Hellos {
    bytes: Vec<u8>,
    is_there: Vec<bool>,
}

impl Hellos {
    /// Takes a fragment in, and gives the whole when it was the last one missing.
    pub(super) fn complete(&mut self, fragment: &Fragment<'_>, limit: usize) -> Option<Vec<u8>> {
        if fragment.length > limit || fragment.length == 0 {
            return None;
        }
        if self.differs(fragment) {
            self.bytes = vec![0; fragment.length];
            self.is_there = vec![false; fragment.length];
        }
        let place = fragment.offset..fragment.end();
        self.bytes[place.clone()].copy_from_slice(fragment.body);
        self.is_there[place].fill(true);
        let is_whole = self.is_there.iter().all(|there| *there);
        is_whole.then(|| {
            self.is_there.clear();
            std::mem::take(&mut self.bytes)
        })
    }

    /// Bytes of the one that is not whole yet.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    fn differs(&self, fragment: &Fragment<'_>) -> bool {
        let place = fragment.offset..fragment.end();
        self.bytes.len() != fragment.length
            || place
                .zip(fragment.body)
                .any(|(at, byte)| self.is_there[at] && self.bytes[at] != *byte)
    }
}

#[cfg(test)]
mod tests {
    use flumen_wire::dtls::MessageKind;

    use super::*;

    fn fragment(of: &[u8], offset: usize, end: usize) -> Fragment<'_> {
        Fragment {
            kind: MessageKind::ClientHello,
            length: of.len(),
            message_sequence: 0,
            offset,
            body: &of[offset..end],
        }
    }

    #[test]
    fn fragments_make_a_whole_in_any_order_and_overlapping() {
        let hello: Vec<u8> = (0..100).collect();
        let mut hellos = Hellos::default();
        for (offset, end) in [(60, 100), (0, 30), (20, 50), (60, 100)] {
            assert_eq!(hellos.complete(&fragment(&hello, offset, end), 200), None);
        }
        let whole = hellos.complete(&fragment(&hello, 50, 60), 200);
        assert_eq!(whole.as_deref(), Some(&hello[..]));
        assert_eq!(hellos.complete(&fragment(&hello, 0, 99), 200), None);
        assert!(hellos.complete(&fragment(&hello, 99, 100), 200).is_some());
    }

    #[test]
    fn the_newer_of_two_counts() {
        let (old, new) = ([1; 100], [2; 100]);
        let mut hellos = Hellos::default();
        assert_eq!(hellos.complete(&fragment(&old, 0, 60), 200), None);
        assert_eq!(hellos.complete(&fragment(&new, 50, 100), 200), None);
        let whole = hellos.complete(&fragment(&new, 0, 50), 200);
        assert_eq!(whole.as_deref(), Some(&new[..]));
    }

    #[test]
    fn one_that_is_too_long_takes_no_room() {
        let long = vec![0; 201];
        let mut hellos = Hellos::default();
        assert_eq!(hellos.complete(&fragment(&long, 0, 201), 200), None);
        assert_eq!(hellos.complete(&fragment(&[], 0, 0), 200), None);
        assert!(hellos.bytes.is_empty());
    }
}

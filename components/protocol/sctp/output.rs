//! Where an association puts what it yields.

use super::{AssociationEvent, UserMessage};

/// What associations yielded, in order; its buffers are reused.
#[derive(Debug, Default)]
pub struct Output {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Messages that arrived whole.
    pub messages: Vec<UserMessage>,
    /// What happened.
    pub events: Vec<AssociationEvent>,
}

impl Output {
    /// Forgets everything and keeps the buffers.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.messages.clear();
        self.events.clear();
    }

    /// The datagrams, in the order in which they are to leave.
    pub fn datagrams(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.ends.len()).map(|at| {
            let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
            &self.bytes[start..self.ends[at]]
        })
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty() && self.messages.is_empty() && self.events.is_empty()
    }

    /// How much there is, for who copies what comes after.
    pub(super) fn mark(&self) -> [usize; 3] {
        [self.ends.len(), self.messages.len(), self.events.len()]
    }

    /// Moves everything behind what `out` has.
    pub(super) fn move_to(&mut self, out: &mut Self) {
        let before = out.bytes.len();
        out.bytes.append(&mut self.bytes);
        out.ends.extend(self.ends.drain(..).map(|end| before + end));
        out.messages.append(&mut self.messages);
        out.events.append(&mut self.events);
    }

    /// Appends a datagram that `write` writes behind what is there.
    pub(super) fn datagram(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_come_back_as_they_went_in() {
        let mut output = Output::default();
        output.datagram(|bytes| bytes.extend([1, 2]));
        output.datagram(|bytes| bytes.extend([3]));
        let datagrams: Vec<_> = output.datagrams().collect();
        assert_eq!(datagrams, [&[1, 2][..], &[3]]);
        output.clear();
        assert!(output.is_empty());
    }
}

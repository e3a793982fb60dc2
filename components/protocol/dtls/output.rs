//! Where a connection puts what it yields.

use super::Event;

/// What connections yielded, in order; its buffers are reused.
#[derive(Debug, Default)]
pub struct Output {
    datagrams: Slices,
    payloads: Slices,
    /// What happened.
    pub events: Vec<Event>,
}

impl Output {
    /// Forgets everything and keeps the buffers.
    pub fn clear(&mut self) {
        self.datagrams.clear();
        self.payloads.clear();
        self.events.clear();
    }

    /// The datagrams, in the order in which they are to leave.
    pub fn datagrams(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.datagrams.iter()
    }

    /// What the peer sent as data, a record each.
    pub fn payloads(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.payloads.iter()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.datagrams.ends.is_empty() && self.payloads.ends.is_empty() && self.events.is_empty()
    }

    pub(super) fn datagram(&mut self, bytes: &[u8]) {
        self.datagrams.push(bytes);
    }

    pub(super) fn payload(&mut self, bytes: &[u8]) {
        self.payloads.push(bytes);
    }

    /// Bytes of data in it.
    pub(super) fn payload_bytes(&self) -> usize {
        self.payloads.bytes.len()
    }

    /// Forgets the data.
    pub(super) fn drop_payloads(&mut self) {
        self.payloads.clear();
    }

    /// Moves everything behind what `out` has; data only `with_payloads`.
    pub(super) fn move_to(&mut self, out: &mut Self, with_payloads: bool) {
        self.datagrams.move_to(&mut out.datagrams);
        out.events.append(&mut self.events);
        if with_payloads {
            self.payloads.move_to(&mut out.payloads);
        }
    }
}

/// Byte strings behind each other.
#[derive(Debug, Default)]
struct Slices {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Slices {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
    }

    fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.ends.len()).map(|at| {
            let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
            &self.bytes[start..self.ends[at]]
        })
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn move_to(&mut self, out: &mut Self) {
        let before = out.bytes.len();
        out.bytes.append(&mut self.bytes);
        out.ends.extend(self.ends.drain(..).map(|end| before + end));
    }
}

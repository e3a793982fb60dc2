//! Datagrams that a blocked socket would not take yet.

use bevy_ecs::resource::Resource;

use crate::tick::outbox::{Destination, OutgoingKind};
use crate::transport::traffic::Departure;

/// Datagrams that wait for a blocked socket, in the order in which they must leave.
///
/// Each was copied here once, when its socket first blocked, and is sent again as it is. Written
/// and read by Flush.
#[derive(Resource, Debug, Default)]
pub struct Parked {
    bytes: Vec<u8>,
    rows: Vec<Row>,
}

crate::snapshot::state! { struct Parked { bytes, rows } }

#[derive(Clone, Copy, Debug)]
struct Row {
    destination: Destination,
    kind: OutgoingKind,
    /// How many of its bytes protection added.
    overhead: u8,
    start: usize,
    len: usize,
}

crate::snapshot::state! { struct Row { destination, kind, overhead, start, len } }

impl Parked {
    /// How many datagrams wait.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes of the datagrams that wait.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The waiting datagram at `index` and where it goes.
    ///
    /// # Panics
    ///
    /// When `index` is not below [`len`](Self::len).
    pub fn get(&self, index: usize) -> (&Destination, &[u8]) {
        let row = &self.rows[index];
        (
            &row.destination,
            &self.bytes[row.start..row.start + row.len],
        )
    }

    /// Lets a datagram wait behind all others; of its bytes, protection added `overhead`.
    pub fn push(
        &mut self,
        destination: Destination,
        (kind, overhead): (OutgoingKind, u8),
        header: &[u8],
        payload: &[u8],
    ) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(header);
        self.bytes.extend_from_slice(payload);
        self.rows.push(Row {
            destination,
            kind,
            overhead,
            start,
            len: header.len() + payload.len(),
        });
    }

    /// Keeps the datagrams for which `keep` says so, in order. `keep` is called once for each, with
    /// its index, its destination and what it counts as if it leaves.
    pub fn retain(&mut self, mut keep: impl FnMut(usize, &Destination, Departure) -> bool) {
        let (mut kept, mut end) = (0, 0);
        for index in 0..self.rows.len() {
            let row = self.rows[index];
            let Row { start, len, .. } = row;
            let departure = Departure::of_one(row.kind, len as u64, row.overhead.into());
            if keep(index, &row.destination, departure) {
                self.bytes.copy_within(start..start + len, end);
                self.rows[kept] = Row { start: end, ..row };
                kept += 1;
                end += len;
            }
        }
        self.rows.truncate(kept);
        self.bytes.truncate(end);
    }
}

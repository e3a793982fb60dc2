//! One connection: what was read and is no datagram yet, and what could not be written yet.

use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice, Read, Write};

use flumen_components::Refusal;
use flumen_components::wire::framing::{Deframer, Frame, PREFIX, prefix};

use crate::backend::Outcome;
use crate::rotation::Share;

/// Bytes that one read takes.
pub(super) const CHUNK_BYTES: usize = 16 << 10;

/// A connection, whatever carries its bytes.
#[derive(Debug)]
pub(super) struct Stream<S> {
    pub(super) carrier: S,
    deframer: Deframer,
    /// What was read and is no whole datagram yet, or waits for its turn.
    unread: Vec<u8>,
    /// What the other side has not taken yet. Without memory of its own when that is nothing.
    unsent: VecDeque<u8>,
    /// It is among those that are read.
    pub(super) ready: bool,
    /// The other side has closed it, or it broke.
    pub(super) over: bool,
}

impl<S> Stream<S> {
    pub(super) fn new(carrier: S) -> Self {
        Self {
            carrier,
            deframer: Deframer::default(),
            unread: Vec::new(),
            unsent: VecDeque::new(),
            ready: false,
            over: false,
        }
    }

    /// Uses the memory of `spare`, if it has none.
    pub(super) fn lend(&mut self, spare: &mut VecDeque<u8>) {
        if self.unsent.is_empty() {
            std::mem::swap(&mut self.unsent, spare);
        }
    }

    /// Gives memory away in which nothing waits.
    pub(super) fn give_back(&mut self, spare: &mut VecDeque<u8>) {
        if self.unsent.is_empty() && self.unsent.capacity() > 0 {
            *spare = std::mem::take(&mut self.unsent);
        }
    }
}

impl<S: Read + Write> Stream<S> {
    /// Takes up to `limit` datagrams of up to `longest` bytes. A read counts as one of them, so that
    /// datagrams that are far longer than that are no way to be served for long. `chunk` has room
    /// for what is unread besides a read.
    pub(super) fn read(
        &mut self,
        limit: usize,
        longest: usize,
        chunk: &mut [u8],
        mut take: impl FnMut(Frame<'_>),
    ) -> Share {
        let mut end = self.unread.len();
        chunk[..end].copy_from_slice(&self.unread);
        let mut taken = 0;
        let more = loop {
            let mut rest = &chunk[..end];
            while taken < limit
                && let Some(frame) = self.deframer.next(&mut rest, longest)
            {
                take(frame);
                taken += 1;
            }
            let left = rest.len();
            chunk.copy_within(end - left..end, 0);
            end = left;
            if taken >= limit {
                break true;
            }
            match self.read_into(&mut chunk[end..]) {
                0 => break false,
                read => end += read,
            }
            taken += 1;
        };
        self.unread.clear();
        self.unread.extend_from_slice(&chunk[..end]);
        self.ready = more;
        Share { taken, more }
    }

    /// How many bytes were read: none when there are none, or it is over.
    fn read_into(&mut self, room: &mut [u8]) -> usize {
        let size = room.len().min(CHUNK_BYTES);
        loop {
            match self.carrier.read(&mut room[..size]) {
                Ok(0) => self.over = true,
                Ok(read) => return read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => self.over |= error.kind() != ErrorKind::WouldBlock,
            }
            return 0;
        }
    }

    /// Lets a datagram in two parts wait behind others, if no more than `limit` bytes wait then: it
    /// is written with them. Media that waits for long is worth nothing.
    pub(super) fn send(&mut self, parts: [&[u8]; 2], limit: usize) -> Outcome {
        let length = parts[0].len() + parts[1].len();
        let Some(prefix) = prefix(length) else {
            return Outcome::Refused(Refusal::TooLarge);
        };
        if self.unsent.len() + PREFIX + length > limit {
            self.flush();
        }
        if self.over {
            return Outcome::Refused(Refusal::ConnectionClosed);
        }
        if self.unsent.len() + PREFIX + length > limit {
            return Outcome::Refused(Refusal::ConnectionFull);
        }
        self.unsent.extend(prefix);
        parts.iter().for_each(|part| self.unsent.extend(*part));
        Outcome::Sent
    }

    /// Writes what waits, as far as the other side takes it.
    pub(super) fn flush(&mut self) {
        while !self.unsent.is_empty() && !self.over {
            let (front, back) = self.unsent.as_slices();
            let parts = [IoSlice::new(front), IoSlice::new(back)];
            match self.carrier.write_vectored(&parts) {
                Ok(0) => self.over = true,
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.over = true,
            }
        }
        if self.over {
            self.unsent.clear();
        }
    }
}

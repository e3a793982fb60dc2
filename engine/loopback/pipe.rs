//! What carries the bytes of a connection that exists only in memory.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use flumen_components::wire::framing::Deframer;

use crate::streams::Streams;

/// A listening socket.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) streams: Streams<Pipe>,
    /// Bytes that may wait on a connection.
    pub(super) unsent_bytes: usize,
}

/// Both directions of a connection.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    /// What the peer wrote and the engine did not read yet.
    pub(super) inbound: VecDeque<u8>,
    /// The peer has closed it.
    pub(super) closed: bool,
    /// How many bytes the peer takes yet; any number when it does not say.
    pub(super) window: Option<usize>,
    /// What the peer took and is no whole datagram yet.
    taken: Vec<u8>,
    deframer: Deframer,
}

impl Pipe {
    /// Hands over the datagrams that the peer took.
    pub(super) fn drain(&mut self, mut take: impl FnMut(&[u8])) {
        let mut rest = &self.taken[..];
        while let Some(frame) = self.deframer.next(&mut rest, usize::from(u16::MAX)) {
            take(frame.bytes);
        }
        let whole = self.taken.len() - rest.len();
        self.taken.drain(..whole);
    }
}

impl Read for Pipe {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.inbound.is_empty() && !self.closed {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.inbound.read(room)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let written = self
            .window
            .map_or(bytes.len(), |open| open.min(bytes.len()));
        if written == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.window = self.window.map(|open| open - written);
        self.taken.extend_from_slice(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

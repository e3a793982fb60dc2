//! The connections of one listening TCP socket: datagrams in streams of bytes (RFC 4571).

mod stream;

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::net::SocketAddr;

use flumen_components::{ConnectionChange, IceTuple, Inbox, Origin, Refusal, SocketKey};

use self::stream::{CHUNK_BYTES, Stream};
use crate::backend::{Outcome, ReceiveLimits, Transmit};
use crate::rotation::{Rotation, Share};

/// Connections that one tick accepts.
const ACCEPTED: usize = 64;

/// Datagrams of one connection that one tick takes, so that none keeps the others waiting.
const DATAGRAMS: usize = 32;

/// The connections of one listening socket, whatever carries their bytes.
#[derive(Debug)]
pub(crate) struct Streams<S> {
    /// A tree and not a hash table: remote addresses are chosen by others.
    open: BTreeMap<SocketAddr, Stream<S>>,
    ready: Rotation<SocketAddr>,
    /// Connections that were opened and not told of yet.
    opened: Vec<SocketAddr>,
    /// Somebody may want to connect.
    knocked: bool,
    /// It is among the sockets that are served.
    listed: bool,
    /// Where bytes are read to.
    chunk: Vec<u8>,
    /// The memory of a queue in which nothing waits.
    spare: VecDeque<u8>,
}

impl<S> Default for Streams<S> {
    fn default() -> Self {
        Self {
            open: BTreeMap::new(),
            ready: Rotation::new(),
            opened: Vec::new(),
            knocked: false,
            listed: false,
            chunk: Vec::new(),
            spare: VecDeque::new(),
        }
    }
}

impl<S> Streams<S> {
    /// What carries the bytes of a connection.
    pub(crate) fn carrier(&mut self, remote: SocketAddr) -> Option<&mut S> {
        Some(&mut self.open.get_mut(&remote)?.carrier)
    }

    /// What carries the bytes of all connections.
    pub(crate) fn carriers(&mut self) -> impl Iterator<Item = (SocketAddr, &mut S)> {
        let carrier = |(remote, stream)| -> (SocketAddr, &mut S) {
            let (remote, stream): (&SocketAddr, &mut Stream<S>) = (remote, stream);
            (*remote, &mut stream.carrier)
        };
        self.open.iter_mut().map(carrier)
    }

    /// Somebody wants to connect.
    pub(crate) fn knock(&mut self) {
        self.knocked = true;
    }

    /// There may be something to read of a connection.
    pub(crate) fn wake(&mut self, remote: SocketAddr) {
        if let Some(stream) = self.open.get_mut(&remote)
            && !std::mem::replace(&mut stream.ready, true)
        {
            self.ready.add(remote);
        }
    }

    /// True when there is something to do, and the socket is not among those that are served: it
    /// is from now on.
    pub(crate) fn enlist(&mut self) -> bool {
        self.has_work() && !std::mem::replace(&mut self.listed, true)
    }

    fn has_work(&self) -> bool {
        self.knocked || !self.opened.is_empty() || !self.ready.is_empty()
    }

    /// Takes a new connection in. One whose address has another is given back, which can only be
    /// when that is no more.
    pub(crate) fn open(&mut self, remote: SocketAddr, carrier: S) -> Option<S> {
        if let Some(before) = self.open.get_mut(&remote) {
            before.over = true;
            self.wake(remote);
            return Some(carrier);
        }
        self.open.insert(remote, Stream::new(carrier));
        self.opened.push(remote);
        None
    }

    /// Ends a connection: what carried it. Another one may find room that found none.
    pub(crate) fn close(&mut self, remote: SocketAddr) -> Option<S> {
        let stream = self.open.remove(&remote)?;
        if stream.ready {
            self.ready.remove(remote);
        }
        self.opened.retain(|opened| *opened != remote);
        self.knocked = true;
        Some(stream.carrier)
    }
}

impl<S: Read + Write> Streams<S> {
    /// Accepts who wants to connect, and moves up to `limit` datagrams into the inbox. What carried
    /// a connection that ended goes to `part`.
    pub(crate) fn read(
        &mut self,
        key: SocketKey,
        (inbox, limits, limit): (&mut Inbox, &ReceiveLimits, usize),
        accept: impl FnMut() -> Option<(SocketAddr, S)>,
        mut part: impl FnMut(S),
    ) -> Share {
        self.accept(accept, &mut part);
        for remote in self.opened.drain(..) {
            let tuple = IceTuple {
                socket: key,
                remote,
            };
            inbox.note_connection(ConnectionChange::Opened(tuple));
        }
        self.chunk
            .resize(CHUNK_BYTES + 2 * (limits.datagram_bytes + 2), 0);
        let Self {
            open, ready, chunk, ..
        } = self;
        let share = ReceiveLimits {
            datagrams_per_tick: limit,
            datagrams_per_socket: DATAGRAMS,
            ..*limits
        };
        let mut taken = 0;
        ready.serve(&share, |remote, limit| {
            let stream = open.get_mut(&remote).expect("a ready connection is open");
            let origin = Origin::Network {
                socket: key,
                source: remote,
            };
            let share = stream.read(limit, limits.datagram_bytes, chunk, |frame| {
                inbox.push_cut(origin, frame.bytes, frame.cut);
            });
            taken += share.taken;
            if stream.over && !share.more {
                let tuple = IceTuple {
                    socket: key,
                    remote,
                };
                inbox.note_connection(ConnectionChange::Ended(tuple));
                open.remove(&remote)
                    .into_iter()
                    .for_each(|stream| part(stream.carrier));
            }
            share
        });
        self.listed = self.has_work();
        Share {
            taken,
            more: self.listed,
        }
    }

    fn accept(
        &mut self,
        mut accept: impl FnMut() -> Option<(SocketAddr, S)>,
        part: &mut impl FnMut(S),
    ) {
        let mut accepted = 0;
        while self.knocked && accepted < ACCEPTED {
            match accept() {
                None => self.knocked = false,
                Some((remote, carrier)) => {
                    self.open(remote, carrier).into_iter().for_each(&mut *part);
                    accepted += 1;
                }
            }
        }
    }

    /// Sends datagrams, each behind what waits on its connection, of which no more than `limit`
    /// bytes may. Those of one connection are written at once.
    pub(crate) fn send<'a>(
        &mut self,
        run: impl Iterator<Item = Transmit<'a>>,
        limit: usize,
        outcomes: &mut Vec<Outcome>,
    ) {
        let mut run = run.peekable();
        while let Some(remote) = run.peek().map(|transmit| transmit.address) {
            let mut next = || run.next_if(|transmit| transmit.address == remote);
            let Some(stream) = self.open.get_mut(&remote) else {
                let closed = Outcome::Refused(Refusal::ConnectionClosed);
                outcomes.extend(std::iter::from_fn(|| next().map(|_| closed)));
                continue;
            };
            stream.lend(&mut self.spare);
            while let Some(transmit) = next() {
                outcomes.push(stream.send([transmit.header, transmit.payload], limit));
            }
            self.resume(remote);
        }
    }

    /// A connection may have room again: what waits is written.
    pub(crate) fn resume(&mut self, remote: SocketAddr) {
        let Some(stream) = self.open.get_mut(&remote) else {
            return;
        };
        stream.flush();
        stream.give_back(&mut self.spare);
        if stream.over {
            self.wake(remote);
        }
    }
}

//! The limit of the machine: `recvmmsg`, rewriting and `sendmmsg`, and nothing else.
//!
//! No RTCP, no statistics, no retransmissions, no world; but the sockets of the engine, its
//! gathering, and headers of the length that it writes for each receiver over a shared payload.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::ops::{Range, RangeInclusive};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::layout::{Layout, Sockets, Way, ssrc};
use crate::messages::{Messages, RUN_BYTES_MAX, SEGMENTS_MAX, to_sockaddr};
use crate::packet::{FIXED_HEADER_LEN, payload_start};
use crate::slots::Slots;

/// Datagrams of one pass.
const PASS: usize = 256;

/// A forwarder with no RTCP, no statistics and no world.
pub(crate) struct Bare {
    layout: Layout,
    way: Way,
    header_len: usize,
    sockets: Vec<UdpSocket>,
    /// The first of them, or all, are received from.
    /// The socket from which each receiver is sent to, and where it is.
    exits: Vec<(usize, libc::sockaddr_in)>,
    entrances: Vec<SocketAddr>,
    waiting: Option<Waiting>,
    slots: Slots,
    messages: Messages,
    headers: Vec<u8>,
    /// What each receiver gets in this pass, and who gets anything.
    queues: Vec<Vec<Row>>,
    touched: Vec<u16>,
}

/// Waits for several sockets.
struct Waiting {
    poll: Poll,
    events: Events,
    ready: Vec<usize>,
}

/// A datagram for one receiver: a header of its own, and the payload of one that came.
#[derive(Clone)]
struct Row {
    /// Among the headers of the pass.
    header: Range<usize>,
    slot: usize,
    /// Where the payload begins there.
    payload: usize,
    /// Header and payload.
    len: usize,
}

impl Bare {
    /// Binds the sockets that the engine would; headers of `header_len` bytes take the place of those
    /// that come.
    ///
    /// # Errors
    ///
    /// When ports run out, usually.
    pub(crate) fn open(
        layout: &Layout,
        sockets: Sockets,
        way: Way,
        header_len: usize,
    ) -> io::Result<Self> {
        let receivers = usize::from(layout.receivers);
        let sends_and_receives = layout.senders.iter().all(|one| one.receiver.is_some());
        let outward = match sockets {
            Sockets::Shared => 1,
            Sockets::Own => receivers,
        };
        // A sender who receives nothing has a socket to send to.
        let first_exit = usize::from(!sends_and_receives);
        let mut ports = layout.own_ports();
        let bound: Vec<_> = (0..first_exit + outward)
            .map(|_| bind(&mut ports))
            .collect::<io::Result<_>>()?;
        let inlets = if sends_and_receives { outward } else { 1 };
        let exit = |receiver| first_exit + usize::from(receiver) % outward;
        let exits = (0..layout.receivers)
            .map(|one| (exit(one), to_sockaddr(layout.address(one))))
            .collect();
        let entrances = layout.senders.iter();
        let entrances = entrances
            .map(|one| bound[one.receiver.map_or(0, exit)].local_addr())
            .collect::<io::Result<_>>()?;
        Ok(Self {
            layout: layout.clone(),
            way,
            header_len,
            waiting: match inlets {
                1 => None,
                _ => Some(Waiting::new(&bound[..inlets])?),
            },
            sockets: bound,
            exits,
            entrances,
            slots: Slots::new(PASS, false),
            messages: Messages::default(),
            headers: Vec::new(),
            queues: vec![Vec::new(); receivers],
            touched: Vec::new(),
        })
    }

    /// Where senders send to, one after another.
    pub(crate) fn entrances(&self) -> &[SocketAddr] {
        &self.entrances
    }

    /// Forwards for ever; two passes are `gather` apart, so that what arrives meanwhile is handled as
    /// one.
    ///
    /// # Errors
    ///
    /// What a socket says.
    #[expect(
        clippy::disallowed_methods,
        reason = "a bare forwarder keeps real time"
    )]
    #[allow(dead_code, reason = "for who has nothing else to do")]
    pub(crate) fn run(&mut self, gather: Duration) -> io::Result<()> {
        let mut last = Instant::now();
        loop {
            if !gather.is_zero() {
                std::thread::sleep(gather.saturating_sub(last.elapsed()));
            }
            self.receive(true)?;
            last = Instant::now();
            self.forward()?;
        }
    }

    /// Forwards what has arrived: how many datagrams were sent.
    ///
    /// # Errors
    ///
    /// What a socket says.
    #[allow(dead_code, reason = "for who knows that something has")]
    pub(crate) fn pass(&mut self) -> io::Result<usize> {
        self.receive(false)?;
        self.forward()
    }

    /// Takes in what has arrived; `waits` for the first of it.
    fn receive(&mut self, waits: bool) -> io::Result<()> {
        let Self {
            slots,
            sockets,
            waiting,
            ..
        } = self;
        slots.clear();
        let Some(waiting) = waiting else {
            let mut more = slots.receive(&sockets[0], waits)?;
            while more && !slots.is_full() {
                more = slots.receive(&sockets[0], false)?;
            }
            return Ok(());
        };
        waiting.wait(waits)?;
        while let Some(&socket) = waiting.ready.last()
            && !slots.is_full()
        {
            if !slots.receive(&sockets[socket], false)? {
                waiting.ready.pop();
            }
        }
        Ok(())
    }

    /// Writes a header for each who gets a datagram, and sends.
    fn forward(&mut self) -> io::Result<usize> {
        self.headers.clear();
        for slot in 0..self.slots.len() {
            self.enqueue(slot);
        }
        let mut touched = std::mem::take(&mut self.touched);
        let exit = |receiver: &u16| self.exits[usize::from(*receiver)].0;
        let mut sent = 0;
        for together in touched.chunk_by(|one, next| exit(one) == exit(next)) {
            sent += send(
                self.way,
                &self.sockets[exit(&together[0])],
                Load {
                    receivers: together,
                    exits: &self.exits,
                    queues: &self.queues,
                    headers: &self.headers,
                    slots: &self.slots,
                },
                &mut self.messages,
            )?;
        }
        for receiver in touched.drain(..) {
            self.queues[usize::from(receiver)].clear();
        }
        self.touched = touched;
        Ok(sent)
    }

    /// Writes the header of a datagram for one who gets it, with extensions of which nothing is said
    /// (RFC 8285, section 4.2).
    fn write_header(&mut self, [first, rest @ ..]: [u8; 8], sender: usize) {
        const EXTENSION: u8 = 0x10;
        let end = self.headers.len() + self.header_len;
        let words = (self.header_len - FIXED_HEADER_LEN - 4) / 4;
        self.headers.push(first & 0xc0 | EXTENSION);
        self.headers.extend_from_slice(&rest);
        self.headers.extend_from_slice(&ssrc(sender).to_be_bytes());
        self.headers
            .extend_from_slice(&[0xbe, 0xde, 0, words as u8]);
        self.headers.resize(end, 0);
    }

    /// Rewrites the header of a datagram for each who gets it.
    fn enqueue(&mut self, slot: usize) {
        let datagram = self.slots.datagram(slot);
        let Some(payload) = payload_start(datagram) else {
            return;
        };
        let index = match self.layout.senders.len() {
            1 => 0,
            _ => self
                .slots
                .source_port(slot)
                .wrapping_sub(self.layout.first_port)
                .into(),
        };
        let Some(sender) = self.layout.senders.get(index) else {
            return;
        };
        let len = self.header_len + datagram.len() - payload;
        let Some(&head) = datagram.first_chunk() else {
            return;
        };
        for receiver in sender.receivers() {
            let header = self.headers.len();
            self.write_header(head, index);
            let queue = &mut self.queues[usize::from(receiver)];
            if queue.is_empty() {
                self.touched.push(receiver);
            }
            queue.push(Row {
                header: header..header + self.header_len,
                slot,
                payload,
                len,
            });
        }
    }
}

/// What leaves by one socket.
struct Load<'a> {
    receivers: &'a [u16],
    exits: &'a [(usize, libc::sockaddr_in)],
    queues: &'a [Vec<Row>],
    headers: &'a [u8],
    slots: &'a Slots,
}

/// Sends it, receiver by receiver: how many datagrams there were.
fn send(
    way: Way,
    socket: &UdpSocket,
    load: Load<'_>,
    messages: &mut Messages,
) -> io::Result<usize> {
    let mut flight = messages.flight();
    let mut sent = 0;
    for &receiver in load.receivers {
        let to = &load.exits[usize::from(receiver)].1;
        let mut rows = &load.queues[usize::from(receiver)][..];
        while let Some(first) = rows.first() {
            let count = match way {
                Way::Sendmmsg => 1,
                Way::Gso => run_of(rows),
            };
            if !flight.has_room(2 * count) {
                flight.send(socket)?;
            }
            flight.begin(to, (count > 1).then_some(first.len as u16));
            for row in &rows[..count] {
                flight.part(&load.headers[row.header.clone()]);
                flight.part(&load.slots.datagram(row.slot)[row.payload..]);
            }
            sent += count;
            rows = &rows[count..];
        }
    }
    flight.send(socket)?;
    Ok(sent)
}

/// How many of the rows leave as one: all of one length but the last, which may be shorter.
fn run_of(rows: &[Row]) -> usize {
    let len = rows[0].len;
    let limit = SEGMENTS_MAX.min(RUN_BYTES_MAX / len);
    let equal = rows
        .iter()
        .take(limit)
        .take_while(|row| row.len == len)
        .count();
    let has_end = equal < limit && rows.get(equal).is_some_and(|row| row.len < len);
    (equal + usize::from(has_end)).max(1)
}

impl Waiting {
    fn new(sockets: &[UdpSocket]) -> io::Result<Self> {
        let poll = Poll::new()?;
        for (index, socket) in sockets.iter().enumerate() {
            let mut source = SourceFd(&socket.as_raw_fd());
            poll.registry()
                .register(&mut source, Token(index), Interest::READABLE)?;
        }
        Ok(Self {
            poll,
            events: Events::with_capacity(sockets.len()),
            ready: Vec::new(),
        })
    }

    /// Takes note of the sockets that can be read; `waits` for the first, if none is known.
    fn wait(&mut self, waits: bool) -> io::Result<()> {
        let patience = match waits && self.ready.is_empty() {
            true => None,
            false => Some(Duration::ZERO),
        };
        self.poll.poll(&mut self.events, patience)?;
        for event in &self.events {
            let socket = event.token().0;
            if !self.ready.contains(&socket) {
                self.ready.push(socket);
            }
        }
        Ok(())
    }
}

/// Binds the next port that is free.
fn bind(ports: &mut RangeInclusive<u16>) -> io::Result<UdpSocket> {
    let free = ports.find_map(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok());
    free.ok_or_else(|| io::ErrorKind::AddrInUse.into())
}

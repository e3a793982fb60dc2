//! Packets out on time, and packets in.
#![allow(unsafe_code, reason = "std does not ask for the times of arrival")]

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::Failure;
use crate::arguments::Arguments;
use crate::forwarder::{Producer, Ready};
use crate::packet::payload_start;
use crate::slots::Slots;

/// Length of the packets in bytes: full ones of a video.
const PACKET_LEN: usize = 1_200;
/// What the kernel keeps of one socket's packets until they are received.
const RECEIVE_BUFFER: libc::c_int = 4 << 20;
/// How long the last packets may take.
const LAST: Duration = Duration::from_millis(200);

/// All who send and receive.
pub(crate) struct Traffic {
    sockets: Vec<UdpSocket>,
    streams: Vec<Stream>,
    poll: Poll,
    events: Events,
    slots: Slots,
    /// When the next burst is due, in nanoseconds since 1970, and of whom.
    due: u64,
    turn: usize,
    /// From one burst to the next, of whomever.
    gap: f64,
    owed: f64,
    burst: u32,
    /// Only what was sent from here on counts.
    begun: u64,
    /// What was received, in nanoseconds on its way.
    pub(crate) delays: Vec<u64>,
    pub(crate) sent: u64,
    pub(crate) span: Duration,
    /// How late a burst was, at worst, in nanoseconds.
    pub(crate) late: u64,
}

/// What one producer sends.
struct Stream {
    socket: usize,
    to: SocketAddr,
    packet: Vec<u8>,
    sequence: u16,
    timestamp: u32,
}

impl Traffic {
    pub(crate) fn new(ready: &Ready, arguments: &Arguments) -> Result<Self, Failure> {
        let poll = Poll::new()?;
        let mut sockets = Vec::new();
        for &port in &ready.ports {
            let socket = receiver(port)?;
            let token = Token(sockets.len());
            poll.registry().register(
                &mut SourceFd(&socket.as_raw_fd()),
                token,
                Interest::READABLE,
            )?;
            sockets.push(socket);
        }
        let mut streams = Vec::new();
        for producer in &ready.producers {
            let of_port = |src| ready.ports.iter().position(|&port| port == src);
            let socket = match producer.src {
                Some(src) => of_port(src).ok_or("a producer sends from elsewhere")?,
                None => {
                    sockets.push(UdpSocket::bind(("127.0.0.1", 0))?);
                    sockets.len() - 1
                }
            };
            streams.push(Stream::new(producer, socket));
        }
        let bursts = f64::from(arguments.packets) / f64::from(arguments.burst);
        Ok(Self {
            sockets,
            gap: 1e9 / bursts / streams.len() as f64,
            streams,
            poll,
            events: Events::with_capacity(1_024),
            slots: Slots::new(64, true),
            due: now(),
            turn: 0,
            owed: 0.0,
            burst: arguments.burst,
            begun: now(),
            delays: Vec::with_capacity(1 << 22),
            sent: 0,
            span: Duration::ZERO,
            late: 0,
        })
    }

    /// Sends and receives for so long.
    pub(crate) fn run(&mut self, span: Duration) -> io::Result<()> {
        let end = self.due + span.as_nanos() as u64;
        self.span = span;
        while self.due < end {
            let now = now();
            if self.due <= now {
                self.late = self.late.max(now - self.due);
                self.send()?;
            }
            self.receive()?;
        }
        Ok(())
    }

    /// Receives what is still on its way.
    pub(crate) fn run_out(&mut self) -> io::Result<()> {
        let end = now() + LAST.as_nanos() as u64;
        while now() < end {
            self.receive()?;
        }
        Ok(())
    }

    /// Begins to measure.
    pub(crate) fn forget(&mut self) {
        self.delays.clear();
        self.sent = 0;
        self.late = 0;
        self.begun = self.due;
    }

    /// The next burst, and when the one behind it is due.
    fn send(&mut self) -> io::Result<()> {
        let stream = &mut self.streams[self.turn];
        let socket = &self.sockets[stream.socket];
        for _ in 0..self.burst {
            stream.number();
            socket.send_to(&stream.packet, stream.to)?;
            self.sent += 1;
        }
        stream.timestamp = stream.timestamp.wrapping_add(960);
        self.turn = (self.turn + 1) % self.streams.len();
        self.owed += self.gap;
        self.due += self.owed as u64;
        self.owed -= self.owed.floor();
        Ok(())
    }

    fn receive(&mut self) -> io::Result<()> {
        self.poll.poll(&mut self.events, Some(Duration::ZERO))?;
        for event in &self.events {
            let socket = &self.sockets[event.token().0];
            let mut more = true;
            while more {
                self.slots.clear();
                more = self.slots.receive(socket, false)?;
                for index in 0..self.slots.len() {
                    let sent = sent_at(self.slots.datagram(index));
                    if let (Some(sent), Some(came)) = (sent, self.slots.arrival(index))
                        && sent >= self.begun
                    {
                        self.delays.push(came.saturating_sub(sent));
                    }
                }
            }
        }
        Ok(())
    }
}

impl Stream {
    fn new(producer: &Producer, socket: usize) -> Self {
        let mut packet = vec![0x80, producer.pt, 0, 0, 0, 0, 0, 0];
        packet.extend(producer.ssrc.to_be_bytes());
        packet.resize(PACKET_LEN, 0x5a);
        Self {
            socket,
            to: producer.dest,
            packet,
            sequence: 0,
            timestamp: 0,
        }
    }

    /// Makes the packet the next one, sent now.
    fn number(&mut self) {
        self.sequence = self.sequence.wrapping_add(1);
        self.packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        self.packet[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        self.packet[12..20].copy_from_slice(&now().to_be_bytes());
    }
}

/// When a packet of ours was sent.
fn sent_at(datagram: &[u8]) -> Option<u64> {
    let payload = datagram.get(payload_start(datagram)?..)?;
    Some(u64::from_be_bytes(*payload.first_chunk()?))
}

/// A socket of which the kernel writes down when datagrams arrive.
fn receiver(port: u16) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(("127.0.0.1", port))?;
    socket.set_nonblocking(true)?;
    set(&socket, libc::SO_TIMESTAMPNS, 1)?;
    set(&socket, libc::SO_RCVBUF, RECEIVE_BUFFER)?;
    Ok(socket)
}

fn set(socket: &UdpSocket, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let (level, len) = (libc::SOL_SOCKET, size_of_val(&value) as libc::socklen_t);
    let value = (&raw const value).cast();
    // SAFETY: the pointer and the length describe `value`, which outlives the call.
    let done = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, value, len) };
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The kernel's clock of arrivals, in nanoseconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "a load generator keeps real time"
)]
fn now() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    since_1970.unwrap_or_default().as_nanos() as u64
}

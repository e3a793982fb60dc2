//! A receiver: a socket of its own, and a thread that checks every packet against the recording.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use flumen::components::wire::{PacketKind, RtpHeader, classify};
use flumen::rtp_parameters::MediaKind;
use serde::Serialize;

use crate::recordings::Media;
use crate::running::Failure;

/// What a receiver must get of one consumer.
pub(crate) struct Expected {
    /// Audio or video.
    pub(crate) kind: MediaKind,
    /// The SSRC of the consumer.
    pub(crate) ssrc: u32,
    /// The payload type of the consumer.
    pub(crate) payload_type: u8,
    /// The packets, in order.
    pub(crate) media: Vec<Media<'static>>,
}

/// What a receiver got, while it receives.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    packets: AtomicU64,
    gaps: AtomicU64,
    wrong: AtomicU64,
    reports: AtomicU64,
    end: AtomicBool,
}

impl Tally {
    /// Media packets received.
    pub(crate) fn packets(&self) -> u64 {
        self.packets.load(Ordering::Relaxed)
    }

    /// Missing sequence numbers.
    pub(crate) fn gaps(&self) -> u64 {
        self.gaps.load(Ordering::Relaxed)
    }

    /// Media packets that are not in the recording, or not in order.
    pub(crate) fn wrong(&self) -> u64 {
        self.wrong.load(Ordering::Relaxed)
    }

    /// RTCP datagrams received.
    pub(crate) fn reports(&self) -> u64 {
        self.reports.load(Ordering::Relaxed)
    }
}

/// A receiver at work.
pub(crate) struct Receiver {
    /// What it got until now.
    pub(crate) tally: Arc<Tally>,
    thread: JoinHandle<io::Result<Vec<Stream>>>,
}

/// What a receiver gets of one consumer.
struct Stream {
    expected: Expected,
    /// The position in the recording behind the last packet.
    next: usize,
    sequence: Option<u16>,
    packets: u64,
    bytes: u64,
    gaps: u64,
}

/// What a receiver got of one consumer, in the end.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamReport {
    /// Audio or video.
    pub(crate) kind: MediaKind,
    /// The SSRC of the consumer.
    pub(crate) ssrc: u32,
    /// The payload type of the consumer.
    pub(crate) payload_type: u8,
    /// Packets that are as they were recorded, in order.
    pub(crate) packets: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Missing sequence numbers.
    pub(crate) gaps: u64,
    /// Recorded packets that did not come.
    pub(crate) not_forwarded: u64,
}

/// A socket to receive at.
pub(crate) fn socket() -> io::Result<(UdpSocket, SocketAddr)> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(50)))?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}

impl Receiver {
    /// Receives at `socket`, on a thread of its own.
    #[expect(
        clippy::disallowed_methods,
        reason = "a receiver is an application's thread"
    )]
    pub(crate) fn start(socket: UdpSocket, expected: Vec<Expected>) -> Self {
        let tally = Arc::new(Tally::default());
        let mine = Arc::clone(&tally);
        let streams = expected.into_iter().map(Stream::new).collect();
        let thread = thread::spawn(move || receive(&socket, streams, &mine));
        Self { tally, thread }
    }

    /// Takes in what is left and tells what came of each consumer.
    pub(crate) fn finish(self) -> Result<Vec<StreamReport>, Failure> {
        self.tally.end.store(true, Ordering::Relaxed);
        let streams = self.thread.join().map_err(|_| "a receiver panicked")??;
        Ok(streams.iter().map(Stream::report).collect())
    }
}

fn receive(socket: &UdpSocket, mut streams: Vec<Stream>, tally: &Tally) -> io::Result<Vec<Stream>> {
    let mut buffer = [0; 2_048];
    loop {
        match socket.recv(&mut buffer) {
            Ok(len) => take_in(&buffer[..len], &mut streams, tally),
            Err(error) if is_timeout(&error) => {
                if tally.end.load(Ordering::Relaxed) {
                    return Ok(streams);
                }
            }
            Err(error) => return Err(error),
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}

fn take_in(bytes: &[u8], streams: &mut [Stream], tally: &Tally) {
    if classify(bytes) == Some(PacketKind::Rtcp) {
        tally.reports.fetch_add(1, Ordering::Relaxed);
        return;
    }
    tally.packets.fetch_add(1, Ordering::Relaxed);
    let gap = RtpHeader::parse(bytes).ok().and_then(|header| {
        let mut streams = streams.iter_mut();
        let stream = streams.find(|stream| stream.expected.ssrc == header.ssrc)?;
        stream.take_in(&header, bytes)
    });
    match gap {
        Some(missing) => tally.gaps.fetch_add(missing.into(), Ordering::Relaxed),
        None => tally.wrong.fetch_add(1, Ordering::Relaxed),
    };
}

impl Stream {
    fn new(expected: Expected) -> Self {
        Self {
            expected,
            next: 0,
            sequence: None,
            packets: 0,
            bytes: 0,
            gaps: 0,
        }
    }

    /// The sequence numbers missing before a packet; none when it is not the recording's.
    fn take_in(&mut self, header: &RtpHeader, bytes: &[u8]) -> Option<u16> {
        let media = Media::of(header, bytes);
        let ahead = &self.expected.media[self.next..];
        let position = ahead.iter().position(|&expected| expected == media)?;
        if header.payload_type != self.expected.payload_type {
            return None;
        }
        self.next += position + 1;
        self.packets += 1;
        self.bytes += bytes.len() as u64;
        let due = self.sequence.map(|last| last.wrapping_add(1));
        let missing = due.map_or(0, |due| header.sequence_number.wrapping_sub(due));
        self.sequence = Some(header.sequence_number);
        self.gaps += u64::from(missing);
        Some(missing)
    }

    /// As the summary tells it.
    pub(crate) fn report(&self) -> StreamReport {
        StreamReport {
            kind: self.expected.kind,
            ssrc: self.expected.ssrc,
            payload_type: self.expected.payload_type,
            packets: self.packets,
            bytes: self.bytes,
            gaps: self.gaps,
            not_forwarded: self.expected.media.len() as u64 - self.packets,
        }
    }
}

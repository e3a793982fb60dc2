//! Plays a recording into the engine, from a socket of its own, at the pace it was recorded.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::capture::Recorded;

/// A recording that is being played.
pub(crate) struct Player {
    socket: UdpSocket,
    thread: JoinHandle<io::Result<u64>>,
}

/// What became of a recording.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Played {
    /// Datagrams sent to the engine.
    pub(crate) sent: u64,
    /// Datagrams that the engine sent back: RTCP.
    pub(crate) answers: u64,
}

impl Player {
    /// Plays to the transport at `to`, on a thread of its own.
    #[expect(
        clippy::disallowed_methods,
        reason = "a player is an application's thread and keeps real time"
    )]
    pub(crate) fn start(packets: Vec<Recorded<'static>>, to: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(to)?;
        let sender = socket.try_clone()?;
        let start = Instant::now();
        let thread = thread::spawn(move || {
            for packet in &packets {
                thread::sleep(packet.at.saturating_sub(start.elapsed()));
                sender.send(packet.datagram)?;
            }
            Ok(packets.len() as u64)
        });
        Ok(Self { socket, thread })
    }

    /// Everything has been played.
    pub(crate) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Counts what was sent, and what came back until now.
    pub(crate) fn finish(self) -> io::Result<Played> {
        let sent = self
            .thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the player panicked")))?;
        self.socket.set_nonblocking(true)?;
        let mut answers = 0;
        while self.socket.recv(&mut [0; 2_048]).is_ok() {
            answers += 1;
        }
        Ok(Played { sent, answers })
    }
}

/// How long a recording plays.
pub(crate) fn duration(packets: &[Recorded<'_>]) -> Duration {
    packets.last().map_or(Duration::ZERO, |packet| packet.at)
}

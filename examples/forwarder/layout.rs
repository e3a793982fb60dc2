//! Who sends, and who gets it.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::{Range, RangeInclusive};

/// Payload type of all packets: Opus, for which any payload will do.
pub(crate) const PAYLOAD_TYPE: u8 = 111;
/// SSRC of the first sender; the others count on from there.
pub(crate) const FIRST_SSRC: u32 = 1_111;
/// The most who may send or receive: each has a port, and so has the forwarder for each.
const PARTIES_MAX: u32 = 20_000;

/// Whether receivers are sent to from one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sockets {
    /// One, and in rooms everything is received there too.
    Shared,
    /// Each has its own.
    Own,
}

/// How a bare forwarder sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// A slot of `sendmmsg` for each datagram.
    Sendmmsg,
    /// One for each run of equal datagrams to one receiver, which the kernel cuts up.
    Gso,
}

/// Who sends, and who gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The port of the first receiver, on 127.0.0.1; those of the others follow.
    pub(crate) first_port: u16,
    /// How many receivers there are.
    pub(crate) receivers: u16,
    /// Those who send.
    pub(crate) senders: Vec<Sender>,
}

/// One who sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sender {
    /// Which receiver it is as well; it does not get its own packets.
    pub(crate) receiver: Option<u16>,
    group: Range<u16>,
}

impl Layout {
    /// One sender, and everybody else gets it.
    ///
    /// # Errors
    ///
    /// When it is too much.
    pub(crate) fn fan_out(consumers: u16, first_port: u16) -> Result<Self, String> {
        let sender = Sender {
            receiver: None,
            group: 0..consumers,
        };
        Self::of(first_port, consumers.into(), |_| vec![sender])
    }

    /// Rooms in which everybody sends, and gets all others.
    ///
    /// # Errors
    ///
    /// When it is too much.
    pub(crate) fn rooms(rooms: u16, participants: u16, first_port: u16) -> Result<Self, String> {
        let all = u32::from(rooms) * u32::from(participants);
        Self::of(first_port, all, |all| {
            let sender = |index| {
                let first = index - index % participants;
                Sender {
                    receiver: Some(index),
                    group: first..first + participants,
                }
            };
            (0..all).map(sender).collect()
        })
    }

    fn of(
        first_port: u16,
        receivers: u32,
        senders: impl FnOnce(u16) -> Vec<Sender>,
    ) -> Result<Self, String> {
        if receivers > PARTIES_MAX {
            return Err(format!("{receivers} receivers are more than {PARTIES_MAX}"));
        }
        let receivers = receivers as u16;
        // The forwarder's own ports follow, and some of them may be in use.
        let needed = 2 * u32::from(receivers) + 100;
        let last = u32::from(u16::MAX) - needed;
        if !(1..=last).contains(&u32::from(first_port)) {
            return Err(format!(
                "--ports must be 1 to {last} for {receivers} receivers"
            ));
        }
        Ok(Self {
            first_port,
            receivers,
            senders: senders(receivers),
        })
    }

    /// The ports of the receivers.
    pub(crate) fn ports(&self) -> Range<u16> {
        self.first_port..self.first_port + self.receivers
    }

    /// Where a receiver listens.
    pub(crate) fn address(&self, receiver: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.first_port + receiver))
    }

    /// The ports that the forwarder may take.
    pub(crate) fn own_ports(&self) -> RangeInclusive<u16> {
        self.ports().end..=u16::MAX
    }

    /// How many receivers each packet has.
    pub(crate) fn copies(&self) -> usize {
        self.senders
            .first()
            .map_or(0, |sender| sender.receivers().count())
    }
}

impl Sender {
    /// Who gets its packets.
    pub(crate) fn receivers(&self) -> impl Iterator<Item = u16> + use<> {
        let itself = self.receiver;
        self.group.clone().filter(move |&one| Some(one) != itself)
    }
}

/// SSRC of a sender, by its place.
pub(crate) fn ssrc(sender: usize) -> u32 {
    FIRST_SSRC + sender as u32
}

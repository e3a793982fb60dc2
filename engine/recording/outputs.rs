//! What leaves, summed up.

use std::fmt;
use std::net::SocketAddr;

use flumen_components::{Digest, Time};

use crate::backend::{Flight, Outcome};

/// What left by the network in a pass or a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// How many datagrams.
    pub datagrams: u64,
    /// How many bytes these had.
    pub bytes: u64,
    /// A hash of when they left, by which socket, where to, and of all their bytes; 0 when there
    /// were none.
    pub digest: u64,
}

impl fmt::Display for Outputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            datagrams,
            bytes,
            digest,
        } = self;
        write!(
            f,
            "{datagrams} datagrams, {bytes} bytes, digest {digest:016x}"
        )
    }
}

/// What has left until now.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    datagrams: u64,
    bytes: u64,
    digest: Digest,
}

impl Tally {
    /// Adds what of a flight has left at `now`.
    pub(crate) fn add(&mut self, flight: &Flight<'_>, outcomes: &[Outcome], now: Time) {
        for (index, _) in outcomes
            .iter()
            .enumerate()
            .filter(|(_, one)| **one == Outcome::Sent)
        {
            let datagram = flight.get(index);
            let len = (datagram.header.len() + datagram.payload.len()) as u64;
            self.datagrams += 1;
            self.bytes += len;
            self.digest.write_u64(now.as_nanos());
            self.digest
                .write_u64(u64::from(datagram.socket.0) << 32 | len);
            self.address(datagram.address);
            self.digest.write(datagram.header);
            self.digest.write(datagram.payload);
        }
    }

    fn address(&mut self, address: SocketAddr) {
        match address {
            SocketAddr::V4(v4) => self.digest.write(&v4.ip().octets()),
            SocketAddr::V6(v6) => self.digest.write(&v6.ip().octets()),
        }
        self.digest.write_u64(address.port().into());
    }

    /// What was added since the last call.
    pub(crate) fn take(&mut self) -> Outputs {
        if self.datagrams == 0 {
            return Outputs::default();
        }
        let Self {
            datagrams,
            bytes,
            digest,
        } = std::mem::take(self);
        Outputs {
            datagrams,
            bytes,
            digest: digest.finish(),
        }
    }
}

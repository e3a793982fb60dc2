//! What leaves, summed up.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use flumen_components::{Digest, Time};

use crate::backend::{Flight, Outcome, Transmit};

/// What left by the network in a pass or a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// How many datagrams.
    pub datagrams: u64,
    /// How many bytes these had.
    pub bytes: u64,
    /// A hash of when they left, by which socket, where to, and of all their bytes; 0 when there
    /// were none. Of what SRTP has sealed it is the header and the tag, which depend on all the rest.
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
    payloads: Payloads,
}

impl Tally {
    /// Adds what of a flight has left at `now`: whether all of it has.
    pub(crate) fn add(&mut self, flight: &Flight<'_>, outcomes: &[Outcome], now: Time) -> bool {
        self.payloads.forget();
        self.digest.write_block([now.as_nanos(), 0, 0, 0]);
        let before = self.datagrams;
        let mut outcomes = outcomes.iter();
        flight.each(|datagram, is_sealed| {
            if outcomes.next() == Some(&Outcome::Sent) {
                let payload = match is_sealed {
                    true => Digest::of(ending(datagram.payload)),
                    false => self.payloads.hash(datagram.payload),
                };
                self.add_one(datagram, payload);
            }
        });
        self.datagrams - before == flight.len() as u64
    }

    #[inline]
    fn add_one(&mut self, datagram: &Transmit<'_>, payload: u64) {
        let (header_len, payload_len) = (datagram.header.len(), datagram.payload.len());
        let len = (header_len + payload_len) as u64;
        self.datagrams += 1;
        self.bytes += len;
        let socket = u64::from(datagram.socket.0);
        let place = socket << 32 | (header_len as u64) << 16 ^ len;
        let address = word(datagram.address);
        self.digest.write_block([place, address, payload, 0]);
        self.digest.write_block(words(datagram.header));
    }

    /// What was added since the last call.
    pub(crate) fn take(&mut self) -> Outputs {
        if self.datagrams == 0 {
            return Outputs::default();
        }
        let digest = std::mem::take(&mut self.digest);
        Outputs {
            datagrams: std::mem::take(&mut self.datagrams),
            bytes: std::mem::take(&mut self.bytes),
            digest: digest.finish(),
        }
    }
}

/// The hashes of payloads of one flight: what goes to many is hashed once.
#[derive(Debug)]
struct Payloads {
    /// Where each lies, how long it is, and its hash, at a place that follows from the first; one
    /// that comes later takes the place.
    known: [(usize, usize, u64); KNOWN],
}

/// Payloads of one flight that are remembered.
const KNOWN: usize = 64;

impl Default for Payloads {
    fn default() -> Self {
        Self {
            known: [(0, 0, 0); KNOWN],
        }
    }
}

impl Payloads {
    /// Something else may lie there now.
    fn forget(&mut self) {
        *self = Self::default();
    }

    #[inline]
    fn hash(&mut self, payload: &[u8]) -> u64 {
        let lies_at = payload.as_ptr().addr();
        // Payloads of one size lie at distances of it, which rarely is a multiple of a large one.
        let known = &mut self.known[(lies_at >> 4) % KNOWN];
        if (known.0, known.1) != (lies_at, payload.len()) {
            *known = (lies_at, payload.len(), Digest::of(payload));
        }
        known.2
    }
}

/// The end of what was sealed: it has the tag.
fn ending(sealed: &[u8]) -> &[u8] {
    const TAG_MAX: usize = 16;
    &sealed[sealed.len().saturating_sub(TAG_MAX)..]
}

fn word(address: SocketAddr) -> u64 {
    let port = u64::from(address.port());
    match address.ip() {
        IpAddr::V4(ip) => u64::from(ip.to_bits()) << 16 | port,
        IpAddr::V6(ip) => Digest::of(&ip.octets()) ^ port,
    }
}

/// All of a header whose length is written elsewhere: those of RTP overlap in the middle.
fn words(header: &[u8]) -> [u64; 4] {
    let (Some(first), Some(last)) = (header.first_chunk::<16>(), header.last_chunk::<16>()) else {
        return [Digest::of(header), 0, 0, 0];
    };
    if header.len() > 32 {
        return [Digest::of(header), 0, 0, 0];
    }
    let ([a, b], [c, d]) = (halves(first), halves(last));
    [a, b, c, d]
}

fn halves(bytes: &[u8; 16]) -> [u64; 2] {
    let both = u128::from_le_bytes(*bytes);
    [both as u64, (both >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_a_header_shows() {
        for len in 0..60 {
            let header: Vec<u8> = (0..len).collect();
            for at in 0..header.len() {
                let mut changed = header.clone();
                changed[at] ^= 1;
                assert_ne!(words(&changed), words(&header), "{at} of {len}");
            }
        }
    }

    #[test]
    fn a_payload_is_not_taken_for_one_that_lay_there_before() {
        let mut payloads = Payloads::default();
        let mut arena = vec![1; 4_096];
        let before = payloads.hash(&arena);
        assert_eq!(payloads.hash(&arena), before);
        assert_ne!(payloads.hash(&arena[..4_095]), before);
        assert_ne!(payloads.hash(&arena[1..]), before);
        arena[7] = 2;
        payloads.forget();
        assert_ne!(payloads.hash(&arena), before);
    }
}

//! Messages of mixed sizes, and what tells whether they arrived as they were sent.
//!
//! Made and counted as `sctp_peer.c` does: messages on odd streams are unordered. From 16 bytes
//! on, a message begins with its number on its stream (32 bits) and ends with the FNV-1a hash of
//! all that is before (64 bits), both in network order. All messages count in a digest of their
//! stream, to be compared with the other side's.

use serde::{Serialize, Serializer};

/// Messages from this size on carry a number and a hash.
const NUMBERED: usize = 16;
const HASH: usize = 8;

/// Whether messages on a stream may overtake each other.
pub(crate) fn is_ordered(stream: u16) -> bool {
    stream.is_multiple_of(2)
}

/// FNV-1a, 64 bits, of several pieces.
fn fnv(pieces: &[&[u8]]) -> u64 {
    let bytes = pieces.iter().copied().flatten();
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What went over a stream in one direction.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Tally {
    /// Messages.
    pub(crate) messages: u64,
    /// Bytes of their payloads.
    pub(crate) bytes: u64,
    /// Of all of them; of their order, too, where that is kept.
    #[serde(serialize_with = "hexadecimal")]
    digest: u64,
}

fn hexadecimal<S: Serializer>(digest: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{digest:016x}"))
}

impl Tally {
    /// Counts a message.
    pub(crate) fn count(&mut self, stream: u16, ppid: u32, payload: &[u8]) {
        let hash = fnv(&[&ppid.to_be_bytes(), payload]);
        let before = match is_ordered(stream) {
            true => self.digest.wrapping_mul(31),
            false => self.digest,
        };
        self.messages += 1;
        self.bytes += payload.len() as u64;
        self.digest = before.wrapping_add(hash);
    }
}

/// What arrives on a stream.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    /// All of it.
    pub(crate) tally: Tally,
    /// Messages whose contents or order were wrong.
    pub(crate) wrong: u64,
    /// The least number that the next message may have where order is kept.
    next_number: u32,
}

impl Incoming {
    /// Takes in a message.
    pub(crate) fn take(&mut self, stream: u16, ppid: u32, payload: &[u8]) {
        self.tally.count(stream, ppid, payload);
        let Some((number, body)) = payload
            .split_first_chunk()
            .filter(|_| payload.len() >= NUMBERED)
        else {
            return;
        };
        let number = u32::from_be_bytes(*number);
        let (body, hash) = body.split_at(body.len() - HASH);
        let is_whole = hash == fnv(&[&number.to_be_bytes(), body]).to_be_bytes();
        let in_order = !is_ordered(stream) || number >= self.next_number;
        self.wrong += u64::from(!is_whole || !in_order);
        self.next_number = number.wrapping_add(1);
    }
}

/// What goes out: messages drawn from a seed.
#[derive(Debug)]
pub(crate) struct Outgoing {
    random: u64,
    longest: u32,
    made: u64,
    payload: Vec<u8>,
    /// Of each stream.
    pub(crate) tallies: Vec<Tally>,
}

impl Outgoing {
    /// Messages of 1 to `longest` bytes on streams 0 to `streams` - 1. The first two are of 1 byte
    /// and of the greatest size, the others of sizes whose logarithms are spread, the small ones
    /// more often.
    pub(crate) fn new(seed: u64, longest: u32, streams: u16) -> Self {
        Self {
            // Zero would stay zero.
            random: seed + 1,
            longest,
            made: 0,
            payload: Vec::new(),
            tallies: vec![Tally::default(); streams.into()],
        }
    }

    /// Makes a message: its stream, its identifier (RFC 8831 section 8) and its payload.
    pub(crate) fn make(&mut self) -> (u16, u32, &[u8]) {
        let stream = self.below(self.tallies.len() as u32) as u16;
        let length = self.length();
        self.payload.clear();
        while self.payload.len() < length {
            let word = self.draw().to_be_bytes();
            let rest = length - self.payload.len();
            self.payload.extend(&word[..rest.min(8)]);
        }
        let tally = &mut self.tallies[usize::from(stream)];
        if length >= NUMBERED {
            let (body, hash) = self.payload.split_at_mut(length - HASH);
            body[..4].copy_from_slice(&(tally.messages as u32).to_be_bytes());
            hash.copy_from_slice(&fnv(&[body]).to_be_bytes());
        }
        let ppid = if is_ordered(stream) { 51 } else { 53 };
        tally.count(stream, ppid, &self.payload);
        self.made += 1;
        (stream, ppid, &self.payload)
    }

    fn length(&mut self) -> usize {
        let bits = self.longest.ilog2();
        let length = match self.made {
            0 => 1,
            1 => self.longest,
            _ => {
                let least = 1 << self.below(bits).min(self.below(bits));
                least + self.below(least)
            }
        };
        length as usize
    }

    /// Marsaglia's xorshift64*.
    fn draw(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u32) -> u32 {
        (((self.draw() >> 32) * u64::from(limit)) >> 32) as u32
    }
}

//! What is sent, and whether what is received is right.

use std::collections::BTreeMap;

use flumen::sctp::{OutgoingMessage, Reliability, UserMessage};
use serde_json::{Value, json};

/// Messages from this size on carry a number and a hash.
const NUMBERED: usize = 16;
const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, 64 bits.
fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

fn is_unordered(stream: u16) -> bool {
    !stream.is_multiple_of(2)
}

/// Text on even streams, bytes on odd ones (RFC 8831 section 8).
fn ppid(stream: u16) -> u32 {
    if is_unordered(stream) { 53 } else { 51 }
}

/// What went over the streams in one direction.
#[derive(Debug, Default)]
pub(crate) struct Tallies(BTreeMap<u16, Tally>);

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    messages: u64,
    bytes: u64,
    digest: u64,
}

impl Tallies {
    /// Counts a message. Order matters to the digest of an ordered stream, and only there.
    pub(crate) fn count(&mut self, stream: u16, ppid: u32, bytes: &[u8]) {
        let tally = self.0.entry(stream).or_default();
        let hash = fnv(fnv(FNV_BASIS, &ppid.to_be_bytes()), bytes);
        tally.messages += 1;
        tally.bytes += bytes.len() as u64;
        let times = if is_unordered(stream) { 1 } else { 31 };
        tally.digest = tally.digest.wrapping_mul(times).wrapping_add(hash);
    }

    /// Messages on all streams.
    pub(crate) fn messages(&self) -> u64 {
        self.0.values().map(|tally| tally.messages).sum()
    }

    pub(crate) fn report(&self) -> Value {
        let streams = self.0.iter().map(|(stream, tally)| {
            let tally = json!({
                "messages": tally.messages,
                "bytes": tally.bytes,
                "digest": format!("{:016x}", tally.digest),
            });
            (stream.to_string(), tally)
        });
        Value::Object(streams.collect())
    }
}

/// Makes messages.
#[derive(Debug)]
pub(crate) struct Maker {
    random: u64,
    pub(crate) longest: u32,
    pub(crate) streams: u32,
    /// Messages made since the seed was set.
    made: u64,
}

impl Maker {
    pub(crate) fn new() -> Self {
        Self {
            random: 1,
            longest: 1 << 18,
            streams: 8,
            made: 0,
        }
    }

    pub(crate) fn seed(&mut self, number: u64) {
        self.random = number + 1;
        self.made = 0;
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

    /// The first two are of 1 byte and of the greatest size, the others of sizes whose logarithms
    /// are spread, the small ones more often.
    fn draw_length(&mut self) -> u32 {
        match self.made {
            0 => return 1,
            1 => return self.longest,
            _ => {}
        }
        let bits = self.longest.ilog2();
        let least = 1 << self.below(bits).min(self.below(bits));
        least + self.below(least)
    }

    /// The next message; `sent` is what was sent before.
    pub(crate) fn make(&mut self, sent: &Tallies) -> OutgoingMessage {
        let stream = self.below(self.streams) as u16;
        let length = self.draw_length() as usize;
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend(self.draw().to_ne_bytes());
        }
        bytes.truncate(length);
        if length >= NUMBERED {
            let before = sent.0.get(&stream).map_or(0, |tally| tally.messages);
            bytes[..4].copy_from_slice(&(before as u32).to_be_bytes());
            let hash = fnv(FNV_BASIS, &bytes[..length - 8]);
            bytes[length - 8..].copy_from_slice(&hash.to_be_bytes());
        }
        self.made += 1;
        OutgoingMessage {
            stream,
            ppid: ppid(stream),
            ordered: !is_unordered(stream),
            reliability: Reliability::Reliable,
            payload: bytes.into(),
        }
    }
}

/// Looks at what is received.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    /// The least number that the next message on an ordered stream may have.
    next: BTreeMap<u16, u32>,
}

impl Judge {
    /// Whether the contents of a message are what its sender wrote, in the order it wrote them.
    pub(crate) fn is_right(&mut self, message: &UserMessage) -> bool {
        let bytes = &message.payload[..];
        if bytes.len() < NUMBERED {
            return true;
        }
        let (body, hash) = bytes.split_at(bytes.len() - 8);
        let number = u32::from_be_bytes([body[0], body[1], body[2], body[3]]);
        let next = self.next.entry(message.stream).or_default();
        let in_order = is_unordered(message.stream) || number >= *next;
        *next = number + 1;
        in_order && fnv(FNV_BASIS, body).to_be_bytes() == hash
    }
}

//! Where the datagrams of a loopback go: written out, summed up, and kept if somebody wants them.

use std::net::{IpAddr, SocketAddr};

/// Takes every datagram that is sent.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) totals: Totals,
    pub(super) recording: bool,
    pub(super) record: Record,
    /// The second half of a double buffer: who reads a record hands it back through here.
    pub(super) spare: Record,
    scratch: Vec<u8>,
}

/// Everything a loopback has sent so far, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Datagrams.
    pub datagrams: u64,
    /// Their bytes, without any network's headers.
    pub bytes: u64,
    /// A sum over every address and byte that depends on their order; the same on any machine.
    pub checksum: u64,
}

/// Datagrams that were sent, in order, in one arena.
#[derive(Debug, Default)]
pub(super) struct Record {
    bytes: Vec<u8>,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    from: SocketAddr,
    to: SocketAddr,
    end: usize,
}

impl Sink {
    pub(super) fn new() -> Self {
        Self {
            totals: Totals::default(),
            recording: true,
            record: Record::default(),
            spare: Record::default(),
            scratch: Vec::new(),
        }
    }

    /// Writes `header ++ payload` out as one datagram.
    pub(super) fn take(&mut self, from: SocketAddr, to: SocketAddr, header: &[u8], payload: &[u8]) {
        let out = if self.recording {
            &mut self.record.bytes
        } else {
            self.scratch.clear();
            &mut self.scratch
        };
        let start = out.len();
        out.extend_from_slice(header);
        out.extend_from_slice(payload);
        self.totals.add(from, to, &out[start..]);
        if self.recording {
            let end = self.record.bytes.len();
            self.record.rows.push(Row { from, to, end });
        }
    }
}

impl Totals {
    fn add(&mut self, from: SocketAddr, to: SocketAddr, datagram: &[u8]) {
        self.datagrams += 1;
        self.bytes += datagram.len() as u64;
        let parts = [
            address_sum(from),
            address_sum(to),
            datagram.len() as u64,
            byte_sum(datagram),
        ];
        self.checksum = parts.into_iter().fold(self.checksum, mix);
    }
}

impl Record {
    pub(super) fn iter(&self) -> impl Iterator<Item = (SocketAddr, SocketAddr, &[u8])> {
        let starts = std::iter::once(0).chain(self.rows.iter().map(|row| row.end));
        std::iter::zip(&self.rows, starts)
            .map(|(row, start)| (row.from, row.to, &self.bytes[start..row.end]))
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
    }
}

fn mix(sum: u64, word: u64) -> u64 {
    (sum ^ word)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(29)
}

fn address_sum(address: SocketAddr) -> u64 {
    let ip = match address.ip() {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        IpAddr::V6(ip) => mix(ip.to_bits() as u64, (ip.to_bits() >> 64) as u64),
    };
    mix(ip, u64::from(address.port()))
}

/// Fletcher's two sums over 64-bit words in four lanes: additions only, so it runs about as fast as
/// the bytes can be read and a bench measures the engine and not its sink.
fn byte_sum(bytes: &[u8]) -> u64 {
    const LANES: usize = 4;
    let (mut plain, mut weighted) = ([0_u64; LANES], [0_u64; LANES]);
    let (blocks, rest) = bytes.as_chunks::<{ LANES * 8 }>();
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        for lane in 0..LANES {
            plain[lane] = plain[lane].wrapping_add(u64::from_le_bytes(words[lane]));
            weighted[lane] = weighted[lane].wrapping_add(plain[lane]);
        }
    }
    let whole = plain.into_iter().chain(weighted).fold(0, mix);
    rest.chunks(8).fold(whole, |sum, word| {
        let mut padded = [0; 8];
        padded[..word.len()].copy_from_slice(word);
        mix(sum, u64::from_le_bytes(padded))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum_of(datagrams: &[&[u8]]) -> u64 {
        let (from, to) = (([10, 0, 0, 1], 1).into(), ([10, 0, 0, 2], 2).into());
        let mut totals = Totals::default();
        for datagram in datagrams {
            totals.add(from, to, datagram);
        }
        totals.checksum
    }

    #[test]
    fn the_checksum_depends_on_every_byte_and_on_order() {
        let original: Vec<u8> = (0..100).collect();
        for index in 0..original.len() {
            let mut changed = original.clone();
            changed[index] ^= 0x40;
            assert_ne!(sum_of(&[&original]), sum_of(&[&changed]));
        }
        let mut swapped = original.clone();
        swapped.swap(0, 32);
        assert_ne!(sum_of(&[&original]), sum_of(&[&swapped]));
        assert_ne!(sum_of(&[&[1], &[2]]), sum_of(&[&[2], &[1]]));
        assert_ne!(sum_of(&[&[0; 64]]), sum_of(&[&[0; 63], &[0]]));
    }

    #[test]
    fn the_checksum_is_the_same_with_and_without_a_record() {
        let (from, to) = (([10, 0, 0, 1], 1).into(), ([10, 0, 0, 2], 2).into());
        let (mut kept, mut summed) = (Sink::new(), Sink::new());
        summed.recording = false;
        for sink in [&mut kept, &mut summed] {
            sink.take(from, to, b"head", b"payload");
            sink.take(to, from, b"whole", b"");
        }
        assert_eq!(kept.totals, summed.totals);
        assert_eq!(summed.record.iter().count(), 0);
        let sent: Vec<_> = kept.record.iter().collect();
        assert_eq!(sent[0], (from, to, &b"headpayload"[..]));
        assert_eq!(sent[1], (to, from, &b"whole"[..]));
    }
}

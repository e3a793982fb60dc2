//! RTP as a peer writes it (RFC 3550 section 5.1).

use flumen::Time;

use crate::parameters::{DEPENDENCIES, SENT_AT};

/// The fixed part of a header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fixed {
    pub(crate) payload_type: u8,
    pub(crate) marker: bool,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
}

/// What elements of an extension follow each other as (RFC 8285 section 4).
const ONE_BYTE: [u8; 2] = [0xbe, 0xde];
const TWO_BYTES: [u8; 2] = [0x10, 0];
/// Where the elements begin.
const ELEMENTS: usize = 16;

impl Fixed {
    /// Appends it with abs-send-time (seconds with 18 fractional bits, modulo 64), and a dependency
    /// descriptor unless that is empty.
    pub(crate) fn write_timed(&self, local: Time, dependencies: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        self.write_with(out);
        // An element of one byte has up to 16.
        let is_long = dependencies.len() > 16;
        out.extend(if is_long { TWO_BYTES } else { ONE_BYTE });
        out.extend([0, 0]);
        write_element(is_long, SENT_AT, &[0; 3], out);
        if !dependencies.is_empty() {
            write_element(is_long, DEPENDENCIES, dependencies, out);
        }
        let words = (out.len() - start - ELEMENTS).div_ceil(4);
        out.resize(start + ELEMENTS + 4 * words, 0);
        out[start + ELEMENTS - 1] = words as u8;
        set_time(&mut out[start..], local);
    }

    /// Appends it with one element of one byte (RFC 8285 section 4.2).
    pub(crate) fn write_with_element(&self, id: u8, value: u8, out: &mut Vec<u8>) {
        self.write_with(out);
        out.extend([0xbe, 0xde, 0, 1, id << 4, value, 0, 0]);
    }

    fn write_with(&self, out: &mut Vec<u8>) {
        out.extend([0x90, u8::from(self.marker) << 7 | self.payload_type]);
        out.extend(self.sequence.to_be_bytes());
        out.extend(self.timestamp.to_be_bytes());
        out.extend(self.ssrc.to_be_bytes());
    }
}

fn write_element(is_long: bool, id: u8, value: &[u8], out: &mut Vec<u8>) {
    let len = value.len() as u8;
    match is_long {
        true => out.extend([id, len]),
        false => out.push(id << 4 | (len - 1)),
    }
    out.extend(value);
}

/// How long the header of a packet with an extension is.
pub(crate) fn header_len(packet: &[u8]) -> usize {
    ELEMENTS + 4 * usize::from(packet[ELEMENTS - 1])
}

/// Writes the time of leaving into a packet that [`Fixed::write_timed`] began.
pub(crate) fn set_time(packet: &mut [u8], local: Time) {
    let fixed = (u128::from(local.as_nanos()) << 18) / 1_000_000_000;
    let is_long = packet[ELEMENTS - 4..].starts_with(&TWO_BYTES);
    let time = ELEMENTS + if is_long { 2 } else { 1 };
    packet[time..time + 3].copy_from_slice(&(fixed as u32).to_be_bytes()[1..]);
}

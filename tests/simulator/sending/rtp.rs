//! RTP as a peer writes it (RFC 3550 section 5.1).

use flumen::Time;

/// The fixed part of a header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fixed {
    pub(crate) payload_type: u8,
    pub(crate) marker: bool,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
}

/// The length of what [`Fixed::write_timed`] writes.
pub(crate) const TIMED_LEN: usize = 20;
/// Where that has the time.
const TIME: std::ops::Range<usize> = 17..20;

impl Fixed {
    /// Appends it with abs-send-time: seconds with 18 fractional bits, modulo 64.
    pub(crate) fn write_timed(&self, id: u8, local: Time, out: &mut Vec<u8>) {
        self.write_with(out);
        out.extend([0xbe, 0xde, 0, 1, id << 4 | 2, 0, 0, 0]);
        let start = out.len() - TIMED_LEN;
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

/// Writes the time of leaving into a packet with abs-send-time.
pub(crate) fn set_time(packet: &mut [u8], local: Time) {
    let fixed = (u128::from(local.as_nanos()) << 18) / 1_000_000_000;
    packet[TIME].copy_from_slice(&(fixed as u32).to_be_bytes()[1..]);
}

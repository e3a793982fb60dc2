//! What a simulated encoder writes where others have pixels, so that a receiver knows what it gets.

/// What a packet of video is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Which encoding, the lowest is 0.
    pub(crate) encoding: u8,
    /// Its temporal layer.
    pub(crate) temporal: u8,
    /// Which of the packets of its frame.
    pub(crate) index: u8,
    /// How many packets its frame has.
    pub(crate) count: u8,
    /// A key frame needs no other frame.
    pub(crate) is_key: bool,
    /// Which frame of its source: one number for all encodings of a picture.
    pub(crate) frame: u32,
    /// The frame that it refers to.
    pub(crate) reference: u32,
}

/// Tells stamped payloads from those of others.
const MAGIC: [u8; 2] = *b"Fl";
/// The payload descriptor with every field, RFC 7741 section 4.2.
pub(crate) const DESCRIPTOR_LEN: usize = 6;
/// The beginning of a VP8 frame, RFC 6386 section 9.1: what a key frame has.
const FRAME_HEADER_LEN: usize = 10;
const STAMP_START: usize = DESCRIPTOR_LEN + FRAME_HEADER_LEN;
/// The shortest stamped payload.
pub(crate) const STAMPED_LEN: usize = STAMP_START + 15;

impl Stamp {
    /// Writes the beginning of the frame and the stamp behind a descriptor.
    pub(crate) fn write(&self, payload: &mut Vec<u8>) {
        let tag = [u8::from(!self.is_key), 0, 0];
        payload.extend(tag);
        payload.extend(match self.is_key {
            // The start code, and 640 x 480.
            true => [0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01],
            false => [0xaa; 7],
        });
        payload.extend(MAGIC);
        payload.extend([self.encoding, self.temporal, self.index, self.count]);
        payload.push(u8::from(self.is_key));
        payload.extend(self.frame.to_be_bytes());
        payload.extend(self.reference.to_be_bytes());
    }

    /// Reads the stamp of a payload, if there is one.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let stamp: &[u8; 15] = payload.get(STAMP_START..)?.first_chunk()?;
        let [m0, m1, encoding, temporal, index, count, is_key, rest @ ..] = *stamp;
        let [f0, f1, f2, f3, r0, r1, r2, r3] = rest;
        ([m0, m1] == MAGIC).then_some(Self {
            encoding,
            temporal,
            index,
            count,
            is_key: is_key != 0,
            frame: u32::from_be_bytes([f0, f1, f2, f3]),
            reference: u32::from_be_bytes([r0, r1, r2, r3]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_as_it_was_written() {
        let stamp = Stamp {
            encoding: 2,
            temporal: 1,
            index: 3,
            count: 4,
            is_key: true,
            frame: 70_000,
            reference: 69_999,
        };
        let mut payload = vec![0; DESCRIPTOR_LEN];
        stamp.write(&mut payload);
        assert_eq!(payload.len(), STAMPED_LEN);
        assert_eq!(Stamp::read(&payload), Some(stamp));
        assert_eq!(Stamp::read(&payload[..STAMPED_LEN - 1]), None);
        payload[STAMP_START] = b'f';
        assert_eq!(Stamp::read(&payload), None);
    }
}

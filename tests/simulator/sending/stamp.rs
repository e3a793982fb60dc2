//! What a simulated encoder writes where others have pixels, so that a receiver knows what it gets.

use super::Packet;
use crate::coding::FrameId;

/// What a packet of video is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Which encoding, the lowest is 0.
    pub(crate) encoding: u8,
    /// The spatial layer of its frame.
    pub(crate) spatial: u8,
    /// Its temporal layer.
    pub(crate) temporal: u8,
    /// Which of the packets of its frame.
    pub(crate) index: u8,
    /// How many packets its frame has.
    pub(crate) count: u8,
    /// Its picture needs no other picture.
    pub(crate) is_key: bool,
    /// The number that its encoder gave it: of its picture or its frame, as the codec counts.
    pub(crate) number: u16,
    /// Which frame of its source: of a picture all encodings have the same.
    pub(crate) id: FrameId,
    /// The frames that it refers to.
    pub(crate) references: [Option<FrameId>; 3],
}

/// Tells stamped payloads from those of others.
const MAGIC: [u8; 2] = *b"Fl";
/// The bytes at the end of each payload.
pub(crate) const STAMP_LEN: usize = 26;
/// Frames of a picture have so many identifiers.
const PICTURE: FrameId = 4;
/// Where there is no reference.
const NONE: FrameId = FrameId::MAX;

impl Stamp {
    /// The first frame of a picture.
    pub(crate) fn id_of(picture: u32) -> FrameId {
        picture.wrapping_mul(PICTURE)
    }

    /// Which picture of its source it is of: one number for all encodings of it.
    pub(crate) fn picture(&self) -> u32 {
        self.id / PICTURE
    }

    /// The packet that has it, of the stream of an SSRC.
    pub(super) fn packet(&self, ssrc: u32) -> Packet {
        Packet {
            ssrc,
            frame: self.id,
            index: self.index,
            count: self.count,
            is_entrance: self.is_entrance(),
        }
    }

    /// It begins what needs nothing from before.
    pub(crate) fn is_entrance(&self) -> bool {
        self.is_key && self.spatial == 0 && self.index == 0
    }

    /// The frames that it refers to.
    pub(crate) fn references(&self) -> impl Iterator<Item = FrameId> {
        self.references.into_iter().flatten()
    }

    /// Appends it to a payload.
    pub(crate) fn write(&self, payload: &mut Vec<u8>) {
        payload.extend(MAGIC);
        payload.extend([self.encoding, self.spatial, self.temporal]);
        payload.extend([self.index, self.count, u8::from(self.is_key)]);
        payload.extend(self.number.to_be_bytes());
        payload.extend(self.id.to_be_bytes());
        for reference in self.references {
            payload.extend(reference.unwrap_or(NONE).to_be_bytes());
        }
    }

    /// Reads the stamp of a payload, if there is one.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let stamp: &[u8; STAMP_LEN] = payload.last_chunk()?;
        let (what, ids) = stamp.split_first_chunk()?;
        let [
            m0,
            m1,
            encoding,
            spatial,
            temporal,
            index,
            count,
            is_key,
            n0,
            n1,
        ] = *what;
        let mut ids = ids
            .chunks_exact(4)
            .map(|id| FrameId::from_be_bytes([id[0], id[1], id[2], id[3]]));
        ([m0, m1] == MAGIC).then_some(Self {
            encoding,
            spatial,
            temporal,
            index,
            count,
            is_key: is_key != 0,
            number: u16::from_be_bytes([n0, n1]),
            id: ids.next()?,
            references: [(); 3].map(|()| ids.next().filter(|id| *id != NONE)),
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
            spatial: 1,
            temporal: 1,
            index: 3,
            count: 4,
            is_key: true,
            number: 60_000,
            id: 70_001,
            references: [Some(70_000), Some(69_997), None],
        };
        let mut payload = vec![0; 6];
        stamp.write(&mut payload);
        assert_eq!(payload.len(), 6 + STAMP_LEN);
        assert_eq!(Stamp::read(&payload), Some(stamp));
        assert_eq!(Stamp::read(&payload[7..]), None);
        payload[6] = b'f';
        assert_eq!(Stamp::read(&payload), None);
    }
}

//! Which frames can be decoded: those whose packets are there, and the frames that they refer to.

use std::collections::VecDeque;

use flumen::Time;

use crate::coding::FrameId;
use crate::sending::Stamp;

/// A picture that was decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// When.
    pub at: Time,
    /// Of which encoding; the lowest is 0.
    pub encoding: u8,
    /// In which spatial layer of that; the lowest is 0.
    pub spatial: u8,
    /// Of which temporal layer.
    pub temporal: u8,
    /// It is a key frame.
    pub is_key: bool,
    /// Which picture of its source.
    pub frame: u32,
}

/// A decoder with the frames that wait for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decoder {
    waiting: Vec<Frame>,
    /// What may be referred to: encoding and frame, the newest last.
    decoded: VecDeque<(u8, FrameId)>,
    newest: Option<Stamp>,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    stamp: Stamp,
    /// Which of its packets came, a bit each.
    came: [u64; 4],
    left: u8,
    /// Nothing of its picture follows it.
    is_last: bool,
}

/// Frames that wait at most.
const WAITING_MAX: usize = 90;
/// Frames that may be referred to.
const REFERABLE: usize = 64;

impl Frame {
    fn key(&self) -> (FrameId, u8) {
        key(&self.stamp)
    }
}

fn key(stamp: &Stamp) -> (FrameId, u8) {
    (stamp.id, stamp.encoding)
}

impl Decoder {
    /// Whether anything waits for what is missing.
    pub(crate) fn is_stuck(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes in a packet, and calls `show` for each picture that can be decoded now; `marker` is on
    /// its last packet.
    pub(crate) fn take(
        &mut self,
        stamp: Stamp,
        marker: bool,
        at: Time,
        mut show: impl FnMut(Shown),
    ) {
        if self.is_over(&stamp) {
            return;
        }
        let frame = self.frame_of(stamp);
        let (word, bit) = (usize::from(stamp.index / 64), 1 << (stamp.index % 64));
        if frame.came[word] & bit != 0 {
            return;
        }
        frame.came[word] |= bit;
        frame.left -= 1;
        frame.is_last |= marker;
        if frame.left > 0 {
            return;
        }
        while let Some((picture, last)) = self.next() {
            self.decode(picture, last);
            show(shown(&last, at));
        }
    }

    /// It is behind what was decoded. What another encoding begins with in the same picture is not.
    fn is_over(&self, stamp: &Stamp) -> bool {
        self.newest.is_some_and(|newest| {
            let is_other = stamp.encoding != newest.encoding && stamp.is_key;
            let first = newest.picture() + u32::from(!is_other);
            stamp.picture() < first
        })
    }

    fn frame_of(&mut self, stamp: Stamp) -> &mut Frame {
        let key = key(&stamp);
        let found = self.waiting.iter().rposition(|it| it.key() == key);
        let index = found.unwrap_or_else(|| {
            if self.waiting.len() >= WAITING_MAX {
                self.waiting.remove(0);
            }
            let after = |it: &Frame| it.key() < key;
            let index = self.waiting.iter().rposition(after).map_or(0, |at| at + 1);
            let frame = Frame {
                stamp,
                came: [0; 4],
                left: stamp.count,
                is_last: false,
            };
            self.waiting.insert(index, frame);
            index
        });
        &mut self.waiting[index]
    }

    /// The frames of the first picture that is whole and has what it refers to, and the last of them.
    /// Layer by layer it would not do: a picture that waits for its highest layer would be left behind
    /// when the lowest one of the next has come.
    fn next(&self) -> Option<(Vec<FrameId>, Stamp)> {
        let whole = self.waiting.iter().filter(|frame| frame.left == 0);
        let mut last = whole.filter(|frame| frame.is_last);
        last.find_map(|last| Some((self.picture(&last.stamp)?, last.stamp)))
    }

    /// The frames that a picture can be decoded of, if it can.
    fn picture(&self, last: &Stamp) -> Option<Vec<FrameId>> {
        let mut frames = Vec::new();
        let of = |it: &Stamp| (it.picture(), it.encoding);
        for frame in self.waiting.iter().filter(|it| of(&it.stamp) == of(last)) {
            let has = |id| frames.contains(&id) || self.has_decoded(last.encoding, id);
            if frame.left == 0 && frame.stamp.references().all(has) {
                frames.push(frame.stamp.id);
            }
        }
        frames.contains(&last.id).then_some(frames)
    }

    fn has_decoded(&self, encoding: u8, id: FrameId) -> bool {
        let mut decoded = self.decoded.iter().rev();
        decoded.any(|decoded| *decoded == (encoding, id))
    }

    fn decode(&mut self, picture: Vec<FrameId>, last: Stamp) {
        self.decoded
            .extend(picture.into_iter().map(|id| (last.encoding, id)));
        let excess = self.decoded.len().saturating_sub(REFERABLE);
        self.decoded.drain(..excess);
        self.newest = Some(last);
        // What is older will not be shown.
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.retain(|frame| !self.is_over(&frame.stamp));
        self.waiting = waiting;
    }
}

fn shown(stamp: &Stamp, at: Time) -> Shown {
    Shown {
        at,
        encoding: stamp.encoding,
        spatial: stamp.spatial,
        temporal: stamp.temporal,
        is_key: stamp.is_key,
        frame: stamp.picture(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of one of two: of a frame that refers to another, or to none.
    fn stamp(id: FrameId, reference: Option<FrameId>, index: u8) -> Stamp {
        Stamp {
            encoding: 0,
            spatial: (id % 4) as u8,
            temporal: 0,
            index,
            count: 2,
            is_key: reference.is_none(),
            number: id as u16,
            id,
            references: [reference, None, None],
        }
    }

    /// The pictures that are shown of so many layers, each with its reference and index.
    fn pictures(layers: u32, packets: &[(FrameId, Option<FrameId>, u8)]) -> Vec<u32> {
        let (mut decoder, mut shown) = (Decoder::default(), Vec::new());
        for &(id, reference, index) in packets {
            let stamp = stamp(id, reference, index);
            let marker = index == 1 && id % 4 + 1 == layers;
            decoder.take(stamp, marker, Time::ZERO, |it| shown.push(it.frame));
        }
        shown
    }

    /// The same of pictures, each with that which it refers to.
    fn shown(packets: &[(u32, u32, u8)]) -> Vec<u32> {
        let packet = |&(picture, reference, index): &(u32, u32, u8)| {
            let reference = (reference != picture).then(|| Stamp::id_of(reference));
            (Stamp::id_of(picture), reference, index)
        };
        let packets: Vec<_> = packets.iter().map(packet).collect();
        pictures(1, &packets)
    }

    #[test]
    fn a_frame_needs_all_of_its_packets_and_its_reference() {
        assert!(shown(&[(1, 1, 0), (1, 1, 0)]).is_empty());
        assert!(shown(&[(2, 1, 0), (2, 1, 1)]).is_empty());
        assert_eq!(shown(&[(1, 1, 0), (1, 1, 1), (2, 1, 0), (2, 1, 1)]), [1, 2]);
    }

    #[test]
    fn what_comes_late_releases_what_waits_for_it() {
        let late = [
            (1, 1, 0),
            (2, 1, 0),
            (2, 1, 1),
            (3, 2, 0),
            (3, 2, 1),
            (1, 1, 1),
        ];
        assert_eq!(shown(&late), [1, 2, 3]);
    }

    #[test]
    fn nothing_is_shown_behind_its_time() {
        let packets = [(2, 2, 0), (2, 2, 1), (1, 1, 0), (1, 1, 1)];
        assert_eq!(shown(&packets), [2]);
    }

    #[test]
    fn a_picture_needs_its_layers() {
        let [low, high] = [4, 5];
        let lower = [(low, None, 0), (low, None, 1)];
        let higher = [(high, Some(low), 0), (high, Some(low), 1)];
        assert_eq!(pictures(2, &[lower, higher].concat()), [1]);
        assert_eq!(pictures(2, &[higher, lower].concat()), [1]);
        assert!(pictures(2, &lower).is_empty());
        assert!(pictures(2, &higher).is_empty());
    }

    #[test]
    fn a_picture_waits_for_its_highest_layer() {
        let first = [(4, None, 0), (4, None, 1), (5, Some(4), 0)];
        let next = [
            (8, Some(4), 0),
            (8, Some(4), 1),
            (9, Some(5), 0),
            (9, Some(5), 1),
        ];
        let packets = [&first[..], &next, &[(5, Some(4), 1)]].concat();
        assert_eq!(pictures(2, &packets), [1, 2]);
    }
}

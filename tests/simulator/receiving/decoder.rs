//! Which frames can be decoded: those whose packets are there, and the frames that they refer to.

use std::collections::VecDeque;

use flumen::Time;

use crate::sending::Stamp;

/// A frame that was decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// When.
    pub at: Time,
    /// Of which encoding; the lowest is 0.
    pub encoding: u8,
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
    decoded: VecDeque<(u8, u32)>,
    newest: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    stamp: Stamp,
    /// Which of its packets came, a bit each.
    came: [u64; 4],
    left: u8,
}

/// Frames that wait at most.
const WAITING_MAX: usize = 90;
/// Frames that may be referred to.
const REFERABLE: usize = 32;

impl Decoder {
    /// Whether anything waits for what is missing.
    pub(crate) fn is_stuck(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes in a packet, and calls `show` for each frame that can be decoded now.
    pub(crate) fn take(&mut self, stamp: Stamp, at: Time, mut show: impl FnMut(Shown)) {
        if self.newest.is_some_and(|newest| stamp.frame <= newest) {
            return;
        }
        let frame = self.frame_of(stamp);
        let (word, bit) = (usize::from(stamp.index / 64), 1 << (stamp.index % 64));
        if frame.came[word] & bit != 0 {
            return;
        }
        frame.came[word] |= bit;
        frame.left -= 1;
        if frame.left > 0 {
            return;
        }
        while let Some(stamp) = self.next() {
            show(self.decode(stamp, at));
        }
    }

    fn frame_of(&mut self, stamp: Stamp) -> &mut Frame {
        let key = |frame: &Frame| (frame.stamp.frame, frame.stamp.encoding);
        let found = self
            .waiting
            .iter()
            .rposition(|it| key(it) == (stamp.frame, stamp.encoding));
        let index = found.unwrap_or_else(|| {
            if self.waiting.len() >= WAITING_MAX {
                self.waiting.remove(0);
            }
            let after = |it: &Frame| key(it) < (stamp.frame, stamp.encoding);
            let index = self.waiting.iter().rposition(after).map_or(0, |at| at + 1);
            let frame = Frame {
                stamp,
                came: [0; 4],
                left: stamp.count,
            };
            self.waiting.insert(index, frame);
            index
        });
        &mut self.waiting[index]
    }

    /// The first frame that is whole and has what it refers to.
    fn next(&self) -> Option<Stamp> {
        let stamp = |frame: &Frame| frame.stamp;
        let has_reference = |it: &Stamp| {
            let wanted = (it.encoding, it.reference);
            it.is_key || self.decoded.iter().rev().any(|decoded| *decoded == wanted)
        };
        let whole = self
            .waiting
            .iter()
            .filter(|frame| frame.left == 0)
            .map(stamp);
        whole.into_iter().find(has_reference)
    }

    fn decode(&mut self, stamp: Stamp, at: Time) -> Shown {
        if self.decoded.len() >= REFERABLE {
            self.decoded.pop_front();
        }
        self.decoded.push_back((stamp.encoding, stamp.frame));
        self.newest = Some(stamp.frame);
        // What is older will not be shown.
        self.waiting.retain(|frame| frame.stamp.frame > stamp.frame);
        Shown {
            at,
            encoding: stamp.encoding,
            temporal: stamp.temporal,
            is_key: stamp.is_key,
            frame: stamp.frame,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(frame: u32, reference: u32, index: u8) -> Stamp {
        Stamp {
            encoding: 0,
            temporal: 0,
            index,
            count: 2,
            is_key: reference == frame,
            frame,
            reference,
        }
    }

    fn shown(packets: &[(u32, u32, u8)]) -> Vec<u32> {
        let (mut decoder, mut shown) = (Decoder::default(), Vec::new());
        for &(frame, reference, index) in packets {
            let stamp = stamp(frame, reference, index);
            decoder.take(stamp, Time::ZERO, |frame| shown.push(frame.frame));
        }
        shown
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
}

//! What a receiver makes of a layered consumer's packets: a decoder's references, from the payload
//! formats and from what the encoders know.

use std::collections::{BTreeMap, BTreeSet};

use super::frame::{Frame, FrameId};
use super::vp8::{self, Vp8Seen};
use crate::packet::Packet;

/// Everything that a consumer sent, by its number counted on beyond 16 bits.
#[derive(Clone, Debug, Default)]
pub struct Receiver {
    packets: BTreeMap<u64, Packet>,
    newest: Option<u64>,
}

/// A frame as it was received.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// Which it is.
    pub id: FrameId,
    /// Its RTP timestamp.
    pub timestamp: u32,
    /// What its packets say.
    pub seen: Vp8Seen,
}

/// What may have happened on the way to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Everything arrived in order: so there is no hole, and every number goes on from the last.
    Clean,
    /// Packets were lost or late.
    Lossy,
}

impl Receiver {
    /// Takes in packets in the order in which they left.
    pub fn take(&mut self, packets: impl IntoIterator<Item = Packet>) {
        for packet in packets {
            let newest = self.newest.unwrap_or(1 << 32 | u64::from(packet.sequence));
            let ahead = packet.sequence.wrapping_sub(newest as u16).cast_signed();
            let number = newest.wrapping_add_signed(ahead.into());
            self.newest = Some(newest.max(number));
            let known = self.packets.insert(number, packet);
            assert!(known.is_none(), "number {} was given twice", number as u16);
        }
    }

    /// How many packets came.
    pub fn count(&self) -> usize {
        self.packets.len()
    }

    /// The packets, in order.
    pub fn packets(&self) -> impl Iterator<Item = &Packet> {
        self.packets.values()
    }

    /// The frames, in order: every one decodable, as `made` knows.
    ///
    /// # Panics
    ///
    /// When one is not, or does not go on from the one before.
    pub fn decode(&self, made: &[Frame], path: Path) -> Vec<Decoded> {
        self.check_numbers(made, path);
        let frames = self.frames(made, path);
        let mut decoded: BTreeMap<FrameId, u64> = BTreeMap::new();
        for (first, frame) in &frames {
            let made_as = &made[frame.id as usize];
            for reference in &made_as.references {
                let referred = &made[*reference as usize];
                // A base frame that comes when another stream is sent is not sent any more.
                let was_late = referred.late != 0 && referred.temporal == 0;
                let was_lost = referred.lost != 0 || was_late;
                assert!(
                    decoded.contains_key(reference) || (path == Path::Lossy && was_lost),
                    "{made_as:?} ({}) needs {reference}, {:?}, which was not sent",
                    frame.id,
                    made[*reference as usize],
                );
            }
            decoded.insert(frame.id, *first);
        }
        let frames: Vec<_> = frames.into_iter().map(|(_, frame)| frame).collect();
        check_counters(&frames, made, path);
        frames
    }

    fn check_numbers(&self, made: &[Frame], path: Path) {
        let (Some((first, _)), Some((last, _))) = (
            self.packets.first_key_value(),
            self.packets.last_key_value(),
        ) else {
            return;
        };
        let holes = (last - first + 1) as usize - self.packets.len();
        // What comes so late that another stream is sent by then may be lost as well.
        let lost = made
            .iter()
            .map(|frame| (frame.lost | frame.late).count_ones());
        let lost: u32 = lost.sum();
        let allowed = if path == Path::Clean {
            0
        } else {
            lost as usize
        };
        assert!(holes <= allowed, "{holes} holes, {lost} packets were lost");
    }

    fn frames(&self, made: &[Frame], path: Path) -> Vec<(u64, Decoded)> {
        let mut frames: Vec<(u64, Decoded, u32)> = Vec::new();
        let mut begun = BTreeSet::new();
        for (&number, packet) in &self.packets {
            let seen = vp8::see(packet);
            let (id, index) = seen.frame;
            let made_as = &made[id as usize];
            assert_eq!(
                packet.marker,
                index + 1 == made_as.packets,
                "the marker of {id}"
            );
            match frames.last_mut().filter(|(_, frame, _)| frame.id == id) {
                Some((_, frame, packets)) => {
                    assert_eq!(packet.timestamp, frame.timestamp, "a frame has one time");
                    assert_eq!(seen.picture_id, frame.seen.picture_id);
                    assert!(*packets < 1 << index, "packets are in order");
                    *packets |= 1 << index;
                }
                None => {
                    let timestamp = packet.timestamp;
                    assert!(begun.insert(id), "frame {id} is in one piece");
                    frames.push((
                        number,
                        Decoded {
                            id,
                            timestamp,
                            seen,
                        },
                        1 << index,
                    ));
                }
            }
        }
        let last = frames.len().saturating_sub(1);
        for (index, (_, frame, packets)) in frames.iter().enumerate() {
            let made_as = &made[frame.id as usize];
            let missing = !packets & ((1 << made_as.packets) - 1);
            let explained = path == Path::Lossy && missing & !(made_as.lost | made_as.late) == 0;
            assert!(
                missing == 0 || explained || index == last,
                "of {made_as:?} ({}) the packets {missing:b} are missing",
                frame.id
            );
        }
        frames
            .into_iter()
            .map(|(number, frame, _)| (number, frame))
            .collect()
    }
}

fn check_counters(frames: &[Decoded], made: &[Frame], path: Path) {
    for pair in frames.windows(2) {
        let [before, after] = pair else { continue };
        let ahead = after.timestamp.wrapping_sub(before.timestamp).cast_signed();
        assert!(
            ahead > 0,
            "time runs by {ahead} from {before:?} to {after:?}"
        );
        let (last, next) = (before.seen, after.seen);
        let steps = next.picture_id.0.wrapping_sub(last.picture_id.0) % (1 << 15);
        let base = u8::from(next.temporal.0 == 0);
        let bases = next.tl0_index.wrapping_sub(last.tl0_index);
        match path {
            Path::Clean => {
                assert_eq!(steps, 1, "picture ids from {before:?} to {after:?}");
                assert_eq!(bases, base, "TL0PICIDX from {before:?} to {after:?}");
                let key_frames = next.key_index.wrapping_sub(last.key_index) % 32;
                let is_key = made[after.id as usize].is_key;
                assert_eq!(
                    key_frames,
                    u8::from(is_key),
                    "KEYIDX from {before:?} to {after:?}"
                );
            }
            Path::Lossy => {
                assert!((1..1 << 14).contains(&steps), "{before:?} to {after:?}");
                assert!((base..128).contains(&bases), "{before:?} to {after:?}");
            }
        }
    }
}

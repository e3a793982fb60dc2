//! What a receiver makes of a layered consumer's packets: a decoder's references, from the payload
//! formats and from what the encoders know.

use std::collections::{BTreeMap, BTreeSet};

use flumen_sim::coding::{Dependencies, Format, FrameId, Seen};

use super::call::{DEPENDENCIES, FORWARDED_DEPENDENCIES};
use super::frame::{Frame, named};
use crate::packet::Packet;

/// Everything that a consumer sent, by its number counted on beyond 16 bits.
#[derive(Clone, Debug)]
pub struct Receiver {
    packets: BTreeMap<u64, Packet>,
    /// Numbers under which nothing is to come: so it was told when they were asked for.
    empty: BTreeSet<u64>,
    newest: Option<u64>,
    /// Where its packets say what they are.
    format: Format,
}

/// A frame as it was received.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// Which it is.
    pub id: FrameId,
    /// Its RTP timestamp.
    pub timestamp: u32,
    /// What its packets say.
    pub seen: Seen,
    /// Which packets came, a bit each.
    packets: u32,
    /// The numbers of the first and the last one.
    numbers: (u64, u64),
    /// One of them has the marker.
    is_marked: bool,
}

/// What may have happened on the way to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Everything arrived in order: so there is no hole, and every number goes on from the last.
    Clean,
    /// Packets were lost or late.
    Lossy,
    /// Packets were late, or lost on the way from the engine: everything comes in the end to who asks
    /// for it.
    Repaired,
}

/// So many numbers behind the newest packet a receiver asks for what it misses.
const MEMORY: u64 = 500;

impl Receiver {
    /// A receiver of what is described so.
    pub(super) fn new(format: Format) -> Self {
        Self {
            packets: BTreeMap::new(),
            empty: BTreeSet::new(),
            newest: None,
            format,
        }
    }

    /// Takes in packets in the order in which they left.
    pub fn take(&mut self, packets: impl IntoIterator<Item = Packet>) {
        for packet in packets {
            let number = self.counted(packet.sequence);
            self.newest = self.newest.max(Some(number));
            let known = self.packets.insert(number, packet);
            let is_new = known.is_none() && !self.empty.contains(&number);
            assert!(is_new, "number {} was given twice", number as u16);
        }
    }

    /// Takes in retransmissions (RFC 4588).
    pub fn take_again(&mut self, packets: impl IntoIterator<Item = Packet>) {
        for packet in packets {
            let (number, payload) = packet.payload.split_at(2);
            let sequence = u16::from_be_bytes([number[0], number[1]]);
            let (number, payload) = (self.counted(sequence), payload.to_vec());
            if payload.is_empty() {
                self.empty.insert(number);
                continue;
            }
            let again = Packet {
                sequence,
                payload,
                ..packet
            };
            self.packets.entry(number).or_insert(again);
        }
    }

    fn counted(&self, sequence: u16) -> u64 {
        let newest = self.newest.unwrap_or(1 << 32 | u64::from(sequence));
        let ahead = sequence.wrapping_sub(newest as u16).cast_signed();
        newest.wrapping_add_signed(ahead.into())
    }

    /// The numbers of late that are missing.
    pub fn missing(&self) -> Vec<u16> {
        let (Some((first, _)), Some(newest)) = (self.packets.first_key_value(), self.newest) else {
            return Vec::new();
        };
        let numbers = (*first).max(newest.saturating_sub(MEMORY))..newest;
        let is_missing =
            |number: &u64| !(self.packets.contains_key(number) || self.empty.contains(number));
        numbers
            .filter(is_missing)
            .map(|number| number as u16)
            .collect()
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
        self.check_holes(made, path);
        self.check_dependencies(made);
        let frames = self.frames(made);
        check_packets(&frames, made, path);
        check_references(&frames, made, path);
        check_pictures(&frames, made, path);
        check_counters(&frames, made, path);
        frames
    }

    /// The highest spatial and temporal layer that the newest packet's descriptor says are active.
    ///
    /// # Panics
    ///
    /// When a descriptor does not say what is so.
    pub fn active_layers(&self, made: &[Frame]) -> (u8, u8) {
        self.check_dependencies(made).highest()
    }

    /// What descriptors say is so; returns what is known from the newest.
    fn check_dependencies(&self, made: &[Frame]) -> Dependencies {
        let mut dependencies: BTreeMap<usize, Dependencies> = BTreeMap::new();
        let mut newest = 0;
        for packet in self.packets.values() {
            let (id, _) = named(packet);
            let frame = &made[id as usize];
            newest = frame.encoder;
            let known = dependencies.entry(newest).or_default();
            if let Some(value) = descriptor_of(packet) {
                let back = |id: &FrameId| frame.number.wrapping_sub(made[*id as usize].number);
                let back = frame.references.iter().map(back).collect();
                let checked = known.check(value, (frame.spatial, frame.temporal), Some(&back));
                let is_active = checked.unwrap_or_else(|what| panic!("{frame:?}: {what}"));
                assert!(is_active, "{frame:?} is of no active target");
            }
        }
        dependencies.remove(&newest).unwrap_or_default()
    }

    /// What a packet of a frame says.
    fn see(&self, packet: &Packet, frame: &Frame) -> Seen {
        let seen = self.format.see(&packet.payload, descriptor_of(packet));
        let seen = seen.unwrap_or_else(|| panic!("{packet:?} is not as its encoder wrote it"));
        match self.format {
            // Only the templates tell layers; that they are right is checked with these.
            Format::Dependencies => Seen {
                spatial: frame.spatial,
                temporal: (frame.temporal, false),
                ..seen
            },
            _ => seen,
        }
    }

    fn check_holes(&self, made: &[Frame], path: Path) {
        let (Some((first, _)), Some((last, _))) = (
            self.packets.first_key_value(),
            self.packets.last_key_value(),
        ) else {
            return;
        };
        let holes = (last - first + 1) as usize - self.packets.len() - self.empty.len();
        // What comes so late that another stream is sent by then may be lost as well.
        let lost = made
            .iter()
            .map(|frame| (frame.lost | frame.late).count_ones());
        let lost: u32 = lost.sum();
        let allowed = if path == Path::Lossy {
            lost as usize
        } else {
            0
        };
        assert!(holes <= allowed, "{holes} holes, {lost} packets were lost");
    }

    fn frames(&self, made: &[Frame]) -> Vec<Decoded> {
        let mut frames: Vec<Decoded> = Vec::new();
        let mut begun = BTreeSet::new();
        for (&number, packet) in &self.packets {
            let (id, index) = named(packet);
            let seen = self.see(packet, &made[id as usize]);
            if frames.last().is_none_or(|frame| frame.id != id) {
                assert!(begun.insert(id), "frame {id} is in one piece");
                frames.push(Decoded {
                    id,
                    timestamp: packet.timestamp,
                    seen,
                    packets: 0,
                    numbers: (number, number),
                    is_marked: false,
                });
            }
            let Some(frame) = frames.last_mut() else {
                continue;
            };
            assert_eq!(packet.timestamp, frame.timestamp, "a frame has one time");
            assert_eq!(seen.number, frame.seen.number, "and one number");
            assert!(frame.packets < 1 << index, "packets are in order");
            assert!(!frame.is_marked, "the marker of {id} is on its last packet");
            let ends = index + 1 == made[id as usize].packets;
            assert!(
                ends || !packet.marker,
                "the marker of {id} is on its last packet"
            );
            frame.packets |= 1 << index;
            frame.numbers.1 = number;
            frame.is_marked = packet.marker;
        }
        frames
    }
}

/// The dependency descriptor of a packet, as it is sent or as it was forwarded.
pub fn descriptor_of(packet: &Packet) -> Option<&[u8]> {
    let is_it = |id: u8| id == DEPENDENCIES || id == FORWARDED_DEPENDENCIES;
    let mut extensions = packet.extensions.iter();
    let found = extensions.find(|(id, _)| is_it(*id));
    found.map(|(_, value)| &value[..])
}

/// Frames are whole, but for what was lost; the last one may not be over.
fn check_packets(frames: &[Decoded], made: &[Frame], path: Path) {
    for pair in frames.windows(2) {
        let [frame, next] = pair else { continue };
        let made_as = &made[frame.id as usize];
        let missing = !frame.packets & ((1 << made_as.packets) - 1);
        let explained = match path {
            Path::Clean => false,
            Path::Lossy => missing & !(made_as.lost | made_as.late) == 0,
            Path::Repaired => missing & !made_as.late == 0 && is_left(frame, next, made),
        };
        assert!(
            missing == 0 || explained,
            "of {made_as:?} ({}) the packets {missing:b} are missing",
            frame.id
        );
    }
}

/// The end of a frame did not come before a key frame of another stream had waited for it for long
/// enough, as when its own stream stopped, or before its own stream counted its frames anew: then there
/// is no number for it any more, and no hole. A decoder never gets that frame together, and goes on
/// without it: nothing behind the key frame needs it.
fn is_left(frame: &Decoded, next: &Decoded, made: &[Frame]) -> bool {
    let has_no_hole =
        (frame.packets + 1).is_power_of_two() && frame.numbers.1 + 1 == next.numbers.0;
    let [made_as, next] = [frame, next].map(|frame| &made[frame.id as usize]);
    // Picture ids have a bit less than frame numbers.
    let ahead = next.number.wrapping_sub(made_as.number) << 1;
    let counts_anew = ahead.cast_signed() < 0;
    has_no_hole && next.is_key && (next.encoder != made_as.encoder || counts_anew)
}

/// What a frame needs was sent before it, unless it was lost on the way to the engine; and it is where
/// the frame says that it is.
fn check_references(frames: &[Decoded], made: &[Frame], path: Path) {
    let mut decoded: BTreeMap<FrameId, u16> = BTreeMap::new();
    let mut encoders = frames.iter().map(|frame| made[frame.id as usize].encoder);
    let first = encoders.next();
    let is_simulcast = encoders.any(|encoder| Some(encoder) != first);
    for frame in frames {
        let made_as = &made[frame.id as usize];
        for &reference in &made_as.references {
            let referred = &made[reference as usize];
            let Some(found) = decoded.get(&reference) else {
                // A base frame that comes when another stream is sent is not sent any more.
                let was_late = referred.late != 0 && referred.temporal == 0;
                let is_explained = match path {
                    Path::Clean => false,
                    Path::Lossy => referred.lost != 0 || was_late,
                    Path::Repaired => was_late && is_simulcast,
                };
                assert!(
                    is_explained,
                    "{made_as:?} ({}) needs {reference}, {referred:?}, which was not sent",
                    frame.id,
                );
                continue;
            };
            if !frame.seen.is_compressed {
                let (number, bits) = frame.seen.number;
                let back = made_as.number.wrapping_sub(referred.number);
                let expected = number.wrapping_sub(back) & mask(bits);
                assert_eq!(*found, expected, "{reference}, a reference of {frame:?}");
            }
        }
        decoded.insert(frame.id, frame.seen.number.0);
    }
}

fn mask(bits: u32) -> u16 {
    u16::MAX >> (16 - bits)
}

/// Time rises from picture to picture, and the last frame of each tells that it is.
fn check_pictures(frames: &[Decoded], made: &[Frame], path: Path) {
    let picture = |frame: &Decoded| made[frame.id as usize].picture;
    for pair in frames.windows(2) {
        let [before, after] = pair else { continue };
        let ahead = after.timestamp.wrapping_sub(before.timestamp).cast_signed();
        if picture(before) == picture(after) {
            assert_eq!(ahead, 0, "{before:?} and {after:?} are of one picture");
            assert!(!before.is_marked, "{before:?} does not end its picture");
            assert!(before.seen.spatial < after.seen.spatial);
            continue;
        }
        assert!(
            ahead > 0,
            "time runs by {ahead} from {before:?} to {after:?}"
        );
        let made_as = &made[before.id as usize];
        let has_end = before.packets >> (made_as.packets - 1) == 1;
        let is_whole = has_end && (path != Path::Lossy || made_as.spatial == 0);
        let is_only = made
            .get(before.id as usize + 1)
            .is_none_or(|next| next.picture != made_as.picture);
        if path == Path::Clean || (is_whole && is_only) {
            assert!(before.is_marked, "{before:?} ends its picture, {made_as:?}");
        }
    }
}

fn check_counters(frames: &[Decoded], made: &[Frame], path: Path) {
    for pair in frames.windows(2) {
        let [before, after] = pair else { continue };
        let (last, next) = (before.seen, after.seen);
        let is_key = made[after.id as usize].is_key;
        if next.number.1 == 0 {
            continue;
        }
        let is_picture = made[before.id as usize].picture == made[after.id as usize].picture;
        let bits = next.number.1;
        let steps = next.number.0.wrapping_sub(last.number.0) & mask(bits);
        let bases = next.tl0_index.zip(last.tl0_index);
        let bases = bases.map(|(next, last)| next.wrapping_sub(last));
        let base = u8::from(next.temporal.0 == 0);
        if is_picture && bits != 16 {
            assert_eq!(
                (steps, bases.unwrap_or(0)),
                (0, 0),
                "one picture, {after:?}"
            );
            continue;
        }
        if path != Path::Clean {
            assert!(
                (1..mask(bits) / 2).contains(&steps),
                "{before:?} to {after:?}"
            );
            assert!(bases.is_none_or(|bases| (base..128).contains(&bases)));
            continue;
        }
        assert!(
            steps == 1 || !next.is_compressed,
            "numbers from {before:?} to {after:?}"
        );
        // Pictures that nobody gets count, where numbers do not close up.
        let is_next = |bases: u8| bases == base || (!next.is_compressed && bases > base);
        assert!(
            bases.is_none_or(is_next),
            "TL0PICIDX from {before:?} to {after:?}"
        );
        let key_frames = next.key_index.zip(last.key_index);
        let key_frames = key_frames.map(|(next, last)| next.wrapping_sub(last) % 32);
        assert!(
            key_frames.is_none_or(|count| count == u8::from(is_key)),
            "KEYIDX from {before:?} to {after:?}"
        );
    }
}

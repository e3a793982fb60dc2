//! A frame, as only its encoder knows it.

use crate::draw::Draw;

/// A frame: one number for each of those that the encoders of a source make, in order. Those of one
/// picture follow each other.
pub type FrameId = u32;

/// A frame of an encoder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// It is of a picture that needs no other picture.
    pub is_key: bool,
    /// Its spatial layer.
    pub spatial: u8,
    /// Its temporal layer.
    pub temporal: u8,
    /// The frames that it needs.
    pub references: Vec<FrameId>,
    /// How many packets it has.
    pub packets: u8,
    /// The picture that it is of: the first frame of that.
    pub picture: FrameId,
    /// The number that its packets carry, as its encoder counts pictures or frames.
    pub number: u16,
}

/// A frame, and how its packets begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coded {
    /// The frame.
    pub frame: Frame,
    /// One of each packet; what follows it is the sender's to fill.
    pub heads: Vec<Head>,
}

/// How a packet begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The descriptor of its payload format, and as much of the frame as tells what it is.
    pub payload: Vec<u8>,
    /// The dependency descriptor; empty where there is none.
    pub dependencies: Vec<u8>,
}

/// How many packets a frame of a spatial and a temporal layer has; not more than 255.
pub(super) type Count<'a> = &'a mut dyn FnMut(&mut dyn Draw, (u8, u8)) -> u8;

/// The temporal layers of a group of pictures, by how many there are.
pub(super) fn pattern(layers: u8) -> &'static [u8] {
    match layers {
        1 => &[0],
        2 => &[0, 1],
        _ => &[0, 2, 1, 2],
    }
}

/// What a frame refers to of the newest pictures of lower layers, or of its own where that is the
/// lowest: the newest of them, as encoders have it. A stray one takes that of the highest layer, though
/// others may have come since.
pub(super) fn reference(
    newest: &[Option<(u16, FrameId)>; 3],
    temporal: u8,
    is_stray: bool,
) -> Option<(u16, FrameId)> {
    let lower = newest[..usize::from(temporal.max(1))].iter();
    let lower = lower.flatten().copied();
    match is_stray {
        true => lower.last(),
        false => lower.max_by_key(|(_, id)| *id),
    }
}

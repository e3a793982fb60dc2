//! What an encoder made, as only a test can know it.

/// A frame, by the order in which all frames of a test were made.
pub type FrameId = u32;

/// A frame of an encoder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The encoder that made it.
    pub encoder: usize,
    /// It needs no other frame.
    pub is_key: bool,
    /// Its spatial layer.
    pub spatial: u8,
    /// Its temporal layer.
    pub temporal: u8,
    /// The frames that it needs.
    pub references: Vec<FrameId>,
    /// How many packets it has.
    pub packets: u8,
    /// When it was captured, in milliseconds.
    pub captured: u64,
    /// Which of its packets were lost on the way to the engine, a bit each.
    pub lost: u32,
    /// Which of its packets came late, a bit each.
    pub late: u32,
    /// The picture that it is of: frames of several spatial layers.
    pub picture: FrameId,
}

/// The bytes behind a payload's descriptor: what makes a packet known wherever it goes.
pub(super) fn body(first: u8, id: FrameId, index: u8) -> Vec<u8> {
    let mut body = vec![first];
    body.extend(id.to_be_bytes());
    body.push(index);
    body
}

/// The frame and the index that a body names.
pub(super) fn named(body: &[u8]) -> (FrameId, u8) {
    let [_, a, b, c, d, index] = *body else {
        panic!("{body:02x?} is no body of a test's packet");
    };
    (FrameId::from_be_bytes([a, b, c, d]), index)
}

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
    /// The number that its packets carry, as its encoder counts pictures or frames.
    pub number: u16,
}

/// What the descriptor of a packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// A frame begins in it.
    pub begins: bool,
    /// The picture id or the frame number, and how many bits it has.
    pub number: (u16, u32),
    /// Numbers go on without holes for what is withheld: nothing counts in them.
    pub is_compressed: bool,
    /// TL0PICIDX.
    pub tl0_index: Option<u8>,
    /// The temporal layer and whether it may be switched up to there.
    pub temporal: (u8, bool),
    /// The spatial layer.
    pub spatial: u8,
    /// KEYIDX.
    pub key_index: Option<u8>,
    /// It is of a key frame, if it begins one.
    pub is_key: bool,
    /// The frame and which of its packets it is.
    pub frame: (FrameId, u8),
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

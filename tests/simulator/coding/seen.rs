//! What the descriptors of a packet say.

use super::{dependencies, vp8, vp9};

/// What the descriptors of a packet say.
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
}

/// Where a packet says what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// In the payload descriptor of VP8 (RFC 7741).
    Vp8,
    /// In the payload descriptor of VP9 (RFC 9628).
    Vp9,
    /// In a dependency descriptor, whatever the codec is.
    Dependencies,
}

impl Format {
    /// Reads a packet as [`Encoder`](super::Encoder)s write it; none when it is not so.
    pub fn see(self, payload: &[u8], dependencies: Option<&[u8]>) -> Option<Seen> {
        match self {
            Self::Vp8 => vp8::see(payload),
            Self::Vp9 => vp9::see(payload),
            Self::Dependencies => dependencies::see(dependencies),
        }
    }
}

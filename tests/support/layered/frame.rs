//! A frame as a test knows it.

use std::ops::Deref;

use flumen_sim::coding::{self, FrameId};

use crate::packet::Packet;

/// A frame of an encoder, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// As its encoder made it.
    pub coded: coding::Frame,
    /// The encoder that made it.
    pub encoder: usize,
    /// When it was captured, in milliseconds.
    pub captured: u64,
    /// Which of its packets were lost on the way to the engine, a bit each.
    pub lost: u32,
    /// Which of its packets came late, a bit each.
    pub late: u32,
}

impl Deref for Frame {
    type Target = coding::Frame;

    fn deref(&self) -> &coding::Frame {
        &self.coded
    }
}

/// What makes a packet known wherever it goes, behind all that its encoder says.
pub(super) fn name(id: FrameId, index: usize) -> [u8; NAME_LEN] {
    let [a, b, c, d] = id.to_be_bytes();
    [a, b, c, d, index as u8]
}

const NAME_LEN: usize = 5;

/// The frame of a packet, and which of its packets it is.
pub(super) fn named(packet: &Packet) -> (FrameId, u8) {
    let Some(&[a, b, c, d, index]) = packet.payload.last_chunk::<NAME_LEN>() else {
        panic!("{packet:?} is no packet of a test");
    };
    (FrameId::from_be_bytes([a, b, c, d]), index)
}

//! Datagrams as they leave a peer, and which packet of a medium each is.

/// A packet of a medium, as its sender knows it: the same when it is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    /// Of the stream that it was first sent in.
    pub(crate) ssrc: u32,
    /// Which frame of its stream, or which packet of sound; they go up.
    pub(crate) frame: u32,
    /// Which of the packets of its frame.
    pub(crate) index: u8,
    /// How many packets its frame has.
    pub(crate) count: u8,
    /// Receivers learn from it how to read what follows: the first packet of a key frame.
    pub(crate) is_entrance: bool,
}

/// What a peer sends.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    pub(crate) bytes: Vec<u8>,
    /// What it carries, if that is a packet of a medium.
    pub(crate) packet: Option<Packet>,
}

/// Takes datagrams as they leave a peer.
pub(crate) type Out = Vec<Datagram>;

impl From<Vec<u8>> for Datagram {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            packet: None,
        }
    }
}

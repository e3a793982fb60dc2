//! What the tests share: a room on the loopback backend, a call in it, packets, and parameters.

pub mod any_input;
mod call;
mod channels;
mod data_room;
pub mod disk;
mod downlink;
mod ends;
pub mod feedback;
pub mod forger;
pub mod layered;
pub mod meeting;
mod network;
mod noise;
mod packet;
mod parameters;
mod path;
mod peer;
mod recording;
mod room;
mod srtp_peer;
mod talk;
mod trunk;
pub mod victims;
mod ways;

pub use call::{Call, Left, RECEIVER, Request, SENDER, SSRC, requests_in, requests_to, rtp_to};
pub use channels::Channels;
pub use data_room::Got;
pub use downlink::Downlink;
pub use ends::{Ends, Stack, Yielded, message, start};
pub use noise::Noise;
pub use packet::{Packet, VP8_DELTA_FRAME, VP8_KEY_FRAME};
pub use parameters::{
    MID, ORIENTATION, REPAIRED_RID, RID, RTX, WIDE, encoding, encoding_named, encoding_of,
    media_codecs, opus, video, vp8, vp8_rtx, with_remb, with_retransmissions, with_transport_cc,
};
pub use path::{Path, bottleneck};
pub use peer::{Check, Peer, framed, turn_all};
pub use recording::{Forwarded, Played, Recording, Seen};
pub use room::{Received, Room, address, fails};
pub use srtp_peer::SrtpPeer;
pub use talk::talk;
pub use trunk::{Bridge, Trunk};
pub use ways::{GOOD, Ways};

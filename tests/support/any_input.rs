//! What holds whatever bytes arrive: one function a way in, each over bytes that anybody may choose.
//!
//! `fuzz/` drives them with a fuzzer that sees which code ran; `fuzzed.rs` plays them what that begins
//! with.

mod agent;
mod association;
mod caller;
mod codecs;
mod dialogues;
mod dtls;
mod dtls_records;
mod framing;
mod impostor;
mod input;
mod kept;
mod opener;
mod room;
mod rtcp;
mod rtp;
mod sctp;
mod sdp;
mod seeds;
mod srtp;
mod stranger;
mod stun;

pub use agent::agent;
#[cfg(feature = "webrtc-sctp")]
pub use association::webrtc_association;
pub use association::{Reached, association, reached};
pub use codecs::codecs;
pub use dtls::dtls;
pub use dtls_records::dtls_records;
pub use framing::framing;
pub use kept::pack;
pub use room::{Call, room};
pub use rtcp::rtcp;
pub use rtp::rtp;
pub use sctp::sctp;
pub use sdp::sdp;
pub use seeds::{made, seeds};
pub use srtp::srtp;
pub use stun::stun;

/// A function of this module.
pub type Claim = fn(&[u8]);

/// Every way in that the ordinary build has, by the name of its fuzz target.
pub const CLAIMS: [(&str, Claim); 13] = [
    ("codecs", codecs),
    ("rtp", rtp),
    ("rtcp", rtcp),
    ("sctp", sctp),
    ("srtp", srtp),
    ("dtls", dtls),
    ("dtls_records", dtls_records),
    ("framing", framing),
    ("stun", stun),
    ("sdp", sdp),
    ("agent", agent),
    ("association", association),
    ("room", room),
];

//! Pure parsing and writing of what crosses the wire: no ECS, no clock, no panic on any input.
//!
//! What peers send is read in place by small `Copy` views: a parse checks every length once and
//! notes offsets, so that what follows needs no further check, copies nothing and allocates
//! nothing. What is sent is written into the caller's buffer.
//!
//! | module | what it knows | source |
//! |---|---|---|
//! | [`classify`](mod@classify) | which protocol a datagram belongs to | RFC 7983, RFC 5761 |
//! | [`rtp`] | fixed header, header extension, padding | RFC 3550, RFC 8285 |
//! | [`header_extension`] | writing an extension block | RFC 8285 |
//! | [`extension`] | extension URIs and values | see there |
//! | [`rtcp`] | compound packets, reports, feedback | RFC 3550, 3611, 4585, 5104 |
//! | [`ntp`] | time in reports, round trips | RFC 5905, RFC 3550 |
//! | [`rtx`] | retransmissions | RFC 4588 |
//! | [`dcep`] | data channels that a peer opens | RFC 8832 |
//! | [`ppid`] | what a data channel message is | RFC 8831 |
//! | [`sctp`] | chunks, what is well-formed | RFC 9260, 3758, 6525 |
//! | [`dtls`] | records, fragments, what a ClientHello offers | RFC 6347, 9147, 5764 |
//! | [`stun`] | connectivity checks and their answers | RFC 8489, 8445 |
//! | [`framing`] | datagrams in byte streams | RFC 4571 |
//! | [`codec`] | key frames and payload descriptors | RFC 6184, 6716, 7741, 7798, 9628, AV1 RTP |
//! | [`sequence`] | wrap-aware order and gapless renumbering | RFC 1982 |
//! | [`state`](mod@state) | what snapshots are made of | - |
#![forbid(unsafe_code)]

pub mod classify;
pub mod codec;
pub mod dcep;
pub mod dtls;
pub mod extension;
pub mod framing;
pub mod header_extension;
pub mod ntp;
pub mod ppid;
pub mod rtcp;
pub mod rtp;
pub mod rtx;
pub mod sctp;
pub mod sequence;
pub mod state;
pub mod stun;

pub use classify::{PacketKind, classify};
pub use header_extension::write_extensions;
pub use rtp::{RtpError, RtpHeader};
pub use sequence::SequenceManager;

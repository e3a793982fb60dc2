//! Session descriptions at the edge: what a peer offers, in the engine's parameters, and answers.
//!
//! The engine speaks parameters, never SDP. This crate is for applications whose clients speak SDP:
//! over WHIP (RFC 9725), WHEP, or signalling of their own. It keeps nothing and asks nobody: an
//! [`Offer`] is read from text; [`sent`](Offer::sent) is what a section sends, ready for
//! `Engine::produce`; [`capabilities`](Offer::capabilities) is what a section can receive, ready
//! for `Engine::consume`; [`answer`](Offer::answer) is the text for the peer (RFC 8829, 8839, 8841,
//! 8842, 8851, 8853, 9143).
//!
//! ```
//! use flumen_sdp::Offer;
//!
//! # fn read(text: &str) -> Result<(), flumen_sdp::SdpError> {
//! let offer = Offer::parse(text)?;
//! for section in offer.sections() {
//!     println!("{}: {:?}, sends: {}", section.mid, section.carries, section.sends);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The text is parsed by `rtc-sdp`; what is in it has named bounds.
#![forbid(unsafe_code)]

mod answer;
mod attributes;
mod codecs;
mod encodings;
mod error;
mod extensions;
#[cfg(test)]
mod goldens;
mod known;
mod lines;
mod local;
mod offer;
mod receiving;
mod section;
mod sending;
mod transport;

pub use answer::Answer;
pub use error::{NoCodec, SdpError};
pub use known::{Known, Listing};
pub use local::Local;
pub use offer::{Offer, SECTIONS_MAX, TEXT_MAX};
pub use section::{Carries, Section};
pub use transport::{Remote, Sctp};

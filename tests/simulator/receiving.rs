//! What peers make of what they get.

mod arrivals;
mod decoder;
mod freezes;
mod gaps;
mod receiver;
mod reception;
mod sound;
mod view;

pub use decoder::Shown;
pub use sound::AudioReception;
pub use view::VideoReception;

pub(crate) use receiver::Receiver;

use arrivals::Arrivals;
use freezes::Freezes;
use sound::Sound;
use view::View;

/// A 16-bit number, counted on from the newest one before it.
pub(crate) fn unwrap(number: u16, newest: u64) -> u64 {
    let ahead = number.wrapping_sub(newest as u16).cast_signed();
    newest.saturating_add_signed(ahead.into())
}

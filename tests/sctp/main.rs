//! SCTP associations behind the seam: every implementation against itself and every other.

mod crossing;
mod ending;
mod flow;
mod hostile;
mod limits;
mod opening;
mod recorded;
mod reliability;
mod resets;
mod restart;
mod simulation;
#[cfg(feature = "webrtc-sctp")]
mod webrtc_sctp;
mod wrap;

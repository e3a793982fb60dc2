//! Flumen: an ECS-style media-routing engine.
#![forbid(unsafe_code)]

mod backend;
mod loopback;
mod rotation;
mod udp;

pub use backend::{Backend, BindRequest, Bound, Flight, Outcome, ReceiveLimits, Transmit, Wake};
pub use loopback::{Loopback, Sent, Totals, Wire};
pub use udp::Udp;

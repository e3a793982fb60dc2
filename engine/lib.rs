//! Flumen: an ECS-style media-routing engine.
#![forbid(unsafe_code)]

mod backend;

pub use backend::{Backend, BindRequest, Bound, Flight, Outcome, ReceiveLimits, Transmit, Wake};

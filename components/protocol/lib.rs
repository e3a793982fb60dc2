//! State machines of protocols: datagrams, commands and the time go in, datagrams and events come
//! out.
//!
//! They know no ECS, open no socket, read no clock and start no thread.
#![forbid(unsafe_code)]

pub mod dtls;
mod generator;
pub mod ice;
mod playback;
pub mod sctp;
pub mod srtp;
pub mod stun;
mod time;

pub use generator::Generator;
pub use time::Time;

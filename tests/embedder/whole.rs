//! Modules of the engine imported whole beside every other: no name means two things.
//!
//! Those of `components::wire` are apart from that: they are imported by name.
#![deny(ambiguous_glob_reexports)]

pub use flumen::components::*;
pub use flumen::dump::*;
pub use flumen::ecs::prelude::*;
pub use flumen::event::*;
pub use flumen::rtp_parameters::*;
pub use flumen::sctp::*;
pub use flumen::srtp::*;
pub use flumen::stats::*;
pub use flumen::trace::*;
pub use flumen::*;

//! What an SFU must know of a payload: where key frames begin, and which layer a packet is of.

pub mod av1;
pub mod av1_aggregation;
mod bits;
mod decode_targets;
pub mod h264;
pub mod h265;
pub mod opus;
mod picture_group;
mod picture_id;
mod templates;
mod units;
pub mod vp8;
pub mod vp9;

pub use decode_targets::DecodeTargets;
pub use picture_group::PictureGroup;
pub use picture_id::PictureId;
pub use templates::{FrameDependencies, Layers, REFERENCES_MAX, TEMPLATES_MAX, TemplateStructure};
pub use units::Units;

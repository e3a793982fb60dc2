//! Consumers: what they get, and when.

mod captures;
mod consumer_scores;
mod dependencies;
mod endurance;
mod forwarding;
mod h264;
mod header_extensions;
mod key_frames;
mod numbering;
mod pausing;
mod relay;
mod resending;
mod simulcast;
mod svc;
mod switches;
mod timestamps;

//! How producers and their streams arrive.

mod another_ssrc;
mod capture_time;
mod captures;
mod discovery;
mod inactivity;
mod layers;
mod liveness;
mod recovery;
mod restarts;
mod scoring;
mod sequence;

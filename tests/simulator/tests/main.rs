//! What the simulator promises, and what it holds the engine to.

mod broken;
mod codecs;
mod digests;
mod forks;
mod hostile;
mod quality;
mod rooms;
mod seeds;

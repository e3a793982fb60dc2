//! What an application asks for and is told.

mod closed;
mod closing;
mod dumps;
mod errors;
mod event_life;
mod events;
mod goldens;
mod handle;
mod in_order;
mod media_codecs;
mod observers;
mod running;
mod shutdown;
mod stats;
mod traces;

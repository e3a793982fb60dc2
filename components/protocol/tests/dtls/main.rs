//! Handshakes of connections, over virtual time.

mod forgeries;
mod handshakes;
mod pair;
mod recordings;

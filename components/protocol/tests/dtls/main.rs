//! Handshakes of connections, over virtual time.

mod forgeries;
mod handshakes;
mod hostile;
mod libraries;
mod lossy;
mod pair;
mod recordings;
mod versions;

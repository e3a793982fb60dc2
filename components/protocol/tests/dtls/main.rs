//! Handshakes of connections, over virtual time.

mod forgeries;
mod handshakes;
mod hostile;
mod lossy;
mod pair;
mod recordings;
mod versions;

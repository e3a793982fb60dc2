//! Transports, on virtual and on real sockets.

mod blocked;
mod comedia;
mod direct;
mod pacing;
mod sockets;
mod srtp;
mod transport_errors;

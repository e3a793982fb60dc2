//! WebRTC transports: ICE, DTLS and what they carry.

mod channels;
mod finding;
mod hostile;
mod media;
mod repeated;
mod servers;
mod tcp;
mod tcp_hostile;
mod tcp_sockets;
mod transports;

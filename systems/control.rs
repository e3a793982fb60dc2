//! What an application asks for between ticks: it acts at once or not at all.
//!
//! Every function takes the world, checks everything, and only then changes anything; what happened
//! is told in events. Sockets are the engine's business: here they come as addresses and keys.

mod birth;
mod close;
mod connect;
mod consume;
mod open_socket;
mod open_transport;
mod pause;
mod produce;
mod request_key_frame;
mod router;
mod send;
mod stats;
mod trace;

pub use close::{close_consumer, close_producer, close_router, close_socket, close_transport};
pub use connect::{ConnectError, ConnectOptions, connect};
pub use consume::{ConsumeError, ConsumerOptions, consume};
pub use open_socket::{SocketRecord, open_socket};
pub use open_transport::{
    Endpoint, OpenTransportError, PlainTransportRecord, open_direct_transport, open_plain_transport,
};
pub use pause::{pause_consumer, pause_producer, resume_consumer, resume_producer};
pub use produce::{ProduceError, ProducerOptions, produce};
pub use request_key_frame::request_key_frame;
pub use router::{can_consume, create_router};
pub use send::{SendError, send_rtcp, send_rtp};
pub use stats::{consumer_stats, producer_score, producer_stats, transport_stats};
pub use trace::{trace_consumer, trace_producer};

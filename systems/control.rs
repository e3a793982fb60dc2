//! What an application asks for between ticks: it acts at once or not at all.
//!
//! Every function takes the world, checks everything, and only then changes anything; what happened
//! is told in events. Sockets are the engine's business: here they come as addresses and keys.

mod belonging;
mod birth;
mod close;
mod close_data;
mod connect;
mod consume;
mod consume_data;
mod data_stats;
mod dump;
mod end;
mod layers;
mod limit_bitrate;
mod measure_receiver;
mod measure_sender;
mod observe;
mod open_socket;
mod open_transport;
mod open_webrtc_server;
mod open_webrtc_transport;
mod pause;
mod pause_data;
mod produce;
mod produce_data;
mod request_key_frame;
mod route;
mod router;
mod sctp;
mod send;
mod send_message;
mod send_message_to;
mod stats;
mod subscribe;
mod trace;
mod transport_stats;
mod webrtc;

pub use close::{
    close_consumer, close_producer, close_router, close_socket, close_transport,
    close_webrtc_server,
};
pub use close_data::{close_data_consumer, close_data_producer};
pub use connect::{ConnectError, ConnectOptions, connect};
pub use consume::{ConsumeError, ConsumerOptions, consume};
pub use consume_data::{ConsumeDataError, DataConsumerOptions, consume_data};
pub use data_stats::{data_consumer_stats, data_producer_stats};
pub use dump::{
    dump_consumer, dump_data_consumer, dump_data_producer, dump_producer, dump_router,
    dump_transport, dump_webrtc_server,
};
pub use layers::{
    PriorityError, current_layers, preferred_layers, priority, set_preferred_layers, set_priority,
};
pub use limit_bitrate::{
    LimitBitrateError, set_max_incoming_bitrate, set_max_outgoing_bitrate, set_min_outgoing_bitrate,
};
pub use observe::{
    ActiveSpeakerObserverOptions, AudioLevelObserverOptions, CreateObserverError, ObserveError,
    add_producer, close_observer, create_active_speaker_observer, create_audio_level_observer,
    pause_observer, remove_producer, resume_observer,
};
pub use open_socket::{SocketRecord, open_socket};
pub use open_transport::{
    DirectTransportOptions, Endpoint, OpenTransportError, PlainTransportRecord,
    open_direct_transport, open_plain_transport,
};
pub use open_webrtc_server::{IceSocketRecord, open_webrtc_server};
pub use open_webrtc_transport::{IceEndpoint, WebRtcTransportRecord, open_webrtc_transport};
pub use pause::{pause_consumer, pause_producer, resume_consumer, resume_producer};
pub use pause_data::{
    pause_data_consumer, pause_data_producer, resume_data_consumer, resume_data_producer,
};
pub use produce::{ProduceError, ProducerOptions, produce};
pub use produce_data::{DataProducerOptions, ProduceDataError, produce_data};
pub use request_key_frame::request_key_frame;
pub use router::{UpdateMediaCodecsError, can_consume, create_router, update_media_codecs};
pub use sctp::{
    NotSctp, bring_back_association, buffered_amount, sctp_state, set_buffered_amount_low_threshold,
};
pub use send::{SendError, send_rtcp, send_rtp};
pub use send_message::{SendMessageError, send_message};
pub use send_message_to::{SendMessageToError, send_message_to};
pub use stats::{
    consumer_score, consumer_stats, producer_liveness, producer_score, producer_stats,
};
pub use subscribe::{add_subchannel, remove_subchannel, set_subchannels};
pub use trace::{trace_consumer, trace_producer, trace_transport};
pub use transport_stats::{rtcp_tuple, transport_stats, tuple};
pub use webrtc::{
    ConnectWebRtcError, NotWebRtc, connect_webrtc, dtls_parameters, dtls_remote_certificate,
    dtls_state, ice_candidates, ice_parameters, ice_selected_tuple, ice_state, restart_ice,
};

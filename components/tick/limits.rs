//! Every bound of the engine, by name.

use std::time::Duration;

use bevy_ecs::resource::Resource;
use serde::{Deserialize, Serialize};

/// The bounds of an engine. Each has a default, and a setter of the same name in the builder.
///
/// Read by whoever fills the buffer that a bound belongs to. Memory that peers can make the engine
/// hold is bounded by these alone: the arena of a tick by `datagrams_per_tick x datagram_bytes`
/// (2 MiB), what waits for blocked sockets by `waiting_datagrams_per_transport` datagrams for
/// each transport, and so on.
#[derive(Resource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Datagrams that one tick takes in from all sockets. Default 1,024.
    pub datagrams_per_tick: usize,
    /// Datagrams that one tick takes in from one socket; a flooded socket then delays the others
    /// by at most one tick. Default 256.
    pub datagrams_per_socket: usize,
    /// Longest datagram taken whole, in bytes; a longer one is discarded as truncated. Default
    /// 2,048: above any path MTU of the internet.
    pub datagram_bytes: usize,
    /// Datagrams that may wait for a blocked socket on account of one transport. Default 512.
    pub waiting_datagrams_per_transport: u32,
    /// Packets sent through `send` on one transport, or added by systems, that wait for the next
    /// tick. Default 4,096.
    pub direct_sends_per_transport: usize,
    /// The same on all transports together. Default 16,384.
    pub direct_sends_per_tick: usize,
    /// Packets delivered on one direct transport that the application has not collected. Default
    /// 4,096.
    pub deliveries_per_transport: usize,
    /// Bytes of those packets. Default 4 MiB.
    pub delivered_bytes_per_transport: usize,
    /// Messages sent on one direct transport that wait for the next tick. Default 4,096.
    pub messages_per_transport: usize,
    /// Bytes of those messages, with two for each subchannel they name. Default 16 MiB.
    pub message_bytes_per_transport: usize,
    /// Messages delivered on one direct transport that the application has not collected. Default
    /// 65,536.
    pub delivered_messages_per_transport: usize,
    /// Bytes of those messages, each counted once however many data consumers get it. Default
    /// 16 MiB.
    pub delivered_message_bytes_per_transport: usize,
    /// Bytes that may wait on one SCTP association until its peer acknowledges them. Default
    /// 2,000,000.
    pub sctp_send_buffer_bytes: u32,
    /// The same on one stream of an association. Default 2,000,000.
    pub sctp_stream_queue_bytes: u32,
    /// Bytes that the peer of an association may have under way: the most that it can make the
    /// engine keep for it. Default 5,242,880.
    pub sctp_receive_window_bytes: u32,
    /// Messages that may wait on one association, however short they are. Default 16,384.
    pub sctp_send_queue_messages: u32,
    /// Streams that the peer of an association may send on. Default 1,024.
    pub sctp_inbound_streams: u16,
    /// SSRCs that the peer of a transport may send with under one SRTP key, 200 bytes each; packets
    /// of more are discarded. Default 1,024.
    pub srtp_inbound_ssrcs: usize,
    /// SSRCs that a transport may send with under one SRTP key, 200 bytes each, those of consumers
    /// that are closed included; packets of more are refused. Default 16,384.
    pub srtp_outbound_ssrcs: usize,
    /// Bytes of sealed packets that are made before they are sent; more are made then, in the same
    /// tick. What is sent soon is in a cache yet. Default 256 KiB.
    pub sealed_bytes: usize,
    /// Datagrams of one tick for which another thread is woken, with more than one thread: sealing and
    /// writing them must take longer than that takes. Default 32.
    pub datagrams_per_thread: usize,
    /// Bytes of the names, label and protocol together, of a data channel that a peer opens.
    /// Default 1,024.
    pub data_channel_name_bytes: usize,
    /// Bytes of messages of a transport, some 50 more for each, that wait for a data producer on the
    /// data channel that a peer has opened; what comes besides is discarded. Default 256 KiB.
    pub early_message_bytes: usize,
    /// Connectivity checks of one WebRTC transport that are read in one tick, and as many more by the way
    /// that leads to its peer. Default 64.
    pub stun_checks_per_transport: u32,
    /// Connectivity checks from addresses that are no transport's yet that are read in one tick:
    /// each costs a code of 100 bytes, some two microseconds. Default 128.
    pub stun_checks_per_tick: u32,
    /// Ways to the peer that a WebRTC transport knows at a time; the oldest one that is not selected
    /// makes room. Default 8.
    pub ice_tuples_per_transport: usize,
    /// Bytes that are sent by a way before something authenticated besides connectivity checks has
    /// come by it, and by all such ways of a WebRTC transport within ten seconds. Default 65,536.
    pub ice_unproven_bytes: u32,
    /// How often within ten seconds a WebRTC transport selects another way. Default 16.
    pub ice_switches: u32,
    /// Connections of one TCP socket. Beyond it the oldest that has proven nothing is closed.
    /// Default 4,096.
    pub tcp_connections_per_socket: usize,
    /// Connections of one TCP socket by which no check of a transport has come; the oldest makes
    /// room. Each holds a datagram of `datagram_bytes` at most, and what a tick did not take of a
    /// read of 16 KiB. Default 128.
    pub tcp_unproven_connections_per_socket: usize,
    /// Milliseconds after which such a connection is closed. Default 10,000.
    pub tcp_unproven_timeout_ms: u64,
    /// Bytes that wait for the peer of a TCP connection to read, besides what the system holds;
    /// datagrams beyond it are refused. Default 256 KiB.
    pub tcp_unsent_bytes_per_connection: usize,
    /// Events of one transport, and of what is on it, that the application has not drained; beyond
    /// it the oldest of these is dropped and counted. Default 8,192.
    pub events_per_transport: usize,
    /// Events in all that the application has not drained; beyond it the oldest of whoever has the
    /// most is dropped and counted. Default 65,536.
    pub events: usize,
    /// Trace events that one tick records of one transport, and of what is on it. Default 1,024.
    pub traces_per_transport: usize,
    /// Trace events that one tick records in all. Default 16,384.
    pub traces_per_tick: usize,
    /// Transport-wide sequence numbers that a transport remembers the arrival of, to report them
    /// (16 bytes each); more that arrive between two reports, or half a second, are told as lost.
    /// Default 8,192.
    pub arrivals_per_transport: usize,
    /// Packets sent to one receiver that are remembered until it tells of them (16 bytes each),
    /// for at most four seconds. Default 8,192.
    pub sent_packets_per_transport: usize,
    /// Packets in reports of one receiver that are looked at in one tick. Default 8,192.
    pub reported_packets_per_transport: usize,
    /// Packets of one transport that wait for their turn; more are refused. Default 512.
    pub paced_datagrams_per_transport: usize,
    /// How fast a transport may send, in percent of what its path carries. Default 110: more fills
    /// the queue of a path that is as fast as it is believed to be.
    pub pacing_percent: u64,
    /// Of what a path is known to carry, in percent: what is sent again at most. Default 30.
    pub retransmission_percent: u64,
    /// Packets of 1,200 bytes that a transport may send at once, if its rate sends them within 5 ms.
    /// Default 10.
    pub pacing_burst_packets: usize,
    /// Milliseconds that a packet waits for its turn at most: the rate rises for those that would
    /// wait longer. Default 500.
    pub pacing_delay_ms: u64,
    /// How much more than all of it costs, in percent, a path must carry before a consumer gets more
    /// layers. Default 5.
    pub layer_hysteresis_percent: u64,
    /// Milliseconds after which a path that carried what it costs all the time is enough without
    /// that. Default 5,000.
    pub layer_patience_ms: u64,
    /// Milliseconds for which it may be a passing queue of others that a path is believed to carry
    /// less than is sent, and nobody gets less for it; nor for longer than that while all of it
    /// arrives without a queue. Default 500.
    pub layer_fall_patience_ms: u64,
    /// How much more than is sent, in percent, is tried at a time once something was too much for a
    /// path: or a single layer, if that is more. Default 100.
    pub layer_step_percent: u64,
    /// The same for as long after that as `layer_hold_down_max_ms`, unless the path carries a quarter
    /// more. Default 20.
    pub layer_cautious_step_percent: u64,
    /// Milliseconds between two changes of what a consumer may get, unless what is sent is more than
    /// its path carries. Default 1,000.
    pub layer_change_interval_ms: u64,
    /// Milliseconds for which what was too much for a path is not tried again; after each raise that
    /// did not last a minute it is twice as long. Paths that carry a quarter more than that are
    /// exempt. Default 5,000.
    pub layer_hold_down_ms: u64,
    /// The longest of these spans in milliseconds. Default 60,000.
    pub layer_hold_down_max_ms: u64,
    /// The lowest layer of a video that lives goes out however small the estimate of its path. Where
    /// the path stays over-filled with lowest layers alone, those of the consumers that come last go
    /// without; the first one always gets its own. Without it consumers get nothing where there is no
    /// room for that. Default true.
    pub lowest_layer_always: bool,
    /// Milliseconds for which nobody has wanted a layer before its sender is told. Default 5,000.
    pub unused_layers_delay_ms: u64,
    /// Streams and consumers that report in one tick; the others follow in the next ones. Default
    /// 256.
    pub reports_per_tick: usize,
    /// Streams and consumers that are looked at in one tick for what there is to report, those
    /// included whose loss a sender that protects against it (in-band FEC) is told; the others
    /// follow in the next ticks. The consumers of one producer are looked at together. Default
    /// 4,096.
    pub report_checks_per_tick: usize,
    /// Requests of other threads that wait for the next tick. Default 1,024.
    pub requests: usize,
    /// Bytes of its latest packets that a stream keeps to have them sent again; its memory grows by
    /// pieces of 12 KiB of video and 2 KiB of audio. Default 4 MiB: 2,500 packets of 1,500 bytes.
    pub retransmission_bytes_per_stream: usize,
    /// Packets that a consumer sends again within a round trip. Default 256.
    pub resent_packets_per_consumer: usize,
    /// Requests for packets that are looked at for one consumer in one tick. Default 1,024.
    pub nacked_packets_per_tick: usize,
    /// Requests for packets that are looked at for one transport in one tick, however many
    /// consumers it has. Default 8,192.
    pub nacked_packets_per_transport: usize,
    /// SSRCs that may take the place of the one before, in one encoding within ten seconds: each
    /// begins a stream and asks for a key frame. Zero: the first one stays. Default 16.
    pub ssrc_changes_per_encoding: usize,
    /// Bytes of a recording that wait for the disk; when there are more, it ends. Default 16 MiB.
    pub recording_buffer_bytes: usize,
}

impl Limits {
    /// Shortest span between two changes of what a consumer may get.
    pub fn layer_change_interval(&self) -> Duration {
        Duration::from_millis(self.layer_change_interval_ms)
    }

    /// How long a TCP connection may prove nothing.
    pub fn tcp_unproven_timeout(&self) -> Duration {
        Duration::from_millis(self.tcp_unproven_timeout_ms)
    }

    /// How long a layer must be unused.
    pub fn unused_layers_delay(&self) -> Duration {
        Duration::from_millis(self.unused_layers_delay_ms)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            datagrams_per_tick: 1_024,
            datagrams_per_socket: 256,
            datagram_bytes: 2_048,
            waiting_datagrams_per_transport: 512,
            direct_sends_per_transport: 4_096,
            direct_sends_per_tick: 16_384,
            deliveries_per_transport: 4_096,
            delivered_bytes_per_transport: 4 << 20,
            messages_per_transport: 4_096,
            message_bytes_per_transport: 16 << 20,
            delivered_messages_per_transport: 65_536,
            delivered_message_bytes_per_transport: 16 << 20,
            sctp_send_buffer_bytes: 2_000_000,
            sctp_stream_queue_bytes: 2_000_000,
            sctp_receive_window_bytes: 5_242_880,
            sctp_send_queue_messages: 16_384,
            sctp_inbound_streams: 1_024,
            srtp_inbound_ssrcs: 1_024,
            srtp_outbound_ssrcs: 16_384,
            sealed_bytes: 256 << 10,
            datagrams_per_thread: 32,
            data_channel_name_bytes: 1_024,
            early_message_bytes: 256 << 10,
            stun_checks_per_transport: 64,
            stun_checks_per_tick: 128,
            ice_tuples_per_transport: 8,
            ice_unproven_bytes: 65_536,
            ice_switches: 16,
            tcp_connections_per_socket: 4_096,
            tcp_unproven_connections_per_socket: 128,
            tcp_unproven_timeout_ms: 10_000,
            tcp_unsent_bytes_per_connection: 256 << 10,
            events_per_transport: 8_192,
            events: 65_536,
            traces_per_transport: 1_024,
            traces_per_tick: 16_384,
            arrivals_per_transport: 8_192,
            sent_packets_per_transport: 8_192,
            reported_packets_per_transport: 8_192,
            paced_datagrams_per_transport: 512,
            pacing_percent: 110,
            retransmission_percent: 30,
            pacing_burst_packets: 10,
            pacing_delay_ms: 500,
            layer_hysteresis_percent: 5,
            layer_patience_ms: 5_000,
            layer_fall_patience_ms: 500,
            layer_step_percent: 100,
            layer_cautious_step_percent: 20,
            layer_change_interval_ms: 1_000,
            layer_hold_down_ms: 5_000,
            layer_hold_down_max_ms: 60_000,
            lowest_layer_always: true,
            unused_layers_delay_ms: 5_000,
            reports_per_tick: 256,
            report_checks_per_tick: 4_096,
            requests: 1_024,
            retransmission_bytes_per_stream: 4 << 20,
            resent_packets_per_consumer: 256,
            nacked_packets_per_tick: 1_024,
            nacked_packets_per_transport: 8_192,
            ssrc_changes_per_encoding: 16,
            recording_buffer_bytes: 16 << 20,
        }
    }
}

//! A limit that nothing can work with is refused when the engine is built.

use flumen::{BuildError, Builder, Engine, Loopback};

fn refused(configure: impl FnOnce(Builder) -> Builder) -> &'static str {
    let builder = configure(Engine::builder().backend(Loopback::new().0));
    match builder.build().err() {
        Some(BuildError::Limit { name, .. }) => name,
        Some(BuildError::EmptyPortRange { .. }) => "port_range",
        other => panic!("{other:?}"),
    }
}

#[test]
fn zero_is_no_limit() {
    assert_eq!(refused(|b| b.datagrams_per_tick(0)), "datagrams_per_tick");
    assert_eq!(
        refused(|b| b.datagrams_per_socket(0)),
        "datagrams_per_socket"
    );
    assert_eq!(refused(|b| b.datagram_bytes(0)), "datagram_bytes");
    assert_eq!(
        refused(|b| b.direct_sends_per_transport(0)),
        "direct_sends_per_transport"
    );
    assert_eq!(
        refused(|b| b.direct_sends_per_tick(0)),
        "direct_sends_per_tick"
    );
    assert_eq!(
        refused(|b| b.deliveries_per_transport(0)),
        "deliveries_per_transport"
    );
    assert_eq!(
        refused(|b| b.delivered_bytes_per_transport(0)),
        "delivered_bytes_per_transport"
    );
    assert_eq!(
        refused(|b| b.messages_per_transport(0)),
        "messages_per_transport"
    );
    assert_eq!(
        refused(|b| b.message_bytes_per_transport(0)),
        "message_bytes_per_transport"
    );
    assert_eq!(
        refused(|b| b.delivered_messages_per_transport(0)),
        "delivered_messages_per_transport"
    );
    assert_eq!(
        refused(|b| b.delivered_message_bytes_per_transport(0)),
        "delivered_message_bytes_per_transport"
    );
    assert_eq!(
        refused(|b| b.stun_checks_per_transport(0)),
        "stun_checks_per_transport"
    );
    assert_eq!(
        refused(|b| b.stun_checks_per_tick(0)),
        "stun_checks_per_tick"
    );
    assert_eq!(
        refused(|b| b.ice_tuples_per_transport(0)),
        "ice_tuples_per_transport"
    );
    assert_eq!(refused(|b| b.ice_unproven_bytes(0)), "ice_unproven_bytes");
    assert_eq!(
        refused(|b| b.tcp_connections_per_socket(0)),
        "tcp_connections_per_socket"
    );
    assert_eq!(
        refused(|b| b.tcp_unproven_connections_per_socket(0)),
        "tcp_unproven_connections_per_socket"
    );
    assert_eq!(
        refused(|b| b.tcp_unproven_timeout_ms(0)),
        "tcp_unproven_timeout_ms"
    );
    assert_eq!(
        refused(|b| b.tcp_unsent_bytes_per_connection(0)),
        "tcp_unsent_bytes_per_connection"
    );
    assert_eq!(
        refused(|b| b.sctp_send_buffer_bytes(0)),
        "sctp_send_buffer_bytes"
    );
    assert_eq!(
        refused(|b| b.sctp_stream_queue_bytes(0)),
        "sctp_stream_queue_bytes"
    );
    assert_eq!(
        refused(|b| b.sctp_receive_window_bytes(0)),
        "sctp_receive_window_bytes"
    );
    assert_eq!(
        refused(|b| b.sctp_send_queue_messages(0)),
        "sctp_send_queue_messages"
    );
    assert_eq!(
        refused(|b| b.sctp_inbound_streams(0)),
        "sctp_inbound_streams"
    );
    assert_eq!(
        refused(|b| b.events_per_transport(0)),
        "events_per_transport"
    );
    assert_eq!(refused(|b| b.events(0)), "events");
    assert_eq!(
        refused(|b| b.traces_per_transport(0)),
        "traces_per_transport"
    );
    assert_eq!(refused(|b| b.traces_per_tick(0)), "traces_per_tick");
    assert_eq!(
        refused(|b| b.arrivals_per_transport(0)),
        "arrivals_per_transport"
    );
    assert_eq!(refused(|b| b.reports_per_tick(0)), "reports_per_tick");
    assert_eq!(
        refused(|b| b.report_checks_per_tick(0)),
        "report_checks_per_tick"
    );
    assert_eq!(refused(|b| b.requests(0)), "requests");
    assert_eq!(
        refused(|b| b.retransmission_bytes_per_stream(0)),
        "retransmission_bytes_per_stream"
    );
    assert_eq!(
        refused(|b| b.resent_packets_per_consumer(0)),
        "resent_packets_per_consumer"
    );
    assert_eq!(
        refused(|b| b.nacked_packets_per_tick(0)),
        "nacked_packets_per_tick"
    );
    assert_eq!(
        refused(|b| b.nacked_packets_per_transport(0)),
        "nacked_packets_per_transport"
    );
}

#[test]
fn what_one_tick_can_bring_has_an_end() {
    assert_eq!(refused(|b| b.datagram_bytes(65_536)), "datagram_bytes");
    assert_eq!(
        refused(|b| b.datagrams_per_tick(1 << 20)),
        "datagrams_per_tick"
    );
    assert_eq!(
        refused(|b| b.direct_sends_per_tick(1 << 16)),
        "direct_sends_per_tick"
    );
}

#[test]
fn numbers_of_sixteen_bits_are_told_apart() {
    assert_eq!(
        refused(|b| b.arrivals_per_transport(16_385)),
        "arrivals_per_transport"
    );
}

#[test]
fn a_range_of_ports_has_ports() {
    assert_eq!(refused(|b| b.port_range(2_000, 1_999)), "port_range");
    assert_eq!(refused(|b| b.port_range(0, 1_999)), "port_range");
}

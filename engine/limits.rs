//! Limits that nothing can work with are refused.

use flumen_components::{KeyFrameRetry, Limits};

use crate::build_error::BuildError;

/// The values of limits beside their names.
macro_rules! named {
    ($limits:ident: $($name:ident)+) => {
        [$((stringify!($name), $limits.$name as usize)),+]
    };
}

/// Nothing works with a limit of zero, and the arena of a tick is indexed with 32 bits.
pub(crate) fn check(limits: &Limits) -> Result<(), BuildError> {
    let named = named!(limits:
        datagrams_per_tick datagrams_per_socket datagram_bytes direct_sends_per_transport
        direct_sends_per_tick
        deliveries_per_transport delivered_bytes_per_transport
        messages_per_transport message_bytes_per_transport
        delivered_messages_per_transport delivered_message_bytes_per_transport
        sctp_send_buffer_bytes sctp_stream_queue_bytes sctp_receive_window_bytes
        sctp_send_queue_messages sctp_inbound_streams
        srtp_inbound_ssrcs srtp_outbound_ssrcs sealed_bytes datagrams_per_thread
        stun_checks_per_transport stun_checks_per_tick ice_tuples_per_transport
        ice_unproven_bytes
        tcp_connections_per_socket tcp_unproven_connections_per_socket tcp_unproven_timeout_ms
        tcp_unsent_bytes_per_connection
        events_per_transport events traces_per_transport traces_per_tick arrivals_per_transport
        paced_datagrams_per_transport pacing_burst_packets
        sent_packets_per_transport reported_packets_per_transport reports_per_tick
        report_checks_per_tick requests
        retransmission_bytes_per_stream resent_packets_per_consumer nacked_packets_per_tick
        nacked_packets_per_transport recording_buffer_bytes
    );
    for (name, value) in named {
        refuse(value == 0, name, value, "nothing would get through")?;
    }
    let (name, value) = ("datagram_bytes", limits.datagram_bytes);
    let reason = "no datagram is longer than 65,535 bytes";
    refuse(value > usize::from(u16::MAX), name, value, reason)?;
    let (name, value) = ("sealed_bytes", limits.sealed_bytes);
    let reason = "it is more than 2 GiB";
    refuse(value >= 1 << 31, name, value, reason)?;
    let (name, value) = ("arrivals_per_transport", limits.arrivals_per_transport);
    let reason = "numbers of 16 bits could not be told apart";
    refuse(value > 1 << 14, name, value, reason)?;
    let (name, value) = (
        "sent_packets_per_transport",
        limits.sent_packets_per_transport,
    );
    refuse(value > 1 << 14, name, value, reason)?;
    let (name, value) = ("pacing_percent", limits.pacing_percent as usize);
    let reason = "less would leave than the path carries";
    refuse(value < 100, name, value, reason)?;
    let (name, value) = ("datagrams_per_tick", limits.datagrams_per_tick);
    check_arena(name, value, value.checked_mul(limits.datagram_bytes))?;
    let (name, value) = ("direct_sends_per_tick", limits.direct_sends_per_tick);
    check_arena(name, value, value.checked_mul(usize::from(u16::MAX)))
}

/// Without a span between them requests would be made in every tick.
pub(crate) fn check_retry(retry: KeyFrameRetry) -> Result<(), BuildError> {
    let name = "key_frame_retry_interval";
    let value = retry.interval.as_millis() as usize;
    refuse(value == 0, name, value, "it is less than a millisecond")?;
    let (name, value) = ("key_frame_retry_interval_max", retry.interval_max);
    let is_shorter = value < retry.interval;
    let reason = "it is shorter than key_frame_retry_interval";
    refuse(is_shorter, name, value.as_millis() as usize, reason)
}

/// More than one thread takes a thread, and each has buffers of its own.
pub(crate) fn check_threads(threads: usize) -> Result<(), BuildError> {
    let name = "threads";
    refuse(threads == 0, name, threads, "nobody would do anything")?;
    let reason = "no engine has work for more than 64";
    refuse(threads > 64, name, threads, reason)
}

/// What network and application can bring together in one tick fits 32 bits.
fn check_arena(name: &'static str, value: usize, bytes: Option<usize>) -> Result<(), BuildError> {
    let too_much = bytes.is_none_or(|bytes| bytes >= 1 << 31);
    refuse(
        too_much,
        name,
        value,
        "one tick could bring more than 2 GiB",
    )
}

fn refuse(
    wrong: bool,
    name: &'static str,
    value: usize,
    reason: &'static str,
) -> Result<(), BuildError> {
    match wrong {
        false => Ok(()),
        true => Err(BuildError::Limit {
            name,
            value,
            reason,
        }),
    }
}

//! Statistics of transports are read.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::stats::{PlainTransportStats, TransportStats, WebRtcTransportStats};
use flumen_components::{
    BandwidthFeedback, Closed, Counts, Discards, FeedbackMethod, IncomingLimit, LocalAddresses,
    Now, OutgoingEstimate, OutgoingLimit, Path, Role, Traffic, TransportId, TransportKind, Tuple,
    find,
};

use super::sctp::sctp_state;
use super::webrtc::{dtls_state, ice_selected_tuple, ice_state};

/// What passed through a transport.
///
/// # Errors
///
/// [`Closed`] when the transport is.
pub fn transport_stats(world: &World, id: TransportId) -> Result<TransportStats, Closed> {
    let entity = find(world, id)?;
    let now = world.resource::<Now>().time;
    let traffic = world.get::<Traffic>(entity).cloned().unwrap_or_default();
    let type_ = match world.get::<TransportKind>(entity) {
        Some(TransportKind::Direct) => "direct-transport",
        Some(TransportKind::WebRtc) => "webrtc-transport",
        _ => "plain-rtp-transport",
    };
    Ok(TransportStats {
        type_,
        transport_id: id,
        timestamp: now.as_millis(),
        sctp_state: sctp_state(world, id)?,
        bytes_received: traffic.received.bytes(),
        recv_bitrate: traffic.received.bits_per_second(now),
        bytes_sent: traffic.sent.bytes(),
        send_bitrate: traffic.sent.bits_per_second(now),
        rtp_bytes_received: traffic.rtp_received.bytes(),
        rtp_recv_bitrate: traffic.rtp_received.bits_per_second(now),
        rtp_bytes_sent: traffic.rtp_sent.bytes(),
        rtp_send_bitrate: traffic.rtp_sent.bits_per_second(now),
        rtx_bytes_received: traffic.rtx_received.bytes(),
        rtx_recv_bitrate: traffic.rtx_received.bits_per_second(now),
        rtx_bytes_sent: traffic.rtx_sent.bytes(),
        rtx_send_bitrate: traffic.rtx_sent.bits_per_second(now),
        probation_bytes_sent: traffic.probation_sent.bytes(),
        probation_send_bitrate: traffic.probation_sent.bits_per_second(now),
        available_outgoing_bitrate: outgoing(world, entity).map(|path| path.estimate().bitrate),
        available_incoming_bitrate: estimate(world, entity),
        max_incoming_bitrate: world
            .get::<IncomingLimit>(entity)
            .and_then(IncomingLimit::bitrate),
        max_outgoing_bitrate: limit(world, entity).and_then(|limit| limit.max),
        min_outgoing_bitrate: limit(world, entity).and_then(|limit| limit.min),
        rtp_packet_loss_received: loss(world, entity),
        rtp_packet_loss_sent: outgoing(world, entity).and_then(|path| path.loss.mean()),
        discarded: world
            .get::<Discards>(entity)
            .map_or_else(Counts::default, Discards::counts),
        plain: plain(world, entity),
        webrtc: webrtc(world, id),
    })
}

/// What the engine estimates: nothing where the sender does.
fn estimate(world: &World, transport: Entity) -> Option<u64> {
    match &world.get::<BandwidthFeedback>(transport)?.method {
        FeedbackMethod::TransportCc(_) => None,
        FeedbackMethod::Remb(remb) => remb.estimate.bitrate(),
    }
}

/// What is lost is known by transport-wide numbers alone.
fn loss(world: &World, transport: Entity) -> Option<f64> {
    match &world.get::<BandwidthFeedback>(transport)?.method {
        FeedbackMethod::TransportCc(transport_cc) => transport_cc.loss.mean(),
        FeedbackMethod::Remb(_) => None,
    }
}

fn outgoing(world: &World, transport: Entity) -> Option<&OutgoingEstimate> {
    world.get::<OutgoingEstimate>(transport)
}

fn limit(world: &World, transport: Entity) -> Option<&OutgoingLimit> {
    world.get::<OutgoingLimit>(transport)
}

fn plain(world: &World, transport: Entity) -> Option<PlainTransportStats> {
    let path = world.get::<Path>(transport)?;
    Some(PlainTransportStats {
        rtcp_mux: path.rtcp_mux,
        comedia: path.comedia,
        tuple: tuple(world, transport, Role::Rtp)?,
        rtcp_tuple: rtcp_tuple(world, transport),
    })
}

fn webrtc(world: &World, id: TransportId) -> Option<WebRtcTransportStats> {
    Some(WebRtcTransportStats {
        ice_role: "controlled",
        ice_state: ice_state(world, id).ok()?,
        ice_selected_tuple: ice_selected_tuple(world, id).ok()?,
        dtls_state: dtls_state(world, id).ok()?,
    })
}

/// The addresses of one way of a plain transport; none for a direct one.
pub fn tuple(world: &World, transport: Entity, role: Role) -> Option<Tuple> {
    let addresses = world.get::<LocalAddresses>(transport)?;
    let remote = world.get::<Path>(transport)?.link(role).remote();
    Some(match role {
        Role::Rtp => addresses.rtp.tuple(remote),
        Role::Rtcp => addresses.rtcp.tuple(remote),
    })
}

/// The addresses of a plain transport's RTCP, when it is not multiplexed with RTP.
pub fn rtcp_tuple(world: &World, transport: Entity) -> Option<Tuple> {
    let muxed = world.get::<Path>(transport)?.rtcp_mux;
    tuple(world, transport, Role::Rtcp).filter(|_| !muxed)
}

//! Transports are dumped.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::dump::{
    KeyValue, PlainTransportDump, ReceivedExtensionIds, RtpListenerDump, SctpListenerDump,
    TransportDump, WebRtcTransportDump,
};
use flumen_components::rtp_parameters::HeaderExtensionIds;
use flumen_components::{
    Closed, ConsumerId, ConsumerParameters, Id, Listener, MessageSizes, Path, Residents, Role,
    SctpParameters, SctpStreams, SrtpOffer, TraceTypes, TransportId, find,
};

use super::{ids, related};
use crate::control::sctp::sctp_state;
use crate::control::transport_stats::{rtcp_tuple, tuple};
use crate::control::webrtc::{
    dtls_parameters, dtls_state, ice_candidates, ice_selected_tuple, ice_state,
};

/// Who is on a transport, and how packets find them.
///
/// # Errors
///
/// [`Closed`] when the transport is.
pub fn dump_transport(world: &World, id: TransportId) -> Result<TransportDump, Closed> {
    let transport = find(world, id)?;
    let listener = world.get::<Listener>(transport);
    let listener = listener.ok_or_else(|| Closed::new(id))?;
    let sizes = world.get::<MessageSizes>(transport);
    let traced = world
        .get::<TraceTypes>(transport)
        .copied()
        .unwrap_or_default();
    Ok(TransportDump {
        id,
        producer_ids: ids::<Residents, _>(world, transport),
        consumer_ids: ids::<Residents, _>(world, transport),
        map_ssrc_consumer_id: named(world, &listener.consumers),
        map_rtx_ssrc_consumer_id: by_rtx_ssrc(world, transport),
        recv_rtp_header_extensions: extensions(&listener.extensions),
        rtp_listener: rtp_listener(world, listener),
        max_send_message_size: sizes.map(|sizes| sizes.send_max),
        max_receive_message_size: sizes.map(|sizes| sizes.receive_max),
        data_producer_ids: ids::<Residents, _>(world, transport),
        data_consumer_ids: ids::<Residents, _>(world, transport),
        sctp_parameters: world.get::<SctpParameters>(transport).copied(),
        sctp_state: sctp_state(world, id)?,
        sctp_listener: sctp_listener(world, transport),
        trace_event_types: traced.iter().collect(),
        plain: plain(world, transport),
        webrtc: webrtc(world, id),
    })
}

/// A table of entities, with their identifiers.
fn named<'a, K: Clone + 'a, I: Id>(
    world: &World,
    table: impl IntoIterator<Item = (&'a K, &'a Entity)>,
) -> Vec<KeyValue<K, I>> {
    let entry = |(key, &entity): (&K, &Entity)| {
        let value = *world.get::<I>(entity)?;
        let key = key.clone();
        Some(KeyValue { key, value })
    };
    table.into_iter().filter_map(entry).collect()
}

fn by_rtx_ssrc(world: &World, transport: Entity) -> Vec<KeyValue<u32, ConsumerId>> {
    let entry = |(consumer, value)| {
        let key = world.get::<ConsumerParameters>(consumer)?.rtx_ssrc()?;
        Some(KeyValue { key, value })
    };
    let consumers = related::<Residents, ConsumerId>(world, transport);
    consumers.into_iter().filter_map(entry).collect()
}

fn extensions(ids: &HeaderExtensionIds) -> ReceivedExtensionIds {
    ReceivedExtensionIds {
        mid: ids.mid,
        rid: ids.rid,
        rrid: ids.rrid,
        abs_send_time: ids.abs_send_time,
        transport_cc: ids.transport_cc,
    }
}

fn rtp_listener(world: &World, listener: &Listener) -> RtpListenerDump {
    let ssrcs = listener.ssrcs.iter();
    let text = |table: Vec<KeyValue<Box<str>, _>>| {
        let entry = |KeyValue { key, value }: KeyValue<Box<str>, _>| {
            let key = key.into();
            KeyValue { key, value }
        };
        table.into_iter().map(entry).collect()
    };
    RtpListenerDump {
        ssrc_table: named(
            world,
            ssrcs.map(|(ssrc, incoming)| (ssrc, &incoming.producer)),
        ),
        mid_table: text(named(world, &listener.mids)),
        rid_table: text(named(world, &listener.rids)),
    }
}

fn sctp_listener(world: &World, transport: Entity) -> Option<SctpListenerDump> {
    let streams = world.get::<SctpStreams>(transport)?;
    Some(SctpListenerDump {
        stream_id_table: named(world, &streams.incoming),
    })
}

fn plain(world: &World, transport: Entity) -> Option<PlainTransportDump> {
    let path = world.get::<Path>(transport)?;
    let offer = world.get::<SrtpOffer>(transport);
    Some(PlainTransportDump {
        rtcp_mux: path.rtcp_mux,
        comedia: path.comedia,
        tuple: tuple(world, transport, Role::Rtp)?,
        rtcp_tuple: rtcp_tuple(world, transport),
        srtp_crypto_suite: offer.map(|offer| offer.key.suite()),
    })
}

fn webrtc(world: &World, id: TransportId) -> Option<WebRtcTransportDump> {
    Some(WebRtcTransportDump {
        ice_role: "controlled",
        ice_state: ice_state(world, id).ok()?,
        ice_candidates: ice_candidates(world, id).ok()?,
        ice_selected_tuple: ice_selected_tuple(world, id).ok()?,
        dtls_parameters: dtls_parameters(world, id).ok()?,
        dtls_state: dtls_state(world, id).ok()?,
    })
}

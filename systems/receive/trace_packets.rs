//! Packets of producers that are traced.

use bevy_ecs::system::{Query, Res, ResMut};
use flumen_components::event::Traced;
use flumen_components::rtp_parameters::HeaderExtensionIds;
use flumen_components::trace::{Direction, PacketTrace, TraceInfo};
use flumen_components::wire::extension::parse_transport_sequence;
use flumen_components::{
    Inbox, Limits, Listener, Media, MediaPacket, Now, PausedByOwner, ProducerId, Subject, Touched,
    Trace, TraceTypes, Traces, chain,
};

/// Records a trace event for each accepted packet of a producer that is traced and not paused.
pub(crate) fn trace_packets(
    touched: Res<'_, Touched>,
    media: Res<'_, Media>,
    inbox: Res<'_, Inbox>,
    producers: Query<'_, '_, (&ProducerId, &TraceTypes, &PausedByOwner)>,
    listeners: Query<'_, '_, &Listener>,
    mut traces: ResMut<'_, Traces>,
    limits: Res<'_, Limits>,
    now: Res<'_, Now>,
) {
    for &stream in &touched.streams {
        let Ok((&id, types, paused)) = producers.get(stream.producer) else {
            continue;
        };
        if types.is_empty() || paused.0 {
            continue;
        }
        for packet in chain(&media, stream) {
            let Some(type_) = types.of_packet(packet.key_frame) else {
                continue;
            };
            let Ok(listener) = listeners.get(packet.transport) else {
                continue;
            };
            let bytes = &inbox.bytes()[packet.range()];
            let info = TraceInfo::Packet(as_received(packet, bytes, &listener.extensions));
            let timestamp = now.time.as_millis();
            let trace = Trace {
                type_,
                timestamp,
                direction: Direction::In,
                info,
            };
            let (about, subject) = (stream.producer, Subject::Producer(id));
            traces.push(
                packet.transport,
                Traced {
                    about,
                    subject,
                    trace,
                },
                &limits,
            );
        }
    }
}

fn as_received(packet: &MediaPacket, bytes: &[u8], ids: &HeaderExtensionIds) -> PacketTrace {
    let header = &packet.header;
    let value = |id: Option<u8>| header.extension(bytes, id?);
    let text = |id| value(id).map(|value| String::from_utf8_lossy(value).into_owned());
    PacketTrace {
        payload_type: header.payload_type,
        sequence_number: header.sequence_number,
        timestamp: header.timestamp,
        marker: header.marker,
        ssrc: header.ssrc,
        is_key_frame: packet.key_frame,
        spatial_layer: packet.descriptor.spatial_layer,
        temporal_layer: packet.descriptor.temporal_layer,
        size: packet.len,
        payload_size: header.payload_len.into(),
        is_rtx: packet.retransmission,
        mid: text(ids.mid),
        rid: text(ids.rid),
        rrid: text(ids.rrid),
        wide_sequence_number: value(ids.transport_cc).and_then(parse_transport_sequence),
    }
}

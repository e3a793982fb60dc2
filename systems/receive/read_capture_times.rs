//! Packets tell when their media was captured.

use bevy_ecs::system::{Query, Res, ResMut};
use flumen_components::wire::extension::AbsCaptureTime;
use flumen_components::{
    Agenda, Arrival, CaptureClock, Inbox, Listener, Media, MediaPacket, Producer, Touched, chain,
};

/// Notes the newest capture time that packets of a stream carry, where it was negotiated.
pub(crate) fn read_capture_times(
    touched: Res<'_, Touched>,
    media: Res<'_, Media>,
    inbox: Res<'_, Inbox>,
    producers: Query<'_, '_, &Producer>,
    listeners: Query<'_, '_, &Listener>,
    mut clocks: Query<'_, '_, &mut CaptureClock>,
    mut agenda: ResMut<'_, Agenda>,
) {
    for &stream in &touched.streams {
        let producer = producers.get(stream.producer);
        let listener = producer.and_then(|producer| listeners.get(producer.transport));
        let Ok(Some(id)) = listener.map(|listener| listener.extensions.abs_capture_time) else {
            continue;
        };
        let in_order = chain(&media, stream).filter(|packet| packet.arrival != Arrival::Late);
        let told = in_order.filter_map(|packet| told(packet, inbox.bytes(), id));
        if let Some((time, timestamp)) = told.last()
            && let Ok(mut clock) = clocks.get_mut(stream.stream)
            && clock.tell(time, timestamp)
        {
            agenda.layers_to_choose.add(stream.producer);
        }
    }
}

fn told(packet: &MediaPacket, arena: &[u8], id: u8) -> Option<(AbsCaptureTime, u32)> {
    let value = packet.header.extension(&arena[packet.range()], id)?;
    Some((AbsCaptureTime::parse(value)?, packet.header.timestamp))
}

//! Streams keep what their consumers may have to send again.

use bevy_ecs::system::{Query, Res, ResMut};
use flumen_components::rtp_parameters::MediaKind;
use flumen_components::{
    Arrival, Bounds, History, Inbox, Keeping, Limits, Media, Paused, Producer, RtpStream, Touched,
    TouchedStream,
};

/// Keeps the packets of this tick as they are forwarded, and marks those that are there already. A
/// stream of which no consumer needs any keeps none.
pub(crate) fn keep_packets(
    touched: Res<'_, Touched>,
    inbox: Res<'_, Inbox>,
    limits: Res<'_, Limits>,
    producers: Query<'_, '_, (&Producer, &Paused)>,
    mut streams: Query<'_, '_, (&RtpStream, &mut History)>,
    mut media: ResMut<'_, Media>,
) {
    for &touched in &touched.streams {
        let Ok((producer, paused)) = producers.get(touched.producer) else {
            continue;
        };
        let Ok((stream, mut history)) = streams.get_mut(touched.stream) else {
            continue;
        };
        if producer.need_history > 0 && !paused.0 {
            let bounds = Bounds {
                age: age_max(producer.kind, stream.clock_rate),
                bytes: limits.retransmission_bytes_per_stream,
            };
            keep(touched, &mut media, &inbox, &mut history, bounds);
        } else if producer.need_history == 0 && history.is_used() {
            // Who may need it is gone for good: so is its memory.
            *history = History::default();
        }
    }
}

fn keep(
    touched: TouchedStream,
    media: &mut Media,
    inbox: &Inbox,
    history: &mut History,
    bounds: Bounds,
) {
    let mut next = Some(touched.first);
    while let Some(index) = next {
        let packet = &mut media.0[index as usize];
        next = packet.next;
        if packet.arrival == Arrival::Resync {
            history.clear();
        }
        // Padding alone is never forwarded, nor what the application vetoed.
        if packet.header.payload_len > 0 && packet.veto.is_none() {
            let bytes = &inbox.bytes()[packet.range()];
            packet.duplicate = history.keep(packet.facts(), bytes, bounds) == Keeping::Duplicate;
        }
    }
}

/// How much older than the newest packet of its stream one may be, in units of the RTP clock: two
/// seconds of video, one of audio.
fn age_max(kind: MediaKind, clock_rate: u32) -> u32 {
    match kind {
        MediaKind::Video => clock_rate.saturating_mul(2),
        MediaKind::Audio => clock_rate,
    }
}

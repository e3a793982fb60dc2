//! Streams keep what their consumers may have to send again.

use std::time::Duration;

use flumen_components::rtp_parameters::MediaKind;
use flumen_components::{
    Arrival, History, HistoryBounds, Inbox, Keeping, Limits, Media, Time, Touched, TouchedStream,
};

use super::origin::Origins;

/// Keeps the packets of this tick as they are forwarded, and marks those that are there already. A
/// stream of which no consumer needs any keeps none.
pub(super) fn keep_packets(
    touched: &Touched,
    (media, inbox): (&mut Media, &Inbox),
    origins: &mut Origins<'_, '_>,
    (limits, now): (&Limits, Time),
) {
    for &touched in &touched.streams {
        let Ok((producer, _, paused)) = origins.producers.get(touched.producer) else {
            continue;
        };
        if producer.need_history == 0 {
            continue;
        }
        let Ok(mut history) = origins.histories.get_mut(touched.stream) else {
            continue;
        };
        if paused.0 {
            // Numbers go on unseen, and may begin anew.
            history.clear();
        } else {
            let bounds = HistoryBounds {
                age: age_max(producer.kind),
                bytes: limits.retransmission_bytes_per_stream,
                piece: piece(producer.kind),
            };
            keep(touched, media, inbox, &mut history, now, bounds);
        }
    }
}

fn keep(
    touched: TouchedStream,
    media: &mut Media,
    inbox: &Inbox,
    history: &mut History,
    now: Time,
    bounds: HistoryBounds,
) {
    let mut next = Some(touched.first);
    while let Some(index) = next {
        let packet = &mut media.0[index as usize];
        next = packet.next;
        if packet.arrival == Arrival::Resync {
            history.clear();
        }
        // Padding alone is never forwarded, nor what the application vetoed; but where that is late
        // its number is missed by who got what is behind it.
        let is_missed = packet.header.payload_len > 0 || packet.arrival == Arrival::Late;
        if is_missed && packet.veto.is_none() {
            let bytes = &inbox.bytes()[packet.range()];
            let keeping = history.keep(packet.facts(), bytes, now, bounds);
            packet.duplicate = keeping == Keeping::Duplicate;
        }
    }
}

/// How long before the newest packet of its stream one may have arrived.
fn age_max(kind: MediaKind) -> Duration {
    match kind {
        MediaKind::Video => Duration::from_secs(2),
        MediaKind::Audio => Duration::from_secs(1),
    }
}

/// The bytes by which the memory of a stream grows: a dozen packets.
fn piece(kind: MediaKind) -> usize {
    match kind {
        MediaKind::Video => 12 << 10,
        MediaKind::Audio => 2 << 10,
    }
}

//! Messages are counted by who produces them.

use bevy_ecs::system::{Query, Res, ResMut};
use flumen_components::{
    DataKind, DataLedger, DataProducer, MessageDiscard, Messages, Now, Traffic,
};

/// Counts each message with its data producer, paused or not, and those that came too late to have
/// one.
pub(crate) fn receive_messages(
    mut messages: ResMut<'_, Messages>,
    mut data_producers: Query<'_, '_, &mut DataProducer>,
    mut traffic: Query<'_, '_, &mut Traffic>,
    mut ledger: ResMut<'_, DataLedger>,
    now: Res<'_, Now>,
) {
    for row in messages.rows_mut() {
        if row.accepted {
            // A system of the application added it.
            continue;
        }
        ledger.received += 1;
        let Ok(mut data_producer) = data_producers.get_mut(row.data_producer) else {
            ledger.discarded[MessageDiscard::DataProducerClosed] += 1;
            continue;
        };
        if let Some(veto) = row.veto {
            ledger.discarded[veto] += 1;
            continue;
        }
        row.accepted = true;
        let bytes = row.payload_len() as u64;
        ledger.accepted += 1;
        data_producer.messages += 1;
        data_producer.bytes += bytes;
        // What came over SCTP was counted as datagrams.
        if data_producer.kind == DataKind::Direct
            && let Ok(mut traffic) = traffic.get_mut(data_producer.transport)
        {
            traffic.received.add(bytes, now.time);
        }
    }
}

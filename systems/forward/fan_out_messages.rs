//! Messages reach the data consumers of their data producer.

use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::{
    Audience, DataConsumer, DataConsumerId, DataLedger, DataRoutes, Limits, MessageDeliveries,
    MessageWithheld, Messages, Now, Parcel, Paused, Subchannels, Time, Traffic,
};

/// Who sends and who receives messages.
#[derive(SystemParam)]
pub(crate) struct DataParties<'w, 's> {
    data_producers: Query<'w, 's, (&'static DataRoutes, &'static Paused)>,
    data_consumers: Query<
        'w,
        's,
        (
            &'static mut DataConsumer,
            &'static DataConsumerId,
            &'static Subchannels,
            &'static Paused,
        ),
    >,
    traffic: Query<'w, 's, &'static mut Traffic>,
}

/// Offers every message to every data consumer of its data producer, in the order of their
/// creation.
pub(crate) fn fan_out_messages(
    messages: Res<'_, Messages>,
    limits: Res<'_, Limits>,
    now: Res<'_, Now>,
    mut parties: DataParties<'_, '_>,
    mut deliveries: ResMut<'_, MessageDeliveries>,
    mut ledger: ResMut<'_, DataLedger>,
) {
    for row in messages.rows() {
        let Ok((routes, paused)) = parties.data_producers.get(row.data_producer) else {
            continue;
        };
        let offered = routes.len() as u64;
        ledger.offered += offered;
        if paused.0 {
            ledger.withhold(MessageWithheld::DataProducerPaused, offered);
            continue;
        }
        let payload = messages.payload(row);
        let mut offer = Offer {
            audience: messages.audience(row),
            len: payload.len(),
            parcel: deliveries.parcel(row.ppid, payload),
            traffic: &mut parties.traffic,
            limits: &limits,
            now: now.time,
        };
        for data_consumer in routes.iter() {
            let Ok((consumer, &id, wanted, paused)) = parties.data_consumers.get_mut(data_consumer)
            else {
                continue;
            };
            match offer.to(consumer.into_inner(), id, wanted, paused.0) {
                Ok(()) => ledger.delivered += 1,
                Err(reason) => ledger.withhold(reason, 1),
            }
        }
    }
}

/// A message on its way to one data consumer after the other.
struct Offer<'a, 'w, 's> {
    audience: Audience<'a>,
    len: usize,
    parcel: Parcel<'a>,
    traffic: &'a mut Query<'w, 's, &'static mut Traffic>,
    limits: &'a Limits,
    now: Time,
}

impl Offer<'_, '_, '_> {
    fn to(
        &mut self,
        consumer: &mut DataConsumer,
        id: DataConsumerId,
        wanted: &Subchannels,
        paused: bool,
    ) -> Result<(), MessageWithheld> {
        if paused {
            return Err(MessageWithheld::DataConsumerPaused);
        }
        self.audience.admit(wanted)?;
        if self.len > consumer.max_message_size {
            return Err(MessageWithheld::TooLarge);
        }
        // Whether it can be delivered shows later; it counts as sent all the same.
        consumer.messages += 1;
        consumer.bytes += self.len as u64;
        if !self.parcel.hand_to(consumer.transport, id, self.limits) {
            return Err(MessageWithheld::DirectQueueFull);
        }
        if let Ok(mut traffic) = self.traffic.get_mut(consumer.transport) {
            traffic.sent.add(self.len as u64, self.now);
        }
        Ok(())
    }
}

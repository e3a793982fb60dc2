//! Messages reach the data consumers of their data producer.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use bytes::Bytes;
use flumen_components::event::{Pending, SctpSendBufferFull};
use flumen_components::{
    Agenda, Audience, DataConsumer, DataConsumerId, DataLedger, Limits, MessageDeliveries,
    MessageRow, MessageWithheld, Messages, Now, Parcel, PausedByOwner, Routes, SctpAssociation,
    SctpSchedule, SctpState, SctpStreamParameters, Subchannels, Subject, Traffic,
};

use crate::hand_over::{note_room, outgoing, refusal};

/// Who sends and who receives messages.
#[derive(SystemParam)]
pub(crate) struct DataParties<'w, 's> {
    data_producers: Query<'w, 's, (&'static Routes, &'static PausedByOwner)>,
    data_consumers: Query<
        'w,
        's,
        (
            &'static mut DataConsumer,
            &'static DataConsumerId,
            &'static Subchannels,
            &'static PausedByOwner,
        ),
    >,
}

/// Where messages leave.
#[derive(SystemParam)]
pub(crate) struct DataExits<'w, 's> {
    associations: Query<'w, 's, (&'static mut SctpAssociation, &'static mut SctpSchedule)>,
    traffic: Query<'w, 's, &'static mut Traffic>,
    agenda: ResMut<'w, Agenda>,
    pending: ResMut<'w, Pending>,
    limits: Res<'w, Limits>,
    now: Res<'w, Now>,
}

/// Offers every message to every data consumer of its data producer, in the order of their
/// creation.
pub(crate) fn fan_out_messages(
    messages: Res<'_, Messages>,
    mut parties: DataParties<'_, '_>,
    mut exits: DataExits<'_, '_>,
    mut deliveries: ResMut<'_, MessageDeliveries>,
    mut ledger: ResMut<'_, DataLedger>,
) {
    for row in messages.rows().iter().filter(|row| row.accepted) {
        let Ok((routes, paused)) = parties.data_producers.get(row.data_producer) else {
            continue;
        };
        let offered = routes.len() as u64;
        ledger.offered += offered;
        if let Some(veto) = row.veto {
            ledger.withheld[veto] += offered;
            continue;
        }
        if paused.0 {
            ledger.withhold(MessageWithheld::DataProducerPaused, offered);
            continue;
        }
        let mut offer = Offer::new(&messages, row, &mut deliveries, &mut exits);
        for entity in routes.iter() {
            let Ok((consumer, &id, wanted, paused)) = parties.data_consumers.get_mut(entity) else {
                continue;
            };
            match offer.to(consumer.into_inner(), (entity, id), wanted, paused.0) {
                Ok(()) => ledger.delivered += 1,
                Err(reason) => ledger.withhold(reason, 1),
            }
        }
    }
}

/// A message on its way to one data consumer after the other.
struct Offer<'a, 'w, 's> {
    messages: &'a Messages,
    row: &'a MessageRow,
    audience: Audience<'a>,
    len: usize,
    parcel: Parcel<'a>,
    shared: Option<Bytes>,
    exits: &'a mut DataExits<'w, 's>,
}

impl<'a, 'w, 's> Offer<'a, 'w, 's> {
    fn new(
        messages: &'a Messages,
        row: &'a MessageRow,
        deliveries: &'a mut MessageDeliveries,
        exits: &'a mut DataExits<'w, 's>,
    ) -> Self {
        let payload = messages.payload(row);
        Self {
            messages,
            row,
            audience: messages.audience(row),
            len: payload.len(),
            parcel: deliveries.parcel(row.ppid, payload),
            shared: None,
            exits,
        }
    }

    fn to(
        &mut self,
        consumer: &mut DataConsumer,
        (entity, id): (Entity, DataConsumerId),
        wanted: &Subchannels,
        paused: bool,
    ) -> Result<(), MessageWithheld> {
        if paused {
            return Err(MessageWithheld::DataConsumerPaused);
        }
        match consumer.stream {
            None => {
                self.admit(consumer, wanted)?;
                self.deliver(consumer, id)
            }
            Some(stream) => {
                self.check_connected(consumer.transport)?;
                self.admit(consumer, wanted)?;
                let sent = self.send(consumer.transport, stream);
                if note_room(consumer, sent) {
                    let subject = Subject::DataConsumer(id);
                    let about = entity;
                    let event = SctpSendBufferFull { about, subject };
                    self.exits.pending.0.push(event.into());
                }
                sent
            }
        }
    }

    fn check_connected(&self, transport: Entity) -> Result<(), MessageWithheld> {
        match self.exits.associations.get(transport) {
            Ok((association, _)) if association.state() == SctpState::Connected => Ok(()),
            _ => Err(MessageWithheld::NotConnected),
        }
    }

    /// Checks that the data consumer wants the message and may get it. It counts as sent from here
    /// on: whether it can be delivered shows later.
    fn admit(
        &self,
        consumer: &mut DataConsumer,
        wanted: &Subchannels,
    ) -> Result<(), MessageWithheld> {
        self.audience.admit(wanted)?;
        if self.len > consumer.max_message_size {
            return Err(MessageWithheld::TooLarge);
        }
        consumer.messages += 1;
        consumer.bytes += self.len as u64;
        Ok(())
    }

    /// To the application.
    fn deliver(
        &mut self,
        consumer: &DataConsumer,
        id: DataConsumerId,
    ) -> Result<(), MessageWithheld> {
        let transport = consumer.transport;
        if !self.parcel.hand_to(transport, id, &self.exits.limits) {
            return Err(MessageWithheld::DirectQueueFull);
        }
        if let Ok(mut traffic) = self.exits.traffic.get_mut(transport) {
            traffic.sent.add(self.len as u64, self.exits.now.time);
        }
        Ok(())
    }

    /// To the association of `transport`. All that get the message this way share its payload.
    fn send(
        &mut self,
        transport: Entity,
        stream: SctpStreamParameters,
    ) -> Result<(), MessageWithheld> {
        let associations = self.exits.associations.get_mut(transport);
        let (mut association, mut schedule) =
            associations.map_err(|_| MessageWithheld::NotConnected)?;
        let shared = || self.messages.shared_payload(self.row);
        let payload = self.shared.get_or_insert_with(shared).clone();
        let message = outgoing(stream, self.row.ppid, payload);
        let now = self.exits.now.time;
        association.send(now, &message).map_err(refusal)?;
        self.exits.agenda.stirred.add(transport, &mut schedule);
        Ok(())
    }
}

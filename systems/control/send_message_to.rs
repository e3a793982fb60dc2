//! The application sends a message to one receiver.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use bytes::Bytes;
use flumen_components::event::{SctpSendBufferFull, emit};
use flumen_components::{
    Closed, DataConsumer, DataConsumerId, Message, MessageWithheld, Now, PausedByOwner,
    SctpAssociation, SctpStreamParameters, Subject,
};
use thiserror::Error;

use super::sctp::{NotSctp, over_sctp, stir};
use crate::hand_over::{note_room, outgoing, refusal};

/// A message cannot be sent through a data consumer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendMessageToError {
    /// The data consumer is closed, or on a direct transport.
    #[error(transparent)]
    NotSctp(#[from] NotSctp),
    /// The data consumer or its data producer is paused.
    #[error("the data consumer is not active: it or its data producer is paused")]
    Paused,
    /// The message is longer than the transport sends.
    #[error("a message of {len} bytes is longer than {max}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The longest that is sent.
        max: usize,
    },
    /// As much as may wait for the peer does so. The data consumer tells the same in an event.
    #[error("the send buffer is full")]
    SendBufferFull,
    /// The association does not take it.
    #[error("the message cannot be sent: {}", flumen_components::Reason::name(*.0))]
    Refused(MessageWithheld),
}

/// Sends a message to the receiver of one data consumer, whatever it subscribed to; the bytes that
/// wait on its stream then.
///
/// # Errors
///
/// See [`SendMessageToError`].
pub fn send_message_to(
    world: &mut World,
    id: DataConsumerId,
    message: &Message<'_>,
) -> Result<u64, SendMessageToError> {
    let (entity, transport, stream) = over_sctp(world, id)?;
    let (ppid, payload) = message.coded();
    check(world, (id, entity), payload.len())?;
    let sent = send(world, transport, stream, (ppid, payload));
    let consumer = world.get_mut::<DataConsumer>(entity);
    let told = consumer.is_some_and(|mut consumer| {
        if sent != Err(MessageWithheld::NotConnected) {
            consumer.messages += 1;
            consumer.bytes += payload.len() as u64;
        }
        note_room(&mut consumer, sent)
    });
    if told {
        let subject = Subject::DataConsumer(id);
        let about = entity;
        emit(world, SctpSendBufferFull { about, subject });
    }
    sent.map_err(|reason| match reason {
        MessageWithheld::SendBufferFull => SendMessageToError::SendBufferFull,
        reason => SendMessageToError::Refused(reason),
    })
}

fn check(
    world: &World,
    (id, entity): (DataConsumerId, Entity),
    len: usize,
) -> Result<(), SendMessageToError> {
    let closed = || NotSctp::Closed(Closed::new(id));
    let consumer = world.get::<DataConsumer>(entity).ok_or_else(closed)?;
    let paused = world
        .get::<PausedByOwner>(entity)
        .is_none_or(|paused| paused.0);
    if paused || consumer.data_producer_paused {
        return Err(SendMessageToError::Paused);
    }
    let max = consumer.max_message_size;
    if len > max {
        return Err(SendMessageToError::TooLong { len, max });
    }
    Ok(())
}

fn send(
    world: &mut World,
    transport: Entity,
    stream: SctpStreamParameters,
    (ppid, payload): (u32, &[u8]),
) -> Result<u64, MessageWithheld> {
    let now = world.resource::<Now>().time;
    let association = world.get_mut::<SctpAssociation>(transport);
    let mut association = association.ok_or(MessageWithheld::NotConnected)?;
    let message = outgoing(stream, ppid, Bytes::copy_from_slice(payload));
    let buffered = association.send(now, &message).map_err(refusal)?;
    stir(world, transport);
    Ok(buffered as u64)
}

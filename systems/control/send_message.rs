//! The application sends messages on direct transports.

use bevy_ecs::world::World;
use flumen_components::{
    Closed, DataKind, DataProducer, DataProducerId, Limits, Message, MessageSizes, Messages, find,
};
use thiserror::Error;

/// A message cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendMessageError {
    /// The data producer is closed.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// Only data producers of direct transports take messages from the application.
    #[error("it is not on a direct transport")]
    NotDirect,
    /// The message is longer than its transport takes.
    #[error("a message of {len} bytes is longer than {max}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The longest that is taken.
        max: usize,
    },
    /// As many messages of the transport as one tick takes are waiting already.
    #[error("as many messages, or bytes of messages, as one tick takes are waiting already")]
    Full,
}

/// Sends a message as if it had come over the network: the next tick routes it.
///
/// # Errors
///
/// See [`SendMessageError`]; the message is not counted then.
pub fn send_message(
    world: &mut World,
    id: DataProducerId,
    message: &Message<'_>,
) -> Result<(), SendMessageError> {
    let entity = find(world, id)?;
    let &DataProducer {
        kind, transport, ..
    } = world
        .get::<DataProducer>(entity)
        .ok_or_else(|| Closed::new(id))?;
    if kind != DataKind::Direct {
        return Err(SendMessageError::NotDirect);
    }
    let (ppid, payload) = message.coded();
    let len = payload.len();
    let sizes = world.get::<MessageSizes>(transport);
    let max = sizes.map_or(0, |sizes| sizes.receive_max);
    if len > max {
        return Err(SendMessageError::TooLong { len, max });
    }
    let audience = message.audience();
    world
        .resource_scope(|world, mut messages: bevy_ecs::world::Mut<'_, Messages>| {
            let limits = world.resource::<Limits>();
            messages.push((transport, entity), (ppid, payload), audience, limits)
        })
        .map_err(|_| SendMessageError::Full)
}

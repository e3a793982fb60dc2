//! SCTP associations of transports begin, are asked after, and end.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::{Mut, World};
use flumen_components::{
    Agenda, BufferedAmountLowThreshold, Closed, Created, DataConsumer, DataConsumerId, DataLedger,
    DtlsConnection, DtlsSettings, IceAgent, Ledger, Limits, MessageDiscard, MessageSizes, Now,
    Outbox, Path, Purpose, SctpAssociation, SctpLibrary, SctpParameters, SctpSchedule, SctpState,
    SctpStreamParameters, SctpStreams, TransportId, find,
};
use thiserror::Error;

use super::birth;
use crate::associations::{send, wrap};
use crate::sessions;
use flumen_protocol::sctp::{Config, Output};

/// What only a data consumer over SCTP has was asked of another.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotSctp {
    /// The data consumer is closed.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// It is on a direct transport.
    #[error("the data consumer is on a direct transport")]
    Direct,
}

/// Gives `transport` an association.
pub(super) fn enable(world: &mut World, transport: Entity, mut parameters: SctpParameters) {
    let stack = world.resource::<SctpLibrary>().stack;
    let longest = parameters
        .max_send_message_size
        .min(stack.longest_message());
    parameters.max_send_message_size = longest;
    let sizes = MessageSizes {
        send_max: parameters.max_send_message_size as usize,
        receive_max: parameters.max_receive_message_size as usize,
    };
    world.entity_mut(transport).insert((
        parameters,
        sizes,
        SctpStreams::default(),
        SctpSchedule::default(),
    ));
    associate(world, transport, &parameters);
}

/// Makes the association of `transport`, which nobody has begun.
fn associate(world: &mut World, transport: Entity, parameters: &SctpParameters) {
    let limits = world.resource::<Limits>();
    let library = world.resource::<SctpLibrary>().clone();
    let config = Config {
        max_send_message_size: parameters.max_send_message_size,
        max_receive_message_size: parameters.max_receive_message_size,
        send_buffer_size: parameters.send_buffer_size,
        per_stream_send_queue_limit: parameters.per_stream_send_queue_limit,
        send_queue_messages: limits.sctp_send_queue_messages,
        receive_window: parameters.max_receiver_window_buffer_size,
        outbound_streams: parameters.outgoing_streams,
        inbound_streams: parameters.incoming_streams,
        mtu: mtu(world, parameters.is_data_channel),
        ..Config::default()
    };
    let created = world.get::<Created>(transport);
    let created = *created.expect("a transport was spawned with its number");
    let tags = birth::generator(world, created, Purpose::Sctp);
    let association = library.stack.associate(config, library.epoch, tags);
    world
        .entity_mut(transport)
        .insert(SctpAssociation(association));
}

/// Gives a transport that comes back from a snapshot an association in place of the one that was
/// `then`. What a library has cannot be kept: the new one waits to be begun if the other one did;
/// otherwise it is over as that was, or is closed and tells so.
pub fn bring_back_association(world: &mut World, transport: Entity, then: SctpState) {
    let Some(&parameters) = world.get::<SctpParameters>(transport) else {
        return;
    };
    associate(world, transport, &parameters);
    let now = world.resource::<Now>().time;
    let association = world.get_mut::<SctpAssociation>(transport);
    let Some(mut association) = association.filter(|_| then != SctpState::New) else {
        return;
    };
    match then {
        SctpState::Closed | SctpState::Failed => association.end_as(then),
        _ => association.abort(now),
    }
    stir(world, transport);
}

/// The longest packet, which fits into a datagram with what DTLS adds, where it does.
fn mtu(world: &World, is_data_channel: bool) -> u16 {
    /// Bytes that a record adds at most: header, explicit nonce, tag, and padding where there is any.
    const RECORD_OVERHEAD: u16 = 80;
    match is_data_channel {
        false => Config::default().mtu,
        true => world.resource::<DtlsSettings>().config.mtu.max(256) - RECORD_OVERHEAD,
    }
}

/// The next tick takes out what the association of `transport`, if it has one, has to say.
pub(super) fn stir(world: &mut World, transport: Entity) {
    world.resource_scope(|world, mut agenda: Mut<'_, Agenda>| {
        if let Some(mut schedule) = world.get_mut::<SctpSchedule>(transport) {
            agenda.stirred.add(transport, &mut schedule);
        }
    });
}

/// Aborts the association of a transport that closes, so that its peer need not find out by itself.
pub(super) fn abort(world: &mut World, transport: Entity) {
    let now = world.resource::<Now>().time;
    let mut out = Output::default();
    let Some(link) = world.get::<Path>(transport).map(|path| path.rtp) else {
        return;
    };
    let Some(mut association) = world.get_mut::<SctpAssociation>(transport) else {
        return;
    };
    // What was sent since the last tick leaves before.
    association.poll(now, &mut out);
    association.abort(now);
    association.poll(now, &mut out);
    let mut sessions = world.query::<(&mut IceAgent, &mut DtlsConnection)>();
    world.resource_scope(|world, mut outbox: Mut<'_, Outbox>| {
        world.resource_scope(|world, mut ledger: Mut<'_, Ledger>| {
            let (outbox, ledger) = (&mut *outbox, &mut *ledger);
            let Ok((mut agent, mut connection)) = sessions.get_mut(world, transport) else {
                return send(&out, transport, link, outbox, ledger);
            };
            let mut wrapped = flumen_protocol::dtls::Output::default();
            // What the connection tells yet, nobody is there to hear.
            let _ = wrap(now, &out, &mut connection, &mut wrapped);
            sessions::send(&wrapped, (transport, &mut agent), outbox, ledger);
        });
    });
}

/// The state of a transport's association; none without SCTP.
///
/// # Errors
///
/// [`Closed`] when the transport is.
pub fn sctp_state(world: &World, id: TransportId) -> Result<Option<SctpState>, Closed> {
    let association = world.get::<SctpAssociation>(find(world, id)?);
    Ok(association.map(|association| association.state()))
}

/// Bytes of a data consumer that wait until the peer acknowledges them.
///
/// # Errors
///
/// See [`NotSctp`].
pub fn buffered_amount(world: &World, id: DataConsumerId) -> Result<u64, NotSctp> {
    let (_, transport, stream) = over_sctp(world, id)?;
    let association = world.get::<SctpAssociation>(transport);
    let buffered = association.map_or(0, |association| association.buffered_on(stream.stream_id));
    Ok(buffered as u64)
}

/// Chooses when a data consumer tells that it has little waiting: 1,024 bytes until it is set. The
/// event comes when the amount falls from above the threshold to it or below.
///
/// # Errors
///
/// See [`NotSctp`].
pub fn set_buffered_amount_low_threshold(
    world: &mut World,
    id: DataConsumerId,
    bytes: u32,
) -> Result<(), NotSctp> {
    let (entity, transport, stream) = over_sctp(world, id)?;
    if let Some(mut threshold) = world.get_mut::<BufferedAmountLowThreshold>(entity) {
        threshold.0 = bytes;
    }
    if let Some(mut association) = world.get_mut::<SctpAssociation>(transport) {
        association.set_low_threshold(stream.stream_id, bytes as usize);
    }
    Ok(())
}

/// A data consumer, its transport and the stream that it sends on.
pub(super) fn over_sctp(
    world: &World,
    id: DataConsumerId,
) -> Result<(Entity, Entity, SctpStreamParameters), NotSctp> {
    let entity = find(world, id)?;
    let consumer = world.get::<DataConsumer>(entity);
    let consumer = consumer.ok_or_else(|| Closed::new(id))?;
    let stream = consumer.stream.ok_or(NotSctp::Direct)?;
    Ok((entity, consumer.transport, stream))
}

/// Counts what came of channels and will not be anybody's, as their transport closes.
pub(super) fn discard_early(world: &mut World, transport: Entity) {
    let streams = world.get::<SctpStreams>(transport);
    let waiting = streams.map_or(0, |streams| streams.early.len() as u64);
    let mut ledger = world.resource_mut::<DataLedger>();
    ledger.received += waiting;
    ledger.discarded[MessageDiscard::UnknownStream] += waiting;
}

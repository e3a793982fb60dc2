//! Closing is one walk: it tells everybody concerned, in order, and then despawns.

use bevy_ecs::entity::{Entity, EntityHashSet};
use bevy_ecs::relationship::RelationshipTarget;
use bevy_ecs::world::World;
use flumen_components::event::{
    self, ListenSocketClosed, ProducerClosed, RouterClosed, TransportClosed, emit,
};
use flumen_components::{
    Closed, Consumer, ConsumerId, Created, Directory, Event, Ledger, Listener, Pacer, Parked, Path,
    ProducerId, Receivers, Refusal, Residents, Retransmission, RouterId, Routes, RtpObservers,
    Socket, SocketId, SocketKey, Sockets, Subject, TransportId, TransportKind, Transports,
    WebRtcServer, WebRtcServerId, find,
};

use super::belonging::streams_of;
use super::close_data::end_data_residents;
use super::connect::release_remotes;
use super::end::end;
use super::layers::want_anew;
use super::limit_bitrate::estimate_anew;
use super::observe::{end_observers, forget_everywhere};
use super::open_webrtc_server::end_server;
use super::produce::leave;
use super::route::unroute;
use super::sctp::{abort, discard_early};
use super::webrtc::{release_listeners, say_goodbye};

/// Closes a router and all that hangs on it; returns the sockets to close.
///
/// # Errors
///
/// [`Closed`] when it is already.
pub fn close_router(world: &mut World, id: RouterId) -> Result<Vec<SocketKey>, Closed> {
    let router = find(world, id)?;
    let transports = in_order::<Transports>(world, router);
    let sockets = end_transports(world, &transports, |about, subject| {
        RouterClosed { about, subject }.into()
    });
    let observers = in_order::<RtpObservers>(world, router);
    end_observers(world, &observers);
    end(world, router, id, Subject::Router(id));
    Ok(sockets)
}

/// Closes a transport and all that hangs on it; returns the sockets to close.
///
/// # Errors
///
/// [`Closed`] when it is already.
pub fn close_transport(world: &mut World, id: TransportId) -> Result<Vec<SocketKey>, Closed> {
    let transport = find(world, id)?;
    let closing = EntityHashSet::from_iter([transport]);
    Ok(end_transport(world, transport, &closing, |_| {}))
}

/// Closes a shared socket and the transports on it; returns the sockets to close.
///
/// # Errors
///
/// [`Closed`] when it is already.
pub fn close_socket(world: &mut World, id: SocketId) -> Result<Vec<SocketKey>, Closed> {
    let entity = find(world, id)?;
    let key = world.get::<Socket>(entity).map(|socket| socket.key);
    let key = key.ok_or_else(|| Closed::new(id))?;
    let transports = transports_on(world, key);
    let mut sockets = end_transports(world, &transports, |about, subject| {
        ListenSocketClosed { about, subject }.into()
    });
    world.resource_mut::<Sockets>().remove(key);
    end(world, entity, id, Subject::Socket(id));
    sockets.push(key);
    Ok(sockets)
}

/// Closes a WebRTC server and the transports on it; returns the sockets to close.
///
/// # Errors
///
/// [`Closed`] when it is already.
pub fn close_webrtc_server(
    world: &mut World,
    id: WebRtcServerId,
) -> Result<Vec<SocketKey>, Closed> {
    let entity = find(world, id)?;
    let server = world
        .get::<WebRtcServer>(entity)
        .cloned()
        .unwrap_or_default();
    let transports = by_creation(world, server.transports.iter().copied());
    end_transports(world, &transports, |about, subject| {
        ListenSocketClosed { about, subject }.into()
    });
    Ok(end_server(world, entity, id))
}

/// Closes a producer, and its consumers with it.
///
/// # Errors
///
/// [`Closed`] when it is already.
pub fn close_producer(world: &mut World, id: ProducerId) -> Result<(), Closed> {
    let producer = find(world, id)?;
    end_producer(world, producer, id, &EntityHashSet::new());
    Ok(())
}

/// Closes a consumer.
///
/// # Errors
///
/// [`Closed`] when it is already.
pub fn close_consumer(world: &mut World, id: ConsumerId) -> Result<(), Closed> {
    let consumer = find(world, id)?;
    end_consumer(world, consumer, id);
    Ok(())
}

/// Ends transports that close for one cause, of which each is told.
fn end_transports(
    world: &mut World,
    transports: &[Entity],
    cause: impl Fn(Entity, Subject) -> Event,
) -> Vec<SocketKey> {
    let closing: EntityHashSet = transports.iter().copied().collect();
    let mut sockets = Vec::new();
    for &transport in transports {
        let Some(&id) = world.get::<TransportId>(transport) else {
            continue;
        };
        let event = cause(transport, Subject::Transport(id));
        sockets.extend(end_transport(world, transport, &closing, |world| {
            emit(world, event);
        }));
    }
    sockets
}

/// The order: what it produces, what it consumes, the same of data, then itself.
fn end_transport(
    world: &mut World,
    transport: Entity,
    closing: &EntityHashSet,
    tell_cause: impl FnOnce(&mut World),
) -> Vec<SocketKey> {
    let residents = in_order::<Residents>(world, transport);
    forget_paced(world, transport);
    for &about in &residents {
        let Some(&id) = world.get::<ProducerId>(about) else {
            continue;
        };
        emit(
            world,
            TransportClosed {
                about,
                subject: Subject::Producer(id),
            },
        );
        end_producer(world, about, id, closing);
    }
    for &about in &residents {
        let Some(&id) = world.get::<ConsumerId>(about) else {
            continue;
        };
        emit(
            world,
            TransportClosed {
                about,
                subject: Subject::Consumer(id),
            },
        );
        end_consumer(world, about, id);
    }
    abort(world, transport);
    discard_early(world, transport);
    say_goodbye(world, transport);
    end_data_residents(world, &residents, closing);
    forget_waiting(world, transport);
    let sockets = release_sockets(world, transport);
    tell_cause(world);
    if let Some(&id) = world.get::<TransportId>(transport) {
        end(world, transport, id, Subject::Transport(id));
    }
    sockets
}

/// Consumers on one of `closing`, transports that close too, are left to it: they are told that
/// their transport closed.
fn end_producer(world: &mut World, producer: Entity, id: ProducerId, closing: &EntityHashSet) {
    emit(
        world,
        event::Ended {
            about: producer,
            subject: Subject::Producer(id),
        },
    );
    let routes = world.get::<Routes>(producer);
    let consumers: Vec<_> = routes.into_iter().flat_map(Routes::iter).collect();
    for about in consumers {
        let transport = world
            .get::<Consumer>(about)
            .map(|consumer| consumer.transport);
        let Some(&id) = world.get::<ConsumerId>(about) else {
            continue;
        };
        if transport.is_some_and(|transport| closing.contains(&transport)) {
            continue;
        }
        emit(
            world,
            ProducerClosed {
                about,
                subject: Subject::Consumer(id),
            },
        );
        end_consumer(world, about, id);
    }
    forget_everywhere(world, producer);
    leave(world, producer);
    for stream in streams_of(world, producer) {
        world.despawn(stream);
    }
    world.resource_mut::<Directory>().remove(id);
    world.despawn(producer);
}

fn end_consumer(world: &mut World, entity: Entity, id: ConsumerId) {
    let Some(consumer) = world.get::<Consumer>(entity).cloned() else {
        return;
    };
    let emission = world.get::<flumen_components::Emission>(entity);
    let ssrc = emission.map(|emission| emission.ssrc);
    let needs_history = emission.is_some_and(flumen_components::Emission::needs_history);
    unroute(world, &consumer, needs_history);
    if let Some(ssrc) = ssrc {
        forget_paced_of(world, entity, ssrc, consumer.transport);
        if let Some(mut listener) = world.get_mut::<Listener>(consumer.transport) {
            listener.consumers.remove(&ssrc);
        }
    }
    estimate_anew(world, consumer.transport);
    want_anew(world, consumer.producer);
    end(world, entity, id, Subject::Consumer(id));
}

/// Datagrams that wait for a blocked socket on account of the transport are refused.
fn forget_waiting(world: &mut World, transport: Entity) {
    let path = world.get::<Path>(transport);
    if path.is_none_or(|path| path.waiting == 0) {
        return;
    }
    let mut parked = world.resource_mut::<Parked>();
    let before = parked.len();
    parked.retain(|_, destination, _| destination.transport != transport);
    let forgotten = (before - parked.len()) as u64;
    let mut ledger = world.resource_mut::<Ledger>();
    ledger.refused[Refusal::TransportClosed] += forgotten;
    ledger.waiting -= forgotten;
}

/// Datagrams of the transport that wait for their turn are refused.
fn forget_paced(world: &mut World, transport: Entity) {
    let pacer = world.get_mut::<Pacer>(transport);
    let paced = pacer.map_or(0, |mut pacer| pacer.give_up()) as u64;
    let mut ledger = world.resource_mut::<Ledger>();
    ledger.give_up(Refusal::TransportClosed, paced);
}

/// Packets of the consumer that wait for their turn are refused.
fn forget_paced_of(world: &mut World, consumer: Entity, ssrc: u32, transport: Entity) {
    let resent = world.get::<Retransmission>(consumer);
    let rtx = resent.and_then(Retransmission::rtx_ssrc);
    let Some(mut pacer) = world.get_mut::<Pacer>(transport) else {
        return;
    };
    let paced = pacer.forget(ssrc) + rtx.map_or(0, |ssrc| pacer.forget(ssrc));
    let mut ledger = world.resource_mut::<Ledger>();
    ledger.give_up(Refusal::ConsumerClosed, paced);
}

/// Gives up the transport's own sockets, and its place on shared ones.
fn release_sockets(world: &mut World, transport: Entity) -> Vec<SocketKey> {
    if world.get::<TransportKind>(transport) == Some(&TransportKind::WebRtc) {
        return release_listeners(world, transport);
    }
    let Some(path) = world.get::<Path>(transport).cloned() else {
        return Vec::new();
    };
    release_remotes(world, &path);
    let mut keys: Vec<_> = [path.rtp, path.rtcp]
        .iter()
        .filter_map(|link| link.socket())
        .collect();
    keys.dedup();
    for &key in &keys {
        if let Some(entry) = world.resource_mut::<Sockets>().get_mut(key) {
            entry.transports.remove(&transport);
        }
    }
    keys.retain(|&key| is_own(world, key));
    for &key in &keys {
        let removed = world.resource_mut::<Sockets>().remove(key);
        if let Some(entry) = removed {
            world.despawn(entry.entity);
        }
    }
    keys
}

fn is_own(world: &World, key: SocketKey) -> bool {
    let entry = world.resource::<Sockets>().get(key);
    entry.is_some_and(|entry| matches!(entry.receivers, Receivers::One(..)))
}

/// The transports on a shared socket, in the order of their creation, whether they are connected or
/// not.
fn transports_on(world: &World, key: SocketKey) -> Vec<Entity> {
    let entry = world.resource::<Sockets>().get(key);
    by_creation(
        world,
        entry
            .into_iter()
            .flat_map(|entry| &entry.transports)
            .copied(),
    )
}

/// Related entities in the order of their creation.
fn in_order<T: RelationshipTarget>(world: &World, entity: Entity) -> Vec<Entity> {
    let Some(related) = world.get::<T>(entity) else {
        return Vec::new();
    };
    by_creation(world, related.iter())
}

fn by_creation(world: &World, entities: impl Iterator<Item = Entity>) -> Vec<Entity> {
    let created = |entity| Some((*world.get::<Created>(entity)?, entity));
    let mut found: Vec<_> = entities.filter_map(created).collect();
    found.sort_unstable();
    found.into_iter().map(|(_, entity)| entity).collect()
}

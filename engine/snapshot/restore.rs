//! An engine goes on from a snapshot.

use std::time::Duration;

use bevy_ecs::archetype::{Archetype, ArchetypeEntity};
use bevy_ecs::entity::Entity;
use bevy_ecs::resource::IsResource;
use bevy_ecs::world::{Mut, World};
use flumen_components::snapshot::Roster;
use flumen_components::wire::ntp;
use flumen_components::wire::state::{Malformed, Reader, State};
use flumen_components::{
    Agenda, ConnectionChange, Created, DtlsConnection, DtlsSettings, DtlsState, Estimators,
    IceAgent, Inbox, Ledger, Sockets, Taping, Time, Vetoes,
};
use flumen_protocol::dtls::Identity;
use zeroize::Zeroize;

use super::head::{Head, before};
use super::kinds;
use super::own::Renamed;
use super::{RestoreError, Snapshot};
use crate::build_error::BuildError;
use crate::builder::Builder;
use crate::clock::{self, Clock};
use crate::engine::Engine;
use crate::poison::contain;
use crate::recording::Header;

/// Snapshots.
impl Builder {
    /// Makes an engine that goes on where `snapshot` was taken, with its sockets bound anew where
    /// they were. Limits and options, seed, epoch and certificate are those of the snapshot; the
    /// backend, threads, plugins, an own estimator of bandwidth, and what to [`keep`](Self::keep), are
    /// those of the builder. What a snapshot cannot give is told in [`Snapshot`].
    ///
    /// Its time goes on, too: [`clock`](Engine::clock) has moved by as much as the system's time
    /// has since the snapshot.
    ///
    /// # Errors
    ///
    /// [`RestoreError`].
    pub fn restore(self, snapshot: &Snapshot) -> Result<Engine, RestoreError> {
        let (builder, record) = self.unrecorded();
        let mut from = Reader::new(&snapshot.body, Roster::default());
        let _: (Time, Vec<String>) = State::load(&mut from)?;
        let mut head = Head::load(&mut from)?;
        let header = serde_json::from_str(&head.made_with);
        head.made_with.zeroize();
        let header: Header = header.map_err(|_| Malformed)?;
        let (certificate, private_key) = &header.identity;
        let identity = Identity::from_der(certificate, private_key).map_err(|_| Malformed)?;
        if record.is_some() && !header.settings.sctp_stack.repeats_itself() {
            return Err(BuildError::NotRepeatable("webrtc-sctp").into());
        }
        let builder = builder.with(&header.settings);
        let builder = builder.seed(header.seed).ntp_epoch(header.ntp_epoch);
        let mut engine = builder.dtls_identity(identity).build()?;
        bind(&mut engine, &head)?;
        // The world refuses what cannot be, such as a stream of a producer that is not there, by a
        // panic.
        let filled = contain(|| fill(&mut engine, &head, from, snapshot.at));
        filled.map_err(|_| Malformed)??;
        go_on(&mut engine, &head, snapshot.at);
        if let Some(record) = record {
            let begun = engine.begin_recording(record, Some(snapshot));
            begun.map_err(BuildError::Recording)?;
        }
        Ok(engine)
    }
}

/// Loads the world.
fn fill(
    engine: &mut Engine,
    head: &Head,
    mut from: Reader<'_, Roster>,
    at: Time,
) -> Result<(), RestoreError> {
    make_way(engine);
    let kept = people(&mut engine.world, head, &mut from.context)?;
    lend(&mut engine.world, &mut from.context, at);
    for kind in kinds::all() {
        (kind.load)(&mut engine.world, &kept, &mut from)?;
    }
    load_own(engine, head, &kept, &mut from)?;
    if !from.is_empty() {
        return Err(Malformed.into());
    }
    *engine.world.resource_mut::<Estimators>() = from.context.estimators;
    play(&mut engine.world);
    wake(&mut engine.world);
    Ok(())
}

/// Binds the sockets where they were.
fn bind(engine: &mut Engine, head: &Head) -> Result<(), RestoreError> {
    for (key, request) in &head.sockets {
        let bound = engine.network.bind(*key, request);
        let address = request.address;
        bound.map_err(|source| RestoreError::Bind { address, source })?;
    }
    Ok(())
}

/// What plugins have spawned with components that are kept comes back as it was, and is not there
/// twice. Resources are the plugins'.
fn make_way(engine: &mut Engine) {
    let (own, world) = (&engine.own, &mut engine.world);
    let is_resource = world.register_component::<IsResource>();
    let own: Vec<_> = own.iter().map(|own| (own.register)(world)).collect();
    let is_kept = |archetype: &&Archetype| {
        !archetype.contains(is_resource) && own.iter().any(|&id| archetype.contains(id))
    };
    let archetypes = world.archetypes().iter().filter(is_kept);
    let spawned = archetypes.flat_map(Archetype::entities);
    for entity in spawned.map(ArchetypeEntity::id).collect::<Vec<_>>() {
        world.despawn(entity);
    }
}

/// Makes an entity for each that there was; those that are only referred to are gone at once. What
/// is kept has the first numbers.
fn people(world: &mut World, head: &Head, roster: &mut Roster) -> Result<Vec<Entity>, Malformed> {
    let mut all: Vec<_> = head
        .entities
        .iter()
        .map(|_| world.spawn_empty().id())
        .collect();
    all.sort_unstable();
    for &entity in &all {
        roster.enter(entity);
    }
    let gone = all.get(head.kept..).ok_or(Malformed)?;
    for &entity in gone {
        world.despawn(entity);
    }
    all.truncate(head.kept);
    Ok(all)
}

/// Lends what is needed to load, and is in the world already.
fn lend(world: &mut World, roster: &mut Roster, now: Time) {
    roster.vetoes = world.resource::<Vetoes>().registered().to_vec();
    roster.dtls = Some(world.resource::<DtlsSettings>().clone());
    roster.estimators = std::mem::take(&mut *world.resource_mut::<Estimators>());
    roster.now = now;
}

fn load_own(
    engine: &mut Engine,
    head: &Head,
    kept: &[Entity],
    from: &mut Reader<'_, Roster>,
) -> Result<(), RestoreError> {
    let befores = head.entities.iter().zip(from.context.entities());
    let renamed = befores.filter_map(|(bits, now)| Some((before(*bits)?, *now)));
    let mut renamed = Renamed(renamed.collect());
    for _ in 0..from.count()? {
        let (name, rows): (String, Vec<(usize, Vec<u8>)>) = State::load(from)?;
        let own = engine.own.iter().find(|own| own.name == name).copied();
        let own = own.ok_or_else(|| RestoreError::NotKept(name.clone()))?;
        for (number, bytes) in rows {
            let entity = *kept.get(number).ok_or(Malformed)?;
            (own.load)(&mut engine.world, entity, &bytes, &mut renamed).map_err(|source| {
                let component = name.clone();
                RestoreError::Component { component, source }
            })?;
        }
    }
    Ok(())
}

/// In a replay, DTLS connections play what they yielded then.
fn play(world: &mut World) {
    let Taping::Playing(tapes) = world.resource::<DtlsSettings>().taping.clone() else {
        return;
    };
    let mut connections = world.query::<(&Created, &mut DtlsConnection)>();
    for (created, mut connection) in connections.iter_mut(world) {
        connection.play(created.0, tapes.clone());
    }
}

/// What was not kept is missed: connections of TCP have ended, and handshakes have begun anew.
fn wake(world: &mut World) {
    let ended = world.resource::<Sockets>().connections();
    let mut inbox = world.resource_mut::<Inbox>();
    for tuple in ended {
        inbox.note_connection(ConnectionChange::Ended(tuple));
    }
    let mut sessions = world.query::<(&Created, Entity, &DtlsConnection)>();
    let connecting = sessions
        .iter(world)
        .filter(|(.., it)| it.state() == DtlsState::Connecting);
    let mut begun: Vec<_> = connecting
        .map(|(&created, entity, _)| (created, entity))
        .collect();
    begun.sort_unstable();
    if begun.is_empty() {
        return;
    }
    world.resource_scope(|world, mut agenda: Mut<'_, Agenda>| {
        for (_, entity) in begun {
            if let Some(mut agent) = world.get_mut::<IceAgent>(entity) {
                agent.list(entity, &mut agenda.moved_sessions);
            }
        }
    });
}

fn go_on(engine: &mut Engine, head: &Head, at: Time) {
    engine.ticks = head.ticks;
    engine.last_tick = head.last_tick;
    engine.on_the_clock = head.on_the_clock;
    engine.work.resume(engine.world.resource::<Ledger>());
    let gap = clock::ntp_now().0.saturating_sub(head.taken);
    engine.clock = Clock::resume(at + Duration::from_nanos(ntp::to_nanos(gap)));
}

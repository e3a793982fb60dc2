//! Observers of a router begin, listen to producers, and end.

use std::time::Duration;

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::event::{
    PausedBy, ProducerAdded, ProducerRemoved, RouterClosed, RtpObserverCreated, Silence, emit,
};
use flumen_components::rtp_parameters::MediaKind;
use flumen_components::{
    AppData, Closed, Deadlines, Directory, Dominance, Due, Loudness, Now, ObservedBy, ObserverKind,
    ObservesRouter, OnTransport, PausedByOwner, Producer, ProducerId, RouterId, RtpObserver,
    RtpObserverId, Subject, find,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::belonging::router_of;
use super::birth;
use super::end::end;
use super::pause::{changed, set_paused};

/// How an audio level observer is made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AudioLevelObserverOptions {
    /// How many producers are told, at most: the loudest. Default 1.
    pub max_entries: usize,
    /// The least average volume that is told, in dBov, -127 to 0. Default -80.
    pub threshold: i8,
    /// How often it is told; what is not within 250 ms and 5 s is the nearer of them. Default 1 s.
    pub interval: Duration,
    /// What the application remembers.
    #[serde(skip)]
    pub app_data: AppData,
}

/// How an active speaker observer is made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActiveSpeakerObserverOptions {
    /// How often it is decided who is dominant; what is not within 100 ms and 5 s is the nearer of
    /// them. Default 300 ms.
    pub interval: Duration,
    /// What the application remembers.
    #[serde(skip)]
    pub app_data: AppData,
}

impl Default for AudioLevelObserverOptions {
    fn default() -> Self {
        Self {
            max_entries: 1,
            threshold: -80,
            interval: Duration::from_secs(1),
            app_data: AppData::default(),
        }
    }
}

impl Default for ActiveSpeakerObserverOptions {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(300),
            app_data: AppData::default(),
        }
    }
}

/// An observer was not made. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CreateObserverError {
    /// The router is closed.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// Nobody could be told.
    #[error("maxEntries is 0")]
    NoEntries,
    /// No volume is so high or so low.
    #[error("threshold {0} dBov is not within -127 and 0")]
    Threshold(i8),
}

/// An observer does not listen to a producer. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ObserveError {
    /// The observer is closed.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// No producer of the observer's router has this identifier.
    #[error("there is no producer {0} in the router")]
    NotFound(ProducerId),
    /// Observers listen to audio alone.
    #[error("the producer is not an audio producer")]
    NotAudio,
}

/// Makes an observer that tells which producers are loud.
///
/// # Errors
///
/// [`CreateObserverError`].
pub fn create_audio_level_observer(
    world: &mut World,
    router: RouterId,
    options: AudioLevelObserverOptions,
) -> Result<RtpObserverId, CreateObserverError> {
    if options.max_entries == 0 {
        return Err(CreateObserverError::NoEntries);
    }
    if !(-127..=0).contains(&options.threshold) {
        return Err(CreateObserverError::Threshold(options.threshold));
    }
    let (shortest, longest) = (Duration::from_millis(250), Duration::from_secs(5));
    let interval = options.interval.clamp(shortest, longest);
    let loudness = Loudness::new(options.max_entries, options.threshold);
    let kind = ObserverKind::AudioLevel(loudness);
    create(world, router, kind, interval, options.app_data)
}

/// Makes an observer that tells who speaks.
///
/// # Errors
///
/// [`CreateObserverError::Closed`].
pub fn create_active_speaker_observer(
    world: &mut World,
    router: RouterId,
    options: ActiveSpeakerObserverOptions,
) -> Result<RtpObserverId, CreateObserverError> {
    let (shortest, longest) = (Duration::from_millis(100), Duration::from_secs(5));
    let interval = options.interval.clamp(shortest, longest);
    let kind = ObserverKind::ActiveSpeaker(Dominance::default());
    create(world, router, kind, interval, options.app_data)
}

fn create(
    world: &mut World,
    router: RouterId,
    kind: ObserverKind,
    interval: Duration,
    app_data: AppData,
) -> Result<RtpObserverId, CreateObserverError> {
    let about = find(world, router)?;
    let created = birth::number(world);
    let id: RtpObserverId = birth::id(world, created);
    let now = world.resource::<Now>().time;
    let observer = RtpObserver::new(kind, now, interval);
    let bundle = (
        id,
        created,
        observer,
        ObservesRouter(about),
        PausedByOwner(false),
        app_data,
    );
    let entity = world.spawn(bundle).id();
    world.resource_mut::<Directory>().insert(id, entity);
    let created = RtpObserverCreated {
        about,
        subject: Subject::Router(router),
        rtp_observer: id,
    };
    emit(world, created);
    Ok(id)
}

/// Lets an observer listen to a producer of its router, which may be paused. Nothing happens when it
/// already does.
///
/// # Errors
///
/// [`ObserveError`].
pub fn add_producer(
    world: &mut World,
    id: RtpObserverId,
    producer_id: ProducerId,
) -> Result<(), ObserveError> {
    let about = find(world, id)?;
    let producer = observable(world, about, producer_id)?;
    let mut observer = world.get_mut::<RtpObserver>(about);
    if !observer
        .as_mut()
        .is_some_and(|observer| observer.add(producer))
    {
        return Ok(());
    }
    let mut entity = world.entity_mut(producer);
    let mut observed = entity.get::<ObservedBy>().cloned().unwrap_or_default();
    observed.0.push(about);
    entity.insert(observed);
    arm(world, about);
    let subject = Subject::RtpObserver(id);
    let added = ProducerAdded {
        about,
        subject,
        producer: producer_id,
    };
    emit(world, added);
    Ok(())
}

/// Lets an observer no longer listen to a producer. Nothing happens when it does not.
///
/// # Errors
///
/// [`ObserveError`].
pub fn remove_producer(
    world: &mut World,
    id: RtpObserverId,
    producer_id: ProducerId,
) -> Result<(), ObserveError> {
    let about = find(world, id)?;
    let producer = observable(world, about, producer_id)?;
    if !forget(world, about, producer) {
        return Ok(());
    }
    unlist(world, producer, about);
    let subject = Subject::RtpObserver(id);
    let removed = ProducerRemoved {
        about,
        subject,
        producer: producer_id,
    };
    emit(world, removed);
    Ok(())
}

/// Pauses an observer: it hears nothing, and what it has heard is forgotten.
///
/// # Errors
///
/// [`Closed`] when it is.
pub fn pause_observer(world: &mut World, id: RtpObserverId) -> Result<(), Closed> {
    let about = find(world, id)?;
    if !set_paused(world, about, true) {
        return Ok(());
    }
    let subject = Subject::RtpObserver(id);
    emit(world, changed(true, PausedBy::Owner, about, subject));
    let observer = world.get_mut::<RtpObserver>(about);
    let silenced = observer.is_some_and(|mut observer| match &mut observer.kind {
        ObserverKind::AudioLevel(loudness) => loudness.reset(),
        ObserverKind::ActiveSpeaker(_) => false,
    });
    if silenced {
        emit(world, Silence { about, subject });
    }
    Ok(())
}

/// Resumes an observer.
///
/// # Errors
///
/// [`Closed`] when it is.
pub fn resume_observer(world: &mut World, id: RtpObserverId) -> Result<(), Closed> {
    let about = find(world, id)?;
    if set_paused(world, about, false) {
        let subject = Subject::RtpObserver(id);
        emit(world, changed(false, PausedBy::Owner, about, subject));
        arm(world, about);
    }
    Ok(())
}

/// Closes an observer.
///
/// # Errors
///
/// [`Closed`] when it is already.
pub fn close_observer(world: &mut World, id: RtpObserverId) -> Result<(), Closed> {
    let about = find(world, id)?;
    end_observer(world, about, id);
    Ok(())
}

/// Ends the observers of a router that closes.
pub(super) fn end_observers(world: &mut World, observers: &[Entity]) {
    for &about in observers {
        if let Some(&id) = world.get::<RtpObserverId>(about) {
            let subject = Subject::RtpObserver(id);
            emit(world, RouterClosed { about, subject });
            end_observer(world, about, id);
        }
    }
}

/// The observers of a producer that closes forget it.
pub(super) fn forget_everywhere(world: &mut World, producer: Entity) {
    let observed = world.get::<ObservedBy>(producer).cloned();
    for observer in observed.into_iter().flat_map(|observed| observed.0) {
        forget(world, observer, producer);
    }
}

/// The observers of a producer that pauses.
pub(super) fn pause_everywhere(world: &mut World, producer: Entity) {
    let observed = world.get::<ObservedBy>(producer).cloned();
    for observer in observed.into_iter().flat_map(|observed| observed.0) {
        if let Some(mut observer) = world.get_mut::<RtpObserver>(observer) {
            observer.pause(producer);
        }
    }
}

fn end_observer(world: &mut World, about: Entity, id: RtpObserverId) {
    let observer = world.get::<RtpObserver>(about);
    let producers = observer.map(RtpObserver::producers);
    for producer in producers.into_iter().flatten() {
        unlist(world, producer, about);
    }
    end(world, about, id, Subject::RtpObserver(id));
}

/// A producer that `observer` can listen to.
fn observable(world: &World, observer: Entity, id: ProducerId) -> Result<Entity, ObserveError> {
    let producer = find(world, id).map_err(|_| ObserveError::NotFound(id))?;
    let transport = world.get::<OnTransport>(producer);
    let home = transport.and_then(|on| router_of(world, on.0));
    let router = world.get::<ObservesRouter>(observer).map(|of| of.0);
    if home != router {
        return Err(ObserveError::NotFound(id));
    }
    match world
        .get::<Producer>(producer)
        .map(|producer| producer.kind)
    {
        Some(MediaKind::Audio) => Ok(producer),
        _ => Err(ObserveError::NotAudio),
    }
}

fn forget(world: &mut World, observer: Entity, producer: Entity) -> bool {
    let forgot = world
        .get_mut::<RtpObserver>(observer)
        .is_some_and(|mut observer| observer.remove(producer));
    if forgot {
        arm(world, observer);
    }
    forgot
}

fn unlist(world: &mut World, producer: Entity, observer: Entity) {
    if let Some(mut observed) = world.get_mut::<ObservedBy>(producer) {
        observed.0.retain(|other| *other != observer);
    }
}

/// What changed between ticks is told at the next interval.
fn arm(world: &mut World, entity: Entity) {
    let now = world.resource::<Now>().time;
    let observer = world.get_mut::<RtpObserver>(entity);
    if let Some(due) = observer.and_then(|mut observer| observer.arm(now)) {
        world
            .resource_mut::<Deadlines>()
            .set(due, entity, Due::Observed);
    }
}

//! Producers and consumers pause and resume.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::event::{self, PausedBy, ProducerPaused, ProducerResumed, emit, happen};
use flumen_components::rtp_parameters::MediaKind;
use flumen_components::{
    Agenda, Closed, Consumer, ConsumerId, Emission, Event, Inactivity, Jitter, KeyFrameWish,
    Ledger, Missing, Pacer, PausedByOwner, Producer, ProducerId, Reception, Refusal,
    Retransmission, Routes, Subject, find,
};

use super::belonging::streams_of;
use super::layers;
use super::observe::pause_everywhere;
use super::request_key_frame::wish_for;

/// Pauses a producer: nothing of it is forwarded, everything else goes on. Pausing twice is
/// pausing once.
///
/// # Errors
///
/// [`Closed`] when the producer is.
pub fn pause_producer(world: &mut World, id: ProducerId) -> Result<(), Closed> {
    let about = find(world, id)?;
    if set_paused(world, about, true) {
        forget_the_past(world, about);
        stop_waiting(world, about);
        pause_everywhere(world, about);
        let subject = Subject::Producer(id);
        emit(world, changed(true, PausedBy::Owner, about, subject));
        tell_consumers(world, about, true);
    }
    Ok(())
}

/// Resumes a producer; of a video one, a key frame of each stream is asked for.
///
/// # Errors
///
/// [`Closed`] when the producer is.
pub fn resume_producer(world: &mut World, id: ProducerId) -> Result<(), Closed> {
    let about = find(world, id)?;
    if set_paused(world, about, false) {
        wait_for_media(world, about);
        let subject = Subject::Producer(id);
        emit(world, changed(false, PausedBy::Owner, about, subject));
        tell_consumers(world, about, false);
        force_key_frames(world, about);
    }
    Ok(())
}

/// Pauses a consumer.
///
/// # Errors
///
/// [`Closed`] when the consumer is.
pub fn pause_consumer(world: &mut World, id: ConsumerId) -> Result<(), Closed> {
    let about = find(world, id)?;
    if set_paused(world, about, true) {
        take_back(world, about);
        layers::stop(world, about);
        layers::choose_anew(world, about);
        layers::want_anew_of(world, about);
        if !producer_paused(world, about) {
            let subject = Subject::Consumer(id);
            emit(world, changed(true, PausedBy::Owner, about, subject));
        }
    }
    Ok(())
}

/// Resumes a consumer: it begins with a key frame, which is asked for.
///
/// # Errors
///
/// [`Closed`] when the consumer is.
pub fn resume_consumer(world: &mut World, id: ConsumerId) -> Result<(), Closed> {
    let about = find(world, id)?;
    if set_paused(world, about, false) {
        restart(world, about);
        layers::want_anew_of(world, about);
        if !producer_paused(world, about) {
            let subject = Subject::Consumer(id);
            emit(world, changed(false, PausedBy::Owner, about, subject));
        }
    }
    Ok(())
}

/// What happens to `about` when it is paused or resumed.
pub(super) fn changed(paused: bool, by: PausedBy, about: Entity, subject: Subject) -> Event {
    match paused {
        true => event::Paused { about, subject, by }.into(),
        false => event::Resumed { about, subject, by }.into(),
    }
}

/// True when that changed it.
pub(super) fn set_paused(world: &mut World, entity: Entity, paused: bool) -> bool {
    let component = world.get_mut::<PausedByOwner>(entity);
    component.is_some_and(|mut component| std::mem::replace(&mut component.0, paused) != paused)
}

fn producer_paused(world: &World, consumer: Entity) -> bool {
    world
        .get::<Consumer>(consumer)
        .is_some_and(|consumer| consumer.producer_paused)
}

/// Nobody can be expected to send to a paused producer.
fn stop_waiting(world: &mut World, producer: Entity) {
    for stream in streams_of(world, producer) {
        if let Some(mut inactivity) = world.get_mut::<Inactivity>(stream) {
            inactivity.0.stop();
        }
    }
}

fn wait_for_media(world: &mut World, producer: Entity) {
    for stream in streams_of(world, producer) {
        if let Some(mut inactivity) = world.get_mut::<Inactivity>(stream) {
            inactivity.0.restart();
            let mut agenda = world.resource_mut::<Agenda>();
            agenda.resumed_streams.0.push(stream);
        }
    }
}

/// What was missing before a pause is of no use after it, and the network's delay before and after
/// need not be alike.
fn forget_the_past(world: &mut World, producer: Entity) {
    for stream in streams_of(world, producer) {
        if let Some(mut missing) = world.get_mut::<Missing>(stream) {
            missing.clear();
        }
        if let Some(mut reception) = world.get_mut::<Reception>(stream) {
            reception.jitter = Jitter::default();
        }
    }
}

fn tell_consumers(world: &mut World, producer: Entity, paused: bool) {
    let routes = world.get::<Routes>(producer);
    let consumers: Vec<_> = routes.into_iter().flat_map(Routes::iter).collect();
    for about in consumers {
        let Some(&id) = world.get::<ConsumerId>(about) else {
            continue;
        };
        if let Some(mut consumer) = world.get_mut::<Consumer>(about) {
            consumer.producer_paused = paused;
        }
        if paused {
            take_back(world, about);
            layers::stop(world, about);
            layers::choose_anew(world, about);
        }
        let own_pause = world
            .get::<PausedByOwner>(about)
            .is_some_and(|paused| paused.0);
        let subject = Subject::Consumer(id);
        if paused {
            emit(world, ProducerPaused { about, subject });
        } else {
            restart(world, about);
            emit(world, ProducerResumed { about, subject });
        }
        if !own_pause {
            happen(world, &changed(paused, PausedBy::Producer, about, subject));
        }
    }
}

/// Of what waits for its turn a paused consumer sends no more than the rest of a picture.
fn take_back(world: &mut World, consumer: Entity) {
    let Some(transport) = world.get::<Emission>(consumer).map(|it| it.transport) else {
        return;
    };
    let Ok([mut consumer, mut transport]) = world.get_entity_mut([consumer, transport]) else {
        return;
    };
    let rtx = consumer.get::<Retransmission>();
    let rtx = rtx.and_then(Retransmission::rtx_ssrc);
    let (emission, pacer) = (consumer.get_mut::<Emission>(), transport.get_mut::<Pacer>());
    if let (Some(mut emission), Some(mut pacer)) = (emission, pacer) {
        let again = pacer.forget_again(rtx.unwrap_or(emission.ssrc));
        let superseded = again + emission.supersede(&mut pacer);
        let mut ledger = world.resource_mut::<Ledger>();
        ledger.give_up(Refusal::Superseded, superseded);
    }
}

/// What a consumer sends next begins a new run of sequence numbers.
fn restart(world: &mut World, consumer: Entity) {
    if let Some(mut emission) = world.get_mut::<Emission>(consumer) {
        emission.sync_required = true;
    }
    layers::choose_anew(world, consumer);
    wish_for(world, consumer);
}

fn force_key_frames(world: &mut World, producer: Entity) {
    let kind = world
        .get::<Producer>(producer)
        .map(|producer| producer.kind);
    if kind != Some(MediaKind::Video) {
        return;
    }
    for stream in streams_of(world, producer) {
        world.resource_mut::<Agenda>().key_frames.add(KeyFrameWish {
            stream,
            force: true,
        });
    }
}

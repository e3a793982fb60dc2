//! Observers: entities of a router that listen to its audio producers and tell what they hear.

use std::time::Duration;

use bevy_ecs::component::Component;
use bevy_ecs::entity::{Entity, EntityHashSet};
use smallvec::SmallVec;

use super::dominance::Dominance;
use super::loudness::Loudness;
use crate::tick::time::Time;

/// An observer of a router. Its identifier is an [`RtpObserverId`](crate::RtpObserverId) beside it,
/// and so is whether it is [`PausedByOwner`](crate::PausedByOwner).
///
/// Written by `hear_levels`, and between ticks; read by `tell_levels`.
#[derive(Component, Debug)]
pub struct RtpObserver {
    /// What it makes of what it hears.
    pub kind: ObserverKind,
    began: Time,
    interval: Duration,
    is_armed: bool,
}

crate::snapshot::state! { struct RtpObserver { kind, began, interval, is_armed } }

/// What an observer makes of what it hears.
#[derive(Debug)]
pub enum ObserverKind {
    /// Who is loud: an `AudioLevelObserver`.
    AudioLevel(Loudness),
    /// Who speaks: an `ActiveSpeakerObserver`.
    ActiveSpeaker(Dominance),
}

crate::snapshot::state! { enum ObserverKind { AudioLevel(it), ActiveSpeaker(it) } }

/// The router that an observer belongs to.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
#[relationship(relationship_target = RtpObservers)]
pub struct ObservesRouter(pub Entity);

crate::snapshot::state! { struct ObservesRouter(it) }

/// The observers of a router, in no order.
#[derive(Component, Debug, Default)]
#[relationship_target(relationship = ObservesRouter)]
pub struct RtpObservers(EntityHashSet);

/// The observers that listen to a producer, in the order in which it was added to them. On
/// producers that were added to one.
#[derive(Component, Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedBy(pub SmallVec<[Entity; 2]>);

crate::snapshot::state! { struct ObservedBy(it) }

impl RtpObserver {
    /// An observer that begins at `now`, and tells what it heard at most once an `interval`.
    pub fn new(kind: ObserverKind, now: Time, interval: Duration) -> Self {
        Self {
            kind,
            began: now,
            interval,
            is_armed: false,
        }
    }

    /// Hears a packet of `producer`, in which the level is `dbov` below overload: 0 is the loudest,
    /// 127 silence (RFC 6464 section 3).
    pub fn hear(&mut self, producer: Entity, dbov: u8, now: Time) {
        match &mut self.kind {
            ObserverKind::AudioLevel(loudness) => loudness.hear(producer, dbov),
            ObserverKind::ActiveSpeaker(dominance) => dominance.hear(producer, dbov, now),
        }
    }

    /// `producer` pauses: what was heard of it in the interval does not count. Who was dominant is
    /// so until another one speaks.
    pub fn pause(&mut self, producer: Entity) {
        if let ObserverKind::AudioLevel(loudness) = &mut self.kind {
            loudness.forget_levels(producer);
        }
    }

    /// Begins to listen to `producer`; false when it already does.
    pub fn add(&mut self, producer: Entity) -> bool {
        match &mut self.kind {
            ObserverKind::AudioLevel(loudness) => loudness.add(producer),
            ObserverKind::ActiveSpeaker(dominance) => dominance.add(producer),
        }
    }

    /// Stops to listen to `producer`; false when it did not.
    pub fn remove(&mut self, producer: Entity) -> bool {
        match &mut self.kind {
            ObserverKind::AudioLevel(loudness) => loudness.remove(producer),
            ObserverKind::ActiveSpeaker(dominance) => dominance.remove(producer),
        }
    }

    /// The producers that it listens to, in no order.
    pub fn producers(&self) -> Vec<Entity> {
        match &self.kind {
            ObserverKind::AudioLevel(loudness) => loudness.producers(),
            ObserverKind::ActiveSpeaker(dominance) => dominance.producers(),
        }
    }

    /// When it tells next, unless that is set already: at whole intervals since it began, so that
    /// who is quiet and speaks again is told at the times at which it would have been told anyway.
    pub fn arm(&mut self, now: Time) -> Option<Time> {
        if std::mem::replace(&mut self.is_armed, true) {
            return None;
        }
        let interval = self.interval.as_nanos() as u64;
        let elapsed = now.since(self.began).as_nanos() as u64;
        let intervals = elapsed / interval + 1;
        Some(self.began + Duration::from_nanos(intervals.saturating_mul(interval)))
    }

    /// The deadline that [`arm`](Self::arm) told has passed.
    pub fn disarm(&mut self) {
        self.is_armed = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observer_tells_at_whole_intervals_since_it_began() {
        let kind = ObserverKind::AudioLevel(Loudness::new(1, -80));
        let interval = Duration::from_millis(1_000);
        let mut observer = RtpObserver::new(kind, Time::from_millis(500), interval);
        assert_eq!(
            observer.arm(Time::from_millis(700)),
            Some(Time::from_millis(1_500))
        );
        assert_eq!(observer.arm(Time::from_millis(800)), None);
        observer.disarm();
        assert_eq!(
            observer.arm(Time::from_millis(7_600)),
            Some(Time::from_millis(8_500))
        );
        observer.disarm();
        assert_eq!(
            observer.arm(Time::from_millis(8_500)),
            Some(Time::from_millis(9_500))
        );
    }
}

//! Observers tell what they heard.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Local, Query, Res, ResMut};
use flumen_components::event::{DominantSpeakerChanged, Event, Pending, Silence, VolumesChanged};
use flumen_components::{
    Deadlines, DominantSpeaker, Due, Loud, Now, ObserverKind, PausedByOwner, ProducerId,
    ProducerVolume, RtpObserver, RtpObserverId, Subject,
};

/// Producers by what observers know them by: whether they count, and as whom they are told.
type Speakers<'w, 's> = Query<'w, 's, (&'static ProducerId, &'static PausedByOwner)>;

/// Observers of which an interval is over tell who was loud, or who speaks.
pub(crate) fn tell_levels(
    mut observers: Query<'_, '_, (&RtpObserverId, &mut RtpObserver, &PausedByOwner)>,
    producers: Speakers<'_, '_>,
    mut deadlines: ResMut<'_, Deadlines>,
    now: Res<'_, Now>,
    mut pending: ResMut<'_, Pending>,
    mut loud: Local<'_, Vec<Loud>>,
) {
    for index in 0..deadlines.fired().len() {
        let (about, Due::Observed) = deadlines.fired()[index] else {
            continue;
        };
        // A deadline may outlive its observer.
        let Ok((&id, mut observer, paused)) = observers.get_mut(about) else {
            continue;
        };
        observer.disarm();
        if paused.0 {
            continue;
        }
        let subject = Subject::RtpObserver(id);
        let goes_on = match &mut observer.kind {
            ObserverKind::AudioLevel(loudness) => {
                let silenced = loudness.end_interval(&mut loud, |it| counts(&producers, it));
                pending
                    .0
                    .extend(told_volumes(about, subject, &loud, &producers));
                pending
                    .0
                    .extend(silenced.then(|| Silence { about, subject }.into()));
                !loudness.is_silent()
            }
            ObserverKind::ActiveSpeaker(dominance) => {
                let decided = dominance.decide(now.time, |it| counts(&producers, it));
                pending
                    .0
                    .extend(told_speaker(about, subject, decided, &producers));
                dominance.is_lively(now.time)
            }
        };
        if goes_on && let Some(due) = observer.arm(now.time) {
            deadlines.set(due, about, Due::Observed);
        }
    }
}

/// Levels of a producer that was paused meanwhile say nothing.
fn counts(producers: &Speakers<'_, '_>, producer: Entity) -> bool {
    producers.get(producer).is_ok_and(|(_, paused)| !paused.0)
}

fn told_volumes(
    about: Entity,
    subject: Subject,
    loud: &[Loud],
    producers: &Speakers<'_, '_>,
) -> Option<Event> {
    let volume = |loud: &Loud| {
        let (&producer_id, _) = producers.get(loud.producer).ok()?;
        let volume = loud.volume;
        Some(ProducerVolume {
            producer_id,
            volume,
        })
    };
    let volumes: Vec<_> = loud.iter().filter_map(volume).collect();
    let told = VolumesChanged {
        about,
        subject,
        volumes,
    };
    (!told.volumes.is_empty()).then(|| told.into())
}

fn told_speaker(
    about: Entity,
    subject: Subject,
    speaker: Option<Entity>,
    producers: &Speakers<'_, '_>,
) -> Option<Event> {
    let (&producer_id, _) = producers.get(speaker?).ok()?;
    let told = DominantSpeakerChanged {
        about,
        subject,
        speaker: DominantSpeaker { producer_id },
    };
    Some(told.into())
}

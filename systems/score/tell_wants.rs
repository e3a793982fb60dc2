//! Owners of producers are told which layers anybody wants.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::event::{Event, Pending, WantedLayersChanged};
use flumen_components::rtp_parameters::ProducerType;
use flumen_components::{
    Agenda, ConsumerLayers, Deadlines, Due, Layering, Limits, Now, PausedByOwner, ProducerId,
    ProducerParameters, Routes, Subject, Wanted, Wants,
};

/// Who wants something, and who is told.
#[derive(SystemParam)]
pub(crate) struct Asking<'w, 's> {
    producers: Query<
        'w,
        's,
        (
            &'static ProducerId,
            &'static ProducerParameters,
            &'static Routes,
            &'static mut Wanted,
        ),
    >,
    consumers: Query<'w, 's, (&'static PausedByOwner, Option<&'static Layering>)>,
    pending: ResMut<'w, Pending>,
    deadlines: ResMut<'w, Deadlines>,
    limits: Res<'w, Limits>,
    now: Res<'w, Now>,
}

/// Looks at the producers of which others may want something else, and at those of which less has
/// been wanted for long enough.
pub(crate) fn tell_wants(mut agenda: ResMut<'_, Agenda>, mut asking: Asking<'_, '_>) {
    for index in 0..asking.deadlines.fired().len() {
        if let (producer, Due::Wants) = asking.deadlines.fired()[index] {
            asking.look(producer);
        }
    }
    for producer in agenda.wants.drain() {
        asking.look(producer);
    }
}

impl Asking<'_, '_> {
    fn look(&mut self, about: Entity) {
        let Ok((&id, parameters, routes, mut wanted)) = self.producers.get_mut(about) else {
            return;
        };
        let mut wants = Wants::default();
        for consumer in routes.iter() {
            match self.consumers.get(consumer) {
                Ok((PausedByOwner(false), Some(layering))) => {
                    wants.want(layering.selection.preferred());
                }
                Ok((PausedByOwner(false), None)) => wants.want(ConsumerLayers::default()),
                _ => {}
            }
        }
        let delay = self.limits.unused_layers_delay();
        if wanted.update(wants, delay, self.now.time) {
            let is_simulcast = parameters.producer_type == ProducerType::Simulcast;
            self.pending.0.push(Event::from(WantedLayersChanged {
                about,
                subject: Subject::Producer(id),
                layers: wanted.told().layers(is_simulcast).collect(),
            }));
        }
        if let Some(at) = wanted.arm(delay) {
            self.deadlines.set(at, about, Due::Wants);
        }
    }
}

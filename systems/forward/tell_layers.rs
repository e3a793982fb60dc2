//! Consumers tell which layers they get.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, ResMut, SystemParam};
use flumen_components::event::{ConsumerScoreChanged, Event, LayersChanged, Pending};
use flumen_components::{
    Agenda, Consumer, ConsumerId, ConsumerLayers, Histogram, Layering, Producer, Score, Subject,
};

use crate::score::consumer_score_of;

/// Who tells.
#[derive(SystemParam)]
pub(crate) struct Tellers<'w, 's> {
    consumers: Query<
        'w,
        's,
        (
            &'static ConsumerId,
            &'static Consumer,
            &'static mut Layering,
            &'static mut Histogram,
        ),
    >,
    producers: Query<'w, 's, &'static Producer>,
    scores: Query<'w, 's, &'static mut Score>,
    pending: ResMut<'w, Pending>,
}

/// Makes an event of each consumer that gets other layers than it was told to, and one of its score
/// when they are of another stream: what was reported of the one before says nothing of this one.
pub(crate) fn tell_layers(mut agenda: ResMut<'_, Agenda>, mut tellers: Tellers<'_, '_>) {
    for consumer in agenda.layers_changing.0.drain(..) {
        tellers.tell(consumer);
    }
}

impl Tellers<'_, '_> {
    fn tell(&mut self, about: Entity) -> Option<()> {
        let (&id, consumer, mut layering, mut histogram) = self.consumers.get_mut(about).ok()?;
        let layers = layering.current();
        let before = std::mem::replace(&mut layering.told, layers);
        if layers == before {
            return None;
        }
        let subject = Subject::Consumer(id);
        self.pending.0.push(Event::from(LayersChanged {
            about,
            subject,
            layers,
        }));
        let spatial = |layers: Option<ConsumerLayers>| layers.map(|layers| layers.spatial_layer);
        if layers.is_none() || spatial(layers) == spatial(before) || !layering.is_simulcast() {
            return None;
        }
        histogram.clear();
        *self.scores.get_mut(about).ok()? = Score::default();
        let producer = self.producers.get(consumer.producer).ok()?;
        let of_stream = |stream| self.scores.get(stream).ok().map(|score| score.0);
        let followed = layering.followed();
        let score = consumer_score_of(Score::default(), producer, followed, of_stream);
        self.pending.0.push(Event::from(ConsumerScoreChanged {
            about,
            subject,
            score,
        }));
        Some(())
    }
}

//! A way has just opened: who could not be served, or asked, before may want a key frame.

use bevy_ecs::entity::Entity;
use bevy_ecs::relationship::RelationshipTarget;
use bevy_ecs::system::{Query, ResMut, SystemParam};
use flumen_components::{
    Agenda, Consumer, Created, Emission, KeyFrameWish, Layering, PausedByOwner, Producer,
    Residents, Role,
};

/// Who lives on a transport.
#[derive(SystemParam)]
pub(crate) struct Inhabitants<'w, 's> {
    residents: Query<'w, 's, &'static Residents>,
    consumers: Query<
        'w,
        's,
        (
            &'static Created,
            &'static Consumer,
            &'static PausedByOwner,
            &'static Emission,
            Option<&'static Layering>,
        ),
    >,
    producers: Query<'w, 's, (&'static Created, &'static Producer)>,
}

/// Wishes for key frames where a way has just opened: for consumers that can send from now on, and
/// from producers that can be asked from now on.
pub(crate) fn wish_on_connect(mut agenda: ResMut<'_, Agenda>, inhabitants: Inhabitants<'_, '_>) {
    let Agenda {
        connected,
        key_frames,
        ..
    } = &mut *agenda;
    for (transport, role) in connected.0.drain(..) {
        // What could not be asked for before was not asked for at all.
        let force = role == Role::Rtcp;
        let mut streams = match role {
            Role::Rtp => inhabitants.awaited(transport),
            Role::Rtcp => inhabitants.received(transport),
        };
        streams.sort_unstable();
        for (.., stream) in streams {
            key_frames.add(KeyFrameWish { stream, force });
        }
    }
}

/// A stream, with the order of whom it is for or from, and its own among these.
type Ordered = (Created, usize, Entity);

impl Inhabitants<'_, '_> {
    /// The streams of which consumers on `transport` wait for a key frame.
    fn awaited(&self, transport: Entity) -> Vec<Ordered> {
        let consumers = self.residents_of(transport);
        let consumers = consumers.filter_map(|resident| self.consumers.get(resident).ok());
        let waiting = consumers.filter(|(_, consumer, paused, emission, _)| {
            !paused.0 && !consumer.producer_paused && emission.sync_required
        });
        let streams = waiting.flat_map(|(&created, consumer, .., layering)| {
            // Of layers, that which is to be sent.
            let target = layering.map(Layering::target_encoding);
            let is_awaited = move |index: &usize| {
                target.is_none_or(|target| target.map(usize::from) == Some(*index))
            };
            let streams = self.streams_of(created, consumer.producer);
            streams.filter(move |(_, index, _)| is_awaited(index))
        });
        streams.collect()
    }

    /// The streams of producers on `transport`.
    fn received(&self, transport: Entity) -> Vec<Ordered> {
        let streams = self.residents_of(transport).flat_map(|resident| {
            let created = self.producers.get(resident).map(|(created, _)| *created);
            let of = move |created| self.streams_of(created, resident);
            created.into_iter().flat_map(of)
        });
        streams.collect()
    }

    fn residents_of(&self, transport: Entity) -> impl Iterator<Item = Entity> {
        let residents = self.residents.get(transport).into_iter();
        residents.flat_map(Residents::iter)
    }

    fn streams_of(&self, created: Created, producer: Entity) -> impl Iterator<Item = Ordered> {
        let producer = self.producers.get(producer).into_iter();
        let encodings = producer.flat_map(|(_, producer)| producer.encodings.iter().enumerate());
        encodings.filter_map(move |(index, encoding)| Some((created, index, encoding.stream?)))
    }
}

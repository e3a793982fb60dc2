//! Consumers of layered producers choose what they get.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, ResMut, SystemParam};
use flumen_components::{
    Agenda, CaptureClock, Consumer, Encoding, Inactivity, KeyFrameWish, Layering, Living, Path,
    PausedByOwner, Producer, RemoteClock, Routes, Score,
};

/// Who chooses, and among what.
#[derive(SystemParam)]
pub(crate) struct Choosing<'w, 's> {
    consumers: Query<
        'w,
        's,
        (
            &'static Consumer,
            &'static PausedByOwner,
            &'static mut Layering,
        ),
    >,
    producers: Query<'w, 's, (&'static Producer, &'static Routes)>,
    streams: Query<
        'w,
        's,
        (
            &'static Score,
            Option<&'static Inactivity>,
            &'static CaptureClock,
        ),
    >,
    remotes: Query<'w, 's, &'static RemoteClock>,
    paths: Query<'w, 's, &'static Path>,
    agenda: ResMut<'w, Agenda>,
}

/// Chooses the layers of those that are to choose anew.
pub(crate) fn choose_layers(mut choosing: Choosing<'_, '_>) {
    let mut to_choose = std::mem::take(&mut choosing.agenda.layers_to_choose);
    for entity in to_choose.drain() {
        choosing.choose(entity);
        for index in 0.. {
            let routes = choosing.producers.get(entity).ok();
            let place = routes.and_then(|(_, routes)| routes.places().get(index).copied());
            match place {
                None => break,
                Some(None) => {}
                Some(Some(consumer)) => {
                    choosing.choose(consumer);
                }
            }
        }
    }
    choosing.agenda.layers_to_choose = to_choose;
}

impl Choosing<'_, '_> {
    fn choose(&mut self, entity: Entity) -> Option<()> {
        let (consumer, paused, mut layering) = self.consumers.get_mut(entity).ok()?;
        let (producer, _) = self.producers.get(consumer.producer).ok()?;
        let remote = self.remotes.get(producer.transport).ok()?;
        let living = living(producer, &layering, &self.streams, remote);
        if !layering.selection.choose(living) {
            return None;
        }
        let Some(encoding) = layering.target_encoding() else {
            layering.stop();
            self.agenda.layers_changing.0.push(entity);
            return None;
        };
        let connected = self
            .paths
            .get(consumer.transport)
            .is_ok_and(Path::is_connected);
        let active = connected && !paused.0 && !consumer.producer_paused;
        if active && layering.rises() {
            let stream = producer.encodings.get(usize::from(encoding))?.stream?;
            let force = false;
            self.agenda.key_frames.add(KeyFrameWish { stream, force });
        }
        Some(())
    }
}

/// Which spatial layers live. Those of one stream may come and go in it: they live as it does.
pub(super) fn living(
    producer: &Producer,
    layering: &Layering,
    streams: &Query<'_, '_, (&Score, Option<&Inactivity>, &CaptureClock)>,
    remote: &RemoteClock,
) -> Living {
    let reference = layering.reference();
    let clock_of = |stream: Entity| streams.get(stream).ok().map(|(.., clock)| clock);
    let of_encoding = |encoding: &Encoding| {
        let stream = encoding.stream?;
        let (score, inactivity, clock) = streams.get(stream).ok()?;
        let is_arriving = !inactivity.is_some_and(|inactivity| inactivity.0.is_silent());
        let is_aligned = reference.is_none_or(|reference| {
            let alignment = || clock.alignment(clock_of(reference)?, encoding.clock_rate, remote);
            reference == stream || alignment().is_some()
        });
        Some([is_arriving && score.0 > 0, is_arriving, is_aligned])
    };
    let of_encodings = producer.encodings.iter().take(8).enumerate();
    let bits = of_encodings.fold([0_u8; 3], |bits, (index, encoding)| {
        let found = of_encoding(encoding).unwrap_or_default();
        std::array::from_fn(|kind| bits[kind] | u8::from(found[kind]) << index)
    });
    let [healthy, arriving, aligned] = match layering.is_simulcast() {
        true => bits,
        false => bits.map(|bits| if bits & 1 == 1 { u8::MAX } else { 0 }),
    };
    Living {
        healthy,
        arriving,
        aligned,
    }
}

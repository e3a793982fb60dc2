//! Streams of simulcast that stop lose their score, and get it back with their next media.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::{
    Agenda, Checked, Deadlines, Due, Histogram, Inactivity, Media, Now, Score, Touched,
    TouchedStream, chain,
};

/// What inactivity is told by, and what it changes.
#[derive(SystemParam)]
pub(crate) struct Watch<'w, 's> {
    streams: Query<
        'w,
        's,
        (
            &'static mut Inactivity,
            &'static mut Histogram,
            &'static mut Score,
        ),
    >,
    agenda: ResMut<'w, Agenda>,
    deadlines: ResMut<'w, Deadlines>,
    now: Res<'w, Now>,
}

/// Takes in which streams wait anew and which brought media in this tick, then which did not for
/// too long.
pub(crate) fn watch_inactivity(
    touched: Res<'_, Touched>,
    media: Res<'_, Media>,
    mut watch: Watch<'_, '_>,
) {
    for index in 0..watch.agenda.resumed_streams.0.len() {
        watch.begin(watch.agenda.resumed_streams.0[index]);
    }
    watch.agenda.resumed_streams.0.clear();
    for &stream in &touched.streams {
        watch.hear(stream, &media);
    }
    for index in 0..watch.deadlines.fired().len() {
        if let (stream, Due::Inactivity) = watch.deadlines.fired()[index] {
            watch.check(stream);
        }
    }
}

impl Watch<'_, '_> {
    fn begin(&mut self, entity: Entity) {
        if let Ok((mut inactivity, ..)) = self.streams.get_mut(entity) {
            inactivity.0.begin(self.now.time);
            if let Some(at) = inactivity.0.arm() {
                self.deadlines.set(at, entity, Due::Inactivity);
            }
        }
    }

    fn hear(&mut self, touched: TouchedStream, media: &Media) {
        let Ok((mut inactivity, mut histogram, mut score)) = self.streams.get_mut(touched.stream)
        else {
            return;
        };
        // Padding alone measures the path: it is no media.
        if chain(media, touched).all(|packet| packet.header.payload_len == 0) {
            return;
        }
        if inactivity.0.hear(self.now.time) {
            histogram.clear();
            self.agenda.scores.0.add(touched.stream, Some(*score));
            *score = Score::default();
        }
        if let Some(at) = inactivity.0.arm() {
            self.deadlines.set(at, touched.stream, Due::Inactivity);
        }
    }

    fn check(&mut self, entity: Entity) {
        // A deadline may outlive its stream.
        let Ok((mut inactivity, mut histogram, mut score)) = self.streams.get_mut(entity) else {
            return;
        };
        match inactivity.0.check(self.now.time) {
            Checked::Stopped => {}
            Checked::Again(at) => self.deadlines.set(at, entity, Due::Inactivity),
            Checked::Silent => {
                histogram.clear();
                if *score != Score(0) {
                    self.agenda.scores.0.add(entity, Some(*score));
                    *score = Score(0);
                }
            }
        }
    }
}

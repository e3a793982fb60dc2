//! Streams with spatial layers tell which of them arrive.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::event::{Event, LayerActivityChanged, Pending};
use flumen_components::{
    Deadlines, Due, LayerActivity, Now, ProducerId, Reception, RtpStream, StreamLayers, Subject,
    Touched,
};

/// What layers are told by, and where they are told.
#[derive(SystemParam)]
pub(crate) struct Watch<'w, 's> {
    streams: Query<
        'w,
        's,
        (
            &'static RtpStream,
            &'static mut Reception,
            &'static mut LayerActivity,
        ),
    >,
    producers: Query<'w, 's, &'static ProducerId>,
    pending: ResMut<'w, Pending>,
    deadlines: ResMut<'w, Deadlines>,
    now: Res<'w, Now>,
}

/// Looks at the layers of streams whose interval passed; streams that were quiet get one again.
pub(crate) fn watch_layers(touched: Res<'_, Touched>, mut watch: Watch<'_, '_>) {
    for index in 0..watch.deadlines.fired().len() {
        if let (stream, Due::LayerActivity) = watch.deadlines.fired()[index] {
            watch.check(stream);
        }
    }
    for touched in &touched.streams {
        watch.hear(touched.stream);
    }
}

impl Watch<'_, '_> {
    fn hear(&mut self, entity: Entity) {
        if let Ok((_, _, mut activity)) = self.streams.get_mut(entity)
            && activity.arm()
        {
            let at = self.now.time + LayerActivity::INTERVAL;
            self.deadlines.set(at, entity, Due::LayerActivity);
        }
    }

    fn check(&mut self, entity: Entity) {
        // A deadline may outlive its stream.
        let Ok((stream, mut reception, mut activity)) = self.streams.get_mut(entity) else {
            return;
        };
        let now = self.now.time;
        let active = reception.rate.active_spatial_layers(now);
        let changed = activity.update(active);
        if activity.rearm() {
            let at = now + LayerActivity::INTERVAL;
            self.deadlines.set(at, entity, Due::LayerActivity);
        }
        let about = stream.producer;
        if changed && let Ok(&id) = self.producers.get(about) {
            let layers = StreamLayers {
                encoding_idx: stream.encoding_index,
                ssrc: stream.ssrc,
                spatial_layers: activity.active().collect(),
            };
            self.pending.0.push(Event::from(LayerActivityChanged {
                about,
                subject: Subject::Producer(id),
                layers,
            }));
        }
    }
}

//! Producers tell when packets of a stream stop arriving, and when they come back.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::event::{Event, LivenessChanged, Pending};
use flumen_components::{
    Checked, Deadlines, Due, Liveness, Now, ProducerId, RtpStream, StreamLiveness, Subject, Touched,
};

/// What liveness is told by, and where it is told.
#[derive(SystemParam)]
pub(crate) struct Watch<'w, 's> {
    streams: Query<'w, 's, (&'static RtpStream, &'static mut Liveness)>,
    producers: Query<'w, 's, &'static ProducerId>,
    pending: ResMut<'w, Pending>,
    deadlines: ResMut<'w, Deadlines>,
    now: Res<'w, Now>,
}

/// Takes in which streams brought packets in this tick, then which did not for too long.
pub(crate) fn watch_liveness(touched: Res<'_, Touched>, mut watch: Watch<'_, '_>) {
    for touched in &touched.streams {
        watch.hear(touched.stream);
    }
    for index in 0..watch.deadlines.fired().len() {
        if let (stream, Due::Liveness) = watch.deadlines.fired()[index] {
            watch.check(stream);
        }
    }
}

impl Watch<'_, '_> {
    fn hear(&mut self, entity: Entity) {
        let Ok((stream, mut liveness)) = self.streams.get_mut(entity) else {
            return;
        };
        let is_back = liveness.0.hear(self.now.time);
        if let Some(at) = liveness.0.arm() {
            self.deadlines.set(at, entity, Due::Liveness);
        }
        if is_back {
            announce(&self.producers, stream, true, &mut self.pending);
        }
    }

    fn check(&mut self, entity: Entity) {
        // A deadline may outlive its stream.
        let Ok((stream, mut liveness)) = self.streams.get_mut(entity) else {
            return;
        };
        match liveness.0.check(self.now.time) {
            Checked::Stopped => {}
            Checked::Again(at) => self.deadlines.set(at, entity, Due::Liveness),
            Checked::Silent => announce(&self.producers, stream, false, &mut self.pending),
        }
    }
}

fn announce(
    producers: &Query<'_, '_, &ProducerId>,
    stream: &RtpStream,
    live: bool,
    pending: &mut Pending,
) {
    let about = stream.producer;
    if let Ok(&id) = producers.get(about) {
        pending.0.push(Event::from(LivenessChanged {
            about,
            subject: Subject::Producer(id),
            liveness: liveness_of(stream, live),
        }));
    }
}

/// The liveness of a stream as applications read it.
pub(crate) fn liveness_of(stream: &RtpStream, live: bool) -> StreamLiveness {
    StreamLiveness {
        encoding_idx: stream.encoding_index,
        ssrc: stream.ssrc,
        rid: stream.rid.as_deref().map(Into::into),
        live,
    }
}

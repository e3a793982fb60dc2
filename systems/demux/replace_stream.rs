//! A stream ends: its sender came back with another SSRC.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Commands, Query, Res, SystemParam};
use flumen_components::event::{Event, Pending, SsrcChanged};
use flumen_components::{
    Admission, Discard, Encoding, KeyFrameRequests, Limits, Listener, ProducerId, Reception,
    SsrcChange, Subject, Time,
};

/// What the end of a stream reads and writes.
#[derive(SystemParam)]
pub(crate) struct Replacing<'w, 's> {
    receptions: Query<'w, 's, &'static mut Reception>,
    requests: Query<'w, 's, &'static mut KeyFrameRequests>,
    limits: Res<'w, Limits>,
}

/// The first media packet of an SSRC.
#[derive(Clone, Copy)]
pub(super) struct Newcomer {
    /// The producer.
    pub(super) producer: Entity,
    /// Its identifier.
    pub(super) id: ProducerId,
    /// The position of the encoding.
    pub(super) index: usize,
    /// The SSRC of its media.
    pub(super) ssrc: u32,
}

impl Replacing<'_, '_> {
    /// Ends the stream that `encoding` has, if it has one, for that of a `newcomer` at `now`. What
    /// else came of it in this tick goes with it, as of an unknown stream.
    ///
    /// # Errors
    ///
    /// The reason to discard the packet, when it may not be; nothing has changed then.
    pub(super) fn replace(
        &mut self,
        newcomer: Newcomer,
        now: Time,
        encoding: &mut Encoding,
        listener: &mut Listener,
        (commands, pending): (&mut Commands<'_, '_>, &mut Pending),
    ) -> Result<(), Discard> {
        let Some(stream) = encoding.stream else {
            return Ok(());
        };
        let limit = self.limits.ssrc_changes_per_encoding;
        // One that began in this tick is no entity yet.
        let reception = self.receptions.get(stream);
        let heard = reception.map_or(now, |reception| reception.sequence.newest_timestamp().1);
        check(encoding.changes.admission(newcomer.ssrc, now, heard, limit))?;
        let previous = release(listener, stream, encoding);
        encoding
            .changes
            .note([previous, encoding.rtx.take()], now, limit);
        encoding.stream = None;
        commands.entity(stream).despawn();
        if let Some(previous) = previous {
            self.tell(newcomer, encoding, previous, pending);
        }
        Ok(())
    }

    /// Lets `ssrc` bring the retransmissions of the stream of `encoding` from `now` on; returns that
    /// stream.
    ///
    /// # Errors
    ///
    /// The reason to discard the packet, when it may not; nothing has changed then.
    pub(super) fn replace_retransmissions(
        &mut self,
        ssrc: u32,
        now: Time,
        encoding: &mut Encoding,
        listener: &mut Listener,
    ) -> Result<Entity, Discard> {
        let stream = encoding.stream.ok_or(Discard::UnknownStream)?;
        if let Some(previous) = encoding.rtx {
            let limit = self.limits.ssrc_changes_per_encoding;
            check(encoding.changes.admission(ssrc, now, now, limit))?;
            encoding.changes.note([None, Some(previous)], now, limit);
            listener.ssrcs.remove(&previous);
            if let Ok(mut reception) = self.receptions.get_mut(stream) {
                reception.rtx.succeed();
            }
        }
        encoding.rtx = Some(ssrc);
        Ok(stream)
    }

    fn tell(
        &mut self,
        newcomer: Newcomer,
        encoding: &Encoding,
        previous_ssrc: u32,
        pending: &mut Pending,
    ) {
        if let Ok(mut requests) = self.requests.get_mut(newcomer.producer) {
            requests.forget(previous_ssrc);
        }
        let change = SsrcChange {
            encoding_idx: newcomer.index as u32,
            rid: encoding.rid.as_deref().map(Into::into),
            ssrc: newcomer.ssrc,
            previous_ssrc,
        };
        pending.0.push(Event::from(SsrcChanged {
            about: newcomer.producer,
            subject: Subject::Producer(newcomer.id),
            change,
        }));
    }
}

fn check(admission: Admission) -> Result<(), Discard> {
    match admission {
        Admission::Granted => Ok(()),
        Admission::TooMany => Err(Discard::TooManySsrcs),
        Admission::Replaced => Err(Discard::UnknownStream),
    }
}

/// Forgets which SSRCs led to `stream`, but not that the producer declared one; returns that of its
/// media.
fn release(listener: &mut Listener, stream: Entity, encoding: &Encoding) -> Option<u32> {
    let mut media = None;
    listener.ssrcs.retain(|&ssrc, incoming| {
        if incoming.stream != Some(stream) {
            return true;
        }
        if !incoming.retransmission {
            media = Some(ssrc);
        }
        incoming.stream = None;
        encoding.rtx_ssrc == Some(ssrc)
    });
    media
}

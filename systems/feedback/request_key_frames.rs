//! Producers are asked for key frames: PLI, or else FIR, once for all who wish.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::event::Traced;
use flumen_components::key_frame_requests::Action;
use flumen_components::trace::{Direction, TraceInfo, TraceType};
use flumen_components::wire::rtcp::{write_fir, write_pli};
use flumen_components::{
    Agenda, Deadlines, Due, Emission, Encoding, KeyFrameRequests, KeyFrameRetry, Layering, Limits,
    Now, Path, PausedByOwner, Producer, ProducerId, Reception, Routes, RtpStream, Subject, Trace,
    TraceTypes, Traces,
};

use super::rtcp_exits::RtcpExits;

/// What asking reads and writes.
#[derive(SystemParam)]
pub(crate) struct Asking<'w, 's> {
    producers: Query<
        'w,
        's,
        (
            &'static ProducerId,
            &'static Producer,
            &'static PausedByOwner,
            &'static TraceTypes,
            &'static mut KeyFrameRequests,
        ),
    >,
    streams: Query<'w, 's, (&'static RtpStream, &'static mut Reception)>,
    waiting: Waiting<'w, 's>,
    exits: RtcpExits<'w, 's>,
    deadlines: ResMut<'w, Deadlines>,
    traces: ResMut<'w, Traces>,
    limits: Res<'w, Limits>,
    retry: Res<'w, KeyFrameRetry>,
    now: Res<'w, Now>,
}

/// Who may wait for a key frame.
#[derive(SystemParam)]
pub(crate) struct Waiting<'w, 's> {
    routes: Query<'w, 's, &'static Routes>,
    consumers: Query<
        'w,
        's,
        (
            &'static Emission,
            &'static PausedByOwner,
            Option<&'static Layering>,
        ),
    >,
    paths: Query<'w, 's, &'static Path>,
}

impl Waiting<'_, '_> {
    /// A consumer of `producer` could send, and needs a key frame of this encoding to begin with, or
    /// to go on.
    fn is_awaited(&self, producer: Entity, encoding: u8) -> bool {
        let mut consumers = self.routes.get(producer).into_iter().flat_map(Routes::iter);
        consumers.any(|consumer| self.waits(consumer, encoding) == Some(true))
    }

    fn waits(&self, consumer: Entity, encoding: u8) -> Option<bool> {
        let (emission, paused, layering) = self.consumers.get(consumer).ok()?;
        let path = self.paths.get(emission.transport).ok()?;
        let needs = match layering {
            Some(layering) => layering.needs_key_frame(encoding),
            None => emission.awaits_key_frame(),
        };
        Some(!paused.0 && path.is_connected() && needs)
    }
}

/// Asks for the key frames that are wished for or overdue.
pub(crate) fn request_key_frames(mut agenda: ResMut<'_, Agenda>, mut asking: Asking<'_, '_>) {
    let (now, retry) = (asking.now.time, *asking.retry);
    for index in 0..asking.deadlines.fired().len() {
        let (producer, due) = asking.deadlines.fired()[index];
        match due {
            Due::KeyFrameRetry { ssrc } => {
                asking.act(producer, ssrc, |requests, waiting, encoding| {
                    let awaited = || waiting.is_awaited(producer, encoding);
                    requests.retry(ssrc, now, retry, awaited)
                });
            }
            Due::KeyFrameDelay { ssrc } => {
                asking.act(producer, ssrc, |requests, waiting, encoding| {
                    let awaited = || waiting.is_awaited(producer, encoding);
                    requests.release(ssrc, now, retry, awaited)
                });
            }
            _ => {}
        }
    }
    for wish in agenda.key_frames.drain() {
        asking.grant(wish.stream, |requests, ssrc| match wish.force {
            true => requests.force(ssrc, now, retry),
            false => requests.want(ssrc, now, retry),
        });
    }
    for stream in agenda.key_frames.drain_reminders() {
        asking.grant(stream, |requests, ssrc| requests.remind(ssrc, now, retry));
    }
}

impl Asking<'_, '_> {
    /// What this tick forwarded may have been the key frame that is wished for.
    fn grant(&mut self, stream: Entity, ask: impl FnOnce(&mut KeyFrameRequests, u32) -> Action) {
        let Ok((stream, reception)) = self.streams.get(stream) else {
            return;
        };
        if reception.key_frame_tick == self.now.tick {
            return;
        }
        let (producer, ssrc) = (stream.producer, stream.ssrc);
        self.act(producer, ssrc, |requests, _, _| ask(requests, ssrc));
    }

    fn act(
        &mut self,
        entity: Entity,
        ssrc: u32,
        decide: impl FnOnce(&mut KeyFrameRequests, &Waiting<'_, '_>, u8) -> Action,
    ) {
        // Audio producers have no requests, and a deadline may outlive its producer.
        let Ok((_, producer, paused, _, mut requests)) = self.producers.get_mut(entity) else {
            return;
        };
        // What cannot be asked does not count as asked: it is wished for when RTCP can leave.
        if paused.0 || !self.exits.is_open(producer.transport) {
            return;
        }
        let encoding = position_of(producer, ssrc, &self.streams);
        let action = decide(&mut requests, &self.waiting, encoding.unwrap_or(0));
        if let Some(at) = action.retry_at {
            self.deadlines.set(at, entity, Due::KeyFrameRetry { ssrc });
        }
        if let Some(at) = action.release_at {
            self.deadlines.set(at, entity, Due::KeyFrameDelay { ssrc });
        }
        if action.send {
            self.send(entity, ssrc);
        }
    }

    fn send(&mut self, entity: Entity, ssrc: u32) {
        let Ok((&id, producer, _, &traced, mut requests)) = self.producers.get_mut(entity) else {
            return;
        };
        let Some((encoding, stream)) = encoding_of(producer, ssrc, &self.streams) else {
            return;
        };
        let how = self.exits.send(producer.transport, |out| {
            write(encoding, ssrc, &mut requests, out)
        });
        let Some(how) = how else { return };
        if let Ok((_, mut reception)) = self.streams.get_mut(stream) {
            match how {
                TraceType::Fir => reception.fir_count += 1,
                _ => reception.pli_count += 1,
            }
        }
        if traced.contains(how) {
            let trace = Trace {
                type_: how,
                timestamp: self.now.time.as_millis(),
                direction: Direction::Out,
                info: TraceInfo::Stream { ssrc },
            };
            let traced = Traced {
                about: entity,
                subject: Subject::Producer(id),
                trace,
            };
            self.traces.push(producer.transport, traced, &self.limits);
        }
    }
}

fn encoding_of<'a>(
    producer: &'a Producer,
    ssrc: u32,
    streams: &Query<'_, '_, (&RtpStream, &mut Reception)>,
) -> Option<(&'a Encoding, Entity)> {
    let position = position_of(producer, ssrc, streams)?;
    let encoding = producer.encodings.get(usize::from(position))?;
    Some((encoding, encoding.stream?))
}

/// The position of the encoding whose stream has this SSRC.
fn position_of(
    producer: &Producer,
    ssrc: u32,
    streams: &Query<'_, '_, (&RtpStream, &mut Reception)>,
) -> Option<u8> {
    let is_it = |encoding: &Encoding| {
        let stream = encoding.stream.and_then(|stream| streams.get(stream).ok());
        stream.is_some_and(|(stream, _)| stream.ssrc == ssrc)
    };
    let position = producer.encodings.iter().position(is_it)?;
    u8::try_from(position).ok()
}

/// Writes a PLI (RFC 4585) if the codec negotiated it, else a FIR (RFC 5104), else nothing. The
/// sender's SSRC is that of the media, as there is no other.
fn write(
    encoding: &Encoding,
    ssrc: u32,
    requests: &mut KeyFrameRequests,
    out: &mut Vec<u8>,
) -> Option<TraceType> {
    if encoding.use_pli {
        write_pli(out, ssrc, ssrc);
        Some(TraceType::Pli)
    } else if encoding.use_fir {
        requests.fir_sequence = requests.fir_sequence.wrapping_add(1);
        write_fir(out, ssrc, ssrc, requests.fir_sequence);
        Some(TraceType::Fir)
    } else {
        None
    }
}

//! Senders are asked for the packets that are missing.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Local, Query, Res, ResMut, SystemParam};
use flumen_components::event::Traced;
use flumen_components::trace::{Direction, TraceInfo, TraceType};
use flumen_components::wire::rtcp::{named_by_one_nack, write_nack};
use flumen_components::{
    Deadlines, Due, Limits, Missing, Now, Producer, ProducerId, Reception, Reporting, RtpStream,
    Subject, Time, Touched, Trace, TraceTypes, Traces,
};

use super::rtcp_exits::RtcpExits;

/// What asking reads and writes.
#[derive(SystemParam)]
pub(crate) struct Asking<'w, 's> {
    streams: Query<
        'w,
        's,
        (
            &'static RtpStream,
            &'static mut Missing,
            &'static mut Reception,
            &'static Reporting,
        ),
    >,
    producers: Query<'w, 's, (&'static ProducerId, &'static Producer, &'static TraceTypes)>,
    exits: RtcpExits<'w, 's>,
    deadlines: ResMut<'w, Deadlines>,
    traces: ResMut<'w, Traces>,
    limits: Res<'w, Limits>,
    now: Res<'w, Now>,
}

/// Why packets of a stream are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Occasion {
    /// A packet of the stream came.
    Arrival,
    /// The interval passed.
    Interval,
}

/// Asks for what is missing: of streams that received something, and of those whose interval
/// passed.
pub(crate) fn request_missing(
    touched: Res<'_, Touched>,
    mut asking: Asking<'_, '_>,
    mut numbers: Local<'_, Vec<u16>>,
) {
    for index in 0..asking.deadlines.fired().len() {
        if let (stream, Due::MissingPackets) = asking.deadlines.fired()[index] {
            asking.ask(stream, Occasion::Interval, &mut numbers);
        }
    }
    for touched in &touched.streams {
        asking.ask(touched.stream, Occasion::Arrival, &mut numbers);
    }
}

impl Asking<'_, '_> {
    fn ask(&mut self, entity: Entity, occasion: Occasion, numbers: &mut Vec<u16>) {
        // Streams without NACK miss nothing, and a deadline may outlive its stream.
        let Ok((stream, mut missing, mut reception, reporting)) = self.streams.get_mut(entity)
        else {
            return;
        };
        let now = self.now.time;
        numbers.clear();
        match occasion {
            Occasion::Arrival => missing.ask_anew(now, |number| numbers.push(number)),
            Occasion::Interval => {
                missing.timer = false;
                let round_trip = reporting.round_trip();
                missing.ask_again(now, round_trip, |number| numbers.push(number));
            }
        }
        if !missing.timer && !missing.is_empty() {
            missing.timer = true;
            self.deadlines
                .set(now + Missing::INTERVAL, entity, Due::MissingPackets);
        }
        if numbers.is_empty() {
            return;
        }
        let Ok((&id, producer, &traced)) = self.producers.get(stream.producer) else {
            return;
        };
        let mut rest = numbers.as_slice();
        while !rest.is_empty() {
            // A datagram each, so that every one fits any path.
            let (named, behind) = rest.split_at(named_by_one_nack(rest));
            rest = behind;
            let sent = self.exits.send(producer.transport, |out| {
                write_nack(out, 0, stream.ssrc, named.iter().copied());
                Some(())
            });
            if sent.is_none() {
                return;
            }
            reception.nack_count += 1;
            reception.nack_packet_count += named.len() as u64;
            if traced.contains(TraceType::Nack) {
                let traced = traced_nack(stream.producer, id, now);
                self.traces.push(producer.transport, traced, &self.limits);
            }
        }
    }
}

fn traced_nack(about: Entity, id: ProducerId, now: Time) -> Traced {
    Traced {
        about,
        subject: Subject::Producer(id),
        trace: Trace {
            type_: TraceType::Nack,
            timestamp: now.as_millis(),
            direction: Direction::Out,
            info: TraceInfo::None {},
        },
    }
}

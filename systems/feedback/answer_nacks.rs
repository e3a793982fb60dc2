//! Receivers get again what they miss.

use std::time::Duration;

use bevy_ecs::entity::Entity;
use bevy_ecs::query::With;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::event::Traced;
use flumen_components::trace::{Direction, TraceInfo, TraceType};
use flumen_components::wire::rtcp::{self, Nack, RtcpPacket};
use flumen_components::{
    Allowance, Consumer, ConsumerId, Destination, DirectOut, DirectRow, Emission, History, Inbox,
    Layering, Ledger, Limits, Link, Listener, Now, Outbox, Outgoing, OutgoingEstimate,
    OutgoingKind, PacketFacts, Path, PausedByOwner, Permit, Producer, Recipient, RemoteClock,
    RemoteReception, RepeatBudget, Retransmission, RtcpIn, Spacing, SrtpSession, Subject,
    Templates, Time, Trace, TraceTypes, Traces, Written,
};

use crate::forward::{Repeat, RtxStream, Sender, Sent, repeat};

/// What answering reads and writes.
#[derive(SystemParam)]
pub(crate) struct Answering<'w, 's> {
    consumers: Query<
        'w,
        's,
        (
            &'static Consumer,
            &'static ConsumerId,
            &'static Emission,
            Option<&'static Layering>,
            &'static RemoteReception,
            &'static PausedByOwner,
            &'static TraceTypes,
            &'static mut Retransmission,
        ),
    >,
    listeners: Query<'w, 's, (&'static Listener, &'static RemoteClock)>,
    allowances: Query<'w, 's, &'static mut Allowance>,
    producers: Query<'w, 's, &'static Producer>,
    histories: Query<'w, 's, (&'static History, Option<&'static Templates>)>,
    sealed: Query<'w, 's, (), With<SrtpSession>>,
    paths: Query<'w, 's, &'static Path>,
    estimates: Query<'w, 's, &'static mut OutgoingEstimate>,
    exits: Exits<'w>,
    traces: ResMut<'w, Traces>,
    limits: Res<'w, Limits>,
    now: Res<'w, Now>,
}

/// Where what is sent again goes.
#[derive(SystemParam)]
pub(crate) struct Exits<'w> {
    outbox: ResMut<'w, Outbox>,
    direct: ResMut<'w, DirectOut>,
    ledger: ResMut<'w, Ledger>,
}

/// Sends again what receivers ask for in negative acknowledgements (RFC 4585 section 6.2.1).
pub(crate) fn answer_nacks(
    arrivals: Res<'_, RtcpIn>,
    inbox: Res<'_, Inbox>,
    mut answering: Answering<'_, '_>,
) {
    for arrival in &arrivals.0 {
        let start = arrival.start as usize;
        let bytes = &inbox.bytes()[start..start + arrival.len as usize];
        for packet in rtcp::packets(bytes).flatten() {
            if let RtcpPacket::Nack(nack) = packet {
                answering.answer(arrival.transport, nack);
            }
        }
    }
}

impl Answering<'_, '_> {
    /// Answers the receiver of an active consumer; `None` when it is none. The SSRC of
    /// retransmissions is nobody's here: these are not sent again.
    fn answer(&mut self, transport: Entity, nack: Nack<'_>) -> Option<()> {
        let (listener, _) = self.listeners.get(transport).ok()?;
        let &entity = listener.consumers.get(&nack.media_ssrc)?;
        let path = self.paths.get(transport).ok()?;
        let link = path.is_connected().then_some(path.rtp)?;
        let looked_at = self.note(transport, entity, nack)?;
        let (consumer, &id, emission, layering, remote, _, &traced, mut retransmission) =
            self.consumers.get_mut(entity).ok()?;
        // What was forwarded before a pause is not sent again after it.
        if emission.sync_required {
            return None;
        }
        // A number is sealed once: what is sent again needs a stream of its own.
        if retransmission.rtx_ssrc().is_none() && self.sealed.contains(transport) {
            retransmission.refused += looked_at as u64;
            return None;
        }
        let producer = self.producers.get(consumer.producer).ok()?;
        let (sender, clock) = self.listeners.get(producer.transport).ok()?;
        let estimate = self.estimates.get(transport).ok();
        let overtaking = estimate.map_or(Duration::ZERO, |it| it.estimate().overtaking());
        let is_crowded = estimate.is_some_and(|it| it.estimate().is_crowded());
        let repeats = Repeats {
            emission,
            layering,
            stream: producer.streams().next()?,
            histories: &self.histories,
            sender: Sender {
                ids: &sender.extensions,
                clock_offset: clock.offset(),
            },
            spacing: Spacing {
                round_trip: remote.round_trip(),
                overtaking,
            },
            now: self.now.time,
            limit: self.limits.resent_packets_per_consumer,
            is_crowded,
        };
        let mut unbounded = RepeatBudget::default();
        let mut estimate = self.estimates.get_mut(transport).ok();
        let budget = match &mut estimate {
            Some(estimate) => estimate.repeats(self.limits.retransmission_percent, self.now.time),
            None => &mut unbounded,
        };
        for number in nack.sequence_numbers().take(looked_at) {
            if !budget.allows() {
                retransmission.refused += 1;
                continue;
            }
            let out = &mut self.exits.outbox.headers;
            if let Some((row, facts, again)) = repeats.write(number, &mut retransmission, out) {
                budget.spend(row.len());
                self.exits.leave(transport, link, id, row);
                let begins_key_frame = facts.key_frame && !again.is_empty;
                let Some(type_) = traced.of_packet(begins_key_frame) else {
                    continue;
                };
                let packet = Sent::again(&again, row.len()).trace(&facts, emission);
                let trace = (type_, Direction::Out, TraceInfo::Packet(packet));
                let traced = traced_at(self.now.time, (entity, id), trace);
                self.traces.push(transport, traced, &self.limits);
            }
        }
        Some(())
    }

    /// Counts and traces a request to an active consumer; returns how many of its numbers are
    /// looked at.
    fn note(&mut self, transport: Entity, about: Entity, nack: Nack<'_>) -> Option<usize> {
        let mut allowance = self.allowances.get_mut(transport).ok()?;
        let (consumer, &id, _, _, _, paused, traced, mut retransmission) =
            self.consumers.get_mut(about).ok()?;
        if paused.0 || consumer.producer_paused {
            return None;
        }
        let named = nack.items().map(|item| 1 + item.mask.count_ones() as usize);
        let requests = named.sum();
        let (tick, limits) = (self.now.tick, &self.limits);
        let of_consumer = limits.nacked_packets_per_tick;
        let granted = retransmission.looked_at.take(requests, tick, of_consumer);
        let looked_at = allowance.take(granted, tick, limits.nacked_packets_per_transport);
        retransmission.nack_count += 1;
        retransmission.nack_packet_count += requests as u64;
        retransmission.refused += (requests - looked_at) as u64;
        if traced.contains(TraceType::Nack) {
            let trace = (TraceType::Nack, Direction::In, TraceInfo::None {});
            let traced = traced_at(self.now.time, (about, id), trace);
            self.traces.push(transport, traced, &self.limits);
        }
        Some(looked_at)
    }
}

/// What is traced of a consumer.
fn traced_at(
    now: Time,
    (about, id): (Entity, ConsumerId),
    (type_, direction, info): (TraceType, Direction, TraceInfo),
) -> Traced {
    let trace = Trace {
        type_,
        timestamp: now.as_millis(),
        direction,
        info,
    };
    Traced {
        about,
        subject: Subject::Consumer(id),
        trace,
    }
}

/// What a consumer's packets are written again from.
struct Repeats<'a> {
    emission: &'a Emission,
    layering: Option<&'a Layering>,
    /// The stream that a consumer without layers gets.
    stream: Entity,
    histories: &'a Query<'a, 'a, (&'static History, Option<&'static Templates>)>,
    sender: Sender<'a>,
    spacing: Spacing,
    now: Time,
    limit: usize,
    /// Packets wait for long on the path.
    is_crowded: bool,
}

impl Repeats<'_> {
    /// Writes outgoing packet `number` again, if it is still there and may be: what it was, and how
    /// it is sent.
    fn write(
        &self,
        number: u16,
        retransmission: &mut Retransmission,
        out: &mut Vec<u8>,
    ) -> Option<(Outgoing, PacketFacts, Repeat)> {
        let counted = self.emission.sequence.input_of(number)?;
        let (stream, input) = match self.layering {
            Some(layering) => layering.origin(counted)?,
            None => (self.stream, counted),
        };
        let (history, templates) = self.histories.get(stream).ok()?;
        let (facts, bytes) = history.get(input)?;
        let payload = facts.header.payload(bytes);
        let is_withheld = |layering: &Layering| {
            layering.has_withheld(counted, &facts) || layering.has_given_up(counted)
        };
        let is_empty =
            self.emission.sequence.is_unfilled(counted) || self.layering.is_some_and(is_withheld);
        if !self.emission.payload_types.contains(facts.payload_type) {
            return None;
        }
        // Of no use to its receiver but that it asks no more: not where others wait for their turn.
        let has_given_up = |layering: &Layering| layering.has_given_up(counted);
        if self.is_crowded && self.layering.is_some_and(has_given_up) {
            retransmission.refused += 1;
            return None;
        }
        let rewriting = match self.layering {
            Some(layering) if is_empty => Some(layering.blank(counted, &facts, templates)?),
            Some(layering) => {
                let written = Written { payload, templates };
                Some(layering.rewriting_of(counted, &facts, written)?)
            }
            None => None,
        };
        let permit = retransmission.permit(number, self.now, self.spacing, self.limit);
        match permit {
            Permit::First => retransmission.repaired += 1,
            Permit::Again => {}
            Permit::TooSoon => return None,
            Permit::Refused => {
                retransmission.refused += 1;
                return None;
            }
        }
        let rtx = retransmission.next_rtx(facts.payload_type);
        let rtx = rtx.map(|(ssrc, payload_type, sequence)| RtxStream {
            ssrc,
            payload_type,
            sequence,
        });
        let again = Repeat {
            sequence: number,
            rewriting,
            rtx,
            // A frame that refers to what its receiver did not get would have it wait for that; and
            // without an answer it would ask again and again.
            is_empty,
        };
        let row = repeat(out, self.emission, (&facts, bytes), self.sender, again)?;
        retransmission.packets += 1;
        let kind = OutgoingKind::Retransmission;
        Some((Outgoing { kind, ..row }, facts, again))
    }
}

impl Exits<'_> {
    fn leave(&mut self, transport: Entity, link: Link, id: ConsumerId, row: Outgoing) {
        self.ledger.generated += 1;
        let Link::Udp {
            socket,
            remote: Some(address),
        } = link
        else {
            let to = Recipient::Rtp(id);
            self.direct.0.push(DirectRow { transport, to, row });
            return;
        };
        let destination = Destination {
            transport,
            socket,
            address,
        };
        self.outbox.push_to(destination, row);
    }
}

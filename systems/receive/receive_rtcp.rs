//! RTCP is read: what receivers ask of consumers reaches the producers.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Local, Query, Res, ResMut, SystemParam};
use flumen_components::event::Traced;
use flumen_components::rtp_parameters::MediaKind;
use flumen_components::trace::{Direction, TraceInfo, TraceType};
use flumen_components::wire::rtcp::{self, RtcpPacket};
use flumen_components::{
    Agenda, Consumer, ConsumerId, Control, Emission, Inbox, KeyFrameWish, Layering, Ledger, Limits,
    Listener, Now, OutgoingEstimate, PacketReport, PausedByOwner, Producer, RtcpFault, RtcpIn,
    Subject, Trace, TraceTypes, Traces,
};

use crate::score::forwarded;

/// Whom RTCP is for.
#[derive(SystemParam)]
pub(crate) struct Addressees<'w, 's> {
    listeners: Query<'w, 's, &'static Listener>,
    consumers: Query<
        'w,
        's,
        (
            &'static ConsumerId,
            &'static Consumer,
            &'static mut Emission,
            Option<&'static Layering>,
            &'static PausedByOwner,
            &'static TraceTypes,
        ),
    >,
    producers: Query<'w, 's, &'static Producer>,
    estimates: Query<'w, 's, &'static mut OutgoingEstimate>,
    agenda: ResMut<'w, Agenda>,
    traces: ResMut<'w, Traces>,
    limits: Res<'w, Limits>,
    now: Res<'w, Now>,
}

/// Acts on every well-formed RTCP packet of this tick, and counts the others.
pub(crate) fn receive_rtcp(
    arrivals: Res<'_, RtcpIn>,
    inbox: Res<'_, Inbox>,
    mut addressees: Addressees<'_, '_>,
    mut ledger: ResMut<'_, Ledger>,
    mut reports: Local<'_, Vec<PacketReport>>,
) {
    for arrival in &arrivals.0 {
        ledger.consumed[Control::Rtcp] += 1;
        let start = arrival.start as usize;
        let bytes = &inbox.bytes()[start..start + arrival.len as usize];
        for packet in rtcp::packets(bytes) {
            match packet {
                Ok(packet) => addressees.receive(arrival.transport, packet, &mut reports),
                Err(error) => ledger.rtcp_faults[RtcpFault::from(error)] += 1,
            }
        }
    }
}

impl Addressees<'_, '_> {
    fn receive(
        &mut self,
        transport: Entity,
        packet: RtcpPacket<'_>,
        reports: &mut Vec<PacketReport>,
    ) {
        match packet {
            RtcpPacket::TransportFeedback(feedback) => {
                self.learn(transport, |path, now, limits| {
                    path.report(&feedback, reports, now, limits);
                });
            }
            RtcpPacket::CongestionFeedback(feedback) => {
                self.learn(transport, |path, now, limits| {
                    path.report_named(&feedback, reports, now, limits);
                });
            }
            RtcpPacket::Remb(remb) => {
                self.learn(transport, |path, now, _| path.tell(remb.bitrate, now.time));
            }
            RtcpPacket::Pli(pli) => self.ask(transport, pli.media_ssrc, TraceType::Pli),
            RtcpPacket::Fir(fir) => {
                for entry in fir.entries() {
                    self.ask(transport, entry.ssrc, TraceType::Fir);
                }
            }
            _ => {}
        }
    }

    /// The receiver of a transport tells of its path, if anybody estimates that.
    fn learn(
        &mut self,
        transport: Entity,
        told: impl FnOnce(&mut OutgoingEstimate, &Now, &Limits),
    ) {
        if let Ok(mut path) = self.estimates.get_mut(transport) {
            told(&mut path, &self.now, &self.limits);
            path.list(transport, &mut self.agenda.paths);
        }
    }

    /// The receiver of a consumer wants a key frame.
    fn ask(&mut self, transport: Entity, ssrc: u32, how: TraceType) {
        let listener = self.listeners.get(transport).ok();
        let Some(&entity) = listener.and_then(|listener| listener.consumers.get(&ssrc)) else {
            return;
        };
        let Ok((id, consumer, mut emission, layering, paused, traced)) =
            self.consumers.get_mut(entity)
        else {
            return;
        };
        match how {
            TraceType::Fir => emission.fir_count += 1,
            _ => emission.pli_count += 1,
        }
        if traced.contains(how) {
            let trace = Trace {
                type_: how,
                timestamp: self.now.time.as_millis(),
                direction: Direction::In,
                info: TraceInfo::Stream { ssrc },
            };
            let traced = Traced {
                about: entity,
                subject: Subject::Consumer(*id),
                trace,
            };
            self.traces.push(consumer.transport, traced, &self.limits);
        }
        if consumer.kind == MediaKind::Video && !paused.0 && !consumer.producer_paused {
            let producer = self.producers.get(consumer.producer);
            // What is not decoded need not begin anew.
            let forwarded = forwarded(layering).map(usize::from);
            let streams = producer.iter().flat_map(|producer| &producer.encodings);
            let stream = forwarded.and_then(|index| streams.clone().nth(index)?.stream);
            if let Some(stream) = stream {
                self.agenda.key_frames.add(KeyFrameWish {
                    stream,
                    force: false,
                });
            }
        }
    }
}

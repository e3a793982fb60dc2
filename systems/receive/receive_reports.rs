//! Reports are read: the clocks of senders, round-trip times, and what receivers get.

use std::time::Duration;

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::event::Traced;
use flumen_components::trace::{Direction, TraceInfo, TraceType};
use flumen_components::wire::ntp;
use flumen_components::wire::rtcp::{self, DlrrItem, ReportBlock, RtcpPacket, SenderInfo, XrBlock};
use flumen_components::{
    Agenda, CaptureClock, Counters, Emission, Inbox, Incoming, Limits, Listener, Now, NtpEpoch,
    ProducerId, RemoteClock, RemoteReception, ReportSchedule, Reporting, Retransmission, RtcpIn,
    Subject, Trace, TraceTypes, Traces,
};

/// Whom reports are about.
#[derive(SystemParam)]
pub(crate) struct Subjects<'w, 's> {
    transports: Query<'w, 's, (&'static Listener, &'static mut ReportSchedule)>,
    remotes: Query<'w, 's, &'static mut RemoteClock>,
    streams: Query<'w, 's, &'static mut Reporting>,
    clocks: Query<'w, 's, &'static mut CaptureClock>,
    producers: Query<'w, 's, (&'static ProducerId, &'static TraceTypes)>,
    consumers: Query<
        'w,
        's,
        (
            &'static Emission,
            &'static mut RemoteReception,
            Option<&'static Retransmission>,
        ),
    >,
    agenda: ResMut<'w, Agenda>,
    traces: ResMut<'w, Traces>,
    limits: Res<'w, Limits>,
    now: Res<'w, Now>,
    epoch: Res<'w, NtpEpoch>,
}

/// Takes in the sender reports, receiver reports and extended reports of this tick.
pub(crate) fn receive_reports(
    arrivals: Res<'_, RtcpIn>,
    inbox: Res<'_, Inbox>,
    mut subjects: Subjects<'_, '_>,
) {
    for arrival in &arrivals.0 {
        let start = arrival.start as usize;
        let bytes = &inbox.bytes()[start..start + arrival.len as usize];
        let mut sampled = false;
        for packet in rtcp::packets(bytes).flatten() {
            match packet {
                RtcpPacket::SenderReport(report) => {
                    subjects.sender_report(arrival.transport, report.info);
                    sampled = sampled || subjects.sample_clock(arrival.transport, report.info);
                    for block in report.blocks() {
                        subjects.report_block(arrival.transport, &block);
                    }
                }
                RtcpPacket::ReceiverReport(report) => {
                    for block in report.blocks() {
                        subjects.report_block(arrival.transport, &block);
                    }
                }
                RtcpPacket::ExtendedReport(report) => {
                    for block in report.blocks() {
                        subjects.extended_report(arrival.transport, report.sender_ssrc, block);
                    }
                }
                _ => {}
            }
        }
    }
}

impl Subjects<'_, '_> {
    fn sender_report(&mut self, transport: Entity, info: SenderInfo) {
        let Some(incoming) = self.incoming(transport, info.ssrc) else {
            return;
        };
        let Some(stream) = incoming.stream else {
            return;
        };
        let Ok(mut reporting) = self.streams.get_mut(stream) else {
            return;
        };
        if incoming.retransmission {
            reporting.retransmission_report(info.ntp, self.now.time);
        } else {
            reporting.sender_report(info.ntp, self.now.time);
            self.agenda.sender_reports.0.push(stream);
            self.map_clock(transport, incoming.producer, stream, info);
        }
        self.trace(transport, incoming.producer, info);
    }

    /// The sender's clock is sampled once a compound, whose reports were all written at one time.
    fn sample_clock(&mut self, transport: Entity, info: SenderInfo) -> bool {
        let incoming = self.incoming(transport, info.ssrc);
        let Some(stream) = incoming.and_then(|incoming| incoming.stream) else {
            return false;
        };
        let (Ok(reporting), Ok(mut remote)) =
            (self.streams.get(stream), self.remotes.get_mut(transport))
        else {
            return false;
        };
        if info.ntp != 0 {
            let arrived = self.epoch.at(self.now.time);
            remote.sample(info.ntp, arrived, reporting.round_trip());
        }
        info.ntp != 0
    }

    /// A report maps RTP time to the sender's clock. Where packets do not tell capture times
    /// although they might, reports do.
    fn map_clock(&mut self, transport: Entity, producer: Entity, stream: Entity, info: SenderInfo) {
        let Ok(mut clock) = self.clocks.get_mut(stream) else {
            return;
        };
        if clock.report(info.ntp, info.rtp_timestamp) {
            // From now on it can be put on a time line with others.
            self.agenda.layers_to_choose.add(producer);
        }
        if !clock.is_told()
            && let Ok(mut remote) = self.remotes.get_mut(transport)
        {
            remote.use_reports();
        }
    }

    /// The receiver of a consumer tells how it arrives. Nothing is made of what it tells of
    /// retransmissions, or of SSRCs that are nobody's.
    fn report_block(&mut self, transport: Entity, block: &ReportBlock) {
        let listener = self.transports.get(transport);
        let consumer = listener.map(|(listener, _)| listener.consumers.get(&block.ssrc));
        let Ok(Some(&consumer)) = consumer else {
            return;
        };
        let Ok((emission, mut remote, retransmission)) = self.consumers.get_mut(consumer) else {
            return;
        };
        let counters = Counters {
            sent: emission.packets as u32,
            lost: 0,
            repaired: retransmission.map_or(0, |again| again.repaired as u32),
            retransmitted: retransmission.map_or(0, |again| again.packets as u32),
        };
        let now = self.epoch.at(self.now.time);
        let sample = remote.receive(block, now, counters);
        self.agenda.receiver_reports.0.push((consumer, sample));
    }

    fn extended_report(&mut self, transport: Entity, sender: u32, block: XrBlock<'_>) {
        match block {
            XrBlock::ReferenceTime(time) => {
                if let Ok((_, mut schedule)) = self.transports.get_mut(transport) {
                    schedule.reference = Some((sender, ntp::middle(time), self.now.time));
                }
            }
            XrBlock::Dlrr(answers) => {
                for item in answers.items() {
                    self.answer(transport, sender, item);
                }
            }
            XrBlock::Unknown(_) => {}
        }
    }

    /// A sender answers the reference time that the transport told.
    fn answer(&mut self, transport: Entity, sender: u32, item: DlrrItem) {
        let Ok((_, schedule)) = self.transports.get(transport) else {
            return;
        };
        if item.ssrc != schedule.ssrc || !schedule.has_told(item.last_reference) {
            return;
        }
        let now = ntp::middle(self.epoch.at(self.now.time));
        let Some(round_trip) = ntp::round_trip(now, item.last_reference, item.delay) else {
            return;
        };
        let stream = self
            .incoming(transport, sender)
            .and_then(|incoming| incoming.stream);
        let reporting = stream.and_then(|stream| self.streams.get_mut(stream).ok());
        if let Some(mut reporting) = reporting {
            // Q16.16 seconds.
            let micros = (u64::from(round_trip) * 1_000_000) >> 16;
            reporting.set_round_trip(Duration::from_micros(micros));
        }
    }

    fn incoming(&self, transport: Entity, ssrc: u32) -> Option<Incoming> {
        let (listener, _) = self.transports.get(transport).ok()?;
        listener.ssrcs.get(&ssrc).copied()
    }

    fn trace(&mut self, transport: Entity, about: Entity, info: SenderInfo) {
        let Ok((&id, traced)) = self.producers.get(about) else {
            return;
        };
        if !traced.contains(TraceType::Sr) {
            return;
        }
        let trace = Trace {
            type_: TraceType::Sr,
            timestamp: self.now.time.as_millis(),
            direction: Direction::In,
            info: TraceInfo::sender_report(&info),
        };
        let traced = Traced {
            about,
            subject: Subject::Producer(id),
            trace,
        };
        self.traces.push(transport, traced, &self.limits);
    }
}

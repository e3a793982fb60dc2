//! Senders are told what arrived when, or what their path carries.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Local, Query, Res, ResMut, SystemParam};
use flumen_components::wire::rtcp::{Arrival, write_remb, write_transport_feedback};
use flumen_components::{
    Agenda, BandwidthFeedback, Deadlines, Due, FeedbackMethod, IncomingLimit, Listener, Now,
    ReportSchedule, TransportCc,
};

use super::rtcp_exits::RtcpExits;

/// What telling reads and writes.
#[derive(SystemParam)]
pub(crate) struct Tellers<'w, 's> {
    transports: Query<
        'w,
        's,
        (
            &'static Listener,
            &'static ReportSchedule,
            &'static mut BandwidthFeedback,
            &'static mut IncomingLimit,
        ),
    >,
    exits: RtcpExits<'w, 's>,
    deadlines: ResMut<'w, Deadlines>,
    now: Res<'w, Now>,
}

/// Memory that is reused from tick to tick.
#[derive(Default)]
pub(crate) struct Scratch {
    arrivals: Vec<Arrival>,
    ssrcs: Vec<u32>,
}

/// Streams that one REMB can name (draft-alvestrand-rmcat-remb-03 section 2.2).
const REMB_SSRCS_MAX: usize = 255;

/// Reports the arrivals that are due, and tells the estimates that have changed.
pub(crate) fn tell_bandwidth(
    mut tellers: Tellers<'_, '_>,
    mut agenda: ResMut<'_, Agenda>,
    mut scratch: Local<'_, Scratch>,
) {
    for index in 0..tellers.deadlines.fired().len() {
        if let (transport, Due::BandwidthFeedback) = tellers.deadlines.fired()[index] {
            let limit = tellers.report_arrivals(transport, &mut scratch.arrivals);
            if let Some(bitrate) = limit {
                tellers.send_remb(transport, bitrate, &mut scratch.ssrcs);
            }
        }
    }
    for (transport, bitrate) in agenda.estimates.0.drain(..) {
        tellers.send_remb(transport, bitrate, &mut scratch.ssrcs);
    }
}

impl Tellers<'_, '_> {
    /// Reports what arrived since the last time; returns the limit that the sender is to be told.
    fn report_arrivals(&mut self, transport: Entity, arrivals: &mut Vec<Arrival>) -> Option<u64> {
        let now = self.now.time;
        let found = self.transports.get_mut(transport);
        let (_, schedule, mut feedback, mut limit) = found.ok()?;
        feedback.disarm();
        let media_ssrc = feedback.media_ssrc;
        let FeedbackMethod::TransportCc(transport_cc) = &mut feedback.method else {
            return None;
        };
        if !transport_cc.arrivals.has_news() {
            return None;
        }
        arrivals.clear();
        let tally = transport_cc.arrivals.report(now, arrivals);
        transport_cc.loss.push(tally);
        let mut rest = arrivals.as_slice();
        while !rest.is_empty() {
            let ssrcs = (schedule.ssrc, media_ssrc);
            let covered = send_feedback(&mut self.exits, transport, ssrcs, transport_cc, rest);
            rest = &rest[covered..];
        }
        feedback.arm(transport, now, &mut self.deadlines);
        limit.tell(now)
    }

    /// Tells a bitrate for all streams that the sender has.
    fn send_remb(&mut self, transport: Entity, bitrate: u64, ssrcs: &mut Vec<u32>) {
        let Ok((listener, schedule, ..)) = self.transports.get(transport) else {
            return;
        };
        let begun = listener
            .ssrcs
            .iter()
            .filter(|(_, incoming)| incoming.stream.is_some());
        ssrcs.clear();
        ssrcs.extend(begun.map(|(&ssrc, _)| ssrc).take(REMB_SSRCS_MAX));
        self.exits.send(transport, |out| {
            write_remb(out, schedule.ssrc, bitrate, ssrcs);
            Some(())
        });
    }
}

/// Sends one feedback packet about the first of `arrivals`; returns how many it covers. A packet
/// could not say that nothing arrived, so that is not sent.
fn send_feedback(
    exits: &mut RtcpExits<'_, '_>,
    transport: Entity,
    (ssrc, media_ssrc): (u32, u32),
    transport_cc: &mut TransportCc,
    arrivals: &[Arrival],
) -> usize {
    let mut covered = arrivals.len();
    let sent = exits.send(transport, |out| {
        let before = out.len();
        let count = transport_cc.count;
        covered = write_transport_feedback(out, ssrc, media_ssrc, count, arrivals);
        (out.len() > before).then_some(())
    });
    if sent.is_some() {
        transport_cc.count = transport_cc.count.wrapping_add(1);
    }
    covered
}

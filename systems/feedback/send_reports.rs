//! Transports report: to senders what arrived, to receivers what was sent.

use std::time::Duration;

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Local, Query, Res, ResMut, SystemParam};
use flumen_components::wire::rtcp::{
    DlrrItem, ReportBlock, SenderInfo, write_cname, write_dlrr, write_receiver_report,
    write_reference_time, write_sender_report,
};
use flumen_components::{
    Agenda, CaptureClock, ConsumerParameters, Deadlines, Due, DueReports, Emission, Encoding,
    Incoming, Limits, Listener, LossSearch, Newest, Now, NtpEpoch, Path, PausedByOwner, Producer,
    Reception, RemoteClock, RemoteReception, ReportBudget, ReportSchedule, Reporting, Routes,
    RtpStream, Time,
};

use super::rtcp_exits::RtcpExits;

/// What reporting reads and writes.
#[derive(SystemParam)]
pub(crate) struct Reporters<'w, 's> {
    transports: Query<'w, 's, (&'static Listener, &'static mut ReportSchedule)>,
    streams: Query<
        'w,
        's,
        (
            &'static RtpStream,
            &'static mut Reception,
            &'static mut Reporting,
        ),
    >,
    consumers: Query<
        'w,
        's,
        (
            &'static Emission,
            &'static ConsumerParameters,
            &'static mut RemoteReception,
            &'static PausedByOwner,
        ),
    >,
    captures: Captures<'w, 's>,
    producers: Query<'w, 's, (&'static Producer, &'static Routes, &'static PausedByOwner)>,
    paths: Query<'w, 's, &'static Path>,
    exits: RtcpExits<'w, 's>,
    now: Res<'w, Now>,
    epoch: Res<'w, NtpEpoch>,
}

/// When media was captured.
#[derive(SystemParam)]
pub(crate) struct Captures<'w, 's> {
    streams: Query<'w, 's, (&'static RtpStream, &'static CaptureClock)>,
    producers: Query<'w, 's, &'static Producer>,
    remotes: Query<'w, 's, &'static RemoteClock>,
}

impl Captures<'_, '_> {
    /// How long before `now` (NTP time) a packet was captured, if that is known.
    fn age(&self, newest: Newest, now: u64) -> Option<Duration> {
        let (stream, clock) = self.streams.get(newest.stream).ok()?;
        let producer = self.producers.get(stream.producer).ok()?;
        let remote = self.remotes.get(producer.transport).ok()?;
        clock.age(newest.captured, stream.clock_rate, remote, now)
    }
}

/// A compound packet in the making (RFC 3550 section 6.1), and what goes into it.
#[derive(Default)]
pub(crate) struct Draft {
    compound: Vec<u8>,
    blocks: Vec<ReportBlock>,
}

/// Largest compound: an Ethernet MTU less IP, UDP and what security may add.
const COMPOUND_LEN_MAX: usize = 1_292;
/// Report blocks in one receiver report (RFC 3550 section 6.4.2).
const BLOCKS_MAX: usize = 31;
/// A consumer that has sent nothing for so long has nothing to report.
const SILENCE_MAX: Duration = Duration::from_millis(2_000);
/// What is left over goes on this much later: in the next tick.
const NEXT_TICK: Duration = Duration::from_millis(1);

/// Sends the reports that are due, as many as one tick may.
pub(crate) fn send_reports(
    mut agenda: ResMut<'_, Agenda>,
    mut reporters: Reporters<'_, '_>,
    mut deadlines: ResMut<'_, Deadlines>,
    limits: Res<'_, Limits>,
    mut draft: Local<'_, Draft>,
) {
    let queue = &mut agenda.reports;
    for &(transport, due) in deadlines.fired() {
        if due == Due::Reports {
            queue.0.push_back(DueReports::new(transport));
        }
    }
    let mut budget = ReportBudget::new(&limits);
    while !budget.is_spent()
        && let Some(due) = queue.0.front_mut()
    {
        reporters.report(due, &mut budget, &mut draft);
        // Paid behind: whoever is looked at first gets its turn, however small the budget is.
        budget.check(1);
        if (due.next_consumer, due.next_stream) != (None, None) {
            continue;
        }
        let transport = due.transport;
        queue.0.pop_front();
        reporters.schedule_next(transport, &mut deadlines);
    }
    if !queue.0.is_empty() {
        let next = reporters.now.time + NEXT_TICK;
        deadlines.set(next, Entity::PLACEHOLDER, Due::MoreReports);
    }
}

impl Reporters<'_, '_> {
    fn schedule_next(&mut self, transport: Entity, deadlines: &mut Deadlines) {
        let Ok((listener, mut schedule)) = self.transports.get_mut(transport) else {
            return;
        };
        let mut streams = listener
            .ssrcs
            .values()
            .filter_map(|incoming| incoming.stream);
        if listener.consumers.is_empty() && streams.next().is_none() {
            schedule.disarm();
            return;
        }
        let next = self.now.time + schedule.interval();
        deadlines.set(next, transport, Due::Reports);
    }

    /// Goes on with the reports of a transport, until they or the budget are exhausted.
    fn report(&mut self, due: &mut DueReports, budget: &mut ReportBudget, draft: &mut Draft) {
        draft.compound.clear();
        if let Some(first) = due.next_consumer {
            due.next_consumer = self.report_consumers(due.transport, first, budget, draft);
        }
        if let Some(first) = due.next_stream
            && due.next_consumer.is_none()
        {
            due.next_stream = self.report_streams(due, first, budget, draft);
        }
        self.send(due.transport, draft, draft.compound.len());
    }

    /// Sender reports of consumers; returns the SSRC to go on with.
    fn report_consumers(
        &mut self,
        transport: Entity,
        first: u32,
        budget: &mut ReportBudget,
        draft: &mut Draft,
    ) -> Option<u32> {
        let mut next = first;
        loop {
            let (listener, schedule) = self.transports.get(transport).ok()?;
            let (&ssrc, &consumer) = listener.consumers.range(next..).next()?;
            if budget.is_spent() {
                return Some(ssrc);
            }
            budget.check(1);
            if let Ok((emission, parameters, ..)) = self.consumers.get(consumer)
                && let Some(info) = self.sender_info(emission)
            {
                budget.report();
                let before = draft.compound.len();
                let cname = parameters.common().rtcp.cname.as_deref();
                let cname = cname.unwrap_or_default();
                let answer = answer(schedule, self.now.time);
                write_consumer_report(&mut draft.compound, &info, cname, answer);
                if let Ok((_, _, mut remote, _)) = self.consumers.get_mut(consumer) {
                    remote.sender_report(info.ntp);
                }
                self.send_if_full(transport, draft, before);
            }
            next = ssrc.checked_add(1)?;
        }
    }

    /// What a consumer has sent, with the RTP time that corresponds to now: of what is captured
    /// now or, when that is not known, arrives now.
    fn sender_info(&self, emission: &Emission) -> Option<SenderInfo> {
        let newest = emission.newest?;
        let (now, ntp) = (self.now.time, self.epoch.at(self.now.time));
        let since = now - newest.at;
        if since > SILENCE_MAX {
            return None;
        }
        let age = self.captures.age(newest, ntp).unwrap_or(since);
        let units = age.as_micros() as u64 * u64::from(emission.clock_rate) / 1_000_000;
        Some(SenderInfo {
            ssrc: emission.ssrc,
            ntp,
            rtp_timestamp: newest.timestamp.wrapping_add(units as u32),
            packet_count: emission.packets as u32,
            octet_count: emission.payload_bytes as u32,
        })
    }

    /// Receiver reports of streams and their retransmissions; returns the SSRC to go on with.
    fn report_streams(
        &mut self,
        due: &mut DueReports,
        first: u32,
        budget: &mut ReportBudget,
        draft: &mut Draft,
    ) -> Option<u32> {
        let mut next = Some(first);
        while let Some(first) = next {
            draft.blocks.clear();
            next = self.collect_blocks(due, first, budget, &mut draft.blocks);
            if draft.blocks.is_empty() {
                break;
            }
            let before = draft.compound.len();
            self.write_stream_reports(due.transport, draft);
            self.send_if_full(due.transport, draft, before);
            if budget.is_spent() {
                break;
            }
        }
        next
    }

    /// Fills one receiver report; returns the SSRC of the next one.
    fn collect_blocks(
        &mut self,
        due: &mut DueReports,
        first: u32,
        budget: &mut ReportBudget,
        blocks: &mut Vec<ReportBlock>,
    ) -> Option<u32> {
        let (listener, _) = self.transports.get(due.transport).ok()?;
        for (&ssrc, incoming) in listener.ssrcs.range(first..) {
            if blocks.len() == BLOCKS_MAX || budget.is_spent() {
                return Some(ssrc);
            }
            let begun = due.search.take().filter(|search| search.ssrc == ssrc);
            let search = begun.unwrap_or(LossSearch::of(ssrc));
            let worst = match self.worst_loss(*incoming, search, budget) {
                Ok(worst) => worst,
                Err(search) => {
                    due.search = Some(search);
                    return Some(ssrc);
                }
            };
            budget.check(1);
            if let Some(block) = block(&mut self.streams, ssrc, *incoming, self.now.time, worst) {
                budget.report();
                blocks.push(block);
            }
        }
        None
    }

    /// The worst loss, in 1/256, that an active consumer of a stream with in-band FEC tells: its
    /// sender protects it for all of them. Zero without FEC. An error when the budget is spent
    /// before: from there a later tick goes on.
    fn worst_loss(
        &self,
        incoming: Incoming,
        mut search: LossSearch,
        budget: &mut ReportBudget,
    ) -> Result<u8, LossSearch> {
        let Some(routes) = self.protected(incoming) else {
            return Ok(0);
        };
        let left = routes.places().get(search.next..).unwrap_or_default();
        let granted = budget.take_checks(left.len());
        let loss = |consumer: Entity| {
            let (emission, _, remote, paused) = self.consumers.get(consumer).ok()?;
            let path = self.paths.get(emission.transport).ok()?;
            (!paused.0 && path.is_connected()).then_some(remote.fraction_lost)
        };
        let looked_at = left[..granted].iter().copied().flatten();
        let worst = looked_at.filter_map(loss).max().unwrap_or(0);
        search.worst = search.worst.max(worst);
        search.next += granted;
        match granted == left.len() {
            true => Ok(search.worst),
            false => Err(search),
        }
    }

    /// The consumers of a stream whose sender protects it by in-band FEC.
    fn protected(&self, incoming: Incoming) -> Option<&Routes> {
        if incoming.retransmission || incoming.stream.is_none() {
            return None;
        }
        let (producer, routes, paused) = self.producers.get(incoming.producer).ok()?;
        let stream = |encoding: &&Encoding| encoding.stream == incoming.stream;
        let encoding = producer.encodings.iter().find(stream)?;
        (!paused.0 && encoding.use_in_band_fec).then_some(routes)
    }

    fn write_stream_reports(&mut self, transport: Entity, draft: &mut Draft) {
        let Ok((_, mut schedule)) = self.transports.get_mut(transport) else {
            return;
        };
        let ntp = self.epoch.at(self.now.time);
        schedule.tell_reference(ntp);
        let out = &mut draft.compound;
        write_receiver_report(out, schedule.ssrc, &draft.blocks);
        write_cname(out, schedule.ssrc, schedule.cname.as_bytes());
        write_reference_time(out, schedule.ssrc, ntp);
    }

    /// Sends the compound as it was `before` the last addition, when that made it too large.
    fn send_if_full(&mut self, transport: Entity, draft: &mut Draft, before: usize) {
        if draft.compound.len() > COMPOUND_LEN_MAX && before > 0 {
            self.send(transport, draft, before);
        }
    }

    /// Sends the first `len` bytes of the compound, and keeps the others.
    fn send(&mut self, transport: Entity, draft: &mut Draft, len: usize) {
        if len == 0 {
            return;
        }
        self.exits.send(transport, |out| {
            out.extend_from_slice(&draft.compound[..len]);
            Some(())
        });
        draft.compound.drain(..len);
    }
}

/// The report block of a stream, or of its retransmissions.
fn block(
    streams: &mut Query<'_, '_, (&RtpStream, &mut Reception, &mut Reporting)>,
    ssrc: u32,
    incoming: Incoming,
    now: Time,
    worst: u8,
) -> Option<ReportBlock> {
    let (_, reception, mut reporting) = streams.get_mut(incoming.stream?).ok()?;
    match incoming.retransmission {
        false => Some(reporting.block(ssrc, &reception, now, worst)),
        true => Some(reporting.retransmission_block(ssrc, &reception, now)),
    }
}

/// The answer to the last reference time that a receiver told (RFC 3611 section 4.5).
fn answer(schedule: &ReportSchedule, now: Time) -> Option<DlrrItem> {
    let (ssrc, last_reference, at) = schedule.reference?;
    let delay = (now - at).as_nanos() * 65_536 / 1_000_000_000;
    Some(DlrrItem {
        ssrc,
        last_reference,
        delay: u32::try_from(delay).unwrap_or(u32::MAX),
    })
}

fn write_consumer_report(
    out: &mut Vec<u8>,
    info: &SenderInfo,
    cname: &str,
    answer: Option<DlrrItem>,
) {
    write_sender_report(out, info);
    write_cname(out, info.ssrc, cname.as_bytes());
    if let Some(answer) = answer {
        write_dlrr(out, info.ssrc, &[answer]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_how_long_it_was_held() {
        let seed = flumen_components::Seed([0; 32]);
        let created = flumen_components::Created(0);
        let generator = seed.generator(created, flumen_components::Purpose::Rtcp);
        let mut schedule = ReportSchedule::new(1, String::new(), generator);
        assert_eq!(answer(&schedule, Time::ZERO), None);
        schedule.reference = Some((9, 7, Time::from_millis(100)));
        let item = answer(&schedule, Time::from_millis(600));
        assert_eq!(
            item,
            Some(DlrrItem {
                ssrc: 9,
                last_reference: 7,
                delay: 32_768
            })
        );
    }
}

//! What the path to a receiver carries, estimated where its packets are sent.

mod acknowledged_rate;
mod answers;
mod delays;
mod estimator;
mod loss_control;
mod newest_delays;
#[cfg(test)]
mod paths;
mod probes;
mod queueing_delay;
mod remb_estimator;
mod rivals;
mod send_history;
mod transport_wide_estimator;
mod trendline;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;
use serde::Serialize;

use crate::consume::allowance::Allowance;
use crate::consume::repeat_budget::RepeatBudget;
use crate::feedback::demand::Demand;
use crate::feedback::outgoing_limit::OutgoingLimit;
use crate::feedback::probation::Probation;
use crate::media::loss_history::{LossHistory, Tally};
use crate::snapshot::Roster;
use crate::tick::deadline::{Deadlines, Due};
use crate::tick::limits::Limits;
use crate::tick::outbox::Outgoing;
use crate::tick::time::{Now, Time};
use crate::wire::rtcp::{CongestionFeedback, TransportFeedback};
use crate::wire::state::{Malformed, Reader, State, Writer};

pub use estimator::{
    BandwidthEstimator, EstimateCause, PacketReport, PathEstimate, PathFigures, PathReport, Probe,
    SentPacket,
};
pub use remb_estimator::RembEstimator;
pub use send_history::SendHistory;
pub use transport_wide_estimator::TransportWideEstimator;

/// What a transport knows of the path to its receiver. Written by Receive, Score and Protect;
/// transports whose video consumers negotiated nothing of the kind have none.
#[derive(Component)]
pub struct OutgoingEstimate {
    /// How the receiver tells what its path carries.
    pub method: EstimateMethod,
    /// The share of packets that were lost, as a mean of its latest feedback.
    pub loss: LossHistory,
    repeats: RepeatBudget,
    history: SendHistory,
    estimator: Box<dyn BandwidthEstimator>,
    estimate: PathEstimate,
    /// The stream of packets that probe.
    probation: Probation,
    turn: u16,
    on_probe: Option<OnProbe>,
    probe_listed: bool,
    /// The bitrate that was traced last, and when.
    told: Option<(u64, Time)>,
    /// Where the receiver was when it was looked at last.
    remote: Option<SocketAddr>,
    looked_at: Allowance,
    /// The receiver told something.
    is_heard: bool,
    listed: bool,
    armed: bool,
}

/// How a receiver tells what its path carries. The first video consumer that negotiates one decides
/// for its transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EstimateMethod {
    /// When packets arrive: the sender estimates
    /// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    TransportCc,
    /// When packets of its streams arrive, on a coarser clock: the sender estimates (RFC 8888).
    CongestionFeedback,
    /// A bitrate: the receiver estimates (draft-alvestrand-rmcat-remb-03).
    Remb,
}

crate::snapshot::state! { enum EstimateMethod { TransportCc, CongestionFeedback, Remb } }

/// Who estimates the paths of new transports: from the method and the bitrate to begin with.
#[derive(Resource)]
pub struct Estimators(pub Box<MakeEstimator>);

/// See [`Estimators`].
pub type MakeEstimator = dyn Fn(EstimateMethod, u64) -> Box<dyn BandwidthEstimator> + Send + Sync;

/// The transports whose paths are estimated anew in this tick. Filled by Receive and by Score,
/// emptied by Score.
#[derive(Debug, Default)]
pub struct PathsToEstimate(pub Vec<Entity>);

crate::snapshot::state! { struct PathsToEstimate(it) }

/// The transports whose paths are probed now. Filled by Score, emptied by Protect.
#[derive(Debug, Default)]
pub struct PathsOnProbe(pub Vec<Entity>);

crate::snapshot::state! { struct PathsOnProbe(it) }

/// A probe that is being sent.
#[derive(Clone, Copy, Debug)]
struct OnProbe {
    probe: Probe,
    began: Time,
    sent: u32,
    /// The deadline that is set.
    armed: Option<Time>,
}

crate::snapshot::state! { struct OnProbe { probe, began, sent, armed } }

/// Feedback by names that is looked at in a tick, where as many packets are remembered as may be.
const FEEDBACK_MAX: usize = 4;
/// How often a path is looked at while reports are due.
const INTERVAL: Duration = Duration::from_millis(100);
/// A probe that takes so many times as long as it should is given up.
const PROBE_PATIENCE: u32 = 4;
/// Shortest span between two tellings of estimates that differ by less than the shares below.
const TELL_INTERVAL: Duration = Duration::from_secs(1);

impl Default for Estimators {
    fn default() -> Self {
        Self(Box::new(|method, bitrate| match method {
            EstimateMethod::TransportCc => Box::new(TransportWideEstimator::new(bitrate)),
            EstimateMethod::CongestionFeedback => {
                Box::new(TransportWideEstimator::on_coarse_clock(bitrate))
            }
            EstimateMethod::Remb => Box::new(RembEstimator::new(bitrate)),
        }))
    }
}

impl fmt::Debug for Estimators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Estimators")
    }
}

impl fmt::Debug for OutgoingEstimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingEstimate")
            .field("method", &self.method)
            .field("estimate", &self.estimate)
            .finish_non_exhaustive()
    }
}

impl State<Roster> for OutgoingEstimate {
    fn save(&self, out: &mut Writer<Roster>) {
        self.method.save(out);
        self.estimate.save(out);
        self.estimator.save().save(out);
        self.loss.save(out);
        self.repeats.save(out);
        self.history.save(out);
        self.probation.save(out);
        self.turn.save(out);
        self.on_probe.save(out);
        self.probe_listed.save(out);
        self.told.save(out);
        self.remote.save(out);
        self.looked_at.save(out);
        self.is_heard.save(out);
        self.listed.save(out);
        self.armed.save(out);
    }

    fn load(from: &mut Reader<'_, Roster>) -> Result<Self, Malformed> {
        let (method, estimate): (_, PathEstimate) = State::load(from)?;
        let mut estimator = (from.context.estimators.0)(method, estimate.bitrate);
        if let Some(saved) = Option::<Vec<u8>>::load(from)?
            && !estimator.load(&saved)
        {
            return Err(Malformed);
        }
        Ok(Self {
            method,
            estimate,
            estimator,
            loss: State::load(from)?,
            repeats: State::load(from)?,
            history: State::load(from)?,
            probation: State::load(from)?,
            turn: State::load(from)?,
            on_probe: State::load(from)?,
            probe_listed: State::load(from)?,
            told: State::load(from)?,
            remote: State::load(from)?,
            looked_at: State::load(from)?,
            is_heard: State::load(from)?,
            listed: State::load(from)?,
            armed: State::load(from)?,
        })
    }
}

impl OutgoingEstimate {
    /// It knows of nothing but packets with transport-wide numbers.
    pub fn is_of_numbered(&self) -> bool {
        self.method == EstimateMethod::TransportCc
    }

    /// Nothing was sent yet: the estimate is `bitrate` bits a second, and `probation` the stream that
    /// tries for more.
    pub fn new(
        method: EstimateMethod,
        bitrate: u64,
        probation: Probation,
        estimators: &Estimators,
    ) -> Self {
        Self {
            method,
            loss: LossHistory::default(),
            repeats: RepeatBudget::default(),
            history: SendHistory::default(),
            estimator: (estimators.0)(method, bitrate),
            estimate: PathEstimate::starting_at(bitrate),
            probation,
            turn: 0,
            on_probe: None,
            probe_listed: false,
            told: None,
            remote: None,
            looked_at: Allowance::default(),
            is_heard: false,
            listed: false,
            armed: false,
        }
    }

    /// What the path carries, as far as is known.
    pub fn estimate(&self) -> &PathEstimate {
        &self.estimate
    }

    /// Bits a second at which packets are to leave: `percent` of what the path carries, or what it is
    /// probed with. None until the receiver told something.
    pub fn pacing_rate(&self, percent: u64) -> Option<u64> {
        let probed = self.on_probe.map_or(0, |on| on.probe.bitrate);
        let paced = self.estimate.bitrate.saturating_mul(percent) / 100;
        self.is_heard.then_some(paced.max(probed))
    }

    /// What may be sent again at `now`: `percent` of what the path is known to carry. Without a bound
    /// until the receiver told something.
    pub fn repeats(&mut self, percent: u64, now: Time) -> &mut RepeatBudget {
        if self.is_heard {
            let rate = self.estimate.bitrate.saturating_mul(percent) / 100;
            self.repeats.accrue(rate, now);
        }
        &mut self.repeats
    }

    /// A packet leaves with transport-wide sequence number `number`.
    pub fn send(&mut self, number: u16, bytes: u16, now: Time, limits: &Limits) {
        if self.method == EstimateMethod::TransportCc {
            let limit = limits.sent_packets_per_transport;
            let probe = self.on_probe.map_or(0, |on| on.probe.number);
            let sent = self.history.push(number, (bytes, probe), now, limit);
            self.estimator.receive(PathReport::Sent(sent), now);
            self.count(bytes);
        }
    }

    /// A packet leaves with this SSRC and RTP sequence number.
    pub fn send_named(&mut self, name: (u32, u16), bytes: u16, now: Time, limits: &Limits) {
        if self.method == EstimateMethod::CongestionFeedback {
            let limit = limits.sent_packets_per_transport;
            let probe = self.on_probe.map_or(0, |on| on.probe.number);
            let sent = self.history.push_named(name, (bytes, probe), now, limit);
            self.estimator.receive(PathReport::Sent(sent), now);
            self.count(bytes);
        }
    }

    /// The receiver told of packets. `reports` is memory to be reused.
    pub fn report(
        &mut self,
        feedback: &TransportFeedback<'_>,
        reports: &mut Vec<PacketReport>,
        now: &Now,
        limits: &Limits,
    ) {
        reports.clear();
        let wanted = usize::from(feedback.status_count);
        let limit = limits.reported_packets_per_transport;
        let count = self.looked_at.take(wanted, now.tick, limit);
        if self.method == EstimateMethod::TransportCc {
            self.history.report(feedback, count, reports);
        }
        self.learn(reports, now);
    }

    /// The receiver told of packets of its streams. `reports` is memory to be reused.
    pub fn report_named(
        &mut self,
        feedback: &CongestionFeedback<'_>,
        reports: &mut Vec<PacketReport>,
        now: &Now,
        limits: &Limits,
    ) {
        reports.clear();
        if self.method == EstimateMethod::CongestionFeedback {
            // What is told of costs as much as all packets that are remembered.
            let limit = limits
                .reported_packets_per_transport
                .saturating_mul(FEEDBACK_MAX);
            let wanted = self.history.named();
            let count = self.looked_at.take(wanted, now.tick, limit);
            self.history.report_named(feedback, count, reports);
        }
        self.learn(reports, now);
    }

    fn learn(&mut self, reports: &[PacketReport], now: &Now) {
        if !reports.is_empty() {
            self.is_heard = true;
            let lost = reports.iter().filter(|report| report.arrived.is_none());
            // What came after all was expected once, and counted as lost.
            let found = reports.iter().filter(|report| report.was_lost).count();
            self.loss.push(Tally {
                expected: (reports.len() - found) as u32,
                lost: lost.count().saturating_sub(found) as u32,
            });
            let feedback = PathReport::Feedback(reports);
            self.estimator.receive(feedback, now.time);
        }
    }

    /// The receiver is at `remote`: if that is elsewhere, so are the queues.
    pub fn locate(&mut self, remote: Option<SocketAddr>, now: Time) {
        let before = self.remote;
        self.remote = remote.or(before);
        if before.is_some() && before != self.remote {
            self.estimator.receive(PathReport::Moved, now);
        }
    }

    /// The receiver told a bitrate, in bits a second.
    pub fn tell(&mut self, bitrate: u64, now: Time) {
        if self.method == EstimateMethod::Remb {
            self.is_heard = true;
            self.estimator.receive(PathReport::Bitrate(bitrate), now);
        }
    }

    /// Estimates anew, within `limit`; true when that is to be traced: at first, once a second, and
    /// at once when the estimate is much lower or higher.
    pub fn update(
        &mut self,
        demand: &Demand,
        limit: &OutgoingLimit,
        margin_percent: u64,
        now: Time,
    ) -> bool {
        self.listed = false;
        let wanted = demand.to_try(self.estimate.bitrate, margin_percent);
        let wanted = wanted.min(limit.most());
        let mut estimate = self.estimator.estimate(wanted, now);
        let bitrate = limit.clamp(estimate.bitrate);
        if bitrate != estimate.bitrate {
            (estimate.bitrate, estimate.cause) = (bitrate, EstimateCause::Limit);
        }
        let beside = match self.method {
            EstimateMethod::TransportCc | EstimateMethod::CongestionFeedback => 0,
            EstimateMethod::Remb => demand.forwarded,
        };
        self.begin_probe(estimate.probe, beside, now);
        self.estimate = estimate;
        let is_news = self.told.is_none_or(|(told, at)| {
            let is_due = now - at >= TELL_INTERVAL && bitrate != told;
            is_due || bitrate < told - told / 4 || bitrate > told + told / 2
        });
        if is_news {
            self.told = Some((bitrate, now));
        }
        is_news
    }

    /// A probe is under way, and has no place yet among those of Protect; from now on it has.
    pub fn takes_place_on_probe(&mut self) -> bool {
        let is_new = self.on_probe.is_some() && !self.probe_listed;
        self.probe_listed |= is_new;
        is_new
    }

    /// The next packet of padding, appended to `out`, with its stamps still to be written.
    pub fn pad(&mut self, out: &mut Vec<u8>) -> Outgoing {
        self.probation.write(out)
    }

    /// Padding leaves. Where packets are numbered that is counted when it gets its number.
    pub fn count_padding(&mut self, row: &Outgoing) {
        if self.method == EstimateMethod::Remb {
            self.count(row.len() as u16);
        }
    }

    /// Counts the packets of padding, to choose among what they may repeat.
    pub fn turn(&mut self) -> u16 {
        self.turn = self.turn.wrapping_add(1);
        self.turn
    }

    /// How many packets of padding a probe needs at `now`.
    pub fn padding_due(&self, now: Time) -> u32 {
        let Some(on) = self.on_probe else {
            return 0;
        };
        let due = on.due(now).min(on.probe.bytes.into());
        let missing = due.saturating_sub(on.sent.into());
        missing.div_ceil(Probation::PACKET_BYTES as u64) as u32
    }

    /// Sets a deadline for the next packet of padding, unless one is set; false when the probe of
    /// `transport`, whose path this is, is over, and its place is free.
    pub fn arm_probe(&mut self, transport: Entity, now: Time, deadlines: &mut Deadlines) -> bool {
        let Some(next) = self.on_probe.and_then(|on| on.next(now)) else {
            self.end_probe();
            return false;
        };
        if let Some(on) = &mut self.on_probe
            && on.armed != Some(next)
        {
            on.armed = Some(next);
            deadlines.set(next, transport, Due::Probe);
        }
        true
    }

    /// The probe is over, and its place is free.
    pub fn end_probe(&mut self) {
        (self.on_probe, self.probe_listed) = (None, false);
    }

    /// What is sent `beside` it, in bits a second, is part of it, but not counted packet by packet.
    fn begin_probe(&mut self, asked: Option<Probe>, beside: u64, now: Time) {
        let usable = asked.filter(|probe| probe.bitrate > 0 && probe.bytes <= Probe::BYTES_MAX);
        let usable = usable.and_then(|probe| probe.less(beside));
        if self.on_probe.is_none()
            && let Some(probe) = usable
        {
            self.on_probe = Some(OnProbe {
                probe,
                began: now,
                sent: 0,
                armed: None,
            });
        }
    }

    /// Bytes left during a probe, if there is one.
    fn count(&mut self, bytes: u16) {
        if let Some(on) = &mut self.on_probe {
            on.sent = on.sent.saturating_add(bytes.into());
            if on.sent >= on.probe.bytes {
                self.on_probe = None;
            }
        }
    }

    /// Puts `transport`, whose path this is, on the list, once.
    pub fn list(&mut self, transport: Entity, paths: &mut PathsToEstimate) {
        if !std::mem::replace(&mut self.listed, true) {
            paths.0.push(transport);
        }
    }

    /// Sets a deadline to look at the path again, unless one is set.
    pub fn arm(&mut self, transport: Entity, now: Time, deadlines: &mut Deadlines) {
        if !std::mem::replace(&mut self.armed, true) {
            deadlines.set(now + INTERVAL, transport, Due::PathEstimate);
        }
    }

    /// The deadline has fired; true when there must be another one: reports are still due.
    pub fn disarm(&mut self, now: Time) -> bool {
        self.armed = false;
        self.history.is_waiting(now)
    }

    /// A snapshot keeps all of it, the estimator with the rest.
    pub fn is_kept(&self) -> bool {
        self.estimator.save().is_some()
    }
}

impl OnProbe {
    /// Bytes that should have left by `now`: the first packet at once.
    fn due(&self, now: Time) -> u64 {
        let span = (now - self.began).as_nanos();
        let bytes = u128::from(self.probe.bitrate) * span / 8_000_000_000;
        1 + u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// When more bytes are due than were sent; none when there was time enough for all.
    fn next(&self, now: Time) -> Option<Time> {
        let after = |bytes: u32| {
            let nanos = u64::from(bytes) * 8_000_000_000 / self.probe.bitrate.max(1);
            Duration::from_nanos(nanos)
        };
        let is_late = now - self.began > PROBE_PATIENCE * after(self.probe.bytes);
        let next = self.began + after(self.sent);
        (!is_late).then_some(next)
    }
}

//! What a path carries, by when its packets arrive.

use std::time::Duration;

use super::acknowledged_rate::AcknowledgedRate;
use super::answers::Answers;
use super::delays::{Delays, QUEUE_MAX_MS};
use super::estimator::{
    BandwidthEstimator, EstimateCause, PacketReport, PathEstimate, PathFigures, PathReport,
    SentPacket, millis,
};
use super::loss_control::{self, LossControl};
use super::probes::Probes;
use super::queueing_delay::Load;
use super::rivals::{Rivals, Told};
use crate::feedback::congestion::overuse_detector::Usage;
use crate::feedback::congestion::rate_controller::RateController;
use crate::feedback::trend::Trend;
use crate::media::rate::Rate;
use crate::snapshot;
use crate::tick::time::Time;

/// The send side of Google congestion control as it is at present: a line through delays, loss, and
/// what arrives.
///
/// It differs where what is sent does not follow the estimate, as in an SFU: a trend alone lowers
/// nothing unless packets do wait in a queue; little that arrives because little was sent lowers
/// nothing either; loss counts if sending less avoids it.
#[derive(Clone, Debug)]
pub struct TransportWideEstimator {
    path: Delays,
    acknowledged: AcknowledgedRate,
    sent: Rate,
    /// The most that was sent lately.
    most_sent: Trend,
    /// Little was sent beside the estimate.
    is_limited: bool,
    /// By the last report, less arrived.
    was_less: bool,
    loss: LossControl,
    controller: RateController,
    probes: Probes,
    rivals: Rivals,
    round_trip: Option<Duration>,
    sent_at: Option<Time>,
    answers: Answers,
    /// When a queue or loss lowered it last.
    cut_at: Option<Time>,
    /// The same of the time before, if they were not one.
    cut_before: Option<Time>,
    cause: EstimateCause,
}

crate::snapshot::state! {
    struct TransportWideEstimator {
        path, acknowledged, sent, most_sent, is_limited, was_less, loss, controller, probes, rivals,
        round_trip, sent_at, answers, cut_at, cut_before, cause
    }
}

/// The window of what is sent, in milliseconds.
const SENT_WINDOW_MS: u64 = 500;
/// After such a silence what is known of the queue is worth nothing.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// Sending less than this share of the estimate says nothing of the path.
const LIMITED: f64 = 0.65;
/// Where no more than this share of what is sent arrives by a report, and this as a mean, the path is
/// too narrow even for little.
const SQUEEZED: f64 = 0.75;
const BELIEVED: f64 = 0.95;
/// Shortest span between two cuts while little is sent.
const LIMITED_CUTS: Duration = Duration::from_secs(2);
/// Where this share of what is sent arrives, it comes through.
const THROUGH: f64 = 0.9;
/// More than the estimate is tried only where about so much of it was sent: what was not tried is
/// not known, and layers come in steps. Probes find out.
const TRIED: f64 = 0.9;
/// Probes say something where they find a queue as short as this.
const QUEUE_TO_PROBE_MS: f64 = 20.0;
/// Where a queue grew twice within so long, it may be the limit of the path that was found, or others
/// on it; what follows sooner than that is the same queue.
const CONTESTED: Duration = Duration::from_secs(20);
const ONE_CUT: Duration = Duration::from_millis(1_000);
/// A long queue is emptied within about so long, but something is always sent.
const DRAIN_MS: f64 = 1_000.0;
const DRAIN_MAX: f64 = 0.3;
/// What is told to have arrived counts up to this many times what was sent: a queue that drains
/// may bring more, a clock that lies anything.
const ACKNOWLEDGED_MAX: f64 = 2.0;
/// What is left of the estimate after every further second of silence.
const SILENCE_DECREASE: f64 = 0.8;
/// Longer round trips than this are those of feedback that was held back.
const ROUND_TRIP_MAX: Duration = Duration::from_secs(3);

impl TransportWideEstimator {
    /// Begins with `bitrate` bits a second.
    pub fn new(bitrate: u64) -> Self {
        Self {
            path: Delays::default(),
            acknowledged: AcknowledgedRate::default(),
            sent: Rate::new(SENT_WINDOW_MS),
            most_sent: Trend::default(),
            is_limited: true,
            was_less: false,
            loss: LossControl::default(),
            controller: RateController::starting_at(bitrate as f64),
            probes: Probes::default(),
            rivals: Rivals::default(),
            round_trip: None,
            sent_at: None,
            answers: Answers::default(),
            cut_at: None,
            cut_before: None,
            cause: EstimateCause::Start,
        }
    }

    /// The same for a receiver that tells times in steps of a millisecond (RFC 8888).
    pub fn on_coarse_clock(bitrate: u64) -> Self {
        Self {
            probes: Probes::on_coarse_clock(),
            ..Self::new(bitrate)
        }
    }
}

impl BandwidthEstimator for TransportWideEstimator {
    fn receive(&mut self, report: PathReport<'_>, now: Time) {
        match report {
            PathReport::Sent(sent) => self.send(sent, now),
            PathReport::Feedback(reports) => self.take(reports, now),
            PathReport::Moved => {
                self.path.begin_at(now);
                self.probes.give_up();
                // Those of another network.
                self.rivals = Rivals::default();
            }
            PathReport::Bitrate(_) => {}
        }
    }

    fn estimate(&mut self, wanted: u64, now: Time) -> PathEstimate {
        self.watch_silence(now);
        self.learn_from_probe(now);
        let bitrate = self.bitrate();
        self.probes.is_contested = self.cut_before.is_some_and(|at| now - at < CONTESTED);
        let probe = match self.is_calm(now) {
            true => self
                .probes
                .ask(bitrate, wanted as f64, self.path.queue.spread(), now),
            false => None,
        };
        PathEstimate {
            bitrate: bitrate as u64,
            cause: self.cause,
            figures: self.figures(now),
            probe,
        }
    }

    fn save(&self) -> Option<Vec<u8>> {
        Some(snapshot::save(self))
    }

    fn load(&mut self, saved: &[u8]) -> bool {
        snapshot::load(saved).map(|saved| *self = saved).is_ok()
    }
}

impl TransportWideEstimator {
    fn send(&mut self, sent: SentPacket, now: Time) {
        if self.sent_at.is_none_or(|last| now - last > PAUSE_MAX) {
            self.path.begin();
            self.rivals.lose();
        }
        self.sent_at = Some(now);
        self.answers.send(now);
        self.sent.add(sent.bytes.into(), now);
        self.probes.send(&sent);
    }

    fn take(&mut self, reports: &[PacketReport], now: Time) {
        for report in reports {
            self.probes.report(report);
            if let Some(arrived) = report.arrived {
                self.path.add(&report.sent, arrived, now);
            }
        }
        self.acknowledged.report(reports);
        self.measure_round_trip(reports, now);
        self.answers.hear(now);
        self.loss.add(reports);
        let is_lost = match self.path.queue.overtaking() {
            Duration::ZERO => reports.iter().any(|report| report.arrived.is_none()),
            // What is missing may have been overtaken.
            overtaking => self.loss.has_lost(overtaking),
        };
        self.control(is_lost, now);
    }

    /// From the packet that was sent last.
    fn measure_round_trip(&mut self, reports: &[PacketReport], now: Time) {
        let arrived = reports.iter().filter(|report| report.arrived.is_some());
        let newest = arrived.map(|report| report.sent.at).max();
        let round_trip = newest.map(|at| now - at);
        if let Some(round_trip) = round_trip.filter(|span| *span <= ROUND_TRIP_MAX) {
            self.round_trip = Some(round_trip);
            self.controller.set_round_trip(round_trip);
        }
    }

    /// A report is over, which told of loss or not.
    fn control(&mut self, is_lost: bool, now: Time) {
        let sent = self.sent.bits_per_second(now) as f64;
        let before = self.bitrate();
        self.note_sent(sent, before, now);
        let acknowledged = self.arrives();
        let load = Load {
            sent,
            arrives: acknowledged.unwrap_or_default(),
            arrives_now: self.acknowledged.least().unwrap_or_default(),
            overflows: self.loss.is_cutting(now),
        };
        let is_foreign = self.path.queue.settle(load, now);
        self.rivals.watch(&self.path, is_foreign, now);
        let queue = &self.path.queue;
        let delays = loss_control::Delays {
            are_queues: queue.is_proven(),
            overtaking: queue.overtaking(),
        };
        if let Some(acknowledged) = acknowledged {
            let rates = loss_control::Rates {
                sent,
                acknowledged,
                proven: if self.is_limited { before } else { 0.0 },
            };
            self.loss.update(rates, delays, now);
        }
        let is_through = self.is_through(acknowledged, sent);
        let usage = self.path.usage(self.is_limited, is_through);
        let is_doubtful = self.is_limited && !self.is_squeezed(acknowledged, sent);
        let usage = match usage {
            Usage::Over if is_doubtful && self.is_cut_lately(now) => Usage::Under,
            usage => usage,
        };
        self.path.end_report();
        let incoming = match (acknowledged, usage) {
            (None, _) => before,
            (Some(acknowledged), Usage::Over) if !is_doubtful => self.drained(acknowledged, sent),
            // Little arrives because little was sent: the queue is of somebody else's making, and
            // what this path carries is still about what was proven.
            _ if self.is_limited => before,
            (Some(acknowledged), _) => acknowledged,
        };
        let is_known = acknowledged.is_some() || usage == Usage::Over;
        if self.rivals.are_there() {
            self.contend(acknowledged.unwrap_or_default(), is_lost, now);
        } else if is_known && (usage != Usage::Normal || sent >= TRIED * before) {
            self.controller.update(usage, incoming, now);
        }
        if !self.rivals.are_there() {
            self.rivals
                .rest(self.bitrate(), self.path.queue.is_proven());
        }
        self.explain(before, now);
    }

    /// What is believed beside others who fill the queue.
    fn contend(&mut self, arrives: f64, is_lost: bool, now: Time) {
        let believed = self.controller.estimate().unwrap_or_default();
        let told = Told {
            arrives,
            is_lost,
            round_trip: self.round_trip.unwrap_or(ROUND_TRIP_MAX),
        };
        let next = self.rivals.contend(believed, told, now);
        self.controller.set(next);
    }

    /// What has changed the estimate since it was `before`.
    fn explain(&mut self, before: f64, now: Time) {
        let after = self.bitrate();
        let is_lost = self.loss.ceiling().is_some_and(|ceiling| ceiling <= after);
        if after < before {
            if self.cut_at.is_some_and(|at| now - at >= ONE_CUT) {
                self.cut_before = self.cut_at;
            }
            self.cut_at = Some(now);
            self.cause = match is_lost || self.rivals.are_there() {
                true => EstimateCause::Loss,
                false => EstimateCause::Queue,
            };
        } else if after > before {
            self.cause = EstimateCause::Growth;
        }
    }

    /// So many bits a second are sent.
    fn note_sent(&mut self, sent: f64, estimate: f64, now: Time) {
        self.most_sent.update(sent as u64, now);
        let is_limited = sent < LIMITED * estimate;
        if std::mem::replace(&mut self.is_limited, is_limited) && !is_limited {
            self.acknowledged.doubt();
        }
    }

    /// Bits a second that arrive, of those that are sent.
    fn arrives(&self) -> Option<f64> {
        let told = self.acknowledged.bits_per_second()?;
        let most = ACKNOWLEDGED_MAX * self.most_sent.value() as f64;
        Some(told.min(most))
    }

    /// A queue has lowered it a moment ago. Of little that is sent, whose queue that is shows only when
    /// it is no longer little: so the estimate comes down to that, but step by step.
    fn is_cut_lately(&self, now: Time) -> bool {
        self.cut_at.is_some_and(|at| now - at < LIMITED_CUTS)
    }

    /// However little is sent, less arrives: two reports on end say so, and what is believed does.
    fn is_squeezed(&mut self, acknowledged: Option<f64>, sent: f64) -> bool {
        let newest = self.acknowledged.newest().or(acknowledged);
        let is_less = newest.is_some_and(|newest| newest < SQUEEZED * sent);
        let was_less = std::mem::replace(&mut self.was_less, is_less);
        is_less && was_less && acknowledged.is_some_and(|arrives| arrives < BELIEVED * sent)
    }

    /// What is sent comes through: the queue that it waits in is not of its making, or was there for
    /// a moment.
    fn is_through(&self, acknowledged: Option<f64>, sent: f64) -> bool {
        let newest = self.acknowledged.newest().or(acknowledged);
        newest.is_none_or(|newest| newest >= THROUGH * sent)
    }

    /// What gets out of a queue, less what it takes to empty it soon: as long as it will be when less
    /// is sent.
    fn drained(&self, acknowledged: f64, sent: f64) -> f64 {
        let queue = self.path.queue.millis();
        if queue < QUEUE_MAX_MS {
            return acknowledged;
        }
        let least = self.acknowledged.least().unwrap_or(acknowledged);
        let excess = sent / acknowledged.min(least).max(1.0) - 1.0;
        let round_trip = self.round_trip.map_or(0.0, millis);
        let queue = queue + excess.max(0.0) * round_trip;
        let excess = (queue - QUEUE_MAX_MS) / DRAIN_MS;
        acknowledged.min(least) * (1.0 - excess.min(DRAIN_MAX))
    }

    fn bitrate(&self) -> f64 {
        let of_delay = self.controller.estimate().unwrap_or_default();
        self.loss
            .ceiling()
            .map_or(of_delay, |ceiling| ceiling.min(of_delay))
    }

    fn learn_from_probe(&mut self, now: Time) {
        let Some(outcome) = self.probes.outcome(now) else {
            return;
        };
        if outcome.carried > self.bitrate() && self.is_calm(now) {
            self.controller.set(outcome.carried);
            if outcome.is_less {
                self.controller.set_capacity(outcome.carried);
            }
            self.loss.raise_to(outcome.carried);
            self.cause = EstimateCause::Probe;
        }
    }

    /// Nothing speaks against trying more.
    fn is_calm(&self, now: Time) -> bool {
        let queue = &self.path.queue;
        let is_long = queue.is_proven() && queue.millis() > QUEUE_TO_PROBE_MS;
        let has_queue = self.answers.are_fresh(now) && is_long;
        let is_free = !has_queue && !self.rivals.are_there();
        self.answers.come(now) && is_free && !self.loss.is_cutting(now)
    }

    /// Packets are sent and nothing is told any more: not loss, but no reason to go on for long
    /// either.
    fn watch_silence(&mut self, now: Time) {
        if self.answers.are_missed(now) {
            self.controller.set(SILENCE_DECREASE * self.bitrate());
            self.cause = EstimateCause::Silence;
        }
    }

    fn figures(&mut self, now: Time) -> PathFigures {
        let sent_bitrate = self.sent.bits_per_second(now);
        let acknowledged = match self.path.is_long() {
            true => self.acknowledged.least(),
            false => self.acknowledged.bits_per_second(),
        };
        PathFigures {
            acknowledged_bitrate: acknowledged.map(|bits| bits as u64),
            sent_bitrate,
            queueing_delay: self.path.queue.millis(),
            reordering: self.path.queue.reordering(),
            delay_trend: self.path.trend(),
            loss: self.loss.loss(),
            round_trip_time: self.round_trip.map(millis),
        }
    }
}

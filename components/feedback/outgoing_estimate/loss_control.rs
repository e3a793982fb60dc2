//! Loss that sending less would avoid.

use std::time::Duration;

use super::estimator::PacketReport;
use crate::tick::time::Time;

/// A ceiling on the estimate while more packets are lost than the path loses anyway.
///
/// Loss means that too much is sent only if it is less when less is sent. So a high loss lowers the
/// ceiling once; if it stays although less was sent, it is the path's own (radio, an interfered
/// cable) and is no longer held against the rate. The same goes for loss that has stayed for some
/// cuts where nothing of what is sent could be left out: it tells nothing of the rate. While packets wait in a queue nothing is learnt of
/// that: it may be as full with less. What is told of loss counts, and nothing else: a
/// missing report is no loss, and what receiver reports say is that of other paths too.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LossControl {
    /// Bits a second.
    ceiling: Option<f64>,
    /// The share of packets that the path loses whatever is sent.
    inherent: f64,
    /// The newest spans, a ring.
    spans: [Span; SPANS],
    newest: usize,
    /// When the latest of the packets was sent that were told of.
    told: Time,
    judged_at: Option<Time>,
    share: Option<f64>,
    overtaking: Duration,
    cut: Option<Cut>,
    /// When a step was taken of what was proven.
    stepped_at: Option<Time>,
    /// Spans that began before were asked about.
    asked: Time,
}

crate::snapshot::state! {
    struct LossControl {
        ceiling, inherent, spans, newest, told, judged_at, share, overtaking, cut, stepped_at, asked
    }
}

/// What was told of the packets that were sent within a span of time.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    began: Time,
    packets: f64,
    lost: f64,
}

crate::snapshot::state! { struct Span { began, packets, lost } }

/// What the ceiling was last lowered for. Packets that were sent before tell nothing of what that
/// changed, so they are not counted.
#[derive(Clone, Copy, Debug)]
struct Cut {
    at: Time,
    loss: f64,
    /// Bits a second that were sent and that arrived.
    sent: f64,
    acknowledged: f64,
    /// Packets have waited in a queue, then or since.
    is_queued: bool,
    /// What was told at this cut and at those before it that changed nothing, and how many these are.
    told: Span,
    in_vain: u8,
}

crate::snapshot::state! {
    struct Cut { at, loss, sent, acknowledged, is_queued, told, in_vain }
}

/// Bits a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rates {
    pub(super) sent: f64,
    /// What arrives.
    pub(super) acknowledged: f64,
    /// What the path is known to carry, though so little is sent that nothing shows it now.
    pub(super) proven: f64,
}

crate::snapshot::state! { struct Rates { sent, acknowledged, proven } }

/// What delays say of loss.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Delays {
    /// Packets wait in a queue.
    pub(super) are_queues: bool,
    /// Packets that were overtaken come after all within this time.
    pub(super) overtaking: Duration,
}

crate::snapshot::state! { struct Delays { are_queues, overtaking } }

const SPANS: usize = 5;
const SPAN: Duration = Duration::from_millis(250);
/// Fewer packets say little about a share.
const PACKETS_MIN: f64 = 20.0;
/// Loss beyond the inherent one that lowers the ceiling.
const EXCESS: f64 = 0.05;
/// The same while packets wait in a queue: that overflows (2 % are the draft's bound of section 6).
const EXCESS_QUEUED: f64 = 0.02;
/// It is beyond chance: so many standard deviations.
const DEVIATIONS: f64 = 3.0;
/// The variance of a path without any loss of its own, which would make one packet too much.
const SHARE_MIN: f64 = 0.01;
/// For so long after a cut a path is not tried for more.
const CUT_INTERVAL: Duration = Duration::from_millis(1_000);
/// Loss is the path's own if it is still this share of what it was although so much less was sent,
/// and so much less arrived: from behind a bottleneck as much would arrive as before.
const STAYED: f64 = 0.75;
const LESS_SENT: f64 = 0.92;
const LESS_ARRIVED: f64 = 0.95;
/// So many cuts in vain, none further from the one before than this, say what less sending would
/// say.
const IN_VAIN: u8 = 6;
const IN_A_ROW: Duration = Duration::from_secs(3);
/// But no more than radio loses: what stays of more is that of a path that is too narrow.
const IN_VAIN_MAX: f64 = 0.15;
/// Little that is sent says little of the path where so much of it arrives.
const ARRIVES: f64 = 0.85;
/// A cut leaves this share of what arrived.
const DECREASE: f64 = 0.95;
/// No ceiling is lower: what audio alone needs. From nothing it could never rise.
const CEILING_MIN: f64 = 30_000.0;
/// How fast a path's own loss is forgotten when less is lost, a span.
const FORGET: f64 = 0.2;
/// What the ceiling rises by in a span without excess: doubling takes two seconds.
const RISE: f64 = 1.09;

impl LossControl {
    /// Takes in what was told of packets.
    pub(super) fn add(&mut self, reports: &[PacketReport]) {
        let since = self.cut.map_or(Time::ZERO, |cut| cut.at);
        for report in reports.iter().filter(|report| report.sent.at >= since) {
            self.told = self.told.max(report.sent.at);
            let Some(span) = self.span_of(report.sent.at) else {
                continue;
            };
            match (report.arrived, report.was_lost) {
                (None, _) => (span.packets, span.lost) = (span.packets + 1.0, span.lost + 1.0),
                (Some(_), true) => span.lost -= 1.0,
                (Some(_), false) => span.packets += 1.0,
            }
        }
    }

    /// The span in which a packet was sent at `at`; none when it is forgotten.
    fn span_of(&mut self, at: Time) -> Option<&mut Span> {
        if at >= self.spans[self.newest].began + SPAN {
            self.newest = (self.newest + 1) % SPANS;
            self.spans[self.newest] = Span {
                began: beginning_of_span(at),
                ..Span::default()
            };
        }
        let holds = |span: &&mut Span| span.began <= at && at < span.began + SPAN;
        self.spans.iter_mut().find(holds)
    }

    /// Looks at the loss at `now`, at which so much is sent and arrives, of which `delays` tell.
    pub(super) fn update(&mut self, rates: Rates, delays: Delays, now: Time) {
        if let Some(cut) = &mut self.cut {
            cut.is_queued |= delays.are_queues;
        }
        let judged_at = *self.judged_at.get_or_insert(now);
        if now - judged_at < SPAN {
            return;
        }
        self.judged_at = Some(now);
        self.overtaking = delays.overtaking;
        let counts = self.counts();
        if counts.packets >= PACKETS_MIN {
            self.share = Some(counts.share());
            self.learn(counts.share(), rates);
            self.judge(counts, delays, rates, now);
            if let Some(cut) = &mut self.cut {
                cut.is_queued |= delays.are_queues;
            }
        }
    }

    /// Packets were lost that would have come by now, if those that are overtaken come within
    /// `overtaking`. Each is told of once.
    pub(super) fn has_lost(&mut self, overtaking: Duration) -> bool {
        let (asked, told) = (self.asked, self.told);
        let settled = self.spans.iter().filter(|span| {
            let is_over = span.began + SPAN + overtaking <= told;
            is_over && span.packets > 0.0 && span.began >= asked
        });
        let mut has_lost = false;
        for span in settled {
            has_lost |= span.lost > 0.0;
            self.asked = self.asked.max(span.began + SPAN);
        }
        has_lost
    }

    /// Bits a second that the estimate may not exceed.
    pub(super) fn ceiling(&self) -> Option<f64> {
        self.ceiling
    }

    /// The ceiling was lowered lately.
    pub(super) fn is_cutting(&self, now: Time) -> bool {
        self.cut.is_some_and(|cut| now - cut.at < CUT_INTERVAL)
    }

    /// The share of packets lost within the last second, or when enough of them were told of last.
    pub(super) fn loss(&self) -> Option<f64> {
        let counts = self.counts();
        let told = (counts.packets > 0.0).then(|| counts.share());
        self.share.filter(|_| counts.packets < PACKETS_MIN).or(told)
    }

    /// More than `bitrate` was carried: what lay below is no ceiling.
    pub(super) fn raise_to(&mut self, bitrate: f64) {
        if self.ceiling.is_some_and(|ceiling| ceiling < bitrate) {
            self.ceiling = Some(bitrate);
        }
    }

    /// How much the path loses whatever is sent.
    fn learn(&mut self, loss: f64, rates: Rates) {
        if let Some(cut) = self.cut
            && !cut.is_queued
            && loss >= STAYED * cut.loss
            && rates.sent <= LESS_SENT * cut.sent
            && rates.acknowledged <= LESS_ARRIVED * cut.acknowledged
        {
            self.inherent = self.inherent.max(loss);
        }
    }

    fn judge(&mut self, counts: Span, delays: Delays, rates: Rates, now: Time) {
        let loss = counts.share();
        let most = if delays.are_queues {
            EXCESS_QUEUED
        } else {
            EXCESS
        };
        if loss < self.inherent {
            self.inherent += FORGET * (loss - self.inherent);
        }
        if !counts.exceeds(self.inherent, most) {
            self.ceiling = self.ceiling.map(|ceiling| ceiling * RISE);
        } else {
            self.lower(counts, delays, rates, now);
        }
    }

    fn lower(&mut self, counts: Span, delays: Delays, rates: Rates, now: Time) {
        let Rates {
            sent,
            acknowledged,
            proven,
        } = rates;
        let ceiling = self.ceiling.unwrap_or(f64::INFINITY);
        let is_little = proven > acknowledged && acknowledged >= ARRIVES * sent;
        let has_stepped = (self.stepped_at).is_some_and(|at| now - at < CUT_INTERVAL);
        let carried = match (is_little, has_stepped) {
            (true, true) => ceiling,
            (true, false) => {
                self.stepped_at = Some(now);
                DECREASE * proven
            }
            (false, _) => DECREASE * acknowledged,
        };
        self.ceiling = Some(carried.max(CEILING_MIN).min(ceiling));
        let changed_nothing = |cut: &Cut| {
            let is_queued = cut.is_queued || delays.are_queues;
            !is_queued && now - cut.at < IN_A_ROW && sent > LESS_SENT * cut.sent
        };
        let before = self.cut.filter(changed_nothing);
        let told = before.map_or(counts, |cut| cut.told.and(counts));
        let in_vain = before.map_or(0, |cut| cut.in_vain + 1);
        if in_vain >= IN_VAIN && told.share() <= IN_VAIN_MAX {
            self.inherent = self.inherent.max(told.share());
        }
        self.cut = Some(Cut {
            at: now,
            loss: counts.share(),
            // Of several in vain the most, lest a slow fall pass for none.
            sent: before.map_or(sent, |cut| cut.sent.max(sent)),
            acknowledged: before.map_or(acknowledged, |cut| cut.acknowledged.max(acknowledged)),
            is_queued: false,
            told,
            in_vain: in_vain % IN_VAIN,
        });
        self.spans = [Span::default(); SPANS];
    }

    /// What was told lately of packets that would have come by now.
    fn counts(&self) -> Span {
        let oldest = SPAN * (SPANS as u32) + self.overtaking;
        let settled = |span: &&Span| {
            let is_over = span.began + SPAN + self.overtaking <= self.told;
            let is_old = span.began + oldest < self.told;
            (self.overtaking.is_zero() || is_over) && !is_old
        };
        let spans = self.spans.iter().filter(settled);
        spans.fold(Span::default(), |sum, span| sum.and(*span))
    }
}

/// Spans begin at multiples of their length, in whatever order packets are told of.
fn beginning_of_span(at: Time) -> Time {
    let into = at.as_nanos() % SPAN.as_nanos() as u64;
    Time::from_nanos(at.as_nanos() - into)
}

impl Span {
    /// What was told of both.
    fn and(self, other: Self) -> Self {
        Self {
            packets: self.packets + other.packets,
            lost: self.lost + other.lost,
            ..self
        }
    }

    fn share(self) -> f64 {
        (self.lost / self.packets.max(1.0)).clamp(0.0, 1.0)
    }

    /// More is lost than `inherent` explains, by a share of `most`.
    fn exceeds(self, inherent: f64, most: f64) -> bool {
        let expected = self.packets * inherent;
        let share = inherent.max(SHARE_MIN);
        let deviation = (self.packets * share * (1.0 - share).max(0.0)).sqrt();
        let excess = self.lost - expected;
        excess > DEVIATIONS * deviation && excess > most * self.packets
    }
}

#[cfg(test)]
mod tests {
    use super::super::estimator::SentPacket;
    use super::*;

    struct Path {
        control: LossControl,
        delays: Delays,
        proven: f64,
        now: u64,
    }

    impl Path {
        fn new() -> Self {
            let control = LossControl::default();
            Self {
                control,
                delays: Delays::default(),
                proven: 0.0,
                now: 0,
            }
        }

        /// A hundred packets a second, of which every `lost`th is lost (0: none), for `ms`.
        fn run(&mut self, ms: u64, lost: u64, sent: f64) {
            for _ in 0..ms / 10 {
                self.now += 10;
                let is_lost = lost > 0 && (self.now / 10).is_multiple_of(lost);
                let now = Time::from_millis(self.now);
                let report = PacketReport {
                    sent: SentPacket {
                        number: 0,
                        at: now,
                        bytes: 1_000,
                        probe: 0,
                    },
                    arrived: (!is_lost).then_some(now),
                    was_lost: false,
                };
                self.control.add(&[report]);
                let share = if lost > 0 {
                    1.0 - 1.0 / lost as f64
                } else {
                    1.0
                };
                let rates = Rates {
                    sent,
                    acknowledged: sent * share,
                    proven: self.proven,
                };
                self.control.update(rates, self.delays, now);
            }
        }

        fn ceiling(&self) -> u64 {
            self.control.ceiling().map_or(u64::MAX, |bits| bits as u64)
        }
    }

    #[test]
    fn little_loss_is_no_ceiling() {
        let mut path = Path::new();
        path.run(60_000, 33, 1e6);
        assert_eq!(path.ceiling(), u64::MAX);
    }

    #[test]
    fn loss_lowers_the_ceiling_below_what_arrives() {
        let mut path = Path::new();
        path.run(5_000, 0, 1e6);
        path.run(1_000, 4, 1e6);
        assert!(
            (700_000..=712_500).contains(&path.ceiling()),
            "{}",
            path.ceiling()
        );
        path.run(10_000, 0, 0.7e6);
        assert!(
            path.ceiling() > 2_000_000,
            "it rises again: {}",
            path.ceiling()
        );
    }

    #[test]
    fn loss_that_stays_when_less_is_sent_is_the_paths_own() {
        let mut path = Path::new();
        path.run(2_000, 10, 1e6);
        assert!(path.ceiling() <= 900_000);
        path.run(20_000, 10, 0.8e6);
        assert!(path.ceiling() > 2_000_000, "{}", path.ceiling());
        path.run(20_000, 10, 3e6);
        assert!(path.ceiling() > 2_000_000, "more makes it no worse");
        path.run(10_000, 0, 3e6);
        path.run(2_000, 10, 3e6);
        assert!(
            path.ceiling() < 3_000_000,
            "a clean path has no loss of its own"
        );
    }

    #[test]
    fn loss_that_stays_where_nothing_can_be_left_out_is_the_paths_own() {
        // Every how many packets one is lost: 6 to 10 %.
        for lost in [16, 14, 12, 10] {
            let mut path = Path::new();
            path.run(2_000, 0, 1e6);
            path.run(2_000, lost, 1e6);
            assert!(path.ceiling() <= 1_000_000, "{lost}: {}", path.ceiling());
            path.run(20_000, lost, 1e6);
            assert!(path.ceiling() > 2_000_000, "{lost}: {}", path.ceiling());
        }
        let mut path = Path::new();
        path.delays.are_queues = true;
        path.run(60_000, 12, 1e6);
        assert!(path.ceiling() <= 950_000, "a queue overflows");
    }

    #[test]
    fn loss_of_little_takes_little_of_what_was_proven() {
        let mut path = Path::new();
        path.proven = 3e6;
        path.run(2_000, 10, 0.15e6);
        let ceiling = path.ceiling();
        assert!((2_500_000..3_000_000).contains(&ceiling), "{ceiling}");
    }

    #[test]
    fn a_path_that_becomes_too_narrow_for_little_is_so_however_long_that_stays() {
        // Of 1 Mbit/s a half arrives, two thirds, three quarters or four fifths, and nothing waits.
        for (lost, arrives) in [(2, 500_000), (3, 667_000), (4, 750_000), (5, 800_000)] {
            let mut path = Path::new();
            path.proven = 3e6;
            path.run(20_000, lost, 1e6);
            assert!(path.ceiling() <= arrives, "{lost}: {}", path.ceiling());
        }
    }

    #[test]
    fn what_a_full_queue_loses_is_never_the_paths_own() {
        let mut path = Path::new();
        path.delays.are_queues = true;
        path.run(2_000, 10, 1e6);
        path.run(20_000, 10, 0.8e6);
        assert!(path.ceiling() <= 900_000, "{}", path.ceiling());
    }

    #[test]
    fn what_came_after_all_was_not_lost() {
        let mut control = LossControl::default();
        let sent = SentPacket {
            number: 1,
            at: Time::ZERO,
            bytes: 1_000,
            probe: 0,
        };
        let (arrived, was_lost) = (None, false);
        control.add(
            &[PacketReport {
                sent,
                arrived,
                was_lost,
            }; 10],
        );
        assert_eq!(control.loss(), Some(1.0));
        let (arrived, was_lost) = (Some(Time::ZERO), true);
        control.add(
            &[PacketReport {
                sent,
                arrived,
                was_lost,
            }; 10],
        );
        assert_eq!(control.loss(), Some(0.0));
    }

    #[test]
    fn what_was_overtaken_is_not_lost_and_what_was_lost_is_told_of_once() {
        let overtaking = Duration::from_millis(100);
        let mut control = LossControl::default();
        let report = |at: u64, is_there: bool, was_lost: bool| PacketReport {
            sent: SentPacket {
                number: 0,
                at: Time::from_millis(at),
                bytes: 1_000,
                probe: 0,
            },
            arrived: is_there.then_some(Time::from_millis(at)),
            was_lost,
        };
        let mut told = Vec::new();
        for at in (0..3_000).step_by(10) {
            // Each tenth packet comes 50 ms later than the next one, but for that at 1.5 s.
            control.add(&[report(at, at % 100 != 50, false)]);
            if at % 100 == 0 && at > 0 && at != 1_600 {
                control.add(&[report(at - 50, true, true)]);
            }
            if control.has_lost(overtaking) {
                told.push(at);
            }
        }
        assert_eq!(told, [1_850]);
    }
}

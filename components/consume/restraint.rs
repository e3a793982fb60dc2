//! When no more is tried on a path.

use std::time::Duration;

use bevy_ecs::component::Component;

use crate::consume::allocation::{Budget, Lowest};
use crate::consume::evidence::{is_carried, is_plain, kept};
use crate::consume::steadiest::Steadiest;
use crate::consume::step::Step;
use crate::feedback::outgoing_estimate::{EstimateCause, PathEstimate};
use crate::tick::limits::Limits;
use crate::tick::time::Time;

/// What a transport remembers of how its consumers fared, so that they do not get more and less in
/// turn around what the path carries. Written by Score.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restraint {
    raised_at: Option<Time>,
    hold: Option<Hold>,
    doublings: u32,
    steadiest: Steadiest,
    overfull_since: Option<Time>,
    /// Since when more is sent than the path is believed to carry.
    short_since: Option<Time>,
    /// Lowest layers go without, for the path was over-filled with these alone.
    is_rationed: bool,
}

crate::snapshot::state! {
    struct Restraint {
        raised_at, hold, doublings, steadiest, overfull_since, short_since, is_rationed
    }
}

/// For a while it is not tried again what was too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hold {
    since: Time,
    until: Time,
    /// Bits a second that were too many.
    level: u64,
}

crate::snapshot::state! { struct Hold { since, until, level } }

/// A raise that lasted for so long was right.
const RIGHT: Duration = Duration::from_secs(60);
/// A path that carries so much more than what was too much, in percent, is another path.
const ANOTHER_PERCENT: u64 = 125;
/// Though not before this part of the span: for a moment probes find more on any path that is shared.
const ANOTHER_PARTS: u64 = 8;
/// And so much of it, in percent, is known to be all right.
const RIGHT_PERCENT: u64 = 90;
/// Who got less is told after about so long what came of it: a round trip and a report.
const TOLD: Duration = Duration::from_millis(300);
/// A path that is believed to carry less than so much of what is sent, in percent, has become
/// another one.
const DEEP_PERCENT: u64 = 70;
/// Lowest layers over-fill a path if it is over-filled for so long with them alone. What was sent
/// before has left sooner where nobody else is on it, and others are as slow to notice: over a step
/// down that all of them must follow, going without for a second froze more than it saved.
const OVERFULL: Duration = Duration::from_secs(3);

impl Restraint {
    /// What there is to share of `path`, where `sent` bits a second are sent, and `repeated` of what
    /// was lost beside them: more is not given of that, and in no case more than `most`.
    pub fn budget(
        &mut self,
        path: &PathEstimate,
        (sent, repeated): (u64, u64),
        most: u64,
        now: Time,
        limits: &Limits,
    ) -> Budget {
        let (estimate, patience) = (
            path.bitrate,
            Duration::from_millis(limits.layer_patience_ms),
        );
        let lowest = self.steadiest.update(estimate, patience / 2, now);
        let believed = kept(path, repeated).min(most);
        let keep = self.keep(path, (sent, believed), now, limits).min(most);
        let margin = limits.layer_hysteresis_percent.saturating_add(100);
        let below = |bitrate: u64| bitrate.saturating_mul(100) / margin;
        // A bound set on purpose stays where it is, however long it is waited: what is just below it
        // would be given and taken in turn.
        let patient = lowest.unwrap_or(0).min(below(most));
        let tried = below(estimate).max(patient);
        self.watch(sent > keep && path.is_overfull(), now);
        let raise = match sent > believed {
            true => 0,
            false => tried.min(self.most(estimate, now)).saturating_sub(repeated),
        };
        Budget {
            keep,
            raise,
            lowest: match (limits.lowest_layer_always, self.is_rationed) {
                (true, false) => Lowest::Everybody,
                (true, true) => Lowest::First,
                (false, _) => Lowest::Nobody,
            },
        }
    }

    /// Up to which bitrate everybody keeps what it has, where `sent` bits a second are sent and
    /// `believed` ones carried: for a while more than these, unless it is plain that it is too much.
    fn keep(
        &mut self,
        path: &PathEstimate,
        (sent, believed): (u64, u64),
        now: Time,
        limits: &Limits,
    ) -> u64 {
        // As the reference does it, nothing is kept that has no room in the estimate.
        if !limits.lowest_layer_always {
            return believed;
        }
        if sent <= believed || is_carried(path, sent) {
            self.short_since = None;
            return believed.max(sent);
        }
        let since = *self.short_since.get_or_insert(now);
        let patience = Duration::from_millis(limits.layer_fall_patience_ms);
        let has_fallen = self.hold.is_some_and(|hold| now - hold.since < TOLD);
        let is_doubtful = !is_plain(path) && believed >= sent / 100 * DEEP_PERCENT;
        let waits = has_fallen || is_doubtful && now - since < patience;
        match waits && !path.is_full() {
            true => sent,
            false => believed,
        }
    }

    /// How much more is tried at a time where `sent` bits a second are sent: since something was too
    /// much for the path, little, and it is seen what comes of that.
    /// Of a path of which a receiver tells a bitrate, nothing is seen.
    pub fn step(&self, path: &PathEstimate, sent: u64, now: Time, limits: &Limits) -> Step {
        let lately = Duration::from_millis(limits.layer_hold_down_max_ms);
        let is_told = path.cause == EstimateCause::Remb;
        let holds = |hold: &Hold| !is_told && now - hold.since < lately;
        let Some(hold) = self.hold.filter(holds) else {
            return Step::Any;
        };
        if self
            .raised_at
            .is_some_and(|at| now - at < limits.layer_change_interval())
        {
            return Step::Nothing;
        }
        let percent = match self.is_another(hold, path.bitrate) {
            true => limits.layer_step_percent,
            false => limits.layer_cautious_step_percent,
        };
        Step::UpTo(sent.saturating_add((sent / 100).saturating_mul(percent)))
    }

    /// For some time now the path has been believed to carry more than what was too much, or it is
    /// twice as much.
    fn is_another(&self, hold: Hold, estimate: u64) -> bool {
        self.steadiest.lowest() >= hold.level.saturating_mul(ANOTHER_PERCENT) / 100
            || hold.is_half_of(estimate)
    }

    /// Everybody gets something.
    pub fn serve_all(&mut self) {
        self.is_rationed = false;
    }

    fn watch(&mut self, is_overfull: bool, now: Time) {
        let since = self.overfull_since.filter(|_| is_overfull);
        self.overfull_since = is_overfull.then_some(since.unwrap_or(now));
        self.is_rationed |= since.is_some_and(|since| now - since >= OVERFULL);
    }

    /// Somebody got more.
    pub fn rise(&mut self, now: Time) {
        self.raised_at = Some(now);
    }

    /// Somebody got less because `sent` bits a second were too many. When that follows a raise, the
    /// next one is held back for twice as long.
    pub fn fall(&mut self, sent: u64, now: Time, limits: &Limits) {
        match self.raised_at.take() {
            Some(at) if now - at < RIGHT => self.doublings = (self.doublings + 1).min(16),
            Some(_) => self.doublings = 0,
            None => {}
        }
        let times = 1 << self.doublings.saturating_sub(1);
        let span = limits.layer_hold_down_ms.saturating_mul(times);
        let span = Duration::from_millis(span.min(limits.layer_hold_down_max_ms));
        self.hold = Some(Hold {
            since: now,
            until: now + span,
            level: sent,
        });
    }

    /// The most that is tried.
    fn most(&self, estimate: u64, now: Time) -> u64 {
        let holds = |hold: &Hold| {
            let short = (hold.until - hold.since).as_nanos() as u64 / ANOTHER_PARTS;
            let is_over = now >= hold.since + Duration::from_nanos(short);
            let may_be_another = is_over || hold.is_half_of(estimate);
            now < hold.until && !(may_be_another && self.is_another(*hold, estimate))
        };
        let hold = self.hold.filter(holds);
        hold.map_or(u64::MAX, |hold| {
            hold.level.saturating_mul(RIGHT_PERCENT) / 100
        })
    }
}

impl Hold {
    /// An estimate is at least twice what was too much.
    fn is_half_of(self, estimate: u64) -> bool {
        estimate >= self.level.saturating_mul(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (ms, estimate, what is sent, what may be kept and given), in kbit/s.
    fn check(restraint: &mut Restraint, rows: &[(u64, u64, u64, u64, u64)]) {
        for &(ms, estimate, sent, keep, raise) in rows {
            let now = Time::from_millis(ms);
            let limits = Limits::default();
            let path = PathEstimate::starting_at(estimate * 1_000);
            let budget = restraint.budget(&path, (sent * 1_000, 0), 5_000_000, now, &limits);
            let found = (budget.keep / 1_000, budget.raise / 1_000);
            assert_eq!(found, (keep, raise), "at {ms} ms");
        }
    }

    #[test]
    fn more_takes_a_margin_or_patience() {
        check(
            &mut Restraint::default(),
            &[
                (0, 1_050, 500, 1_207, 1_000),
                (2_000, 1_155, 500, 1_328, 1_100),
                // The first half of five seconds is over: that was 1,050 at least.
                (2_600, 1_100, 500, 1_265, 1_050),
                (3_000, 1_050, 500, 1_207, 1_050),
                (5_200, 1_100, 500, 1_265, 1_050),
                (7_800, 1_100, 500, 1_265, 1_100),
            ],
        );
    }

    #[test]
    fn below_a_bound_that_was_set_a_margin_stays() {
        // The bound is 5 Mbit/s.
        check(
            &mut Restraint::default(),
            &[
                (0, 5_000, 500, 5_000, 4_761),
                (10_000, 5_000, 500, 5_000, 4_761),
                (20_000, 5_000, 4_900, 5_000, 4_761),
            ],
        );
    }

    #[test]
    fn nobody_gets_more_while_too_much_is_sent() {
        check(
            &mut Restraint::default(),
            &[(0, 1_000, 1_150, 1_150, 952), (100, 1_000, 1_151, 1_150, 0)],
        );
    }

    #[test]
    fn after_a_fall_it_is_not_tried_again_for_a_while_unless_the_path_is_another() {
        let (mut restraint, limits) = (Restraint::default(), Limits::default());
        restraint.fall(1_000_000, Time::from_secs(10), &limits);
        check(
            &mut restraint,
            &[
                (10_000, 1_100, 500, 1_265, 900),
                (14_999, 900, 500, 1_035, 900),
                // For a moment more is believed of it.
                (14_999, 1_300, 500, 1_495, 900),
                (15_000, 1_100, 500, 1_265, 1_047),
            ],
        );
        let (mut restraint, limits) = (Restraint::default(), Limits::default());
        restraint.fall(1_000_000, Time::from_secs(10), &limits);
        check(
            &mut restraint,
            &[
                (10_000, 1_250, 500, 1_437, 900),
                (10_624, 1_250, 500, 1_437, 900),
                (10_625, 1_250, 500, 1_437, 1_190),
                (11_300, 1_249, 500, 1_436, 900),
                // Twice as much.
                (11_400, 2_000, 500, 2_300, 1_904),
            ],
        );
    }

    #[test]
    fn who_gets_less_waits_unless_it_is_plain_that_too_much_is_sent() {
        let (mut restraint, limits) = (Restraint::default(), Limits::default());
        let mut look = |ms: u64, estimate: u64, (acknowledged, queue, loss): (u64, f64, f64)| {
            let mut path = PathEstimate::starting_at(estimate * 1_000);
            path.figures.acknowledged_bitrate = Some(acknowledged * 1_000);
            (path.figures.queueing_delay, path.figures.loss) = (queue, Some(loss));
            let now = Time::from_millis(ms);
            restraint
                .budget(&path, (1_000_000, 0), u64::MAX, now, &limits)
                .keep
                / 1_000
        };
        let rows = [
            // What arrives without a queue is carried, for as long as it does.
            (0, 500, (900, 19.0, 0.0), 1_000),
            (5_000, 500, (900, 19.0, 0.005), 1_000),
            // A queue may be that of a moment, for half a second.
            (5_100, 700, (900, 20.0, 0.0), 1_000),
            (5_599, 700, (900, 59.0, 0.0), 1_000),
            (5_600, 700, (900, 20.0, 0.0), 805),
            (5_700, 700, (950, 0.0, 0.0), 1_000),
            (5_800, 700, (899, 0.0, 0.0), 1_000),
            (6_300, 700, (899, 0.0, 0.0), 805),
            (6_400, 1_000, (899, 0.0, 0.0), 1_150),
            // Loss, a long queue and a path that is much less leave no doubt.
            (6_500, 700, (900, 0.0, 0.006), 805),
            (6_600, 1_000, (899, 0.0, 0.0), 1_150),
            (6_700, 700, (900, 61.0, 0.0), 855),
            (6_800, 1_000, (899, 0.0, 0.0), 1_150),
            (6_900, 600, (900, 20.0, 0.0), 690),
        ];
        for (ms, estimate, figures, keep) in rows {
            assert_eq!(look(ms, estimate, figures), keep, "at {ms} ms");
        }
    }

    #[test]
    fn after_a_fall_it_is_told_first_what_came_of_it() {
        let (mut restraint, limits) = (Restraint::default(), Limits::default());
        restraint.fall(1_200_000, Time::from_secs(10), &limits);
        let mut keep = |ms: u64, queue: f64| {
            let mut path = PathEstimate::starting_at(500_000);
            path.figures.queueing_delay = queue;
            let now = Time::from_millis(ms);
            restraint
                .budget(&path, (1_000_000, 0), u64::MAX, now, &limits)
                .keep
        };
        assert_eq!(keep(10_100, 150.0), 1_000_000);
        assert_eq!(keep(10_200, 201.0), 500_000, "it is full");
        assert_eq!(keep(10_299, 100.0), 1_000_000);
        assert_eq!(keep(10_300, 100.0), 500_000);
    }

    #[test]
    fn a_path_on_which_something_was_too_much_is_tried_in_steps() {
        let (mut restraint, limits) = (Restraint::default(), Limits::default());
        let at = Time::from_millis;
        let path = |kbits: u64| PathEstimate::starting_at(kbits * 1_000);
        assert_eq!(
            restraint.step(&path(1_000), 1_000, at(0), &limits),
            Step::Any
        );
        restraint.fall(1_200_000, at(0), &limits);
        restraint.budget(&path(1_000), (0, 0), u64::MAX, at(0), &limits);
        assert_eq!(
            restraint.step(&path(1_000), 1_000, at(100), &limits),
            Step::UpTo(1_200)
        );
        restraint.rise(at(6_000));
        assert_eq!(
            restraint.step(&path(1_000), 1_100, at(6_999), &limits),
            Step::Nothing
        );
        assert_eq!(
            restraint.step(&path(1_000), 1_100, at(7_000), &limits),
            Step::UpTo(1_320)
        );
        assert_eq!(
            restraint.step(&path(1_000), 1_000, at(60_000), &limits),
            Step::Any,
            "that was long ago"
        );
        let (mut restraint, limits) = (Restraint::default(), Limits::default());
        restraint.fall(800_000, at(0), &limits);
        restraint.budget(&path(1_000), (0, 0), u64::MAX, at(0), &limits);
        assert_eq!(
            restraint.step(&path(1_000), 700, at(100), &limits),
            Step::UpTo(1_400),
            "another path"
        );
    }

    #[test]
    fn every_raise_that_was_wrong_doubles_the_while() {
        let (mut restraint, limits) = (Restraint::default(), Limits::default());
        let mut now = 100;
        // Seconds until the fall, and for which nothing is tried then.
        for (lasted, held) in [
            (1, 5),
            (1, 10),
            (1, 20),
            (1, 40),
            (59, 60),
            (1, 60),
            (60, 5),
            (1, 5),
        ] {
            restraint.rise(Time::from_secs(now));
            now += lasted;
            restraint.fall(1_000, Time::from_secs(now), &limits);
            let until = restraint.hold.map(|hold| hold.until);
            assert_eq!(until, Some(Time::from_secs(now + held)));
            now += held;
        }
    }

    #[test]
    fn lowest_layers_go_without_where_a_path_stays_over_filled() {
        let (mut restraint, limits) = (Restraint::default(), Limits::default());
        let mut look = |ms: u64, sent: u64, queue: f64, loss: f64| {
            let mut path = PathEstimate::starting_at(1_000_000);
            (path.figures.queueing_delay, path.figures.loss) = (queue, Some(loss));
            let now = Time::from_millis(ms);
            restraint
                .budget(&path, (sent, 0), u64::MAX, now, &limits)
                .lowest
        };
        let rows = [
            (0, 1_200_000, 300.0, 0.3, Lowest::Everybody),
            // It was not: from here on again.
            (2_900, 950_000, 300.0, 0.3, Lowest::Everybody),
            (3_000, 1_200_000, 300.0, 0.3, Lowest::Everybody),
            (5_900, 1_200_000, 0.0, 0.3, Lowest::Everybody),
            (6_000, 1_200_000, 250.0, 0.0, Lowest::Everybody),
            (8_900, 1_200_000, 30.0, 0.06, Lowest::Everybody),
            (9_000, 1_200_000, 30.0, 0.06, Lowest::First),
            (9_100, 900_000, 0.0, 0.0, Lowest::First),
        ];
        for (ms, sent, queue, loss, expected) in rows {
            assert_eq!(look(ms, sent, queue, loss), expected, "at {ms} ms");
        }
        restraint.serve_all();
        let path = PathEstimate::starting_at(1_000_000);
        let budget = restraint.budget(&path, (0, 0), 1, Time::from_secs(10), &limits);
        assert_eq!(budget.lowest, Lowest::Everybody);
    }
}

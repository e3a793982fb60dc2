//! For how long the run loop lets packets gather.

use std::time::Duration;

use flumen_components::Time;

/// The shortest span between two ticks of the run loop, as its load has it.
///
/// What arrives within the span is handled as one batch, which costs less a packet and delays it. So
/// the span is as short as can be while the loop sleeps for much of the time, and grows by steps
/// while it hardly does. Between the two loads it falls slowly: gathering itself takes load away, and
/// would otherwise end for that; but a burst of long ago is not to have packets gather for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gathering {
    least: Duration,
    most: Duration,
    span: Duration,
    /// When the loop last woke up; none before its first rest.
    woken: Option<Time>,
    /// For how long the load is being measured, and for how much of that the loop slept.
    window: Duration,
    slept: Duration,
    /// For how long the load has been between the two since the span last changed.
    between: Duration,
}

/// The longest span.
const LONGEST: Duration = Duration::from_millis(100);
/// For how long the load is measured before the span changes.
const WINDOW: Duration = Duration::from_millis(10);
/// Above this share of time in which the loop does not sleep, in percent, packets gather for longer.
const BUSY: u128 = 60;
/// Below it they gather for a shorter time.
const EASY: u128 = 35;
/// Steps from the least span to the most.
const STEPS: u32 = 8;
/// How long a load between the two takes to undo a step.
const PATIENCE: Duration = Duration::from_millis(100);

impl Gathering {
    /// Always the same span.
    pub(crate) fn always(span: Duration) -> Self {
        let span = span.min(LONGEST);
        Self {
            least: span,
            most: span,
            span,
            woken: None,
            window: Duration::ZERO,
            slept: Duration::ZERO,
            between: Duration::ZERO,
        }
    }

    /// As the load has it, none to `most`.
    pub(crate) fn up_to(most: Duration) -> Self {
        Self {
            least: Duration::ZERO,
            span: Duration::ZERO,
            ..Self::always(most)
        }
    }

    /// The shortest span between two ticks.
    pub(crate) fn span(&self) -> Duration {
        self.span
    }

    /// The loop has rested from one time to the other, if only for an instant.
    pub(crate) fn slept(&mut self, from: Time, to: Time) {
        // Who is away for longer than a window does something else than to tick.
        let busy = self.woken.map_or(Duration::ZERO, |woken| from.since(woken));
        let asleep = to.since(from);
        self.woken = Some(to);
        self.window += busy.min(WINDOW) + asleep;
        self.slept += asleep;
        if self.window >= WINDOW {
            self.follow_load();
            (self.window, self.slept) = (Duration::ZERO, Duration::ZERO);
        }
    }

    /// Changes the span as the window that is over has it.
    fn follow_load(&mut self) {
        let step = (self.most - self.least) / STEPS;
        // A long window is as many short ones.
        let change = step * steps(self.window, WINDOW);
        let between = std::mem::take(&mut self.between);
        match 100 - 100 * self.slept.as_nanos() / self.window.as_nanos() {
            BUSY.. => self.span = (self.span + change).min(self.most),
            0..EASY => self.fall(change),
            _ if between + self.window < PATIENCE => self.between = between + self.window,
            _ => self.fall(step * steps(between + self.window, PATIENCE)),
        }
    }

    fn fall(&mut self, change: Duration) {
        self.span = self.span.saturating_sub(change).max(self.least);
    }
}

/// How often `each` has passed in `span`; all steps at most.
fn steps(span: Duration, each: Duration) -> u32 {
    let steps = span.as_nanos() / each.as_nanos();
    u32::try_from(steps).unwrap_or(STEPS).min(STEPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_micros(400);

    /// Lets windows of this load in percent pass.
    fn pass(gathering: &mut Gathering, now: &mut Time, windows: u32, load: u32) {
        for _ in 0..10 * windows {
            let woken = *now + WINDOW / 10 * (100 - load) / 100;
            gathering.slept(*now, woken);
            *now += WINDOW / 10;
        }
        // What follows is told of with the next sleep.
        gathering.slept(*now, *now);
    }

    #[test]
    fn nothing_gathers_while_the_loop_keeps_up_easily() {
        let (mut gathering, mut now) = (Gathering::up_to(MOST), Time::ZERO);
        pass(&mut gathering, &mut now, 100, 55);
        assert_eq!(gathering.span(), Duration::ZERO);
    }

    #[test]
    fn the_span_grows_with_load_up_to_the_most() {
        let (mut gathering, mut now) = (Gathering::up_to(MOST), Time::ZERO);
        pass(&mut gathering, &mut now, 3, 90);
        let grown = gathering.span();
        assert!(grown > Duration::ZERO && grown < MOST, "{grown:?}");
        pass(&mut gathering, &mut now, 100, 90);
        assert_eq!(gathering.span(), MOST);
    }

    #[test]
    fn between_the_loads_the_span_falls_a_step_each_tenth_of_a_second() {
        let (mut gathering, mut now) = (Gathering::up_to(MOST), Time::ZERO);
        pass(&mut gathering, &mut now, 40, 90);
        // Of the first window, part is of what was before.
        pass(&mut gathering, &mut now, 5, 45);
        assert_eq!(gathering.span(), MOST);
        for fallen in 1..=STEPS {
            pass(&mut gathering, &mut now, 10, 45);
            assert_eq!(gathering.span(), MOST - MOST / STEPS * fallen);
        }
        pass(&mut gathering, &mut now, 100, 45);
        assert_eq!(gathering.span(), Duration::ZERO);
    }

    #[test]
    fn a_load_that_gathering_takes_away_keeps_the_span_within_a_step() {
        let (mut gathering, mut now) = (Gathering::up_to(MOST), Time::ZERO);
        let step = MOST / STEPS;
        let mut spans = Vec::new();
        for _ in 0..1000 {
            // Three steps of gathering bring it below the upper load, none below the lower one.
            let load = 75 - 6 * (gathering.span().as_nanos() / step.as_nanos()) as u32;
            pass(&mut gathering, &mut now, 1, load);
            spans.push(gathering.span());
        }
        let settled = &spans[20..];
        let is_near = |span: &Duration| (2 * step..=4 * step).contains(span);
        assert!(settled.iter().all(is_near), "{settled:?}");
        let changes = settled.windows(2).filter(|pair| pair[0] != pair[1]);
        assert!(changes.count() <= 2 * settled.len() / 10);
    }

    #[test]
    fn time_outside_of_the_loop_says_nothing_of_its_load() {
        let ms = Time::from_millis;
        // The times of rests; and how many steps the span is behind them.
        let cases: [(&str, &[(u64, u64)], u32); 5] = [
            ("what was before the first rest", &[(2000, 2001)], 0),
            ("nor where the clock begins", &[(7_200_000, 7_200_020)], 0),
            ("a long request", &[(0, 1), (3000, 3001)], 1),
            ("some of them", &[(0, 1), (500, 501), (900, 901)], 2),
            ("one and a lull", &[(0, 1), (3000, 3100)], 0),
        ];
        for (name, rests, steps) in cases {
            let mut gathering = Gathering::up_to(MOST);
            for &(from, to) in rests {
                gathering.slept(ms(from), ms(to));
            }
            assert_eq!(gathering.span(), MOST / STEPS * steps, "{name}");
        }
    }

    #[test]
    fn a_span_has_a_bound() {
        for make in [Gathering::always, Gathering::up_to] {
            let (mut gathering, mut now) = (make(Duration::MAX), Time::ZERO);
            pass(&mut gathering, &mut now, 100, 99);
            assert_eq!(gathering.span(), LONGEST);
        }
    }

    #[test]
    fn a_lull_ends_it_at_once() {
        let (mut gathering, mut now) = (Gathering::up_to(MOST), Time::ZERO);
        pass(&mut gathering, &mut now, 100, 90);
        gathering.slept(now, now + Duration::from_secs(1));
        assert_eq!(gathering.span(), Duration::ZERO);
    }

    #[test]
    fn a_span_that_was_asked_for_stays() {
        let (mut gathering, mut now) = (Gathering::always(MOST), Time::ZERO);
        pass(&mut gathering, &mut now, 10, 1);
        pass(&mut gathering, &mut now, 10, 99);
        assert_eq!(gathering.span(), MOST);
    }
}

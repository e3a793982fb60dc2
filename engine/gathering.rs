//! For how long the run loop lets packets gather.

use std::time::Duration;

use flumen_components::Time;

/// The shortest span between two ticks of the run loop, as its load has it.
///
/// What arrives within the span is handled as one batch, which costs less a packet and delays it. So
/// the span is as short as can be while the loop sleeps for much of the time, and grows by steps
/// while it hardly does. Between the two loads it stays: gathering itself takes load away, and would
/// otherwise end for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gathering {
    least: Duration,
    most: Duration,
    span: Duration,
    /// Where the window began, and for how long the loop has slept since.
    begun: Time,
    slept: Duration,
}

/// For how long the load is measured before the span changes.
const WINDOW: Duration = Duration::from_millis(10);
/// Above this share of time in which the loop does not sleep, in percent, packets gather for longer.
const BUSY: u128 = 60;
/// Below it they gather for a shorter time.
const EASY: u128 = 35;
/// Steps from the least span to the most.
const STEPS: u32 = 8;

impl Gathering {
    /// Always the same span.
    pub(crate) fn always(span: Duration) -> Self {
        Self {
            least: span,
            most: span,
            span,
            begun: Time::ZERO,
            slept: Duration::ZERO,
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

    /// The loop has slept from one time to the other.
    pub(crate) fn slept(&mut self, from: Time, to: Time) {
        self.slept += to.since(from);
        let window = to.since(self.begun);
        if window < WINDOW {
            return;
        }
        let slept = self.slept.min(window);
        let load = 100 - 100 * slept.as_nanos() / window.as_nanos();
        // A long window is as many short ones.
        let windows = u32::try_from(window.as_nanos() / WINDOW.as_nanos()).unwrap_or(STEPS);
        let change = (self.most - self.least) / STEPS * windows.min(STEPS);
        self.span = match load {
            BUSY.. => (self.span + change).min(self.most),
            0..EASY => self.span.saturating_sub(change).max(self.least),
            _ => self.span,
        };
        (self.begun, self.slept) = (to, Duration::ZERO);
    }
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
    fn a_load_that_fell_through_gathering_keeps_the_span() {
        let (mut gathering, mut now) = (Gathering::up_to(MOST), Time::ZERO);
        pass(&mut gathering, &mut now, 4, 90);
        // Of the first window, part is of what was before.
        pass(&mut gathering, &mut now, 2, 45);
        let span = gathering.span();
        assert!(span > Duration::ZERO && span < MOST, "{span:?}");
        pass(&mut gathering, &mut now, 100, 45);
        assert_eq!(gathering.span(), span);
        pass(&mut gathering, &mut now, 100, 20);
        assert_eq!(gathering.span(), Duration::ZERO);
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

//! How much a producer speaks, on three scales of time.

use std::time::Duration;

use crate::tick::time::Time;

/// The latest second of a producer's levels, and the speech in it on three scales of time: an
/// instant, half a dozen of them, and all (I. Volfin and I. Cohen, "Dominant speaker identification
/// for multipoint videoconferencing", 2013).
#[derive(Clone, Debug)]
pub(super) struct Speech {
    /// Levels above silence, 0 to 127, one a slot, the newest first.
    levels: [u8; SLOTS],
    heard: Option<Time>,
    floor: NoiseFloor,
}

crate::snapshot::state! { struct Speech { levels, heard, floor } }

/// How much speech there is: an instant, lately, and in all. Each is positive.
pub(super) type Scores = [f64; 3];

/// The time of one level.
const SLOT: Duration = Duration::from_millis(20);
/// Levels that are kept.
const SLOTS: usize = 50;
/// After this long without a packet there is silence.
const IDLE: Duration = Duration::from_millis(40);
/// Decibels of one step of an immediate level, which has 13 of them.
const STEP: u8 = 10;
/// Immediate levels in a medium one, and medium ones in the long one.
const IMMEDIATES: usize = 5;
const MEDIUMS: usize = SLOTS / IMMEDIATES;
/// Above this an immediate level is speech, and above that a medium one.
const IMMEDIATE_SPEECH: u8 = 7;
const MEDIUM_SPEECH: u8 = 4;

/// A score is never less.
const SCORE_MIN: f64 = 1e-10;

/// `ln C(13, v) + 13 ln 1/2 - ln 0.78 + 0.78 v`, floored, for each number of steps.
const IMMEDIATE_SCORES: [f64; 14] = [
    SCORE_MIN,
    SCORE_MIN,
    SCORE_MIN,
    SCORE_MIN,
    0.9298305547132188,
    2.2976172196153386,
    3.3652992920671188,
    4.145299292067119,
    4.637617219615338,
    4.829830554713219,
    4.693539822839064,
    4.174256838708803,
    3.1624973694807466,
    1.3775480120192114,
];
/// `ln C(5, v) + 5 ln 1/2 - ln 24 + 24 v`, floored, for each number of speaking instants.
const MEDIUM_SCORES: [f64; IMMEDIATES + 1] = [
    SCORE_MIN,
    18.96564817928643,
    43.65879535984637,
    67.65879535984638,
    90.96564817928643,
    113.35621026685233,
];
/// `ln C(10, v) + 10 ln 1/2 - ln 47 + 47 v`, floored, for each number of speaking spells.
const LONG_SCORES: [f64; MEDIUMS + 1] = [
    SCORE_MIN,
    38.52096568568453,
    87.02504308246081,
    135.00587233547253,
    182.56548812340796,
    229.74780968020193,
    276.56548812340793,
    323.00587233547253,
    369.0250430824608,
    414.52096568568453,
    459.2183805926905,
];

impl Default for Speech {
    fn default() -> Self {
        Self {
            levels: [0; SLOTS],
            heard: None,
            floor: NoiseFloor::default(),
        }
    }
}

impl Speech {
    /// Hears a level, 0 (silence) to 127, which was there since the one before.
    pub(super) fn hear(&mut self, level: u8, now: Time) {
        let elapsed = self.heard.map_or(SLOT, |heard| now.since(heard));
        let slots = (elapsed.as_nanos() / SLOT.as_nanos()).clamp(1, SLOTS as u128) as usize;
        self.heard = Some(now);
        self.floor.hear(level);
        self.levels.copy_within(..SLOTS - slots, slots);
        self.levels[..slots].fill(level);
    }

    /// Notes that there is silence at `now`, if nothing has been heard for a while.
    pub(super) fn settle(&mut self, now: Time) {
        if self.heard.is_some_and(|heard| now.since(heard) >= IDLE) {
            self.hear(0, now);
        }
    }

    /// How much speech there is.
    pub(super) fn scores(&self) -> Scores {
        let immediate = self.immediate(self.levels[0]);
        let mediums = self.levels.as_chunks::<IMMEDIATES>().0;
        let medium = self.medium(&mediums[0]);
        let long = mediums
            .iter()
            .filter(|levels| self.medium(levels) > usize::from(MEDIUM_SPEECH));
        [
            IMMEDIATE_SCORES[usize::from(immediate)],
            MEDIUM_SCORES[medium],
            LONG_SCORES[long.count()],
        ]
    }

    /// The steps of a level that stands out of the noise.
    fn immediate(&self, level: u8) -> u8 {
        match level < self.floor.level.saturating_add(STEP) {
            true => 0,
            false => level / STEP,
        }
    }

    /// How many of these levels are speech.
    fn medium(&self, levels: &[u8; IMMEDIATES]) -> usize {
        let speech = |level: &&u8| self.immediate(**level) > IMMEDIATE_SPEECH;
        levels.iter().filter(speech).count()
    }
}

/// The level of the noise: the least that is heard, and slowly more when that does not come again.
#[derive(Clone, Debug, Default)]
struct NoiseFloor {
    level: u8,
    /// The least of the window that runs, and its levels so far.
    least: u8,
    heard: u16,
}

crate::snapshot::state! { struct NoiseFloor { level, least, heard } }

impl NoiseFloor {
    /// Levels of one window: 15 seconds.
    const WINDOW: u16 = 750;

    fn hear(&mut self, level: u8) {
        if level == 0 {
            return;
        }
        if self.level == 0 || level < self.level {
            *self = Self {
                level,
                least: u8::MAX,
                heard: 0,
            };
            return;
        }
        self.least = self.least.min(level);
        self.heard += 1;
        if self.heard == Self::WINDOW {
            let mean = (f64::from(self.level) * f64::from(self.least)).sqrt();
            *self = Self {
                level: mean as u8,
                least: u8::MAX,
                heard: 0,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(
        clippy::disallowed_methods,
        reason = "a test compares within a tolerance"
    )]
    fn ln(number: f64) -> f64 {
        number.ln()
    }

    fn ln_binomial(n: usize, k: usize) -> f64 {
        let factorial = |n: usize| (1..=n).map(|i| ln(i as f64)).sum::<f64>();
        factorial(n) - factorial(k) - factorial(n - k)
    }

    #[test]
    fn the_tables_are_the_formula() {
        let tables: [(&[f64], f64); 3] = [
            (&IMMEDIATE_SCORES, 0.78),
            (&MEDIUM_SCORES, 24.0),
            (&LONG_SCORES, 47.0),
        ];
        for (table, lambda) in tables {
            let n = table.len() - 1;
            for (v, &score) in table.iter().enumerate() {
                let silence = n as f64 * ln(0.5) - ln(lambda);
                let exact = (ln_binomial(n, v) + silence + lambda * v as f64).max(SCORE_MIN);
                assert!((score - exact).abs() < 1e-9, "{n} {v}: {score} {exact}");
            }
        }
    }

    /// Levels 20 ms apart.
    fn heard(levels: impl IntoIterator<Item = u8>) -> Speech {
        let mut speech = Speech::default();
        let mut now = Time::ZERO;
        for level in levels {
            now += SLOT;
            speech.hear(level, now);
        }
        speech
    }

    #[test]
    fn a_second_of_speech_over_noise_has_the_highest_scores() {
        let speech = heard([20].into_iter().chain([100; SLOTS]));
        assert_eq!(
            speech.scores(),
            [IMMEDIATE_SCORES[10], MEDIUM_SCORES[5], LONG_SCORES[10]]
        );
    }

    #[test]
    fn noise_is_no_speech_however_loud_it_is() {
        assert_eq!(heard([100; 2 * SLOTS]).scores(), [SCORE_MIN; 3]);
    }

    #[test]
    fn who_stops_is_silent_for_as_long_as_nothing_comes() {
        let mut speech = heard([20].into_iter().chain([100; SLOTS]));
        let end = Time::ZERO + SLOT * (SLOTS as u32 + 1);
        speech.settle(end + Duration::from_millis(39));
        assert_eq!(speech.scores()[0], IMMEDIATE_SCORES[10]);
        speech.settle(end + Duration::from_millis(500));
        assert_eq!(speech.scores(), [SCORE_MIN, SCORE_MIN, LONG_SCORES[5]]);
    }

    #[test]
    fn a_level_lasts_until_the_next_one_comes() {
        let mut speech = heard([20]);
        speech.hear(100, Time::ZERO + SLOT * 6);
        assert_eq!(speech.scores()[1], MEDIUM_SCORES[5]);
    }

    #[test]
    fn noise_that_rises_is_known_after_a_while() {
        let rises = |levels: usize| {
            heard([10].into_iter().chain(std::iter::repeat_n(90, levels))).scores()[0]
        };
        let window = usize::from(NoiseFloor::WINDOW);
        assert_eq!(rises(window), IMMEDIATE_SCORES[9]);
        // The square root of 10 x 90 is 30, of 30 x 90 is 51, of 51 x 90 is 67, then 77 and 83.
        assert_eq!(rises(4 * window), IMMEDIATE_SCORES[9]);
        assert_eq!(rises(5 * window), SCORE_MIN);
    }
}

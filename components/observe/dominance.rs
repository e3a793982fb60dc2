//! Who speaks, when several do.

use std::time::Duration;

use bevy_ecs::entity::Entity;
use serde::Serialize;

use super::speech::{Scores, Speech};
use super::voices::Voices;
use crate::application::id::ProducerId;
use crate::tick::time::Time;

/// The dominant speaker among the producers of an `ActiveSpeakerObserver`.
#[derive(Debug, Default)]
pub struct Dominance {
    speakers: Voices<Speech>,
    dominant: Option<Entity>,
    heard: Time,
}

crate::snapshot::state! { struct Dominance { speakers, dominant, heard } }

/// The dominant speaker, as applications are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DominantSpeaker {
    /// The producer.
    pub producer_id: ProducerId,
}

/// Who wants to be dominant must have more speech than who is, by these factors: e^3, e^2 and 1,
/// whose logarithms are the 3, 2 and 0 of the algorithm.
const FACTORS: Scores = [20.085536923187668, 7.38905609893065, 1.0];

/// How long what was heard says something: a second of levels, and some.
const MEMORY: Duration = Duration::from_secs(2);

impl Dominance {
    pub(super) fn add(&mut self, producer: Entity) -> bool {
        self.speakers.add(producer)
    }

    pub(super) fn remove(&mut self, producer: Entity) -> bool {
        if self.dominant == Some(producer) {
            self.dominant = None;
        }
        self.speakers.remove(producer)
    }

    pub(super) fn hear(&mut self, producer: Entity, dbov: u8, now: Time) {
        if let Some(speech) = self.speakers.get_mut(producer) {
            speech.hear(127 - dbov.min(127), now);
            self.heard = now;
        }
    }

    pub(super) fn producers(&self) -> Vec<Entity> {
        self.speakers.producers()
    }

    /// What was heard may still decide something.
    pub fn is_lively(&self, now: Time) -> bool {
        now.since(self.heard) < MEMORY
    }

    /// Decides who is dominant, of those that count. It is told when it is another than before.
    ///
    /// While there is one, it stays so until another has much more speech on all three scales of
    /// time, also while it does not count itself: who pauses is not less dominant than who is silent.
    /// When there is none, the producer that was added first is nominated, and whoever outdoes it is
    /// dominant.
    pub fn decide(&mut self, now: Time, counts: impl Fn(Entity) -> bool) -> Option<Entity> {
        for voice in self.speakers.iter_mut() {
            voice.heard.settle(now);
        }
        let before = self.dominant.take();
        let decided = self.outdo(before, counts);
        self.dominant = decided;
        decided.filter(|_| decided != before)
    }

    fn outdo(&self, before: Option<Entity>, counts: impl Fn(Entity) -> bool) -> Option<Entity> {
        let candidates = || self.speakers.iter().filter(|voice| counts(voice.producer));
        let first = || candidates().min_by_key(|voice| voice.added);
        let holder = match before {
            Some(before) => self.speakers.iter().find(|voice| voice.producer == before),
            None => first(),
        }?;
        let held = holder.heard.scores();
        let challenges = candidates().filter(|voice| voice.producer != holder.producer);
        let outdoing = challenges.filter_map(|voice| {
            let scores = voice.heard.scores();
            let factor = |scale: usize| scores[scale] / held[scale];
            let wins = (0..3).all(|scale| factor(scale) > FACTORS[scale]);
            wins.then_some((factor(1), voice))
        });
        let winner = outdoing.reduce(|best, next| {
            let (better, earlier) = (next.0 > best.0, next.1.added < best.1.added);
            if better || next.0 == best.0 && earlier {
                next
            } else {
                best
            }
        });
        Some(winner.map_or(holder.producer, |(_, voice)| voice.producer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: u32 = 9;
    const BOB: u32 = 4;

    fn entity(number: u32) -> Entity {
        Entity::from_raw_u32(number).expect("a small number")
    }

    struct Meeting {
        dominance: Dominance,
        now: Time,
    }

    impl Meeting {
        /// In the order in which they come.
        fn of(producers: &[u32]) -> Self {
            let mut dominance = Dominance::default();
            for &producer in producers {
                assert!(dominance.add(entity(producer)));
            }
            Self {
                dominance,
                now: Time::ZERO,
            }
        }

        /// Each says something at its level, below overload, for a while.
        fn say(&mut self, span: Duration, levels: &[(u32, u8)]) -> Option<Entity> {
            let end = self.now + span;
            while self.now < end {
                self.now += Duration::from_millis(20);
                for &(producer, dbov) in levels {
                    self.dominance.hear(entity(producer), dbov, self.now);
                }
            }
            self.dominance.decide(self.now, |_| true)
        }
    }

    const WHILE: Duration = Duration::from_millis(1_200);
    const QUIET: u8 = 100;
    const LOUD: u8 = 30;

    #[test]
    fn who_is_alone_is_dominant_at_once() {
        let mut meeting = Meeting::of(&[ALICE]);
        assert_eq!(meeting.say(Duration::ZERO, &[]), Some(entity(ALICE)));
        assert_eq!(meeting.say(Duration::ZERO, &[]), None);
    }

    #[test]
    fn who_speaks_becomes_dominant_and_stays_so_while_others_only_breathe() {
        let mut meeting = Meeting::of(&[ALICE, BOB]);
        meeting.say(WHILE, &[(ALICE, QUIET), (BOB, QUIET)]);
        let spoke = meeting.say(WHILE, &[(ALICE, QUIET), (BOB, LOUD)]);
        assert_eq!(spoke, Some(entity(BOB)));
        assert_eq!(meeting.say(WHILE, &[(ALICE, QUIET), (BOB, QUIET)]), None);
        let spoke = meeting.say(WHILE, &[(ALICE, LOUD), (BOB, QUIET)]);
        assert_eq!(spoke, Some(entity(ALICE)));
    }

    #[test]
    fn a_cough_makes_nobody_dominant() {
        let mut meeting = Meeting::of(&[ALICE, BOB]);
        meeting.say(WHILE, &[(ALICE, QUIET), (BOB, QUIET)]);
        let cough = Duration::from_millis(60);
        assert_eq!(meeting.say(cough, &[(ALICE, QUIET), (BOB, LOUD)]), None);
    }

    #[test]
    fn two_who_speak_alike_do_not_alternate() {
        let mut meeting = Meeting::of(&[ALICE, BOB]);
        meeting.say(WHILE, &[(ALICE, QUIET), (BOB, QUIET)]);
        meeting.say(WHILE, &[(ALICE, LOUD), (BOB, LOUD)]);
        for _ in 0..20 {
            assert_eq!(meeting.say(WHILE, &[(ALICE, LOUD), (BOB, LOUD - 5)]), None);
        }
    }

    #[test]
    fn another_takes_the_place_of_who_leaves() {
        let mut meeting = Meeting::of(&[ALICE, BOB]);
        meeting.say(WHILE, &[(ALICE, QUIET), (BOB, QUIET)]);
        meeting.say(WHILE, &[(ALICE, QUIET), (BOB, LOUD)]);
        assert!(meeting.dominance.remove(entity(BOB)));
        assert_eq!(meeting.say(Duration::ZERO, &[]), Some(entity(ALICE)));
    }

    #[test]
    fn who_does_not_count_any_more_stays_dominant_until_outspoken() {
        let mut meeting = Meeting::of(&[ALICE, BOB]);
        meeting.say(WHILE, &[(ALICE, QUIET), (BOB, QUIET)]);
        meeting.say(WHILE, &[(ALICE, QUIET), (BOB, LOUD)]);
        let mut say = |alice| {
            let end = meeting.now + WHILE;
            while meeting.now < end {
                meeting.now += Duration::from_millis(20);
                let now = meeting.now;
                meeting.dominance.hear(entity(ALICE), alice, now);
            }
            meeting
                .dominance
                .decide(meeting.now, |it| it != entity(BOB))
        };
        assert_eq!(say(QUIET), None);
        assert_eq!(say(LOUD), Some(entity(ALICE)));
    }

    #[test]
    fn nobody_who_does_not_count_becomes_dominant() {
        let mut meeting = Meeting::of(&[ALICE, BOB]);
        let decided = meeting
            .dominance
            .decide(meeting.now, |it| it != entity(ALICE));
        assert_eq!(decided, Some(entity(BOB)));
    }
}

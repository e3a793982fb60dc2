//! Who is loud.

use bevy_ecs::entity::Entity;
use serde::Serialize;

use super::voices::Voices;
use crate::application::id::ProducerId;

/// Who was loud lately, of the producers of an `AudioLevelObserver`.
#[derive(Debug)]
pub struct Loudness {
    voices: Voices<Levels>,
    max_entries: usize,
    threshold: i8,
    is_silent: bool,
}

crate::snapshot::state! { struct Loudness { voices, max_entries, threshold, is_silent } }

/// A producer that was loud in an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loud {
    /// The producer.
    pub producer: Entity,
    /// Its average volume in dBov, -127 to 0.
    pub volume: i8,
    added: u64,
}

/// A producer that was loud, as applications are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProducerVolume {
    /// The producer.
    pub producer_id: ProducerId,
    /// Its average volume in dBov, -127 to 0.
    pub volume: i8,
}

/// The levels of the packets of one interval.
#[derive(Clone, Copy, Debug, Default)]
struct Levels {
    sum: u32,
    count: u32,
}

crate::snapshot::state! { struct Levels { sum, count } }

/// Packets of an interval below which nothing is said of a producer.
const PACKETS_MIN: u32 = 10;

impl Levels {
    /// Their average in dBov, -127 to 0, when there are enough of them.
    fn volume(self) -> Option<i8> {
        (self.count >= PACKETS_MIN).then(|| -((self.sum / self.count) as i8))
    }
}

impl Loudness {
    /// Tells at most `max_entries` producers whose average is `threshold` dBov or more.
    pub fn new(max_entries: usize, threshold: i8) -> Self {
        Self {
            voices: Voices::default(),
            max_entries,
            threshold,
            is_silent: true,
        }
    }

    pub(super) fn add(&mut self, producer: Entity) -> bool {
        self.voices.add(producer)
    }

    pub(super) fn remove(&mut self, producer: Entity) -> bool {
        self.voices.remove(producer)
    }

    pub(super) fn hear(&mut self, producer: Entity, dbov: u8) {
        if let Some(levels) = self.voices.get_mut(producer) {
            levels.sum = levels.sum.saturating_add(u32::from(dbov.min(127)));
            levels.count = levels.count.saturating_add(1);
        }
    }

    pub(super) fn forget_levels(&mut self, producer: Entity) {
        if let Some(levels) = self.voices.get_mut(producer) {
            *levels = Levels::default();
        }
    }

    pub(super) fn producers(&self) -> Vec<Entity> {
        self.voices.producers()
    }

    /// Nobody was loud enough when it was told last, or ever.
    pub fn is_silent(&self) -> bool {
        self.is_silent
    }

    /// Ends an interval: fills `loud` with the producers that were loud in it, loudest first, then in
    /// the order in which they were added; `counts` says whose levels count. True when it has fallen
    /// silent with this interval.
    pub fn end_interval(&mut self, loud: &mut Vec<Loud>, counts: impl Fn(Entity) -> bool) -> bool {
        loud.clear();
        let threshold = self.threshold;
        loud.extend(self.voices.iter_mut().filter_map(|voice| {
            let loud = Loud {
                volume: std::mem::take(&mut voice.heard).volume()?,
                producer: voice.producer,
                added: voice.added,
            };
            (loud.volume >= threshold && counts(loud.producer)).then_some(loud)
        }));
        loud.sort_unstable_by_key(|loud| (-loud.volume, loud.added));
        loud.truncate(self.max_entries);
        let was_silent = std::mem::replace(&mut self.is_silent, loud.is_empty());
        self.is_silent && !was_silent
    }

    /// Forgets what it heard; true when it was not silent and is now.
    pub fn reset(&mut self) -> bool {
        for voice in self.voices.iter_mut() {
            voice.heard = Levels::default();
        }
        !std::mem::replace(&mut self.is_silent, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn producers() -> [Entity; 3] {
        [7, 3, 5]
            .map(Entity::from_raw_u32)
            .map(|entity| entity.expect("a small number"))
    }

    fn hear(loudness: &mut Loudness, producer: Entity, packets: u32, dbov: u8) {
        for _ in 0..packets {
            loudness.hear(producer, dbov);
        }
    }

    fn ended(loudness: &mut Loudness) -> (Vec<(Entity, i8)>, bool) {
        let mut loud = Vec::new();
        let silent = loudness.end_interval(&mut loud, |_| true);
        let loud = loud.iter().map(|loud| (loud.producer, loud.volume));
        (loud.collect(), silent)
    }

    fn of_three(max_entries: usize, threshold: i8) -> Loudness {
        let mut loudness = Loudness::new(max_entries, threshold);
        for producer in producers() {
            assert!(loudness.add(producer));
        }
        loudness
    }

    #[test]
    fn the_loudest_come_first_and_those_of_one_volume_as_they_were_added() {
        let mut loudness = of_three(3, -80);
        let [a, b, c] = producers();
        hear(&mut loudness, a, 10, 50);
        hear(&mut loudness, b, 10, 50);
        hear(&mut loudness, c, 10, 20);
        assert_eq!(
            ended(&mut loudness),
            (vec![(c, -20), (a, -50), (b, -50)], false)
        );
    }

    #[test]
    fn the_average_is_cut_to_whole_decibels() {
        let mut loudness = of_three(1, -127);
        let a = producers()[0];
        hear(&mut loudness, a, 9, 50);
        loudness.hear(a, 59);
        assert_eq!(ended(&mut loudness).0, [(a, -50)]);
    }

    #[test]
    fn ten_packets_are_needed_in_each_interval() {
        let mut loudness = of_three(3, -80);
        let a = producers()[0];
        hear(&mut loudness, a, 9, 10);
        assert_eq!(ended(&mut loudness), (vec![], false));
        hear(&mut loudness, a, 9, 10);
        assert_eq!(ended(&mut loudness), (vec![], false));
    }

    #[test]
    fn the_threshold_is_still_loud() {
        let mut loudness = of_three(3, -80);
        let [a, b, _] = producers();
        hear(&mut loudness, a, 10, 80);
        hear(&mut loudness, b, 10, 81);
        assert_eq!(ended(&mut loudness).0, [(a, -80)]);
    }

    #[test]
    fn silence_is_told_once() {
        let mut loudness = of_three(1, -80);
        hear(&mut loudness, producers()[0], 10, 10);
        assert!(!ended(&mut loudness).1);
        assert!(ended(&mut loudness).1);
        assert!(!ended(&mut loudness).1);
    }

    #[test]
    fn who_does_not_count_is_not_told() {
        let mut loudness = of_three(1, -80);
        hear(&mut loudness, producers()[0], 10, 10);
        let mut loud = Vec::new();
        assert!(!loudness.end_interval(&mut loud, |_| false));
        assert!(loud.is_empty());
    }
}

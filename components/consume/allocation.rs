//! How the consumers of a transport share what its path carries.

use std::cmp::Reverse;
use std::ops::Range;

use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;

use crate::consume::allotment::Given;
use crate::consume::layering::ConsumerLayers;
use crate::tick::seed::Created;

/// What the layered consumers of the paths that are looked at in this tick could get, and what they
/// are to get: tables, so that all of it is one pass. Filled and emptied by Score.
#[derive(Resource, Debug, Default)]
pub struct Bids {
    /// The paths.
    pub paths: Vec<PathBids>,
    /// Their consumers, path by path.
    pub bids: Vec<Bid>,
    /// The layers of these, consumer by consumer.
    pub rungs: Vec<Rung>,
}

/// The consumers of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathBids {
    /// The transport.
    pub transport: Entity,
    /// Bits a second of what cannot be made less: audio, and video without layers.
    pub fixed: u64,
    /// Bits a second of what is sent again.
    pub repeated: u64,
    /// Its consumers among all of them.
    pub bids: Range<usize>,
}

/// A layer that a consumer could get: a rung of its ladder, which it climbs from the lowest one on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// The layer.
    pub layers: ConsumerLayers,
    /// Bits a second of it and all that it needs.
    pub bitrate: u64,
    /// It is all that there is of its spatial layer.
    pub is_whole: bool,
    /// It began a moment ago: what it costs is not known yet.
    pub is_young: bool,
}

/// Makes the rungs from `first` on, which are the layers of one consumer, lowest first, a ladder: one
/// that costs no less than a higher one is left out. Encodings are not always listed the smallest
/// first, and what has no room is not to hide what has. Above what has gone on for a while, what has just
/// begun is none yet: its first packets would make it the cheapest of all.
pub fn make_ladder(rungs: &mut Vec<Rung>, first: usize) {
    let settled = rungs[first..].iter().position(|rung| !rung.is_young);
    let settled = settled.map_or(usize::MAX, |index| first + index);
    let mut above: Option<Rung> = None;
    let mut kept = rungs.len();
    let mut cheapest = u64::MAX;
    for index in (first..rungs.len()).rev() {
        let mut rung = rungs[index];
        if index > settled && rung.is_young {
            continue;
        }
        let spatial = |rung: Rung| rung.layers.spatial_layer;
        rung.is_whole = above.map(spatial) != Some(spatial(rung));
        above = Some(rung);
        if rung.bitrate < cheapest {
            cheapest = rung.bitrate;
            kept -= 1;
            rungs[kept] = rung;
        }
    }
    rungs.drain(first..kept);
}

/// What a consumer could get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bid {
    /// The consumer.
    pub consumer: Entity,
    /// Its priority, and who comes first among equals.
    pub rank: (u8, Created),
    /// Its layers, lowest first, among all of them; at least one.
    pub rungs: Range<usize>,
    /// What it was given before.
    pub given: Given,
    /// It keeps that.
    pub is_frozen: bool,
    /// The rung it is to get, none for nothing.
    pub place: Option<usize>,
}

/// What a path carries for its consumers, in bits a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Up to this, what was given before goes on.
    pub keep: u64,
    /// Up to this, more is given.
    pub raise: u64,
    /// Who gets its lowest layer, whatever it costs.
    pub lowest: Lowest,
}

/// Who gets its lowest layer although there is no room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lowest {
    /// Everybody: an estimate may be wrong.
    Everybody,
    /// The one that comes first: where the path is known to lose what is too much, it would lose it
    /// of all.
    First,
    /// Nobody.
    Nobody,
}

impl Bid {
    /// The highest rung of what it was given before, of those that there are now.
    pub fn given_place(&self, rungs: &[Rung]) -> Option<usize> {
        let own = &rungs[self.rungs.clone()];
        let covered = own.iter().filter(|rung| self.given.covers(rung.layers));
        match covered.count() {
            0 if self.given == Given::Nothing => None,
            // What it was given is gone: the lowest that there is goes out in its place.
            count => Some(count.max(1) - 1),
        }
    }

    /// Bits a second at `place`.
    pub fn cost(&self, place: Option<usize>, rungs: &[Rung]) -> u64 {
        let own = &rungs[self.rungs.clone()];
        place.map_or(0, |place| own[place].bitrate)
    }

    /// What it has while it gets no more: who comes, its lowest layer.
    pub(crate) fn place_before(&self, rungs: &[Rung]) -> Option<usize> {
        match self.given {
            Given::Undecided => Some(0),
            _ => self.given_place(rungs),
        }
    }

    /// It is to get more than before, and who comes more than its lowest layer.
    pub fn rises(&self, rungs: &[Rung]) -> bool {
        self.place > self.place_before(rungs)
    }

    /// It is to get a higher spatial layer than before.
    fn switches_up(&self, rungs: &[Rung]) -> bool {
        let own = &rungs[self.rungs.clone()];
        let spatial = |place: Option<usize>| place.map(|place| own[place].layers.spatial_layer);
        spatial(self.place) > spatial(self.place_before(rungs))
    }

    /// It was given everything.
    pub fn is_met(&self, rungs: &[Rung]) -> bool {
        rungs[self.rungs.clone()]
            .last()
            .is_none_or(|top| self.given.covers(top.layers))
    }

    /// It is to get everything.
    pub fn is_full(&self) -> bool {
        self.place
            .is_some_and(|place| place + 1 == self.rungs.len())
    }

    /// What it is to get: of the spatial layer with its highest rate, all rates, since those that are
    /// silent cost nothing. Who gets all that it wishes for, or that comes, loses nothing of what it
    /// was given: wishes and senders may change their minds.
    pub fn outcome(&self, rungs: &[Rung]) -> Given {
        let own = &rungs[self.rungs.clone()];
        let Some(place) = self.place else {
            return Given::Nothing;
        };
        let layers = own[place].layers;
        let is_full = place + 1 == own.len() && self.given != Given::Undecided;
        if is_full && self.given.covers(layers) {
            return self.given;
        }
        Given::Layers(match own[place].is_whole {
            true => ConsumerLayers {
                temporal_layer: u8::MAX,
                ..layers
            },
            false => layers,
        })
    }

    /// One rung more, if there is room for it beside the `used` bits a second; what is used then.
    /// Who comes to a path that `is_shared` gets no more at once than those who are there.
    fn climb(
        &mut self,
        rungs: &[Rung],
        used: u64,
        budget: Budget,
        (is_first, is_shared): (bool, bool),
    ) -> Option<u64> {
        let own = &rungs[self.rungs.clone()];
        let next = self.place.map_or(0, |place| place + 1);
        let rung = own.get(next)?;
        let with_it = (used - self.cost(self.place, rungs)) + rung.bitrate;
        let is_had = match self.given {
            Given::Undecided => !is_shared,
            given => given.covers(rung.layers),
        };
        let limit = if is_had { budget.keep } else { budget.raise };
        let is_due = next == 0
            && match budget.lowest {
                Lowest::Everybody => true,
                Lowest::First => is_first,
                Lowest::Nobody => false,
            };
        (is_due || with_it <= limit).then(|| {
            self.place = Some(next);
            with_it
        })
    }
}

/// Shares a `budget`, of which `fixed` bits a second are used already, among consumers. They take
/// turns in the order of their rank: first each climbs one rung, and then, as long as anybody finds
/// room, as many as its priority says.
///
/// Returns the bits a second that are used.
pub(crate) fn share(fixed: u64, budget: Budget, bids: &mut [Bid], rungs: &[Rung]) -> u64 {
    bids.sort_unstable_by_key(|bid| (Reverse(bid.rank.0), bid.rank.1));
    let is_shared = is_shared(bids);
    let mut used = fixed;
    for bid in &mut *bids {
        bid.place = bid.given_place(rungs).filter(|_| bid.is_frozen);
        used += bid.cost(bid.place, rungs);
    }
    let mut is_base = true;
    loop {
        let mut has_climbed = false;
        for (index, bid) in bids
            .iter_mut()
            .enumerate()
            .filter(|(_, bid)| !bid.is_frozen)
        {
            let steps = if is_base { 1 } else { bid.rank.0 };
            for _ in 0..steps {
                let whose = (index == 0, is_shared);
                let Some(with_it) = bid.climb(rungs, used, budget, whose) else {
                    break;
                };
                (used, has_climbed) = (with_it, true);
            }
        }
        if !(is_base || has_climbed) {
            return used;
        }
        is_base = false;
    }
}

/// Somebody is on the path already.
pub fn is_shared(bids: &[Bid]) -> bool {
    bids.iter().any(|bid| bid.given != Given::Undecided)
}

/// Lets no more than `count` consumers, the first ones, get a higher spatial layer at once: each of
/// them gets a key frame, and these add up to a burst. The others keep what they have, and those
/// that come to a path which others are on already begin with their lowest layer.
pub fn stagger(bids: &mut [Bid], rungs: &[Rung], count: usize) {
    if !is_shared(bids) {
        return;
    }
    let rising = bids.iter_mut().filter(|bid| bid.switches_up(rungs));
    for bid in rising.skip(count) {
        bid.place = bid.place_before(rungs);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The usual three encodings of three rates, in kbit/s.
    const LADDER: [u64; 9] = [60, 90, 120, 200, 300, 400, 600, 900, 1_200];

    fn layers(index: usize) -> ConsumerLayers {
        ConsumerLayers {
            spatial_layer: (index / 3) as u8,
            temporal_layer: (index % 3) as u8,
        }
    }

    /// Consumers of priority, given rung (`None` before anything was decided) and how many rungs
    /// they wish for.
    pub(crate) fn bids(rows: &[(u8, Option<usize>, usize)]) -> (Vec<Bid>, Vec<Rung>) {
        let mut rungs = Vec::new();
        let bid = |(index, &(priority, given, count)): (usize, &(u8, Option<usize>, usize))| {
            let start = rungs.len();
            rungs.extend((0..count).map(|rung| Rung {
                layers: layers(rung),
                bitrate: LADDER[rung] * 1_000,
                is_whole: false,
                is_young: false,
            }));
            make_ladder(&mut rungs, start);
            Bid {
                consumer: Entity::PLACEHOLDER,
                rank: (priority, Created(index as u64)),
                rungs: start..rungs.len(),
                given: given.map_or(Given::Undecided, |rung| Given::Layers(layers(rung))),
                is_frozen: false,
                place: None,
            }
        };
        let bids = rows.iter().enumerate().map(bid).collect();
        (bids, rungs)
    }

    pub(crate) fn budget(kbits: u64) -> Budget {
        Budget {
            keep: kbits * 1_000,
            raise: kbits * 1_000,
            lowest: Lowest::Everybody,
        }
    }

    /// The rung that each gets, in the order in which they came, and the kbit/s that are used.
    fn shared(
        fixed: u64,
        budget: Budget,
        (mut bids, rungs): (Vec<Bid>, Vec<Rung>),
    ) -> (Vec<Option<usize>>, u64) {
        let used = share(fixed * 1_000, budget, &mut bids, &rungs);
        bids.sort_unstable_by_key(|bid| bid.rank.1);
        let places = bids.iter().map(|bid| bid.place).collect();
        (places, used / 1_000)
    }

    #[test]
    fn what_has_just_begun_is_no_rung_above_what_goes_on() {
        // Cost and youth of each spatial layer; which are left.
        type Row = (&'static [(u64, bool)], &'static [u8]);
        let rows: [Row; 4] = [
            (&[(120, false), (19, true)], &[0]),
            (&[(19, true), (400, false), (38, true)], &[0, 1]),
            (&[(19, true), (38, true)], &[0, 1]),
            (&[(120, false), (400, false)], &[0, 1]),
        ];
        for (given, expected) in rows {
            let rung = |(spatial_layer, &(bitrate, is_young)): (u8, &(u64, bool))| Rung {
                layers: ConsumerLayers {
                    spatial_layer,
                    temporal_layer: 0,
                },
                bitrate,
                is_whole: false,
                is_young,
            };
            let mut rungs: Vec<_> = (0..).zip(given).map(rung).collect();
            make_ladder(&mut rungs, 0);
            let left = rungs.iter().map(|rung| rung.layers.spatial_layer);
            assert_eq!(left.collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn what_costs_no_less_than_something_higher_is_no_rung() {
        // Spatial and temporal layer and cost of what there is; what is left, and whether it is whole.
        type Row = (&'static [(u8, u8, u64)], &'static [(u8, u8, bool)]);
        let rows: [Row; 5] = [
            (&[], &[]),
            (
                &[(0, 0, 1), (0, 1, 2), (1, 0, 3)],
                &[(0, 0, false), (0, 1, true), (1, 0, true)],
            ),
            // The largest is listed first.
            (&[(0, 0, 900), (1, 0, 300), (2, 0, 100)], &[(2, 0, true)]),
            // The lower one at its full rate costs more than the higher one at its lowest.
            (
                &[(0, 0, 60), (0, 1, 90), (1, 0, 80), (1, 1, 120)],
                &[(0, 0, false), (1, 0, false), (1, 1, true)],
            ),
            (&[(0, 0, 60), (1, 0, 60)], &[(1, 0, true)]),
        ];
        for (given, expected) in rows {
            let rung = |&(spatial_layer, temporal_layer, bitrate): &(u8, u8, u64)| Rung {
                layers: ConsumerLayers {
                    spatial_layer,
                    temporal_layer,
                },
                bitrate,
                is_whole: false,
                is_young: false,
            };
            // That of another consumer is not touched.
            let mut rungs = vec![rung(&(7, 0, 5_000))];
            rungs.extend(given.iter().map(rung));
            make_ladder(&mut rungs, 1);
            assert_eq!(rungs[0], rung(&(7, 0, 5_000)));
            let left = |rung: &Rung| {
                let layers = rung.layers;
                (layers.spatial_layer, layers.temporal_layer, rung.is_whole)
            };
            let left: Vec<_> = rungs[1..].iter().map(left).collect();
            assert_eq!(left, expected);
        }
    }

    #[test]
    fn one_consumer_climbs_as_far_as_there_is_room() {
        // (kbit/s, of which are used, the rung, what is used then)
        let rows = [
            (5_000, 0, 8, 1_200),
            (1_200, 0, 8, 1_200),
            (1_199, 0, 7, 900),
            (899, 0, 6, 600),
            (200, 0, 3, 200),
            (199, 0, 2, 120),
            (1_200, 1, 7, 901),
            (1_200, 1_000, 3, 1_200),
            // The lowest is always sent.
            (59, 0, 0, 60),
            (500, 600, 0, 660),
        ];
        for (kbits, fixed, rung, used) in rows {
            let expected = (vec![Some(rung)], used);
            let found = shared(fixed, budget(kbits), bids(&[(1, None, 9)]));
            assert_eq!(found, expected, "{kbits} kbit/s");
        }
    }

    #[test]
    fn equals_take_turns_and_a_priority_is_so_many_steps_a_turn() {
        // Priorities, kbit/s, rungs, used.
        type Row = (&'static [u8], u64, &'static [usize], u64);
        let rows: [Row; 9] = [
            // 60 + 60, then 90 + 60 and no more: 90 + 90 are 180.
            (&[1, 1], 179, &[1, 0], 150),
            (&[1, 1], 240, &[2, 2], 240),
            // 120 + 120; one goes on to 200 (320), which leaves the other without.
            (&[1, 1], 399, &[3, 2], 320),
            (&[1, 1], 2_400, &[8, 8], 2_400),
            // Base 60 + 60. Then two steps: 120 + 60 = 180, 120 + 90 = 210. Then 300 + 90 = 390,
            // 300 + 120 = 420. Then 600 + 120 = 720; 400 + 200 would be 600, so 600 + 200 = 800.
            (&[2, 1], 850, &[6, 3], 800),
            (&[1, 2], 850, &[3, 6], 800),
            // Ten steps a turn: to the top at once.
            (&[1, 10], 1_260, &[0, 8], 1_260),
            (&[1, 10], 1_259, &[4, 7], 1_200),
            (&[1, 1, 1, 1, 1], 200, &[0, 0, 0, 0, 0], 300),
        ];
        for (priorities, kbits, expected, used) in rows {
            let rows: Vec<_> = priorities.iter().map(|&one| (one, None, 9)).collect();
            let places = expected.iter().map(|&place| Some(place)).collect();
            let found = shared(0, budget(kbits), bids(&rows));
            assert_eq!(found, (places, used), "{priorities:?} of {kbits}");
        }
    }

    #[test]
    fn nobody_gets_more_than_it_wishes_for() {
        // The first wishes for two rungs: what it leaves is for the second.
        let wishes = bids(&[(1, None, 2), (1, None, 9)]);
        let found = shared(0, budget(1_000), wishes);
        assert_eq!(found, (vec![Some(1), Some(7)], 990));
    }

    #[test]
    fn more_is_given_up_to_another_bound_than_what_goes_on() {
        let budget = |keep: u64, raise: u64| Budget {
            keep: keep * 1_000,
            raise: raise * 1_000,
            lowest: Lowest::Everybody,
        };
        // keep, raise, what was given, rung
        let rows = [
            // 400 are kept, and 600 not reached.
            (650, 590, 5, 5),
            (650, 600, 5, 6),
            // What does not fit falls, whatever a raise may cost.
            (390, 390, 5, 4),
            (390, 0, 5, 4),
            (650, 0, 5, 5),
            (399, 1_000, 5, 4),
        ];
        for (keep, raise, given, rung) in rows {
            let found = shared(0, budget(keep, raise), bids(&[(1, Some(given), 9)]));
            assert_eq!(found.0, [Some(rung)], "{keep}, {raise}");
        }
    }

    #[test]
    fn who_comes_gets_no_more_at_once_than_those_who_are_there() {
        let budget = |keep: u64, raise: u64| Budget {
            keep: keep * 1_000,
            raise: raise * 1_000,
            lowest: Lowest::Everybody,
        };
        // keep, raise, rungs of who is there and who comes
        let rows = [
            (800, 700, 5, 4),
            // 400 are kept; the lowest has no room, and is sent all the same.
            (650, 0, 5, 0),
            // 120 and 120; one goes on to 200, which is too much for who has come.
            (400, 300, 3, 2),
        ];
        for (keep, raise, there, comes) in rows {
            let wishes = bids(&[(1, Some(5), 6), (1, None, 9)]);
            let found = shared(0, budget(keep, raise), wishes);
            assert_eq!(found.0, [Some(there), Some(comes)], "{keep}, {raise}");
        }
    }

    #[test]
    fn who_is_frozen_keeps_what_it_has_and_the_others_share_the_rest() {
        let (mut bids, rungs) = bids(&[(1, Some(5), 9), (9, Some(2), 9)]);
        bids[0].is_frozen = true;
        // 400 stay; 600 + 400 are 1,000.
        let found = shared(0, budget(1_000), (bids, rungs));
        assert_eq!(found, (vec![Some(5), Some(6)], 1_000));
    }

    #[test]
    fn nothing_is_given_where_the_lowest_layers_have_no_room_if_that_is_wanted() {
        let of = |kbits: u64, lowest: Lowest| Budget {
            lowest,
            ..budget(kbits)
        };
        let rows: [(u64, Lowest, &[Option<usize>]); 6] = [
            (59, Lowest::Nobody, &[None, None, None]),
            (59, Lowest::First, &[None, Some(0), None]),
            (60, Lowest::Nobody, &[None, Some(0), None]),
            (119, Lowest::First, &[None, Some(0), None]),
            (120, Lowest::Nobody, &[Some(0), Some(0), None]),
            (180, Lowest::Nobody, &[Some(0), Some(0), Some(0)]),
        ];
        for (kbits, lowest, expected) in rows {
            let wishes = bids(&[(2, None, 1), (3, None, 1), (1, None, 1)]);
            assert_eq!(shared(0, of(kbits, lowest), wishes).0, expected, "{kbits}");
        }
    }

    #[test]
    fn key_frames_are_not_sent_all_at_once() {
        let rows = [
            (1, Some(0), 9),
            (2, Some(2), 9),
            (1, Some(3), 9),
            (1, None, 9),
        ];
        let (mut bids, rungs) = bids(&rows);
        share(0, budget(9_000), &mut bids, &rungs);
        stagger(&mut bids, &rungs, 1);
        bids.sort_unstable_by_key(|bid| bid.rank.1);
        let places: Vec<_> = bids.iter().filter_map(|bid| bid.place).collect();
        // The second has the highest priority; the last one has just come.
        assert_eq!(places, [0, 8, 3, 0]);
        let (mut bids, rungs) = self::bids(&[(1, None, 9), (1, None, 9)]);
        share(0, budget(9_000), &mut bids, &rungs);
        stagger(&mut bids, &rungs, 1);
        assert!(
            bids.iter().all(|bid| bid.place == Some(8)),
            "nobody was there"
        );
        // Rates of the same spatial layer need no key frame.
        let (mut bids, rungs) = self::bids(&[(1, Some(3), 6), (1, Some(3), 6)]);
        share(0, budget(9_000), &mut bids, &rungs);
        stagger(&mut bids, &rungs, 0);
        assert!(bids.iter().all(|bid| bid.place == Some(5)));
    }

    #[test]
    fn the_highest_rate_of_a_spatial_layer_is_all_of_its_rates() {
        let (mut bids, rungs) = bids(&[(1, None, 9)]);
        let of = |spatial_layer, temporal_layer| {
            Given::Layers(ConsumerLayers {
                spatial_layer,
                temporal_layer,
            })
        };
        let rows = [
            (None, Given::Nothing),
            (Some(0), of(0, 0)),
            (Some(2), of(0, u8::MAX)),
            (Some(3), of(1, 0)),
            (Some(8), of(2, u8::MAX)),
        ];
        for (place, given) in rows {
            bids[0].place = place;
            assert_eq!(bids[0].outcome(&rungs), given);
        }
        // It wishes for six rungs, gets them, and was given more before.
        bids[0].given = of(2, 1);
        bids[0].rungs = 0..6;
        bids[0].place = Some(5);
        assert_eq!(bids[0].outcome(&rungs), of(2, 1));
        bids[0].place = Some(4);
        assert_eq!(bids[0].outcome(&rungs), of(1, 1));
    }

    #[test]
    fn what_was_given_is_found_among_the_layers_that_there_are_now() {
        // given, the place among rungs 3 to 8
        let (_, rungs) = bids(&[(1, None, 9)]);
        let given = |layers| Given::Layers(layers);
        let rows = [
            (Given::Nothing, None),
            (Given::Undecided, Some(5)),
            (given(layers(8)), Some(5)),
            (given(layers(4)), Some(1)),
            (given(layers(2)), Some(0)),
        ];
        for (given, place) in rows {
            let bid = Bid {
                consumer: Entity::PLACEHOLDER,
                rank: (1, Created(0)),
                rungs: 3..9,
                given,
                is_frozen: false,
                place: None,
            };
            assert_eq!(bid.given_place(&rungs), place, "{given:?}");
        }
    }
}

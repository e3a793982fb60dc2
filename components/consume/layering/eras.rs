//! What was wanted of frames that are not remembered any more.

use crate::consume::layering::selection::ConsumerLayers;

/// How many changes of what is wanted are remembered.
const REMEMBERED: usize = 16;
/// Nothing is sent again that lies so many frames back, and their numbers come round.
const FAR: u16 = 1 << 14;

/// What was wanted until which frame. Places are for the latest frames alone, of which everything is
/// remembered; but what is sent again may lie further back, and must be what it was.
#[derive(Clone, Debug, Default)]
pub(super) struct Eras {
    /// Those that are over, the oldest first.
    over: [Era; REMEMBERED],
    count: u8,
    /// The last frame of those that are forgotten.
    forgotten: Option<u16>,
}

crate::snapshot::state! { struct Eras { over, count, forgotten } }

#[derive(Clone, Copy, Debug, Default)]
struct Era {
    /// The number of its last frame.
    last: u16,
    wanted: ConsumerLayers,
}

crate::snapshot::state! { struct Era { last, wanted } }

impl Eras {
    /// Up to the frame `last` something was wanted, and `then` something behind it.
    pub(super) fn turn(&mut self, last: u16, wanted: ConsumerLayers, then: ConsumerLayers) {
        if wanted == then {
            return;
        }
        if usize::from(self.count) == REMEMBERED {
            self.forget();
        }
        self.over[usize::from(self.count)] = Era { last, wanted };
        self.count += 1;
    }

    /// The newest frame is this one. It is no more than half a round of numbers behind the last.
    pub(super) fn reach(&mut self, newest: u16) {
        let is_far = |last: u16| newest.wrapping_sub(last) > FAR;
        while self.iter().next().is_some_and(|era| is_far(era.last)) {
            self.forget();
        }
        self.forgotten = self.forgotten.filter(|&last| !is_far(last));
    }

    /// What was wanted of the frame `number`, when it is `now` and the newest frame is that one; none
    /// when that is not known.
    pub(super) fn wanted(
        &self,
        number: u16,
        newest: u16,
        now: ConsumerLayers,
    ) -> Option<ConsumerLayers> {
        let age = |number: u16| newest.wrapping_sub(number);
        let is_behind = |last: u16| age(number) < age(last);
        let is_known = age(number) <= FAR && self.forgotten.is_none_or(is_behind);
        let mut eras = self.iter();
        let era = || eras.find(|era| !is_behind(era.last));
        is_known
            .then(era)
            .map(|era| era.map_or(now, |era| era.wanted))
    }

    fn iter(&self) -> impl Iterator<Item = &Era> {
        self.over[..usize::from(self.count)].iter()
    }

    fn forget(&mut self) {
        self.forgotten = Some(self.over[0].last);
        self.over.rotate_left(1);
        self.count -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up_to(spatial_layer: u8) -> ConsumerLayers {
        ConsumerLayers {
            spatial_layer,
            temporal_layer: 0,
        }
    }

    #[test]
    fn each_frame_has_what_was_wanted_in_its_time() {
        let mut eras = Eras::default();
        eras.turn(65_530, up_to(2), up_to(1));
        eras.turn(3, up_to(1), up_to(1));
        eras.turn(5, up_to(1), up_to(0));
        let rows = [
            (65_000, 2),
            (65_530, 2),
            (65_531, 1),
            (5, 1),
            (6, 0),
            (9, 0),
        ];
        for (number, wanted) in rows {
            assert_eq!(eras.wanted(number, 9, up_to(0)), Some(up_to(wanted)));
        }
        assert_eq!(eras.wanted(10, 9, up_to(0)), None, "it has not come");
    }

    #[test]
    fn what_is_forgotten_is_not_made_up() {
        let mut eras = Eras::default();
        for era in 0..20 {
            eras.turn(era * 10, up_to(era as u8), up_to(era as u8 + 1));
        }
        let wanted = |number| eras.wanted(number, 200, up_to(20));
        assert_eq!(
            [30, 31, 190, 191].map(wanted),
            [None, Some(up_to(4)), Some(up_to(19)), Some(up_to(20))]
        );
        // A round of numbers later it is not what was.
        let mut newest = 200_u16;
        for _ in 0..5 {
            newest = newest.wrapping_add(30_000);
            eras.reach(newest);
        }
        assert_eq!(eras.wanted(newest - 1, newest, up_to(20)), Some(up_to(20)));
        assert_eq!(
            eras.wanted(newest.wrapping_sub(20_000), newest, up_to(20)),
            None
        );
    }
}

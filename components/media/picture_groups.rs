//! What pictures of VP9 refer to.

use bevy_ecs::component::Component;

use crate::media::descriptor::Needs;
use crate::media::reception::Arrival;
use crate::wire::codec::{PictureGroup, PictureId, vp9};

/// On streams of VP9: the groups of pictures that were told last. Written by Receive.
///
/// Nothing is allocated before the first group arrives.
#[derive(Component, Clone, Debug, Default)]
pub struct PictureGroups {
    /// Spatial layers need each other in key pictures alone (K-SVC): so it was declared, and nothing
    /// that came says otherwise.
    is_ksvc: bool,
    newest: Begun,
    /// Those before, the latest first: pictures of them may come late, behind several key pictures.
    before: [Begun; REMEMBERED],
    /// Pictures before this one are older: the first of the newest group, until identifiers have gone
    /// on by a quarter of all that there are, since a call may go for long without another key picture.
    floor: Option<PictureId>,
}

crate::snapshot::state! { struct PictureGroups { is_ksvc, newest, before, floor } }

/// So many groups before the newest one are remembered. What comes late is a few pictures old, and of
/// these few are key pictures.
const REMEMBERED: usize = 4;

/// A group, and the key picture with which it begins.
#[derive(Clone, Debug, Default)]
struct Begun {
    group: PictureGroup,
    first: Option<PictureId>,
}

crate::snapshot::state! { struct Begun { group, first } }

impl PictureGroups {
    /// No group was told yet.
    pub fn new(is_ksvc: bool) -> Self {
        Self {
            is_ksvc,
            ..Self::default()
        }
    }

    /// Spatial layers need each other in key pictures alone.
    pub fn is_ksvc(&self) -> bool {
        self.is_ksvc
    }

    /// What the frame needs that `vp9`, in front of `payload`, describes. A group that it tells is
    /// kept, unless its packet came late and a newer picture told one.
    pub fn resolve(&mut self, vp9: &vp9::Descriptor, payload: &[u8], arrival: Arrival) -> Needs {
        let spatial = vp9.layers.map_or(0, |layers| layers.spatial);
        let needs_below = vp9.layers.is_some_and(|layers| layers.is_inter_layer);
        self.is_ksvc &= !(vp9.is_inter_picture && needs_below && spatial > 0);
        let late = arrival == Arrival::Late;
        if !(late && vp9.picture_id.is_some_and(|picture| self.is_old(picture))) {
            self.take(vp9, payload, spatial == 0 && !vp9.is_inter_picture);
        }
        if !vp9.is_inter_picture {
            return Needs::Nothing;
        }
        let references = match vp9.is_flexible {
            true => vp9.references,
            false => self.of_group(vp9).unwrap_or_default(),
        };
        match references.iter().any(|&back| back != 0) {
            true => Needs::frames(references.map(u16::from)),
            // It refers to something, and nobody says what.
            false => Needs::EveryLayer,
        }
    }

    fn take(&mut self, vp9: &vp9::Descriptor, payload: &[u8], is_key: bool) {
        let Some(picture) = vp9.picture_id else {
            return;
        };
        let is_another = self.newest.first != Some(picture);
        if vp9.has_structure {
            if is_another {
                self.step_back();
            }
            let complete = self.newest.group.read(vp9, payload);
            self.newest.first = complete.map(|()| picture);
            self.floor = self.newest.first;
        } else if is_key && is_another && self.newest.first.is_some() {
            // What tells the group again may be lost.
            self.step_back();
            self.newest.group.clone_from(&self.before[0].group);
            (self.newest.first, self.floor) = (Some(picture), Some(picture));
        }
        self.raise_floor(picture);
    }

    /// The newest group becomes one of those before.
    fn step_back(&mut self) {
        // It was in force for so long that the identifiers of those before it come round.
        if self.floor != self.newest.first {
            self.before.iter_mut().for_each(|begun| begun.first = None);
        }
        self.before.rotate_right(1);
        std::mem::swap(&mut self.newest, &mut self.before[0]);
    }

    fn is_old(&self, picture: PictureId) -> bool {
        self.floor.is_some_and(|floor| is_before(picture, floor))
    }

    fn raise_floor(&mut self, picture: PictureId) {
        let quarter = 1 << (bits(picture) - 2);
        if let Some(floor) = &mut self.floor
            && ahead(picture, *floor) > quarter
        {
            let value = picture.value.wrapping_sub(quarter) & ((1 << bits(picture)) - 1);
            *floor = PictureId { value, ..picture };
        }
    }

    /// The latest of the groups before the newest one that begins no later than a picture. What is older
    /// than one that was cut off may be of that.
    fn before(&self, picture: PictureId) -> Option<&Begun> {
        let mut known = self.before.iter().take_while(|begun| begun.first.is_some());
        let begins = |begun: &&Begun| begun.first.is_some_and(|first| !is_before(picture, first));
        known.find(begins)
    }

    /// What a picture refers to by its place in the group, unless it is of another layer than the
    /// one at that place.
    fn of_group(&self, vp9: &vp9::Descriptor) -> Option<[u8; vp9::REFERENCES_MAX]> {
        let picture = vp9.picture_id?;
        let begun = match self.is_old(picture) && self.floor == self.newest.first {
            true => self.before(picture)?,
            false => &self.newest,
        };
        let first = begun.first?;
        let temporal = vp9.layers.map_or(0, |layers| layers.temporal);
        let picture = begun.group.picture(ahead(picture, first))?;
        (picture.temporal == temporal).then_some(picture.references)
    }
}

fn bits(picture: PictureId) -> u32 {
    if picture.is_long { 15 } else { 7 }
}

/// How many pictures after the other one a picture is.
fn ahead(picture: PictureId, other: PictureId) -> u16 {
    picture.value.wrapping_sub(other.value) & ((1 << bits(picture)) - 1)
}

fn is_before(picture: PictureId, other: PictureId) -> bool {
    ahead(picture, other) >= 1 << (bits(picture) - 1)
}

#[cfg(test)]
mod tests {
    use Arrival::{InOrder, Late};

    use super::*;

    /// I P L with a picture id of seven bits, TID 0 SID 0, TL0PICIDX.
    const INTER: u8 = 0xE8;
    /// The same with V, without P: a key picture, which tells a group.
    const KEY: u8 = 0xAA;
    /// Of two: the pictures one and two, and three before.
    const GROUP: [u8; 7] = [0x08, 2, 0x08, 1, 2, 0x04, 3];

    fn needs(groups: &mut PictureGroups, flags: u8, id: u8, rest: &[u8]) -> Needs {
        of_layer(groups, flags, id, 0, rest)
    }

    fn of_layer(groups: &mut PictureGroups, flags: u8, id: u8, layer: u8, rest: &[u8]) -> Needs {
        resolve(groups, &[&[flags, id, layer, 1], rest].concat(), InOrder)
    }

    fn late(groups: &mut PictureGroups, flags: u8, id: u8, rest: &[u8]) -> Needs {
        resolve(groups, &[&[flags, id, 0, 1], rest].concat(), Late)
    }

    fn resolve(groups: &mut PictureGroups, payload: &[u8], arrival: Arrival) -> Needs {
        let vp9 = vp9::Descriptor::parse(payload).unwrap();
        groups.resolve(&vp9, payload, arrival)
    }

    #[test]
    fn references_are_those_of_the_group() {
        let mut groups = PictureGroups::default();
        let before = needs(&mut groups, INTER, 125, &[]);
        assert_eq!(before, Needs::EveryLayer, "no group is known");
        let key = needs(&mut groups, KEY, 126, &GROUP);
        assert_eq!(key, Needs::Nothing);
        let found = [127, 0, 1].map(|id| needs(&mut groups, INTER, id, &[]));
        let (even, odd) = (Needs::frames([1, 2]), Needs::frames([3]));
        assert_eq!(found, [odd, even, odd]);
        // One that comes late, and one that is cut off.
        late(&mut groups, KEY, 125, &GROUP);
        assert_eq!(needs(&mut groups, INTER, 2, &[]), even);
        needs(&mut groups, KEY, 3, &GROUP[..5]);
        assert_eq!(needs(&mut groups, INTER, 4, &[]), Needs::EveryLayer);
    }

    #[test]
    fn a_key_picture_begins_the_group_anew_when_what_tells_it_is_lost() {
        let mut groups = PictureGroups::default();
        needs(&mut groups, KEY, 1, &GROUP);
        // The second packet of the key picture 4.
        needs(&mut groups, KEY & !0x02, 4, &[]);
        assert_eq!(needs(&mut groups, INTER, 5, &[]), Needs::frames([3]));
        // And the first one comes late.
        late(&mut groups, KEY, 4, &GROUP);
        assert_eq!(needs(&mut groups, INTER, 6, &[]), Needs::frames([1, 2]));
    }

    #[test]
    fn who_counts_anew_begins_another_group() {
        let mut groups = PictureGroups::default();
        needs(&mut groups, KEY, 60, &GROUP);
        needs(&mut groups, KEY, 40, &[0x08, 1, 0x04, 1]);
        assert_eq!(needs(&mut groups, INTER, 41, &[]), Needs::frames([1]));
    }

    #[test]
    fn a_picture_that_comes_behind_a_key_picture_is_of_the_group_before_it() {
        let mut groups = PictureGroups::default();
        needs(&mut groups, KEY, 126, &GROUP);
        for structure in [true, false] {
            // It is not of what begins with the key picture, in which it would be at another place.
            let (flags, group) = match structure {
                true => (KEY, &[0x08, 1, 0x04, 1][..]),
                false => (KEY & !0x02, &[][..]),
            };
            let mut groups = groups.clone();
            needs(&mut groups, flags, 1, group);
            assert_eq!(late(&mut groups, INTER, 0, &[]), Needs::frames([1, 2]));
            assert_eq!(late(&mut groups, INTER, 127, &[]), Needs::frames([3]));
            // What is older than that group, too, refers to nobody knows what.
            assert_eq!(late(&mut groups, INTER, 125, &[]), Needs::EveryLayer);
            // It is of that group whatever key pictures come next.
            for id in 3..6 {
                needs(&mut groups, KEY & !0x02, id, &[]);
            }
            assert_eq!(late(&mut groups, INTER, 127, &[]), Needs::frames([3]));
            // But not of one that nobody remembers.
            needs(&mut groups, KEY & !0x02, 6, &[]);
            assert_eq!(late(&mut groups, INTER, 127, &[]), Needs::EveryLayer);
        }
    }

    #[test]
    fn a_group_whose_identifiers_came_round_is_not_that_of_a_picture() {
        let mut groups = PictureGroups::default();
        needs(&mut groups, KEY, 1, &GROUP);
        needs(&mut groups, KEY, 41, &GROUP);
        for id in (42..128).chain(0..12) {
            needs(&mut groups, INTER, id, &[]);
        }
        needs(&mut groups, KEY, 13, &GROUP);
        // It is none of the group that begins with 1, a round of identifiers before.
        assert_eq!(late(&mut groups, INTER, 12, &[]), Needs::EveryLayer);
    }

    #[test]
    fn a_picture_before_a_group_that_was_cut_off_is_of_nobody_knows_which() {
        let mut groups = PictureGroups::default();
        needs(&mut groups, KEY, 1, &GROUP);
        needs(&mut groups, KEY, 4, &GROUP[..5]);
        needs(&mut groups, KEY, 8, &GROUP);
        assert_eq!(late(&mut groups, INTER, 7, &[]), Needs::EveryLayer);
    }

    #[test]
    fn a_group_is_told_anew_however_long_the_one_before_was_in_force() {
        let mut groups = PictureGroups::default();
        needs(&mut groups, KEY, 1, &GROUP);
        for id in 2..=80 {
            needs(&mut groups, INTER, id, &[]);
        }
        // Of one picture, which refers to the one before.
        needs(&mut groups, KEY, 81, &[0x08, 1, 0x04, 1]);
        assert_eq!(needs(&mut groups, INTER, 82, &[]), Needs::frames([1]));
    }

    #[test]
    fn a_picture_of_another_layer_than_its_place_in_the_group_is_not_believed() {
        let mut groups = PictureGroups::default();
        needs(&mut groups, KEY, 1, &GROUP);
        let found = of_layer(&mut groups, INTER, 2, 1 << 5, &[]);
        assert_eq!(found, Needs::EveryLayer);
    }

    #[test]
    fn a_layer_that_needs_the_one_below_in_inter_pictures_says_that_all_do() {
        let mut groups = PictureGroups::new(true);
        needs(&mut groups, KEY, 1, &GROUP);
        // SID 1, D: of the key picture, and of the next one.
        of_layer(&mut groups, KEY & !0x02, 1, 0x03, &[]);
        assert!(groups.is_ksvc());
        of_layer(&mut groups, INTER, 2, 0x03, &[]);
        assert!(!groups.is_ksvc());
    }

    #[test]
    fn a_group_that_says_nothing_of_a_picture_that_refers_to_others_is_not_believed() {
        let mut groups = PictureGroups::default();
        needs(&mut groups, KEY, 1, &[0x08, 1, 0x00]);
        assert_eq!(needs(&mut groups, INTER, 2, &[]), Needs::EveryLayer);
    }

    #[test]
    fn flexible_pictures_tell_themselves() {
        let mut groups = PictureGroups::default();
        let needs = resolve(&mut groups, &[0xF8, 7, 0, 0x05, 0x02], InOrder);
        assert_eq!(needs, Needs::frames([2, 1]));
    }
}

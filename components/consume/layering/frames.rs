//! What became of the latest frames: which of them a receiver can decode.

use crate::consume::layering::layer_bits::{bit, up_to};
use crate::consume::layering::places::{Place, Places, Spot};
use crate::consume::layering::selection::ConsumerLayers;
use crate::media::descriptor::{Descriptor, Needs};

/// What becomes of the frames of what a consumer follows. One decision for each frame, that of its
/// first packet; and no frame is forwarded of which a reference was withheld.
#[derive(Clone, Debug, Default)]
pub(super) struct Frames {
    places: Places,
    /// The number of the first frame of the stream that is followed.
    first: u16,
    /// Temporal layers of which the newest frame was withheld: a bit each.
    stale: u8,
    /// Spatial layers of which the newest frame was withheld: a bit each.
    lost: u8,
}

crate::snapshot::state! { struct Frames { places, first, stale, lost } }

/// No frame needs one that lies so far back.
const FAR: u16 = 1 << 14;

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Forwarded,
    /// It is of a layer that is not wanted.
    Unwanted,
    /// A frame that it needs was withheld.
    Undecodable,
    /// Nobody knows any more what it needs.
    TooOld,
}

impl Frames {
    /// Goes over to another stream, whose first frame is this one; returns what has to be added to
    /// the numbers of its frames.
    pub(super) fn begin(&mut self, first: &Descriptor, wanted: ConsumerLayers) -> u16 {
        (self.stale, self.lost) = (0, 0);
        let Some((id, _)) = first.frame_id() else {
            return 0;
        };
        self.first = self.places.begin(id, wanted);
        self.first.wrapping_sub(id)
    }

    /// Where the frame that `descriptor` is of has its place, when `shift` is added to the numbers of
    /// its stream.
    #[inline]
    pub(super) fn spot(&self, descriptor: &Descriptor, shift: u16) -> Option<Spot> {
        self.places.spot(descriptor, shift)
    }

    /// The number of the newest frame.
    pub(super) fn newest(&self) -> u16 {
        self.places.newest()
    }

    /// What a receiver is told as number of the frame `number`: without holes for what was
    /// withheld. None when it is not remembered.
    pub(super) fn compressed(&self, number: u16) -> Option<u16> {
        self.places.get(number).map(|place| place.compressed)
    }

    /// What was wanted at the time of frame `number`.
    pub(super) fn wanted(&self, number: u16) -> Option<ConsumerLayers> {
        self.places.wanted(number)
    }

    /// The newest frame of this spatial layer, as far as it was wanted, was forwarded: those that
    /// follow it can be decoded.
    pub(super) fn keeps_up(&self, spatial_layer: u8) -> bool {
        self.lost >> spatial_layer.min(7) & 1 == 0
    }

    /// The sender counts its frames anew: a frame that is not late has a number before the newest.
    pub(super) fn is_behind(&self, spot: Option<Spot>) -> bool {
        let ahead = |spot: Spot| spot.number.wrapping_sub(self.newest()).cast_signed();
        spot.is_some_and(|spot| ahead(spot) < 0)
    }

    /// Decides about the frame that a packet is of, when these layers are wanted. What has no number
    /// is of the only layer.
    pub(super) fn decide(
        &mut self,
        frame: &Descriptor,
        spot: Option<Spot>,
        wanted: ConsumerLayers,
    ) -> Fate {
        let ahead = spot.map_or(0, |spot| spot.number.wrapping_sub(self.newest()));
        if ahead.cast_signed() > 0 {
            self.advance(ahead, frame, wanted);
            // A round of numbers further on, the first frame would seem to be this one.
            let since_first = self.newest().wrapping_sub(self.first);
            if since_first > FAR {
                self.first = self.first.wrapping_add(since_first - FAR);
            }
        }
        self.decide_late(frame, spot)
    }

    /// Decides about a frame that is not newer than the newest.
    #[inline]
    pub(super) fn decide_late(&mut self, frame: &Descriptor, spot: Option<Spot>) -> Fate {
        let Some(spot) = spot else {
            return Fate::Forwarded;
        };
        let Some(&place) = self.places.get(spot.number) else {
            return Fate::TooOld;
        };
        if place.seen & spot.layer != 0 {
            return match place.withheld & spot.layer {
                0 => Fate::Forwarded,
                _ => Fate::Unwanted,
            };
        }
        let fate = self.fate(frame, spot, place);
        self.note(frame, spot, fate);
        fate
    }

    /// A packet of the frame has come, or it has no number.
    pub(super) fn has_seen(&self, spot: Option<Spot>) -> bool {
        let Some(spot) = spot else {
            return true;
        };
        let place = self.places.get(spot.number);
        place.is_some_and(|place| place.seen & spot.layer != 0)
    }

    /// The frame was withheld, or the packets of it that came. What is not remembered was not.
    pub(super) fn has_withheld(&self, spot: Option<Spot>) -> bool {
        let Some(spot) = spot else {
            return false;
        };
        let place = self.places.get(spot.number);
        place.is_some_and(|place| place.seen & !place.withheld & spot.layer == 0)
    }

    fn fate(&self, frame: &Descriptor, spot: Spot, place: Place) -> Fate {
        if !place.wanted.wants(frame) {
            return Fate::Unwanted;
        }
        match self.has_below(frame, spot, place) && self.has_earlier(frame, spot, place) {
            true => Fate::Forwarded,
            false => Fate::Undecodable,
        }
    }

    /// The frame of the spatial layer below was forwarded, or will be if it comes: in its own layer it
    /// needs what this one needs and, where a layer began amid others, perhaps more.
    fn has_below(&self, frame: &Descriptor, spot: Spot, place: Place) -> bool {
        if !frame.inter_layer || frame.spatial_layer == 0 {
            return true;
        }
        let below = Descriptor {
            spatial_layer: frame.spatial_layer - 1,
            ..*frame
        };
        let spot = spot.of(&below);
        if place.seen & spot.layer != 0 {
            return place.withheld & spot.layer == 0;
        }
        let perhaps = match frame.needs {
            Needs::Base => Needs::Base,
            _ => Needs::EveryLayer,
        };
        let has_earlier = |needs| {
            let below = Descriptor { needs, ..below };
            self.has_earlier(&below, spot, place)
        };
        self.has_below(&below, spot, place) && has_earlier(frame.needs) && has_earlier(perhaps)
    }

    /// The earlier frames that this one needs were forwarded, or will be if they come.
    fn has_earlier(&self, frame: &Descriptor, spot: Spot, place: Place) -> bool {
        match frame.needs {
            Needs::Nothing | Needs::Base => true,
            Needs::EveryLayer => place.stale & !1 & up_to(frame.temporal_layer) == 0,
            Needs::Frames(distances) => distances
                .into_iter()
                .filter(|&back| back != 0)
                .all(|back| self.has_sent(spot, back, frame)),
        }
    }

    /// The frame `back` before that at `spot` was forwarded, or will be if it comes.
    fn has_sent(&self, spot: Spot, back: u8, frame: &Descriptor) -> bool {
        let since_first = spot.number.wrapping_sub(self.first).cast_signed();
        if (0..i16::from(back)).contains(&since_first) {
            // What came before the first frame of a stream was not forwarded.
            return false;
        }
        let Some(place) = self.places.get(spot.number.wrapping_sub(back.into())) else {
            return true;
        };
        if place.seen & spot.layer != 0 {
            return place.withheld & spot.layer == 0;
        }
        let needs_stale = place.stale & !1 & up_to(frame.temporal_layer) != 0;
        // Of one that did not come yet it is not known who needs it: who needs what refers to it.
        place.wanted.wants_spatially(frame)
            && place.wanted.temporal_layer >= frame.temporal_layer
            && !needs_stale
    }

    fn note(&mut self, frame: &Descriptor, spot: Spot, fate: Fate) {
        let is_newest = spot.number == self.newest();
        let (spatial, temporal) = (
            1 << frame.spatial_layer.min(7),
            1 << frame.temporal_layer.min(7),
        );
        let withheld = fate != Fate::Forwarded;
        let place = self.places.place(spot.number);
        place.seen |= spot.layer;
        place.withheld |= if withheld { spot.layer } else { 0 };
        let wanted = place.wanted;
        if !is_newest {
            return;
        }
        if frame.needs == Needs::Nothing && frame.spatial_layer == 0 {
            (self.stale, self.lost) = (0, 0);
        }
        let set = |bits: u8, bit: u8| bits & !bit | if withheld { bit } else { 0 };
        if wanted.wants_spatially(frame) {
            self.stale = set(self.stale, temporal);
        }
        if frame.temporal_layer <= wanted.temporal_layer {
            self.lost = set(self.lost, spatial);
        }
        if let Some(lowest) = self.passed_over(frame, spot) {
            let needed = frame.spatial_layer.min(wanted.spatial_layer);
            let below = |layer| up_to(layer) & !bit(layer);
            self.lost |= below(needed) & !below(lowest);
        }
    }

    /// The lowest spatial layer of which no frame has come yet, and that the frame goes without. When
    /// one comes it is withheld from who gets this layer, and so is all that needs it.
    fn passed_over(&self, frame: &Descriptor, spot: Spot) -> Option<u8> {
        let is_missing = |spot: Spot| {
            let place = self.places.get(spot.number);
            place.is_some_and(|place| place.seen & spot.layer == 0)
        };
        let of_layer = |spatial_layer| {
            spot.of(&Descriptor {
                spatial_layer,
                ..*frame
            })
        };
        match (spot.layer, frame.needs) {
            _ if frame.spatial_layer == 0 || frame.inter_layer => None,
            // Frames of one picture have numbers one behind another: which one is missing is not told.
            (u8::MAX, Needs::Frames(distances)) => {
                let number = spot.number.wrapping_sub(1);
                let is_alone = !distances.contains(&1);
                (is_alone && is_missing(Spot { number, ..spot })).then_some(0)
            }
            (u8::MAX, _) => None,
            _ => (0..frame.spatial_layer).find(|&layer| is_missing(of_layer(layer))),
        }
    }

    /// Makes places for `count` more frames. Those that were skipped were lost, or come late.
    fn advance(&mut self, count: u16, frame: &Descriptor, wanted: ConsumerLayers) {
        let stale = &mut self.stale;
        self.places.advance(count, frame, wanted, |skipped| {
            let before = *stale;
            let Some(skipped) = skipped else {
                return before;
            };
            // Whatever it is of, it is withheld when it comes above what is wanted, or may need what
            // was withheld.
            let lowest = (*stale & !1).trailing_zeros() as u8;
            *stale |= !up_to(skipped.temporal_layer.min(lowest.saturating_sub(1)));
            before
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::codec::PictureId;
    use Fate::{Forwarded, TooOld, Undecodable, Unwanted};
    use Needs::{Base, EveryLayer, Nothing};

    fn picture(value: u16, temporal_layer: u8, needs: Needs) -> Descriptor {
        Descriptor {
            temporal_layer,
            needs,
            picture_id: Some(PictureId {
                value,
                is_long: true,
            }),
            ..Descriptor::default()
        }
    }

    /// Frames that begin with a key frame of picture id `first`.
    fn begun(first: u16) -> Frames {
        let mut frames = Frames::default();
        frames.begin(&picture(first, 0, Nothing), up_to_temporal(2));
        frames
    }

    fn up_to_temporal(temporal_layer: u8) -> ConsumerLayers {
        ConsumerLayers {
            spatial_layer: 7,
            temporal_layer,
        }
    }

    fn decide(frames: &mut Frames, frame: &Descriptor, shift: u16, temporal: u8) -> Fate {
        let spot = frames.spot(frame, shift);
        frames.decide(frame, spot, up_to_temporal(temporal))
    }

    /// Rows: picture id, temporal layer, what it needs, what is wanted, its fate.
    type Row = (u16, u8, Needs, u8, Fate);

    fn check(first: u16, rows: &[Row]) -> Frames {
        let mut frames = begun(first);
        for &(id, temporal, needs, wanted, fate) in rows {
            let frame = picture(id, temporal, needs);
            let found = decide(&mut frames, &frame, 0, wanted);
            assert_eq!(found, fate, "picture {id}");
        }
        frames
    }

    #[test]
    fn a_temporal_layer_rises_where_all_that_is_needed_was_forwarded() {
        check(
            10,
            &[
                (10, 0, Nothing, 0, Forwarded),
                (11, 2, EveryLayer, 0, Unwanted),
                (12, 1, EveryLayer, 0, Unwanted),
                (13, 2, EveryLayer, 2, Undecodable),
                (14, 0, EveryLayer, 2, Forwarded),
                (15, 2, EveryLayer, 2, Undecodable),
                // It needs the lowest alone; what needs it and the one of layer 1 is not decodable.
                (16, 2, Base, 2, Forwarded),
                (17, 2, EveryLayer, 2, Undecodable),
                (18, 1, Base, 2, Forwarded),
                (19, 2, Base, 2, Forwarded),
                (20, 2, EveryLayer, 2, Forwarded),
            ],
        );
    }

    #[test]
    fn a_frame_has_one_fate_whatever_is_wanted_meanwhile() {
        check(
            10,
            &[
                (10, 0, Nothing, 2, Forwarded),
                (11, 1, Base, 0, Unwanted),
                (11, 1, Base, 2, Unwanted),
                (12, 1, Base, 2, Forwarded),
                (12, 1, Base, 0, Forwarded),
                (11, 1, Base, 2, Unwanted),
            ],
        );
    }

    #[test]
    fn a_late_frame_is_what_was_wanted_in_its_time() {
        check(
            10,
            &[
                (10, 0, Nothing, 2, Forwarded),
                // 11 and 12 are missing, and one of them may be of any layer.
                (13, 0, EveryLayer, 0, Forwarded),
                (12, 1, Base, 2, Unwanted),
                (14, 2, EveryLayer, 2, Undecodable),
                (16, 0, EveryLayer, 2, Forwarded),
                (15, 1, Base, 0, Forwarded),
            ],
        );
    }

    #[test]
    fn a_lost_frame_may_have_needed_what_was_withheld() {
        check(
            10,
            &[
                (10, 0, Nothing, 0, Forwarded),
                (11, 1, Base, 0, Unwanted),
                (12, 2, Base, 2, Forwarded),
                // 13 is missing: if it is of layer 2 it needs 11.
                (14, 1, Base, 2, Forwarded),
                (15, 2, EveryLayer, 2, Undecodable),
                (13, 2, EveryLayer, 2, Undecodable),
                (16, 2, Base, 2, Forwarded),
                (17, 2, EveryLayer, 2, Forwarded),
            ],
        );
    }

    #[test]
    fn a_key_frame_makes_everything_decodable() {
        check(
            10,
            &[
                (10, 0, Nothing, 0, Forwarded),
                (11, 1, Base, 0, Unwanted),
                (12, 0, Nothing, 1, Forwarded),
                (13, 1, EveryLayer, 1, Forwarded),
            ],
        );
    }

    #[test]
    fn references_are_looked_up() {
        let two_and_one = Needs::frames([2, 1]);
        check(
            32_766,
            &[
                (32_766, 0, Nothing, 1, Forwarded),
                (32_767, 1, Needs::frames([1]), 0, Unwanted),
                (0, 1, two_and_one, 1, Undecodable),
                (1, 1, Needs::frames([3]), 1, Forwarded),
                (2, 1, two_and_one, 1, Undecodable),
                (3, 0, Needs::frames([2, 5]), 1, Forwarded),
                // Before the first frame of the stream there was nothing.
                (4, 0, Needs::frames([7]), 1, Undecodable),
            ],
        );
    }

    #[test]
    fn a_layer_that_begins_above_one_that_is_missing_waits_for_what_that_may_need() {
        let of_layer = |id, spatial_layer, temporal_layer, needs| Descriptor {
            spatial_layer,
            inter_layer: spatial_layer > 0,
            ..picture(id, temporal_layer, needs)
        };
        let one_back = Needs::frames([1]);
        // Rows: picture id, spatial and temporal layer, what it needs, what is wanted, its fate.
        let rows = [
            (10, 0, 0, Nothing, 2, Forwarded),
            (11, 0, 1, one_back, 0, Unwanted),
            // The lower one of its picture comes later, and needs what was not wanted.
            (12, 1, 2, Nothing, 2, Undecodable),
            (12, 0, 2, one_back, 2, Undecodable),
            (13, 1, 0, Nothing, 2, Forwarded),
            (13, 0, 0, Needs::frames([3]), 2, Forwarded),
            (14, 0, 1, one_back, 0, Unwanted),
            // What began anew refers to the lowest, and what it stands on to the newest.
            (15, 1, 2, Needs::frames([2]), 2, Undecodable),
            (15, 0, 2, one_back, 2, Undecodable),
            (16, 0, 0, Needs::frames([3]), 2, Forwarded),
            (16, 1, 0, Needs::frames([3]), 2, Forwarded),
            (17, 0, 2, one_back, 2, Forwarded),
            (17, 1, 2, one_back, 2, Forwarded),
        ];
        let mut frames = begun(10);
        for (id, spatial, temporal, needs, wanted, fate) in rows {
            let frame = of_layer(id, spatial, temporal, needs);
            let found = decide(&mut frames, &frame, 0, wanted);
            assert_eq!(found, fate, "picture {id}, layer {spatial}");
        }
    }

    #[test]
    fn a_layer_below_one_that_stands_alone_is_not_gone_over_to_where_a_frame_of_it_is_late() {
        let one_of = |number, spatial_layer, needs| Descriptor {
            spatial_layer,
            needs,
            served: match needs {
                Nothing => u8::MAX << spatial_layer,
                _ => 1 << spatial_layer,
            },
            frame_number: Some(number),
            ..Descriptor::default()
        };
        let of_picture = |id, spatial_layer, needs| Descriptor {
            inter_layer: needs == Nothing && spatial_layer > 0,
            frame_number: None,
            picture_id: picture(id, 0, needs).picture_id,
            ..one_of(0, spatial_layer, needs)
        };
        let (one_back, two_back) = (Needs::frames([1]), Needs::frames([2]));
        let within = |it: Descriptor| Descriptor {
            needs: one_back,
            ..it
        };
        // Rows: a key picture, and of the next one the layers that come.
        let rows = [
            (
                [one_of(10, 0, Nothing), within(one_of(11, 1, Nothing))],
                vec![one_of(13, 1, two_back)],
                false,
            ),
            (
                [of_picture(10, 0, Nothing), of_picture(10, 1, Nothing)],
                vec![of_picture(11, 1, one_back)],
                false,
            ),
            // In full SVC it is sent when it comes.
            (
                [one_of(10, 0, Nothing), within(one_of(11, 1, Nothing))],
                vec![one_of(13, 1, Needs::frames([1, 2]))],
                true,
            ),
            // Nothing is known of one of which the higher layers did not come either.
            (
                [of_picture(10, 0, Nothing), of_picture(10, 1, Nothing)],
                vec![],
                true,
            ),
        ];
        for (index, (key, next, keeps_up)) in rows.into_iter().enumerate() {
            let wanted = ConsumerLayers {
                spatial_layer: 1,
                temporal_layer: 0,
            };
            let mut frames = Frames::default();
            frames.begin(&key[0], wanted);
            for frame in key.into_iter().chain(next) {
                let spot = frames.spot(&frame, 0);
                assert_eq!(
                    frames.decide(&frame, spot, wanted),
                    Forwarded,
                    "row {index}"
                );
            }
            assert_eq!(frames.keeps_up(0), keeps_up, "row {index}");
        }
    }

    #[test]
    fn a_picture_before_a_fall_gets_its_end_where_that_is_late() {
        let wanted = |spatial_layer| ConsumerLayers {
            spatial_layer,
            temporal_layer: 0,
        };
        // Full SVC in two layers: rows of the number, the spatial layer, what it needs, what is wanted
        // and the fate.
        let rows = [
            (10, 0, Nothing, 1, Forwarded),
            (11, 1, Needs::frames([1]), 1, Forwarded),
            (12, 0, Needs::frames([2]), 1, Forwarded),
            // The upper frame of that picture comes when its receiver gets the lower layer alone.
            (14, 0, Needs::frames([2]), 0, Forwarded),
            (13, 1, Needs::frames([1, 2]), 0, Forwarded),
            (15, 1, Needs::frames([1, 2]), 0, Unwanted),
        ];
        let mut frames = Frames::default();
        for (number, spatial_layer, needs, layer, fate) in rows {
            let frame = Descriptor {
                spatial_layer,
                needs,
                served: u8::MAX << spatial_layer,
                frame_number: Some(number),
                ..Descriptor::default()
            };
            if number == 10 {
                frames.begin(&frame, wanted(1));
            }
            let spot = frames.spot(&frame, 0);
            let found = frames.decide(&frame, spot, wanted(layer));
            assert_eq!(found, fate, "frame {number}");
        }
    }

    #[test]
    fn what_is_withheld_leaves_no_hole_and_what_is_lost_does() {
        let frames = check(
            10,
            &[
                (10, 0, Nothing, 0, Forwarded),
                (11, 1, Base, 0, Unwanted),
                (12, 0, EveryLayer, 0, Forwarded),
                (15, 0, EveryLayer, 0, Forwarded),
                (16, 1, Base, 0, Unwanted),
                (17, 1, Base, 0, Unwanted),
                (18, 0, EveryLayer, 0, Forwarded),
            ],
        );
        let told = [10, 12, 13, 14, 15, 18].map(|id| frames.compressed(id).unwrap());
        assert_eq!(told, [10, 11, 12, 13, 14, 15]);
    }

    #[test]
    fn numbers_go_on_across_streams() {
        let mut frames = check(10, &[(10, 0, Nothing, 2, Forwarded)]);
        let key = picture(500, 0, Nothing);
        let shift = frames.begin(&key, up_to_temporal(2));
        assert_eq!(decide(&mut frames, &key, shift, 2), Forwarded);
        let number = frames.spot(&key, shift).unwrap().number;
        assert_eq!((number, frames.compressed(number)), (11, Some(11)));
    }

    #[test]
    fn what_is_not_remembered_is_too_old() {
        let mut frames = check(10, &[(10, 0, Nothing, 2, Forwarded)]);
        let far = picture(5_000, 0, EveryLayer);
        assert_eq!(decide(&mut frames, &far, 0, 2), Forwarded);
        assert_eq!(frames.compressed(5_000), Some(5_000));
        let old = picture(4_800, 0, EveryLayer);
        assert_eq!(decide(&mut frames, &old, 0, 2), TooOld);
    }
}

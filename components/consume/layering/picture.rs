//! Up to which layer the pictures of one stream are wanted.

use crate::consume::layering::frames::Frames;
use crate::consume::layering::layer_bits::{bit, up_to};
use crate::consume::layering::selection::ConsumerLayers;
use crate::consume::layering::wanted::EVERY_SPATIAL_LAYER;
use crate::media::descriptor::{Descriptor, Needs};
use crate::tick::batch::PacketFacts;

/// What is wanted of the pictures of the followed stream. Decided at the beginning of each, so that
/// a receiver can be told which frame is the last one of a picture.
///
/// Spatial layers rise with key pictures alone, and fall with any picture from which a lower layer
/// can be decoded: with all in full SVC, with key pictures where lower layers are references in
/// these alone (K-SVC) or never (S modes). One that a sender leaves out amid others is not wanted:
/// what is sent of a picture would be without its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pictures {
    is_simulcast: bool,
    wanted: ConsumerLayers,
    /// What is forwarded.
    current: ConsumerLayers,
    newest: Option<Picture>,
    /// Pictures of the same stream without the wanted spatial layer, one after another.
    without: u8,
    /// Pictures have no end, as the wanted layer is left out amid others; or one had none, from which
    /// others go on.
    is_endless: bool,
    /// Spatial layers that came in these, and since: a bit each.
    came: u8,
    /// Spatial layers that were left out when the last key picture came, and have not come since: a
    /// bit each.
    absent: u8,
    /// As it is, the target cannot be got to or kept.
    wants_key_frame: bool,
    /// What has to be decoded cannot be.
    is_broken: bool,
}

crate::snapshot::state! {
    struct Pictures {
        is_simulcast, wanted, current, newest, without, is_endless, came, absent,
        wants_key_frame, is_broken
    }
}

#[derive(Clone, Copy, Debug)]
struct Picture {
    timestamp: u32,
    is_key: bool,
    temporal_layer: u8,
    /// The spatial layers that came: a bit each.
    came: u8,
    /// The highest that was forwarded.
    forwarded: Option<u8>,
}

crate::snapshot::state! { struct Picture { timestamp, is_key, temporal_layer, came, forwarded } }

/// So many pictures without the spatial layer that is forwarded alone mean that it has stopped.
const STOPPED: u8 = 5;
/// So many pictures without a layer that adds to others mean that it is not what a receiver gets.
const MISSED: u8 = 30;

impl Pictures {
    pub(super) fn new(is_simulcast: bool) -> Self {
        Self {
            is_simulcast,
            wanted: ConsumerLayers::default(),
            current: ConsumerLayers::default(),
            newest: None,
            without: 0,
            is_endless: false,
            came: 0,
            absent: 0,
            wants_key_frame: false,
            is_broken: false,
        }
    }

    /// Another stream begins, of which this is wanted; or the same one anew, of which `before` was
    /// forwarded.
    pub(super) fn begin(&mut self, target: Option<ConsumerLayers>, before: Option<ConsumerLayers>) {
        let target = target.unwrap_or_default();
        *self = Self::new(self.is_simulcast);
        self.current = before.filter(|_| !self.is_simulcast).unwrap_or_default();
        self.wanted = ConsumerLayers {
            spatial_layer: if self.is_simulcast {
                EVERY_SPATIAL_LAYER
            } else {
                target.spatial_layer
            },
            ..target
        };
    }

    pub(super) fn wanted(&self) -> ConsumerLayers {
        self.wanted
    }

    /// A key frame is needed.
    pub(super) fn wants_key_frame(&self) -> bool {
        self.wants_key_frame || self.is_broken
    }

    /// A frame that its receiver cannot do without could not be forwarded.
    pub(super) fn break_off(&mut self) {
        self.is_broken = true;
    }

    /// Takes in the newest packet of the stream before it is decided about, if it is of the newest
    /// picture; false when it is of the next one.
    #[inline]
    pub(super) fn goes_on(&mut self, packet: &PacketFacts) -> bool {
        match &mut self.newest {
            Some(picture) if picture.timestamp == packet.header.timestamp => {
                let spatial_layer = packet.descriptor.spatial_layer;
                picture.came |= bit(spatial_layer);
                picture.is_key |= packet.key_frame && spatial_layer == 0;
                true
            }
            _ => false,
        }
    }

    /// Takes in the first packet of the next picture; `target` is what its consumer is to get of it,
    /// and `sent` tells of which spatial layers there may be frames, a bit each.
    pub(super) fn see_next(
        &mut self,
        packet: &PacketFacts,
        target: Option<ConsumerLayers>,
        frames: &Frames,
        sent: impl Fn() -> u8,
    ) {
        let descriptor = &packet.descriptor;
        let is_key = match descriptor.spatial_layer {
            0 => packet.key_frame || descriptor.needs == Needs::Nothing,
            // Where each stands alone the lowest ones may not be sent.
            layer => descriptor.needs == Needs::Nothing && sent() & up_to(layer) == bit(layer),
        };
        let last = self.newest.replace(Picture {
            timestamp: packet.header.timestamp,
            is_key,
            temporal_layer: descriptor.temporal_layer,
            came: bit(descriptor.spatial_layer),
            forwarded: None,
        });
        if let Some(target) = target {
            self.wanted.temporal_layer = target.temporal_layer;
        }
        self.current.temporal_layer = self.current.temporal_layer.min(self.wanted.temporal_layer);
        self.is_broken &= !is_key;
        self.wants_key_frame = false;
        if self.is_simulcast {
            return;
        }
        if let Some(last) = last {
            let serves = descriptor.serves(self.wanted.spatial_layer);
            self.judge(last, is_key, !is_key && !serves);
        }
        if is_key && std::mem::take(&mut self.is_endless) {
            self.absent = !self.came;
        }
        if let Some(target) = target {
            self.aim(target.spatial_layer, is_key, last, frames, sent);
        }
        self.current.spatial_layer = self.current.spatial_layer.min(self.wanted.spatial_layer);
    }

    /// What the last picture tells, now that it is over and the next one, a key picture or not, has
    /// begun. A wanted layer that `stands_alone` and does not come leaves its receiver with nothing.
    fn judge(&mut self, last: Picture, is_key: bool, stands_alone: bool) {
        self.absent &= !last.came;
        if last.temporal_layer > self.wanted.temporal_layer {
            return;
        }
        self.count(last, stands_alone);
        // One that was lost comes again; but what stands alone has nothing to go on with then.
        let is_without = self.without >= STOPPED || (last.is_key && stands_alone);
        if is_without && !last.has_end(self.wanted.spatial_layer) {
            self.is_endless = true;
            self.is_broken |= !is_key;
        }
        let forwarded = last.forwarded.unwrap_or(0);
        if last.is_key {
            // A key picture tells at once.
            self.current.spatial_layer = forwarded;
            if stands_alone {
                self.wanted.spatial_layer = forwarded;
            }
        } else if stands_alone {
            self.wants_key_frame = self.without >= STOPPED;
        } else if self.without >= MISSED {
            self.current.spatial_layer = forwarded;
        }
    }

    /// Counts pictures without the wanted layer, and the layers that come meanwhile.
    fn count(&mut self, last: Picture, stands_alone: bool) {
        let wanted = self.wanted.spatial_layer;
        let forwarded = last.forwarded.unwrap_or(0);
        let came = match stands_alone {
            true => last.came & bit(wanted) != 0,
            false => last.has_end(wanted) && forwarded >= self.current.spatial_layer,
        };
        self.without = if came {
            0
        } else {
            self.without.saturating_add(1)
        };
        self.came = match came && !self.is_endless {
            true => 0,
            false => self.came | last.came,
        };
    }

    fn aim(
        &mut self,
        target: u8,
        is_key: bool,
        last: Option<Picture>,
        frames: &Frames,
        sent: impl FnOnce() -> u8,
    ) {
        let wanted = self.wanted.spatial_layer;
        let rises = |target| {
            let above = up_to(target) & !up_to(wanted);
            last.is_some_and(|last| last.came & above != 0)
        };
        if !(is_key || target < wanted || rises(target)) {
            return;
        }
        let target = attainable(target, sent() & !self.absent);
        if is_key || (target < wanted && frames.keeps_up(target)) {
            self.wanted.spatial_layer = target;
        } else {
            self.wants_key_frame |= target < wanted || rises(target);
        }
    }

    /// A packet was forwarded; returns what is forwarded now. Of a key picture, what was before until
    /// all that is wanted of it has come, or it is over.
    pub(super) fn forwarded(&mut self, descriptor: &Descriptor, late: bool) -> ConsumerLayers {
        let Descriptor {
            spatial_layer,
            temporal_layer,
            ..
        } = *descriptor;
        if !late {
            let current = &mut self.current;
            current.temporal_layer = current.temporal_layer.max(temporal_layer);
            let picture = self.newest.as_mut();
            let is_whole = picture.is_none_or(|picture| {
                picture.forwarded = picture.forwarded.max(Some(spatial_layer));
                !picture.is_key || spatial_layer >= self.wanted.spatial_layer
            });
            if is_whole {
                current.spatial_layer = current.spatial_layer.max(spatial_layer);
            }
        }
        self.current
    }
}

impl Picture {
    /// What was forwarded of it has an end, for which a receiver waits: that is on the wanted layer,
    /// or on the last one that came.
    fn has_end(&self, wanted: u8) -> bool {
        let is_last = |forwarded| self.came & !up_to(forwarded) == 0;
        self.forwarded
            .is_none_or(|forwarded| forwarded >= wanted || is_last(forwarded))
    }
}

/// The highest spatial layer up to `target` that is sent, or else the lowest that is.
pub(super) fn attainable(target: u8, sent: u8) -> u8 {
    match (sent & up_to(target), sent) {
        (0, 0) => target,
        (0, sent) => sent.trailing_zeros() as u8,
        (some, _) => some.ilog2() as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_layer_that_is_sent_is_got_to() {
        // Rows: the target, what is sent, what can be got to.
        let rows = [
            (2, 0b111, 2),
            (2, 0b011, 1),
            (1, 0b101, 0),
            (0, 0b110, 1),
            (1, 0b100, 2),
            // Of nothing that is sent nothing is known.
            (1, 0, 1),
            (u8::MAX, u8::MAX, 7),
        ];
        for (target, sent, expected) in rows {
            assert_eq!(attainable(target, sent), expected, "{target} of {sent:b}");
        }
    }

    #[test]
    fn what_is_forwarded_without_the_wanted_layer_ends_with_the_last_that_came() {
        // Rows: the layers that came, the highest that was forwarded, the wanted one.
        let rows = [
            (0b111, Some(2), 2, true),
            (0b111, Some(1), 1, true),
            (0b011, Some(1), 2, true),
            (0b101, Some(0), 1, false),
            (0b011, Some(0), 2, false),
            // Who gets nothing of it waits for nothing.
            (0b011, None, 2, true),
        ];
        for (came, forwarded, wanted, expected) in rows {
            let picture = Picture {
                timestamp: 0,
                is_key: false,
                temporal_layer: 0,
                came,
                forwarded,
            };
            assert_eq!(picture.has_end(wanted), expected, "{wanted} of {came:b}");
        }
    }
}

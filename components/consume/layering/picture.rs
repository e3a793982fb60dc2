//! Up to which layer the pictures of one stream are wanted.

use crate::consume::layering::frames::Frames;
use crate::consume::layering::selection::ConsumerLayers;
use crate::consume::layering::wanted::EVERY_SPATIAL_LAYER;
use crate::media::descriptor::{Descriptor, Needs};
use crate::tick::batch::PacketFacts;

/// What is wanted of the pictures of the followed stream. Decided at the beginning of each, so that
/// a receiver can be told which frame is the last one of a picture.
///
/// Spatial layers rise with key pictures alone, and fall with any picture from which a lower layer
/// can be decoded: with all in full SVC, with key pictures where lower layers are references in
/// these alone (K-SVC).
#[derive(Clone, Copy, Debug)]
pub(super) struct Pictures {
    is_simulcast: bool,
    wanted: ConsumerLayers,
    /// What is forwarded.
    current: ConsumerLayers,
    newest: Option<Picture>,
    /// Pictures of the same stream without the wanted spatial layer, one after another.
    without: u8,
    /// As it is, the target cannot be got to or kept.
    wants_key_frame: bool,
    /// What has to be decoded cannot be.
    is_broken: bool,
}

crate::snapshot::state! {
    struct Pictures {
        is_simulcast, wanted, current, newest, without, wants_key_frame, is_broken
    }
}

#[derive(Clone, Copy, Debug)]
struct Picture {
    timestamp: u32,
    is_key: bool,
    temporal_layer: u8,
    /// The highest spatial layer that came.
    highest: u8,
    /// The highest that was forwarded.
    forwarded: Option<u8>,
}

crate::snapshot::state! { struct Picture { timestamp, is_key, temporal_layer, highest, forwarded } }

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
                picture.highest = picture.highest.max(spatial_layer);
                picture.is_key |= packet.key_frame;
                true
            }
            _ => false,
        }
    }

    /// Takes in the first packet of the next picture; `target` is what its consumer is to get of it.
    pub(super) fn see_next(
        &mut self,
        packet: &PacketFacts,
        target: Option<ConsumerLayers>,
        frames: &Frames,
    ) {
        let descriptor = &packet.descriptor;
        let begins = descriptor.needs == Needs::Nothing && descriptor.spatial_layer == 0;
        let is_key = packet.key_frame || begins;
        let last = self.newest.replace(Picture {
            timestamp: packet.header.timestamp,
            is_key,
            temporal_layer: descriptor.temporal_layer,
            highest: descriptor.spatial_layer,
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
            self.judge(
                last,
                !is_key && !descriptor.serves(self.wanted.spatial_layer),
            );
        }
        if let Some(target) = target {
            self.aim(target.spatial_layer, is_key, last, frames);
        }
        self.current.spatial_layer = self.current.spatial_layer.min(self.wanted.spatial_layer);
    }

    /// What the last picture tells, now that it is over. A wanted layer that `stands_alone` and does
    /// not come leaves its receiver with nothing.
    fn judge(&mut self, last: Picture, stands_alone: bool) {
        if last.temporal_layer > self.wanted.temporal_layer {
            return;
        }
        let forwarded = last.forwarded.unwrap_or(0);
        let came = match stands_alone {
            true => last.highest >= self.wanted.spatial_layer,
            false => forwarded >= self.current.spatial_layer,
        };
        self.without = if came {
            0
        } else {
            self.without.saturating_add(1)
        };
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

    fn aim(&mut self, target: u8, is_key: bool, last: Option<Picture>, frames: &Frames) {
        let wanted = self.wanted.spatial_layer;
        if is_key || (target < wanted && frames.keeps_up(target)) {
            self.wanted.spatial_layer = target;
        } else {
            let rises = last.is_some_and(|last| last.highest > wanted);
            self.wants_key_frame |= target < wanted || (target > wanted && rises);
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

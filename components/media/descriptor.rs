//! What stands in front of a packet's payload, or in its dependency descriptor, of its frame.

use crate::media::templates::Dependencies;
use crate::wire::codec::{PictureId, vp8, vp9};

/// What a packet says of the frame it is part of, whatever its codec.
///
/// Read once, by Receive, so that no consumer has to parse the payload again. The default is what
/// a packet says that has no descriptor: it is of the only layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The spatial layer, 0 to 7; 0 is the smallest picture.
    pub spatial_layer: u8,
    /// The temporal layer, 0 to 7; 0 is the lowest rate.
    pub temporal_layer: u8,
    /// The packet is the first of its frame; with spatial layers, of the frame of its layer.
    pub begins_frame: bool,
    /// The packet is the last of its frame; with spatial layers, of the frame of its layer.
    pub ends_frame: bool,
    /// A receiver of the temporal layers below may take in this one from here: the Y bit of VP8
    /// (RFC 7741), the U bit of VP9 (RFC 9628).
    pub switching_point: bool,
    /// The frame needs that of the spatial layer below (the D bit of VP9).
    pub inter_layer: bool,
    /// The frame needs earlier pictures (the P bit of VP9).
    pub inter_picture: bool,
    /// The picture id of VP8 and VP9.
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX of VP8 and VP9: counts frames of the lowest temporal layer.
    pub tl0_picture_index: Option<u8>,
    /// KEYIDX of VP8: counts key frames.
    pub key_index: Option<u8>,
    /// The frame number of a dependency descriptor.
    pub frame_number: Option<u16>,
    /// Which earlier frames the frame needs.
    pub needs: Needs,
    /// Bit s: whoever receives the picture of spatial layer s needs the frame. It is of this layer
    /// or of a lower one.
    pub served: u8,
    /// Which decode targets the stream has: see [`Templates::targets`](super::Templates::targets).
    pub targets: u8,
    /// Those of them that its sender serves: a bit each.
    pub active_targets: u32,
}

crate::snapshot::state! {
    struct Descriptor {
        spatial_layer, temporal_layer, begins_frame, ends_frame, switching_point, inter_layer,
        inter_picture, picture_id, tl0_picture_index, key_index, frame_number, needs, served,
        targets, active_targets
    }
}

/// The most references of a frame that are told apart.
pub const REFERENCES_MAX: usize = 8;

/// Which earlier frames a frame needs, as far as its packets tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Needs {
    /// The newest frame of each temporal layer up to its own.
    #[default]
    EveryLayer,
    /// The newest frame of the lowest temporal layer alone.
    Base,
    /// None.
    Nothing,
    /// Those that are so many before it: picture ids of its own spatial layer, or frame numbers.
    /// Zeros fill up.
    Frames([u8; REFERENCES_MAX]),
}

crate::snapshot::state! { enum Needs { EveryLayer, Base, Nothing, Frames(it) } }

impl Needs {
    /// The frames that are so many before; those beyond what is remembered anyway are left out.
    pub fn frames(distances: impl IntoIterator<Item = u16>) -> Self {
        let mut needed = [0; REFERENCES_MAX];
        let near = distances
            .into_iter()
            .filter_map(|back| u8::try_from(back).ok());
        let mut places = needed.iter_mut();
        for (back, place) in near.filter(|&back| back != 0).zip(&mut places) {
            *place = back;
        }
        match needed[0] {
            0 => Self::Nothing,
            _ => Self::Frames(needed),
        }
    }
}

impl Default for Descriptor {
    fn default() -> Self {
        Self {
            spatial_layer: 0,
            temporal_layer: 0,
            begins_frame: false,
            ends_frame: false,
            switching_point: false,
            inter_layer: false,
            inter_picture: false,
            picture_id: None,
            tl0_picture_index: None,
            key_index: None,
            frame_number: None,
            needs: Needs::default(),
            served: u8::MAX,
            targets: 0,
            active_targets: u32::MAX,
        }
    }
}

impl Descriptor {
    /// The number of its frame, and how many bits it has: the frame number of 16 bits where there
    /// is one, or else the picture id.
    pub fn frame_id(&self) -> Option<(u16, u32)> {
        let of_picture = |id: PictureId| (id.value, if id.is_long { 15 } else { 7 });
        let frame_number = self.frame_number.map(|number| (number, 16));
        frame_number.or(self.picture_id.map(of_picture))
    }

    /// Whoever receives the picture of `spatial_layer` needs the frame.
    pub fn serves(&self, spatial_layer: u8) -> bool {
        self.served >> spatial_layer.min(7) & 1 == 1
    }

    /// What a VP8 payload descriptor says; `marker` is on the last packet of a frame (RFC 7741
    /// section 4.1).
    pub fn of_vp8(vp8: &vp8::Descriptor, marker: bool) -> Self {
        let needs = match vp8.temporal {
            Some(temporal) if temporal.is_sync => Needs::Base,
            _ => Needs::EveryLayer,
        };
        Self {
            needs: if vp8.is_key_frame {
                Needs::Nothing
            } else {
                needs
            },
            temporal_layer: vp8.temporal.map_or(0, |temporal| temporal.index),
            begins_frame: vp8.is_partition_start && vp8.partition_index == 0,
            ends_frame: marker,
            switching_point: vp8.temporal.is_some_and(|temporal| temporal.is_sync),
            picture_id: vp8.picture_id,
            tl0_picture_index: vp8.tl0_picture_index,
            key_index: vp8.key_index,
            ..Self::default()
        }
    }

    /// What a VP9 payload descriptor says of a frame with these `needs`; where `is_ksvc` says so,
    /// spatial layers need each other in key pictures alone.
    pub fn of_vp9(vp9: &vp9::Descriptor, needs: Needs, is_ksvc: bool) -> Self {
        let own = vp9.layers.map_or(0, |layers| layers.spatial);
        let needs_below = vp9.layers.is_some_and(|layers| layers.is_inter_layer);
        let stands_alone =
            vp9.is_inter_picture && !needs_below && (is_ksvc || vp9.is_no_reference_above);
        let told = Self {
            needs,
            served: match stands_alone {
                true => 1 << own,
                false => u8::MAX << own,
            },
            begins_frame: vp9.is_frame_start,
            ends_frame: vp9.is_frame_end,
            inter_picture: vp9.is_inter_picture,
            picture_id: vp9.picture_id,
            ..Self::default()
        };
        vp9.layers.map_or(told, |layers| Self {
            spatial_layer: layers.spatial,
            temporal_layer: layers.temporal,
            switching_point: layers.is_switching_point,
            inter_layer: layers.is_inter_layer,
            tl0_picture_index: layers.tl0_picture_index,
            ..told
        })
    }

    /// What a dependency descriptor says.
    pub fn of_dependencies(dependencies: &Dependencies) -> Self {
        let Dependencies {
            descriptor, layers, ..
        } = dependencies;
        let needs = dependencies
            .needs
            .map(|frame| Needs::frames(frame.references.map(u16::from)));
        Self {
            spatial_layer: layers.spatial,
            temporal_layer: layers.temporal,
            begins_frame: descriptor.is_frame_start,
            ends_frame: descriptor.is_frame_end,
            frame_number: Some(descriptor.frame_number),
            needs: needs.unwrap_or_default(),
            served: dependencies.served,
            targets: dependencies.targets,
            active_targets: dependencies.active,
            ..Self::default()
        }
    }

    /// What a packet says that has nothing but its marker, which is on the last one of a frame.
    pub fn of_marker(marker: bool) -> Self {
        Self {
            ends_frame: marker,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vp8_descriptor_tells_its_temporal_layer() {
        // X S, I L T: picture id 0x1234, TL0PICIDX 9, TID 2 with Y.
        let payload = [0x90, 0xE0, 0x92, 0x34, 9, 0xA0, 0x11];
        let vp8 = vp8::Descriptor::parse(&payload).unwrap();
        let expected = Descriptor {
            temporal_layer: 2,
            begins_frame: true,
            ends_frame: true,
            switching_point: true,
            picture_id: Some(PictureId {
                value: 0x1234,
                is_long: true,
            }),
            tl0_picture_index: Some(9),
            needs: Needs::Base,
            ..Descriptor::default()
        };
        assert_eq!(Descriptor::of_vp8(&vp8, true), expected);
        let second_partition = vp8::Descriptor::parse(&[0x11, 0]).unwrap();
        let none = Descriptor::default();
        assert_eq!(Descriptor::of_vp8(&second_partition, false), none);
    }

    #[test]
    fn a_vp9_descriptor_tells_both_layers() {
        // I P L E, picture id 5, TID 1 U SID 2 D, TL0PICIDX 77.
        let vp9 = vp9::Descriptor::parse(&[0xE4, 5, 0x35, 77]).unwrap();
        let expected = Descriptor {
            spatial_layer: 2,
            temporal_layer: 1,
            ends_frame: true,
            switching_point: true,
            inter_layer: true,
            inter_picture: true,
            picture_id: Some(PictureId {
                value: 5,
                is_long: false,
            }),
            tl0_picture_index: Some(77),
            needs: Needs::Base,
            served: 0b1111_1100,
            ..Descriptor::default()
        };
        assert_eq!(Descriptor::of_vp9(&vp9, Needs::Base, true), expected);
    }

    #[test]
    fn a_vp9_frame_that_no_higher_layer_needs_serves_its_own_alone() {
        let served = |payload: &[u8], is_ksvc| {
            let vp9 = vp9::Descriptor::parse(payload).unwrap();
            Descriptor::of_vp9(&vp9, Needs::Nothing, is_ksvc).served
        };
        // I P L, I L, and I P L Z; SID 1.
        let [inter, key, alone] = [[0xE0, 5, 2, 7], [0xA0, 5, 2, 7], [0xE1, 5, 2, 7]];
        assert_eq!((served(&inter, true), served(&inter, false)), (0b10, 0xFE));
        assert_eq!((served(&key, true), served(&alone, false)), (0xFE, 0b10));
    }
}

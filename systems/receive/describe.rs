//! What a packet says of its frame, by the codec of its stream.

use flumen_components::rtp_parameters::Codec;
use flumen_components::wire::codec::av1::DependencyDescriptor;
use flumen_components::wire::codec::{av1_aggregation, h264, vp8, vp9};
use flumen_components::{Arrival, Descriptor, Templates};

/// A packet whose frame is in question.
#[derive(Clone, Copy)]
pub(super) struct Described<'a> {
    /// Its codec.
    pub(super) codec: Codec,
    /// Its payload.
    pub(super) payload: &'a [u8],
    /// The value of its dependency descriptor, when it has one.
    pub(super) dependencies: Option<&'a [u8]>,
    /// Its marker bit.
    pub(super) marker: bool,
    /// How its sequence number goes with those before.
    pub(super) arrival: Arrival,
}

/// The descriptor of a packet, and whether a key frame begins in it.
///
/// VP8 and VP9 tell layers in front of their payload; AV1 and H.264 in the dependency descriptor
/// alone. A malformed descriptor says nothing.
pub(super) fn describe(packet: Described<'_>, templates: Option<&mut Templates>) -> Told {
    match packet.codec {
        Codec::Vp8 => vp8::Descriptor::parse(packet.payload)
            .map(|vp8| (Descriptor::of_vp8(&vp8, packet.marker), vp8.is_key_frame))
            .unwrap_or_default(),
        Codec::Vp9 => vp9::Descriptor::parse(packet.payload)
            .map(|vp9| (Descriptor::of_vp9(&vp9), vp9.is_key_frame))
            .unwrap_or_default(),
        Codec::H264 => {
            let is_key_frame = h264::is_key_frame(packet.payload);
            (depend(packet, templates), is_key_frame)
        }
        Codec::Av1 => {
            let is_key_frame = av1_aggregation::begins_key_frame(packet.payload);
            (depend(packet, templates), is_key_frame)
        }
        _ => Told::default(),
    }
}

/// What a packet said, and whether it begins a key frame.
pub(super) type Told = (Descriptor, bool);

fn depend(packet: Described<'_>, templates: Option<&mut Templates>) -> Descriptor {
    let dependencies = packet.dependencies.and_then(DependencyDescriptor::parse);
    match (dependencies, templates) {
        (Some(dependencies), Some(templates)) => {
            let layers = templates.resolve(&dependencies, packet.arrival);
            Descriptor::of_dependencies(&dependencies, layers)
        }
        _ => Descriptor::of_marker(packet.marker),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(codec: Codec, payload: &[u8], dependencies: Option<&[u8]>) -> Told {
        let packet = Described {
            codec,
            payload,
            dependencies,
            marker: true,
            arrival: Arrival::InOrder,
        };
        describe(packet, Some(&mut Templates::default()))
    }

    #[test]
    fn a_payload_that_is_cut_off_says_nothing() {
        for codec in [Codec::Vp8, Codec::Vp9, Codec::Opus] {
            assert_eq!(told(codec, &[0x80], None), Told::default(), "{codec:?}");
        }
    }

    #[test]
    fn h264_and_av1_tell_layers_in_the_dependency_descriptor() {
        // The last packet of frame 7, of the first of two templates.
        let dependencies = [0x40, 0, 7, 0x80, 0, 1 << 6 | 3 << 4];
        for (codec, payload) in [(Codec::H264, &[0x67, 1]), (Codec::Av1, &[0x18, 1])] {
            let (descriptor, is_key_frame) = told(codec, payload, Some(&dependencies));
            assert!(is_key_frame && descriptor.ends_frame && !descriptor.begins_frame);
            assert_eq!(descriptor.frame_number, Some(7));
            let (descriptor, _) = told(codec, payload, Some(&dependencies[..5]));
            assert_eq!(descriptor, Descriptor::of_marker(true), "cut off");
        }
    }
}

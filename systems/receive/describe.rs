//! What a packet says of its frame, by the codec of its stream.

use flumen_components::rtp_parameters::Codec;
use flumen_components::wire::codec::{Units, av1_aggregation, h264, h265, vp8, vp9};
use flumen_components::{Arrival, Dependencies, Descriptor, EntryPoints, PictureGroups, Templates};

/// A packet whose frame is in question.
#[derive(Clone, Copy)]
pub(super) struct Described<'a> {
    /// Its codec.
    pub(super) codec: Codec,
    /// Its payload.
    pub(super) payload: &'a [u8],
    /// The value of its dependency descriptor, when it has one.
    pub(super) dependencies: Option<&'a [u8]>,
    /// Its sequence number.
    pub(super) number: u16,
    /// Its RTP timestamp.
    pub(super) timestamp: u32,
    /// Its marker bit.
    pub(super) marker: bool,
    /// How its sequence number goes with those before.
    pub(super) arrival: Arrival,
}

/// What is remembered of the frames before, as far as a codec needs it.
#[derive(Default)]
pub(super) struct Memory<'a> {
    pub(super) templates: Option<&'a mut Templates>,
    pub(super) entry_points: Option<&'a mut EntryPoints>,
    pub(super) picture_groups: Option<&'a mut PictureGroups>,
}

impl Memory<'_> {
    /// The same for the time of a call.
    pub(super) fn lend(&mut self) -> Memory<'_> {
        Memory {
            templates: self.templates.as_deref_mut(),
            entry_points: self.entry_points.as_deref_mut(),
            picture_groups: self.picture_groups.as_deref_mut(),
        }
    }
}

impl Described<'_> {
    fn enter(&self, points: &mut EntryPoints, units: Units) -> bool {
        points.take(self.number, self.timestamp, self.arrival, units)
    }
}

/// The descriptor of a packet, and whether a key frame begins in it.
///
/// VP8 and VP9 tell layers in front of their payload; AV1, H.264 and H.265 in the dependency descriptor
/// alone, and so does VP8 where one was negotiated. A malformed descriptor says nothing.
pub(super) fn describe(packet: Described<'_>, memory: Memory<'_>) -> Told {
    match packet.codec {
        Codec::Vp8 => of_vp8(packet, depend(packet, memory.templates)),
        Codec::Vp9 => of_vp9(packet, memory.picture_groups).unwrap_or_default(),
        Codec::H264 => of_units(packet, memory, h264::units(packet.payload)),
        Codec::H265 => of_units(packet, memory, h265::units(packet.payload)),
        Codec::Av1 => {
            let dependencies = depend(packet, memory.templates);
            let (descriptor, _) = of_dependencies(packet.marker, dependencies.as_ref());
            let is_key_frame = av1_aggregation::begins_key_frame(packet.payload);
            (descriptor, is_key_frame)
        }
        _ => Told::default(),
    }
}

/// What a packet said, and whether it begins a key frame.
pub(super) type Told = (Descriptor, bool);

/// What the dependency descriptor of a packet says. Padding alone is of no frame.
fn depend(packet: Described<'_>, templates: Option<&mut Templates>) -> Option<Dependencies> {
    let value = packet.dependencies.filter(|_| !packet.payload.is_empty());
    templates?.resolve(value?, packet.arrival)
}

fn of_dependencies(marker: bool, dependencies: Option<&Dependencies>) -> Told {
    let Some(dependencies) = dependencies else {
        return (Descriptor::of_marker(marker), false);
    };
    let descriptor = Descriptor::of_dependencies(dependencies);
    (descriptor, dependencies.descriptor.is_key_frame())
}

fn of_units(packet: Described<'_>, memory: Memory<'_>, units: Units) -> Told {
    let dependencies = depend(packet, memory.templates);
    let (descriptor, begins_key_frame) = of_dependencies(packet.marker, dependencies.as_ref());
    let points = memory.entry_points;
    let is_entry = points.is_some_and(|points| packet.enter(points, units));
    // Where there are dependencies, they tell.
    let is_entry = is_entry && (dependencies.is_none() || units.parameter_set);
    (descriptor, is_entry || begins_key_frame)
}

fn of_vp9(packet: Described<'_>, groups: Option<&mut PictureGroups>) -> Option<Told> {
    let vp9 = vp9::Descriptor::parse(packet.payload)?;
    let groups = groups?;
    let needs = groups.resolve(&vp9, packet.payload, packet.arrival);
    let descriptor = Descriptor::of_vp9(&vp9, needs, groups.is_ksvc());
    Some((descriptor, vp9.is_key_frame))
}

/// Browsers that negotiated the dependency descriptor leave out of VP8's own all that is in both:
/// it still tells where frames and key frames begin, and no temporal layer.
fn of_vp8(packet: Described<'_>, dependencies: Option<Dependencies>) -> Told {
    let Some(vp8) = vp8::Descriptor::parse(packet.payload) else {
        return dependencies
            .map(|told| of_dependencies(packet.marker, Some(&told)))
            .unwrap_or_default();
    };
    let descriptor = Descriptor::of_vp8(&vp8, packet.marker);
    let descriptor = match dependencies {
        None => descriptor,
        Some(dependencies) => with_dependencies(descriptor, &dependencies, &vp8),
    };
    (descriptor, vp8.is_key_frame)
}

fn with_dependencies(
    descriptor: Descriptor,
    dependencies: &Dependencies,
    vp8: &vp8::Descriptor,
) -> Descriptor {
    let told = Descriptor::of_dependencies(dependencies);
    Descriptor {
        temporal_layer: match vp8.temporal {
            Some(temporal) => temporal.index,
            None => told.temporal_layer,
        },
        frame_number: told.frame_number,
        needs: match dependencies.needs {
            Some(_) => told.needs,
            None => descriptor.needs,
        },
        targets: told.targets,
        active_targets: told.active_targets,
        ..descriptor
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
            number: 1,
            timestamp: 0,
            marker: true,
            arrival: Arrival::InOrder,
        };
        let memory = Memory {
            templates: Some(&mut Templates::default()),
            entry_points: Some(&mut EntryPoints::default()),
            picture_groups: Some(&mut PictureGroups::default()),
        };
        describe(packet, memory)
    }

    #[test]
    fn a_payload_that_is_cut_off_says_nothing() {
        for codec in [Codec::Vp8, Codec::Vp9, Codec::Opus] {
            assert_eq!(told(codec, &[0x80], None), Told::default(), "{codec:?}");
        }
    }

    #[test]
    fn h264_h265_and_av1_tell_layers_in_the_dependency_descriptor() {
        // The last packet of frame 7, of the first of two templates.
        let dependencies = [0x40, 0, 7, 0x80, 0, 1 << 6 | 3 << 4];
        let rows = [
            (Codec::H264, [0x67, 1]),
            (Codec::H265, [0x40, 1]),
            (Codec::Av1, [0x18, 1]),
        ];
        for (codec, payload) in &rows {
            let codec = *codec;
            let (descriptor, is_key_frame) = told(codec, payload, Some(&dependencies));
            assert!(is_key_frame && descriptor.ends_frame && !descriptor.begins_frame);
            assert_eq!(descriptor.frame_number, Some(7));
            let (descriptor, _) = told(codec, payload, Some(&dependencies[..5]));
            assert_eq!(descriptor, Descriptor::of_marker(true), "cut off");
        }
    }

    #[test]
    fn a_key_frame_begins_where_its_dependencies_begin_anew() {
        // The first packet of frame 7, with templates and without; an IDR picture without an SPS.
        let (keyed, inter) = ([0x80, 0, 7, 0x80, 0, 3 << 6], [0x80, 0, 7]);
        let h264: [&[u8]; 2] = [&[0x65, 1], &[0x67, 1]];
        let h265: [&[u8]; 2] = [&[0x26, 1, 0x80], &[0x40, 1]];
        for (codec, [idr, set]) in [(Codec::H264, h264), (Codec::H265, h265)] {
            assert!(told(codec, idr, Some(&keyed)).1);
            assert!(!told(codec, idr, Some(&inter)).1);
            assert!(told(codec, set, Some(&inter)).1);
            assert!(told(codec, idr, None).1);
        }
    }

    #[test]
    fn vp8_tells_its_temporal_layer_itself_or_in_its_dependencies() {
        // The first packet of frame 7, of the second of two templates: S0T1.
        let dependencies = [0x81, 0, 7, 0x80, 0, 1 << 6 | 3 << 4];
        // An inter frame: S alone; X S, T with TID 2; the second packet of a frame.
        let rows: [(&[u8], (u8, bool)); 3] = [
            (&[0x10, 1], (1, true)),
            (&[0x90, 0x20, 2 << 6, 1], (2, true)),
            (&[0, 1], (1, false)),
        ];
        for (payload, (temporal_layer, begins_frame)) in rows {
            let expected = Descriptor {
                temporal_layer,
                begins_frame,
                ends_frame: true,
                frame_number: Some(7),
                ..Descriptor::default()
            };
            let (descriptor, is_key_frame) = told(Codec::Vp8, payload, Some(&dependencies));
            assert_eq!(descriptor, expected, "{payload:02x?}");
            assert!(!is_key_frame, "its own first byte tells that");
        }
        // A descriptor that is cut off tells nothing, and padding begins nothing.
        let (descriptor, is_key_frame) = told(Codec::Vp8, &[0x80], Some(&dependencies));
        assert!(descriptor.begins_frame && is_key_frame);
        assert_eq!(descriptor.temporal_layer, 1);
        for codec in [Codec::Vp8, Codec::H264] {
            assert!(!told(codec, &[], Some(&dependencies)).1, "{codec:?}");
        }
    }
}

//! Payloads and dependency descriptors.

use flumen::components::wire::codec::av1::{DependencyChange, DependencyDescriptor, GROWTH_MAX};
use flumen::components::wire::codec::{
    PictureId, TEMPLATES_MAX, TemplateStructure, av1_aggregation, h264, h265, opus, vp8, vp9,
};
use flumen::components::{Arrival, Descriptor, PictureGroups, Templates};

use super::input::Input;

/// Packets of one stream, in any order: each is read as a payload of every codec, and as a
/// dependency descriptor with the templates that came before it.
pub fn codecs(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut templates = Templates::default();
    let mut groups = PictureGroups::new(true);
    while !input.is_empty() {
        let arrival = input.one_of(&[Arrival::InOrder, Arrival::Late, Arrival::Resync]);
        let packet = input.block();
        vp8(packet);
        vp9(packet, &mut groups);
        dependencies(packet, arrival, &mut templates);
        let key_frames: [fn(&[u8]) -> bool; 5] = [
            |payload| h264::units(payload).parameter_set,
            |payload| h264::units(payload).begins_entry,
            |payload| h265::units(payload).parameter_set,
            |payload| h265::units(payload).begins_entry,
            av1_aggregation::begins_key_frame,
        ];
        for is_key_frame in key_frames {
            monotonic(is_key_frame, packet);
        }
        assert!(!opus::is_dtx(packet) || (1..=2).contains(&packet.len()));
    }
}

const ANOTHER_RUN: vp8::Recount = vp8::Recount {
    picture_id: 0x7FFF,
    tl0_index: 1,
    key_index: 31,
};

fn vp8(payload: &[u8]) {
    let recounted = vp8::recount(payload, ANOTHER_RUN);
    let Some(read) = vp8::Descriptor::parse(payload) else {
        assert!(
            payload.len() < vp8::DESCRIPTOR_LEN_MAX,
            "nothing is cut off"
        );
        assert_eq!(recounted, None);
        return;
    };
    recounted_like(&read, &recounted.expect("nothing is cut off"), payload);
    let len = usize::from(read.len);
    assert!((1..=vp8::DESCRIPTOR_LEN_MAX).contains(&len) && len <= payload.len());
    assert!(!read.is_key_frame || payload.len() > len);
    in_range(&Descriptor::of_vp8(&read, true));
    written_again(&read, payload);
}

/// Read in another run it says the same, but for what counts.
fn recounted_like(read: &vp8::Descriptor, recounted: &vp8::Recounted, payload: &[u8]) {
    assert_eq!(recounted.replaced, read.len);
    let front = &recounted.bytes[..recounted.len.into()];
    let again = [front, &payload[read.len.into()..]].concat();
    let again = vp8::Descriptor::parse(&again).expect("what was written can be read");
    let picture_id = read.picture_id.map(|_| PictureId {
        value: ANOTHER_RUN.picture_id,
        is_long: true,
    });
    let key_index = read.key_index.map(|index| index.wrapping_sub(1) & 0x1F);
    let tl0_index = read.tl0_picture_index.map(|index| index.wrapping_add(1));
    assert_eq!(
        again,
        vp8::Descriptor {
            picture_id,
            tl0_picture_index: tl0_index,
            key_index,
            len: recounted.len,
            ..*read
        }
    );
}

/// Written, it reads the same. It may be a byte shorter: one that says that fields follow, and
/// then that none does, need not say so.
fn written_again(read: &vp8::Descriptor, payload: &[u8]) {
    let (written, written_len) = read.to_bytes();
    let len = usize::from(read.len);
    assert!(written_len == len || written_len + 1 == len && len == 2);
    let again = [&written[..written_len], &payload[len..]].concat();
    let again = vp8::Descriptor::parse(&again).expect("what was written can be read");
    assert_eq!(
        again,
        vp8::Descriptor {
            len: written_len as u8,
            ..*read
        }
    );
}

fn vp9(payload: &[u8], groups: &mut PictureGroups) {
    let Some(read) = vp9::Descriptor::parse(payload) else {
        // References may be cut off, or be more than three.
        let lists = payload.first().is_some_and(|flags| flags & 0x50 == 0x50);
        assert!(payload.len() < 5 || lists, "nothing is cut off");
        return;
    };
    let id = read.picture_id.map_or(0, |id| id.value);
    let tl0 = read.layers.and_then(|layers| layers.tl0_picture_index);
    let (same, len) = read.recount(payload, id, tl0.unwrap_or(0));
    assert_eq!(same[..len], payload[..len]);
    if let Some(id) = read.picture_id {
        stands_at(payload, 1, id);
    }
    assert!(!read.is_key_frame || read.is_frame_start && !read.is_inter_picture);
    let arrival = match payload.len() % 4 {
        0 => Arrival::Late,
        _ => Arrival::InOrder,
    };
    let needs = groups.resolve(&read, payload, arrival);
    in_range(&Descriptor::of_vp9(&read, needs, groups.is_ksvc()));
}

fn stands_at(payload: &[u8], at: usize, id: PictureId) {
    let expected = match id.is_long {
        true => u16::from_be_bytes([payload[at] & 0x7f, payload[at + 1]]),
        false => u16::from(payload[at]),
    };
    assert_eq!(id.value, expected);
    assert!(id.is_long || id.value < 128);
}

fn in_range(read: &Descriptor) {
    assert!(read.spatial_layer <= 7 && read.temporal_layer <= 7);
}

fn dependencies(value: &[u8], arrival: Arrival, templates: &mut Templates) {
    let told = templates.resolve(value, arrival);
    let Some(read) = DependencyDescriptor::parse(value) else {
        assert_eq!(told, None);
        return;
    };
    assert!(value.len() >= 3 && usize::from(read.template_id) < TEMPLATES_MAX);
    if let Some(structure) = TemplateStructure::read(value) {
        let highest = structure.highest();
        assert!(value.len() > 3 && highest.spatial <= 3 && highest.temporal <= 7);
        assert!((1..=32).contains(&structure.targets.count));
    }
    if let Some(told) = told {
        assert!(told.layers.spatial <= 3 && told.layers.temporal <= 7);
        in_range(&Descriptor::of_dependencies(&told));
        let targets = templates.targets(told.targets);
        changed(value, targets.map(|targets| (targets.count, told.active)));
    }
}

/// A descriptor that is changed has what it is to have, and no more bytes than there is room for.
fn changed(value: &[u8], active: Option<(u8, u32)>) {
    let change = DependencyChange {
        frame_number: 0x1234,
        active,
    };
    let room = (value.len() + GROWTH_MAX).min(255);
    let (bytes, len) = change
        .apply_within(value, room)
        .expect("it was read, and is not longer than an element");
    let again = DependencyDescriptor::parse(&bytes[..len]).expect("it is written whole");
    assert!(again.frame_number == 0x1234 && len <= room);
    let read = DependencyDescriptor::parse(value).expect("it was read");
    assert_eq!(again.template_id, read.template_id);
    assert_eq!(again.has_custom_references, read.has_custom_references);
}

/// What a beginning tells of a packet, the whole does not take back.
fn monotonic(is_key_frame: fn(&[u8]) -> bool, packet: &[u8]) {
    let begins = (0..packet.len()).any(|len| is_key_frame(&packet[..len]));
    assert!(!begins || is_key_frame(packet));
}

//! Outgoing headers, written once a packet and copied for each consumer.

use flumen_components::rtp_parameters::{HeaderExtensionIds, router_id};
use flumen_components::wire::codec::av1::{DESCRIPTOR_LEN_MAX, DependencyChange, GROWTH_MAX};
use flumen_components::wire::extension::{
    ABS_CAPTURE_TIME_LEN, ABS_SEND_TIME_LEN, AbsCaptureTime, ExtensionKind, TRANSPORT_SEQUENCE_LEN,
};
use flumen_components::wire::header_extension::write_extensions;
use flumen_components::wire::rtp::{
    BLOCK_HEADER_LEN, FIXED_LEN, PAYLOAD_TYPE, RtpHeader, SEQUENCE_NUMBER, SSRC, TIMESTAMP,
    TWO_BYTE_PROFILE,
};
use flumen_components::{Emission, MediaPacket, Mid, Numbering, Rewriting};
use smallvec::SmallVec;

/// The headers of a stream's packets of this tick, for every set of extensions that a consumer
/// negotiated. Consumers differ in few ways, so the sets are few.
///
/// All that differs between consumers of one set has a fixed place: sequence number, SSRC, MID and
/// what is stamped at departure. So all packets of a consumer keep one length, and a run of them can
/// cross the network stack as one.
#[derive(Debug, Default)]
pub(super) struct Templates {
    bytes: Vec<u8>,
    entries: Vec<Template>,
    groups: SmallVec<[Group; 4]>,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    layout: Layout,
    first: u32,
}

/// What decides which extensions a header has, and where, and what they and payload types are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    numbering: Numbering,
    /// See [`Mid::room`].
    mid_room: u8,
    /// Dependency descriptors have room to grow.
    changes_dependencies: bool,
}

impl Layout {
    /// The layout of a consumer's headers.
    pub(super) fn of(emission: &Emission) -> Self {
        Self {
            numbering: emission.numbering,
            mid_room: emission.mid.room(),
            changes_dependencies: emission.changes_dependencies,
        }
    }
}

/// An outgoing header in [`Templates`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Template {
    start: u32,
    len: u16,
    two_byte: bool,
    mid: u8,
    /// Where a dependency descriptor with room to grow is, 0 for nowhere; its length as it came, and
    /// with that room.
    dependencies: u16,
    dependencies_len: u8,
    dependencies_room: u8,
    pub(super) abs_send_time: u8,
    pub(super) transport_sequence: u8,
}

/// A packet as it came.
#[derive(Clone, Copy)]
pub(super) struct Original<'a> {
    pub(super) header: &'a RtpHeader,
    /// What its router calls its payload type.
    pub(super) payload_type: u8,
    pub(super) bytes: &'a [u8],
    pub(super) ids: &'a HeaderExtensionIds,
    pub(super) clock_offset: Option<i64>,
}

/// The packets of a stream, and where their header extensions are described.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) packets: &'a [MediaPacket],
    pub(super) arena: &'a [u8],
    pub(super) ids: &'a HeaderExtensionIds,
    /// From the sender's NTP time to the engine's, when it is known: see
    /// [`RemoteClock`](flumen_components::RemoteClock).
    pub(super) clock_offset: Option<i64>,
}

impl Templates {
    /// Forgets the headers of the previous stream.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
        self.groups.clear();
    }

    /// The position of the headers of one `layout`, one for each packet; written when the first
    /// consumer needs them.
    pub(super) fn group(&mut self, layout: Layout, source: Source<'_>) -> usize {
        let known = self.groups.iter().find(|group| group.layout == layout);
        if let Some(group) = known {
            return group.first as usize;
        }
        let first = self.entries.len();
        self.groups.push(Group {
            layout,
            first: first as u32,
        });
        for packet in source.packets {
            let original = Original {
                header: &packet.header,
                payload_type: packet.payload_type,
                bytes: &source.arena[packet.range()],
                ids: source.ids,
                clock_offset: source.clock_offset,
            };
            let template = write(&mut self.bytes, layout, original);
            self.entries.push(template);
        }
        first
    }

    /// The header at `position`.
    pub(super) fn get(&self, position: usize) -> &Template {
        &self.entries[position]
    }

    /// Copies a header behind `out` and makes it the consumer's own.
    pub(super) fn instantiate(
        &self,
        template: &Template,
        emission: &Emission,
        sequence: u16,
        out: &mut Vec<u8>,
    ) {
        let start = out.len();
        let from = template.start as usize;
        out.extend_from_slice(&self.bytes[from..from + template.len as usize]);
        template.personalise(&mut out[start..], emission.ssrc, sequence, &emission.mid);
    }
}

impl Template {
    /// Length of the header in bytes.
    pub(super) fn len(&self) -> u16 {
        self.len
    }

    /// Fills in what differs between consumers.
    pub(super) fn personalise(&self, header: &mut [u8], ssrc: u32, sequence: u16, mid: &Mid) {
        header[SEQUENCE_NUMBER..SEQUENCE_NUMBER + 2].copy_from_slice(&sequence.to_be_bytes());
        header[SSRC..SSRC + 4].copy_from_slice(&ssrc.to_be_bytes());
        if self.mid != 0 {
            write_mid(header, self, mid);
        }
    }

    /// Makes a header that of a packet in another run.
    pub(super) fn rewrite(self, header: &mut [u8], rewriting: &Rewriting) {
        header[TIMESTAMP..TIMESTAMP + 4].copy_from_slice(&rewriting.timestamp.to_be_bytes());
        let marker = if rewriting.marker { MARKER_BIT } else { 0 };
        header[PAYLOAD_TYPE] = header[PAYLOAD_TYPE] & !MARKER_BIT | marker;
        if self.dependencies != 0 {
            self.change_dependencies(header, rewriting.dependencies);
        }
    }

    /// What a descriptor leaves of its room stays zero, as with [`write_mid`].
    fn change_dependencies(self, header: &mut [u8], change: Option<DependencyChange>) {
        let at = usize::from(self.dependencies);
        let (before, room) = header.split_at_mut(at);
        let room = &mut room[..self.dependencies_room.into()];
        let value = &room[..self.dependencies_len.into()];
        let changed = change.and_then(|change| change.apply_within(value, room.len()));
        let mut len = value.len();
        if let Some((bytes, changed_len)) = changed {
            room[..changed_len].copy_from_slice(&bytes[..changed_len]);
            len = changed_len;
        }
        let told = &mut before[at - 1];
        *told = if self.two_byte {
            len as u8
        } else {
            *told & 0xf0 | (len.max(1) - 1) as u8
        };
    }
}

/// What a MID leaves of its room stays zero, which is padding (RFC 8285 section 4.1: between
/// elements too).
fn write_mid(header: &mut [u8], template: &Template, mid: &Mid) {
    let (at, len) = (usize::from(template.mid), mid.bytes().len() as u8);
    let place = &mut header[at..at + mid.padded().len()];
    // Nearly all have room for eight bytes, which takes one instruction.
    match (place.as_mut_array::<8>(), mid.padded().as_array::<8>()) {
        (Some(place), Some(padded)) => *place = *padded,
        _ => place.copy_from_slice(mid.padded()),
    }
    let told = &mut header[at - 1];
    *told = if template.two_byte {
        len
    } else {
        *told & 0xf0 | (len - 1)
    };
}

/// Appends the header of `packet` in a `layout`, with what its numbering calls payload type and
/// extensions.
pub(super) fn write(out: &mut Vec<u8>, layout: Layout, packet: Original<'_>) -> Template {
    let bytes = packet.bytes;
    let start = out.len();
    let csrc_end = FIXED_LEN + 4 * usize::from(packet.header.csrc_count);
    out.extend_from_slice(&bytes[..csrc_end]);
    let marker_bit = bytes[PAYLOAD_TYPE] & MARKER_BIT;
    out[start + PAYLOAD_TYPE] = marker_bit | layout.numbering.payload_type(packet.payload_type);
    let mut template = Template {
        start: start as u32,
        ..Template::default()
    };
    let capture_time = capture_time(packet);
    let dependencies = Dependencies::of(layout, packet);
    let elements = elements(layout, packet, capture_time.as_ref(), &dependencies);
    let pairs: SmallVec<[(u8, &[u8]); 12]> = elements
        .iter()
        .map(|element| (element.id, element.value))
        .collect();
    let block = out.len();
    let written = write_extensions(out, &pairs, |index, offset| {
        let at = csrc_end + usize::from(offset);
        match elements[index].kind {
            ExtensionKind::Mid => template.mid = at as u8,
            ExtensionKind::AbsSendTime => template.abs_send_time = at as u8,
            ExtensionKind::TransportSequence => template.transport_sequence = at as u8,
            ExtensionKind::DependencyDescriptor if dependencies.room > 0 => {
                template.dependencies = at as u16;
                template.dependencies_len = dependencies.len;
                template.dependencies_room = dependencies.room;
            }
            _ => {}
        }
    });
    // Every value was parsed from a block, so a block can hold it.
    debug_assert!(
        written.is_ok(),
        "router identifiers and received values always fit"
    );
    let has_block = out.len() > block;
    out[start] = out[start] & !EXTENSION_BIT | if has_block { EXTENSION_BIT } else { 0 };
    template.two_byte = has_block && out[block..block + 2] == TWO_BYTE_PROFILE.to_be_bytes();
    template.len = (out.len() - start) as u16;
    debug_assert!(
        !has_block || out.len() - block >= BLOCK_HEADER_LEN,
        "a block has a header"
    );
    template
}

const EXTENSION_BIT: u8 = 0x10;
const MARKER_BIT: u8 = 0x80;
static MID_ROOM: [u8; u8::MAX as usize] = [0; u8::MAX as usize];

/// The dependency descriptor of a packet, when it has room to grow.
struct Dependencies {
    bytes: [u8; DESCRIPTOR_LEN_MAX],
    len: u8,
    /// 0 when there is none.
    room: u8,
}

impl Dependencies {
    fn of(layout: Layout, packet: Original<'_>) -> Self {
        let mut dependencies = Self {
            bytes: [0; DESCRIPTOR_LEN_MAX],
            len: 0,
            room: 0,
        };
        let id = packet.ids.dependency_descriptor;
        let id = id.filter(|_| layout.changes_dependencies);
        let value = id.and_then(|id| packet.header.extension(packet.bytes, id));
        // An empty element has no place in the one-byte form, and says nothing.
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let room = (value.len() + GROWTH_MAX).min(DESCRIPTOR_LEN_MAX);
            dependencies.bytes[..value.len()].copy_from_slice(value);
            dependencies.len = value.len() as u8;
            dependencies.room = room as u8;
        }
        dependencies
    }

    fn value(&self) -> &[u8] {
        &self.bytes[..self.room.into()]
    }
}

/// An element of an outgoing extension block.
struct Element<'a> {
    kind: ExtensionKind,
    id: u8,
    value: &'a [u8],
}

/// The elements of an outgoing packet. First those with a place to fill in, so that their offsets
/// stay small, the MID last of them as it may be long; then what is copied.
fn elements<'a>(
    layout: Layout,
    packet: Original<'a>,
    capture_time: Option<&'a [u8; ABS_CAPTURE_TIME_LEN]>,
    dependencies: &'a Dependencies,
) -> SmallVec<[Element<'a>; 12]> {
    let mut elements = SmallVec::new();
    let mut add = |kind: ExtensionKind, value| {
        let Some(id) = layout.numbering.extension(router_id(kind)) else {
            return;
        };
        // The first of its kind counts: what a sender repeats must not make a header grow.
        if elements.iter().all(|known: &Element<'_>| known.id != id) {
            elements.push(Element { kind, id, value });
        }
    };
    add(ExtensionKind::AbsSendTime, &[0; ABS_SEND_TIME_LEN]);
    add(
        ExtensionKind::TransportSequence,
        &[0; TRANSPORT_SEQUENCE_LEN],
    );
    add(ExtensionKind::Mid, &MID_ROOM[..layout.mid_room.into()]);
    if dependencies.room > 0 {
        add(ExtensionKind::DependencyDescriptor, dependencies.value());
    }
    for (id, value) in packet.header.extensions(packet.bytes) {
        if let Some(kind) = copied(id, packet.ids, &layout.numbering) {
            add(kind, value);
        }
    }
    if let Some(value) = capture_time {
        add(ExtensionKind::AbsCaptureTime, value);
    }
    elements
}

/// The capture time that a packet carries, as this engine tells it: the time stays that of the
/// capturer, and the offset becomes that from the engine's clock to the capturer's. None when the
/// sender's clock is not known, as its offset would then be taken for the engine's.
fn capture_time(packet: Original<'_>) -> Option<[u8; ABS_CAPTURE_TIME_LEN]> {
    let id = packet.ids.abs_capture_time?;
    let clock_offset = packet.clock_offset?;
    let told = AbsCaptureTime::parse(packet.header.extension(packet.bytes, id)?)?;
    let offset = told.offset.unwrap_or(0).wrapping_sub(clock_offset);
    let told = AbsCaptureTime {
        offset: Some(offset),
        ..told
    };
    Some(told.to_bytes())
}

/// Which negotiated extension, of those that are forwarded as they are, the sender calls `id`. Two
/// media sections may call different extensions the same; those negotiated are of the kind of the
/// media.
fn copied(id: u8, ids: &HeaderExtensionIds, negotiated: &Numbering) -> Option<ExtensionKind> {
    let id = Some(id);
    [
        (ids.audio_level, ExtensionKind::AudioLevel),
        (ids.video_orientation, ExtensionKind::VideoOrientation),
        (
            ids.dependency_descriptor,
            ExtensionKind::DependencyDescriptor,
        ),
        (ids.toffset, ExtensionKind::TransmissionOffset),
        (ids.playout_delay, ExtensionKind::PlayoutDelay),
        (ids.packet_id, ExtensionKind::PacketId),
    ]
    .into_iter()
    .filter(|(known, _)| *known == id)
    .map(|(_, kind)| kind)
    .find(|kind| negotiated.extension(router_id(*kind)).is_some())
}

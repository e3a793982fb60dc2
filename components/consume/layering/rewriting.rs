//! What changes in a packet beside its sequence number and SSRC.

use crate::consume::layering::places::Spot;
use crate::consume::layering::runs::Run;
use crate::consume::layering::selection::ConsumerLayers;
use crate::consume::layering::{Layering, counted};
use crate::media::descriptor::Descriptor;
use crate::media::templates::Templates;
use crate::rtp_parameters::Codec;
use crate::tick::batch::PacketFacts;
use crate::wire::codec::DecodeTargets;
use crate::wire::codec::av1::DependencyChange;
use crate::wire::codec::vp8;
use crate::wire::codec::vp9;
use crate::wire::sequence::{is_higher, is_higher_u32};

/// What a layered consumer changes in a packet. The same for its retransmissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewriting {
    /// The RTP timestamp.
    pub timestamp: u32,
    /// The marker: the last packet of a picture as its receiver gets it.
    pub marker: bool,
    /// The front of the payload.
    pub patch: Patch,
    /// The dependency descriptor.
    pub dependencies: Option<DependencyChange>,
}

/// Bytes in the place of the first ones of a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// The bytes, how many there are, and how many of the payload they replace: written as one word, so
    /// that no reader waits for the parts.
    packed: [u8; 8],
}

const LEN: usize = 6;
const REPLACED: usize = 7;
const _: () = assert!(vp8::DESCRIPTOR_LEN_MAX <= LEN && vp9::COUNTERS_LEN_MAX <= LEN);

/// What a packet was written with.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    /// Its payload.
    pub payload: &'a [u8],
    /// The templates of its stream.
    pub templates: Option<&'a Templates>,
}

impl Patch {
    /// The first `len` of these bytes in the place of the first `replaced` ones of a payload; the others
    /// are zeros.
    fn new(bytes: [u8; 8], len: u8, replaced: u8) -> Self {
        let counts = u64::from(len) << (8 * LEN) | u64::from(replaced) << (8 * REPLACED);
        Self {
            packed: (u64::from_le_bytes(bytes) | counts).to_le_bytes(),
        }
    }

    /// The bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.packed[..usize::from(self.packed[LEN])]
    }

    /// How many bytes of the payload they replace.
    #[inline]
    pub fn replaced(&self) -> u8 {
        self.packed[REPLACED]
    }
}

impl Layering {
    /// What changes in a packet of a run, if it is of that.
    pub(super) fn rewriting_in(
        &self,
        run: &Run,
        packet: &PacketFacts,
        written: Written<'_>,
    ) -> Option<Rewriting> {
        if !self.is_of(run, packet) {
            return None;
        }
        let spot = self.frames.spot(&packet.descriptor, run.frame);
        let mut rewriting = Rewriting::default();
        self.rewrite(run, spot, (packet, written), &mut rewriting)?;
        Some(rewriting)
    }

    /// What changes in a packet of a run whose frame has its place at `spot`: told in its place, as
    /// handing it up costs more than deciding it.
    pub(super) fn rewrite(
        &self,
        run: &Run,
        spot: Option<Spot>,
        (packet, written): (&PacketFacts, Written<'_>),
        rewriting: &mut Rewriting,
    ) -> Option<()> {
        let (header, descriptor) = (&packet.header, &packet.descriptor);
        rewriting.timestamp = header.timestamp.wrapping_add(run.timestamp);
        rewriting.marker = header.marker || self.ends_picture(descriptor, spot);
        rewriting.patch = match self.codec {
            Codec::Vp8 => self.patch_vp8(run, spot, written.payload)?,
            Codec::Vp9 => self.patch_vp9(run, spot, descriptor, written.payload)?,
            _ => Patch::default(),
        };
        rewriting.dependencies = match descriptor.frame_number {
            None => None,
            Some(_) => self.change_dependencies(spot, descriptor, written.templates),
        };
        Some(())
    }

    /// Frames keep their distances here too; and the targets that a receiver does not get are told
    /// not to be active, each time, as any packet may be lost.
    pub(super) fn change_dependencies(
        &self,
        spot: Option<Spot>,
        descriptor: &Descriptor,
        templates: Option<&Templates>,
    ) -> Option<DependencyChange> {
        descriptor.frame_number?;
        let number = spot?.number;
        let active = |targets: &DecodeTargets| {
            let ConsumerLayers {
                spatial_layer,
                temporal_layer,
            } = self.frames.wanted(number)?;
            let served = descriptor.active_targets;
            let got = targets.up_to(spatial_layer, temporal_layer) & served;
            Some((targets.count, if got == 0 { served } else { got }))
        };
        let targets = templates.and_then(|templates| templates.targets(descriptor.targets));
        Some(DependencyChange {
            frame_number: number,
            active: targets.and_then(active),
        })
    }

    /// The frame has a number and a time of the run: one that was not seen while it went on may have
    /// got those of a frame of the next one.
    pub(super) fn is_of(&self, run: &Run, packet: &PacketFacts) -> bool {
        let Some(end) = run.end else {
            return true;
        };
        let spot = self.frames.spot(&packet.descriptor, run.frame);
        let is_beyond = |spot: Spot| spot.number.wrapping_sub(end.frame).cast_signed() >= 0;
        let timestamp = packet.header.timestamp.wrapping_add(run.timestamp);
        let base = counted(packet.descriptor.tl0_picture_index, run.tl0_index).zip(end.tl0_index);
        let is_before = |(base, end): (u8, u8)| is_higher::<8>(end.into(), base.into());
        !spot.is_some_and(is_beyond)
            && is_higher_u32(end.timestamp, timestamp)
            && base.is_none_or(is_before)
    }

    /// The packet is the last one of the highest layer that its receiver gets of the picture.
    fn ends_picture(&self, descriptor: &Descriptor, spot: Option<Spot>) -> bool {
        let wanted = || self.frames.wanted(spot?.number);
        descriptor.ends_frame
            && wanted().is_some_and(|wanted| wanted.spatial_layer == descriptor.spatial_layer)
    }

    /// Pictures are numbered without holes for what is withheld: a receiver takes a hole for a loss.
    /// Always in 15 bits, as streams may differ. `None` when the number is not known any more.
    fn patch_vp8(&self, run: &Run, spot: Option<Spot>, payload: &[u8]) -> Option<Patch> {
        let number = spot.and_then(|spot| self.frames.compressed(spot.number));
        let of_run = vp8::Recount {
            picture_id: number.unwrap_or_default(),
            tl0_index: run.tl0_index,
            key_index: run.key_index,
        };
        let Some(recounted) = vp8::recount(payload, of_run) else {
            return Some(Patch::default());
        };
        if recounted.has_picture_id && number.is_none() {
            return None;
        }
        let (len, replaced) = (recounted.len, recounted.replaced);
        Some(Patch::new(recounted.bytes, len, replaced))
    }

    /// Pictures keep their distances: references are counted in them. `None` when the number is not
    /// known any more.
    fn patch_vp9(
        &self,
        run: &Run,
        spot: Option<Spot>,
        descriptor: &Descriptor,
        payload: &[u8],
    ) -> Option<Patch> {
        let is_unchanged = run.frame == 0 && run.tl0_index == 0;
        let vp9 = vp9::Descriptor::parse(payload).filter(|_| !is_unchanged);
        let Some(vp9) = vp9 else {
            return Some(Patch::default());
        };
        let number = spot.map_or(0, |spot| spot.number);
        let tl0_index = counted(descriptor.tl0_picture_index, run.tl0_index);
        let (front, len) = vp9.recount(payload, number, tl0_index.unwrap_or(0));
        let mut bytes = [0; 8];
        bytes[..len].copy_from_slice(&front[..len]);
        Some(Patch::new(bytes, len as u8, len as u8))
    }
}

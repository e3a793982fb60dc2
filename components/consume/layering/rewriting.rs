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
use crate::wire::codec::vp8::{self, DESCRIPTOR_LEN_MAX};
use crate::wire::codec::vp9;
use crate::wire::sequence::{is_higher, is_higher_u32};

/// What a layered consumer changes in a packet. The same for its retransmissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    bytes: [u8; DESCRIPTOR_LEN_MAX],
    len: u8,
    /// How many bytes of the payload they replace.
    pub replaced: u8,
}

/// What a packet was written with.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    /// Its payload.
    pub payload: &'a [u8],
    /// The templates of its stream.
    pub templates: Option<&'a Templates>,
}

impl Patch {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
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
        self.rewriting_at(run, spot, packet, written)
    }

    /// What changes in a packet of a run whose frame has its place at `spot`.
    pub(super) fn rewriting_at(
        &self,
        run: &Run,
        spot: Option<Spot>,
        packet: &PacketFacts,
        written: Written<'_>,
    ) -> Option<Rewriting> {
        let header = &packet.header;
        Some(Rewriting {
            timestamp: header.timestamp.wrapping_add(run.timestamp),
            marker: header.marker || self.ends_picture(&packet.descriptor, spot),
            patch: match self.codec {
                Codec::Vp8 => self.patch_vp8(run, spot, written.payload)?,
                Codec::Vp9 => self.patch_vp9(run, spot, &packet.descriptor, written.payload)?,
                _ => Patch::default(),
            },
            dependencies: self.change_dependencies(spot, &packet.descriptor, written.templates),
        })
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
        Some(Patch {
            bytes: recounted.bytes,
            len: recounted.len,
            replaced: recounted.replaced,
        })
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
        let mut patch = Patch {
            len: len as u8,
            replaced: len as u8,
            ..Patch::default()
        };
        patch.bytes[..len].copy_from_slice(&front[..len]);
        Some(patch)
    }
}

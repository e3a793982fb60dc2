//! How a consumer of a layered producer gets one layer after another.

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;

use crate::media::descriptor::Descriptor;
use crate::media::layer_rates::LayerCounts;
use crate::media::templates::Templates;
use crate::rtp_parameters::Codec;
use crate::tick::batch::PacketFacts;
use crate::tick::time::Time;
use crate::wire::rtp::RtpHeader;
use crate::wire::sequence::{SequenceManager, is_higher_u16};

mod admission;
mod beginning;
mod eras;
mod frames;
mod layer_bits;
mod picture;
mod places;
mod rewriting;
mod runs;
mod selection;
mod timeline;
mod wanted;

pub use beginning::{Awaiting, Beginning, Role};
use frames::Frames;
use picture::{Pictures, attainable};
pub use rewriting::{Patch, Rewriting, Written};
use runs::{Run, Runs, Start};
pub use selection::{ConsumerLayers, Living, PreferredLayers, Selection};
pub use timeline::Alignment;
use timeline::Timeline;

/// On each consumer of a layered producer: which layer it is to get, which it gets, and how that is
/// rewritten to look like one stream. Written by Score and Forward, read by Feedback.
#[derive(Component, Clone, Debug)]
pub struct Layering {
    /// The choice of the layer.
    pub selection: Selection,
    /// What it was last told to get.
    pub told: Option<ConsumerLayers>,
    codec: Codec,
    /// Encodings are spatial layers.
    is_simulcast: bool,
    /// The newest run goes on.
    is_following: bool,
    /// What it gets.
    current: Option<ConsumerLayers>,
    runs: Runs,
    frames: Frames,
    pictures: Pictures,
    timeline: Timeline,
    sent: Sent,
    /// A key frame of another stream that waits for the end of the frame that is being sent.
    awaiting: Option<Awaiting>,
    /// It needed a key frame when it was last asked.
    is_in_need: bool,
}

crate::snapshot::state! {
    struct Layering {
        selection, told, codec, is_simulcast, is_following, current, runs, frames, pictures,
        timeline, sent, awaiting, is_in_need
    }
}

/// A need of a key frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It was not there before.
    New,
    /// It goes on.
    Still,
}

/// What the newest packet that was forwarded said.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    tl0_index: Option<u8>,
    key_index: Option<u8>,
    /// Its frame is not over.
    is_amid_frame: bool,
    /// Its timestamp, as it came.
    timestamp: u32,
}

crate::snapshot::state! { struct Sent { tl0_index, key_index, is_amid_frame, timestamp } }

/// How long a key frame waits for the end of a frame whose stream has stopped in its midst.
const PATIENCE_MS: u64 = 100;

impl Layering {
    /// A consumer of a producer of this codec and layers, `is_simulcast` when they are encodings.
    pub fn new(codec: Codec, counts: LayerCounts, is_simulcast: bool) -> Self {
        Self {
            selection: Selection::new(counts),
            told: None,
            codec,
            is_simulcast,
            is_following: false,
            current: None,
            runs: Runs::default(),
            frames: Frames::default(),
            pictures: Pictures::new(is_simulcast),
            timeline: Timeline::default(),
            sent: Sent::default(),
            awaiting: None,
            is_in_need: false,
        }
    }

    /// The layers that it gets now, none before the first one or when all have stopped.
    pub fn current(&self) -> Option<ConsumerLayers> {
        self.current
    }

    /// The position of the encoding that is forwarded.
    pub fn followed(&self) -> Option<u8> {
        let run = self.runs.newest().filter(|_| self.is_following);
        run.map(|run| run.encoding)
    }

    /// The position of the encoding that it is to get.
    pub fn target_encoding(&self) -> Option<u8> {
        let target = self.selection.target()?;
        Some(if self.is_simulcast {
            target.spatial_layer
        } else {
            0
        })
    }

    /// It needs a key frame to get to its target. Where a lower layer can be taken from any picture
    /// of a stream, that is seen in the stream.
    pub fn rises(&self) -> bool {
        let target = self.selection.target().map(|target| target.spatial_layer);
        let current = self.current.map(|current| current.spatial_layer);
        self.followed() != self.target_encoding() || target > current
    }

    /// The next key frame of this encoding takes the place of a higher one.
    pub fn falls_to(&self, encoding: u8) -> bool {
        let is_target = self.is_simulcast && self.target_encoding() == Some(encoding);
        is_target && self.followed().is_some_and(|followed| followed > encoding)
    }

    /// Encodings are spatial layers.
    pub fn is_simulcast(&self) -> bool {
        self.is_simulcast
    }

    /// The stream whose time line what was sent is on.
    pub fn reference(&self) -> Option<Entity> {
        self.timeline.reference()
    }

    /// The key frame that waits for the end of a frame.
    pub fn awaiting(&self) -> Option<Awaiting> {
        self.awaiting
    }

    /// Nothing is forwarded until the next key frame.
    pub fn stop(&mut self) {
        self.is_following = false;
        self.awaiting = None;
        self.current = None;
    }

    /// The stream of an encoding is this one: when it took the place of the one that was followed,
    /// nothing is forwarded until its key frame.
    pub fn keep_to(&mut self, encoding: u8, stream: Entity) {
        let run = self.runs.newest().filter(|run| run.encoding == encoding);
        if self.is_following && run.is_some_and(|run| run.stream != stream) {
            self.stop();
        }
    }

    /// What the stream of an encoding is to it. As long as nothing is forwarded a key frame of a
    /// lower layer will do.
    pub fn role(&self, encoding: u8) -> Role {
        let followed = self.followed();
        if followed == Some(encoding) {
            return Role::Followed;
        }
        match self.target_encoding() {
            Some(target) if target == encoding => Role::Awaited,
            Some(target) if target > encoding && followed.is_none() => Role::Awaited,
            _ => Role::Other,
        }
    }

    /// Packets of the stream behind this one were forwarded already; `next` is the number of the
    /// next packet, counted on through all runs.
    pub fn has_passed(&self, stream: Entity, number: u16, next: u16) -> bool {
        let latest = self.runs.latest_of(stream, next);
        latest.is_some_and(|(run, end)| is_higher_u16(end, number.wrapping_add(run.sequence)))
    }

    /// Whether to go over to the stream whose key frame begins with `number` now: not amid a frame
    /// of the stream before, which would remain incomplete. Then it waits for its end.
    pub fn may_begin(&mut self, encoding: u8, number: u16, now: Time) -> bool {
        if !(self.is_following && self.sent.is_amid_frame) {
            return true;
        }
        self.awaiting = Some(Awaiting {
            encoding,
            number,
            since: now,
            is_due: false,
        });
        false
    }

    /// A key frame that waits, and of which the end of what goes on has not come yet, waits for
    /// nothing once another layer is to be got.
    fn reconsider(&mut self) {
        if let Some(awaiting) = self.awaiting
            && !awaiting.is_due
            && self.target_encoding() != Some(awaiting.encoding)
        {
            self.awaiting = None;
        }
    }

    /// The key frame that waits must wait no longer: its own stream has gone on for so long.
    pub fn lose_patience(&mut self, now: Time) -> bool {
        self.reconsider();
        let Some(awaiting) = &mut self.awaiting else {
            return false;
        };
        let late = (now - awaiting.since).as_millis() as u64 >= PATIENCE_MS;
        awaiting.is_due = awaiting.is_due || late;
        awaiting.is_due
    }

    /// What it is to get of a stream of which these spatial layers are `sent`, a bit each.
    fn target_among(&self, sent: u8) -> Option<ConsumerLayers> {
        let target = self.selection.target()?;
        Some(match self.is_simulcast {
            true => target,
            false => ConsumerLayers {
                spatial_layer: attainable(target.spatial_layer, sent),
                ..target
            },
        })
    }

    /// It can begin with this key frame, of a stream of which these spatial layers are `sent`: a layer
    /// that begins by itself is for who gets that one.
    pub fn begins_with(&self, descriptor: &Descriptor, sent: u8) -> bool {
        let target = || self.target_among(sent);
        descriptor.spatial_layer == 0
            || target().is_some_and(|target| descriptor.serves(target.spatial_layer))
    }

    /// Follows another stream, or the same one anew, from its key frame on; `next` is the number of
    /// its first packet, counted on through all runs.
    pub fn begin(&mut self, from: Beginning<'_>, next: u16) {
        if !self.is_following {
            // What was sent before a break is not sent again.
            self.runs.clear();
        }
        let descriptor = &from.packet.descriptor;
        let header = &from.packet.header;
        self.awaiting = None;
        self.is_following = true;
        let target = self.target_among(from.sent);
        self.pictures.begin(target, self.current);
        let behind = |sent: Option<u8>, first: Option<u8>| match (sent, first) {
            (Some(sent), Some(first)) => sent.wrapping_add(1).wrapping_sub(first),
            _ => 0,
        };
        let frame = self.frames.begin(descriptor, self.pictures.wanted());
        let run = Run {
            stream: from.stream,
            encoding: from.encoding,
            first: next,
            sequence: next.wrapping_sub(header.sequence_number),
            timestamp: self.timeline.place(&from),
            tl0_index: behind(self.sent.tl0_index, descriptor.tl0_picture_index),
            key_index: behind(self.sent.key_index, descriptor.key_index),
            frame,
            end: None,
        };
        let start = Start {
            frame: self.frames.newest(),
            timestamp: header.timestamp.wrapping_add(run.timestamp),
            tl0_index: counted(descriptor.tl0_picture_index, run.tl0_index),
        };
        self.runs.push(run, start);
        self.current = None;
    }

    /// Goes on with other sequence numbers: its sender restarted them with this packet.
    pub fn restart(&mut self, header: &RtpHeader, next: u16) {
        if let Some(&run) = self.runs.newest() {
            let run = Run {
                first: next,
                sequence: next.wrapping_sub(header.sequence_number),
                ..run
            };
            let start = Start {
                frame: self.frames.newest().wrapping_add(1),
                timestamp: header.timestamp.wrapping_add(run.timestamp),
                tl0_index: None,
            };
            self.runs.push(run, start);
        }
    }

    /// A packet of the followed stream came before it was followed.
    pub fn precedes_run(&self, number: u16) -> bool {
        let run = self.runs.newest();
        run.is_some_and(|run| is_higher_u16(run.first, number.wrapping_add(run.sequence)))
    }

    /// Where the packet `number` came from, counted on through all runs: its stream, and its number
    /// there.
    pub fn origin(&self, number: u16) -> Option<(Entity, u16)> {
        let run = self.runs.of(number)?;
        Some((run.stream, number.wrapping_sub(run.sequence)))
    }

    /// What was changed in the packet `number`, counted on through all runs. None when it was not
    /// sent: one that comes late may be withheld, and keeps its number. Who asks for that must not
    /// get a frame without what it needs, in the midst of a picture.
    pub fn rewriting_of(
        &self,
        number: u16,
        packet: &PacketFacts,
        written: Written<'_>,
    ) -> Option<Rewriting> {
        if self.has_withheld(number, packet) {
            return None;
        }
        self.rewriting_in(self.runs.of(number)?, packet, written)
    }

    /// The packet `number`, counted on through all runs, was withheld. Its receiver misses it where
    /// what follows was sent before it came.
    pub fn has_withheld(&self, number: u16, packet: &PacketFacts) -> bool {
        let withheld = |run: &Run| {
            let spot = self.frames.spot(&packet.descriptor, run.frame);
            self.frames.has_withheld(spot)
        };
        let run = self.runs.of(number);
        run.is_some_and(|run| withheld(run) || !self.is_of(run, packet))
    }

    /// The packet `number`, counted on through all runs, was of an encoding that a lower one has
    /// taken the place of, for want of bandwidth: none is to be spent on it.
    pub fn has_given_up(&self, number: u16) -> bool {
        let allowed = self.selection.allowed();
        let is_too_much = |encoding| allowed.is_none_or(|it| it.spatial_layer < encoding);
        let (Some(run), Some(followed)) = (self.runs.of(number), self.followed()) else {
            return false;
        };
        self.is_simulcast && followed < run.encoding && is_too_much(run.encoding)
    }

    /// What is changed in a packet that comes under the number of one that was withheld: it has no
    /// payload, and ends nothing.
    pub fn blank(
        &self,
        number: u16,
        packet: &PacketFacts,
        templates: Option<&Templates>,
    ) -> Option<Rewriting> {
        let run = self.runs.of(number)?;
        let spot = self.frames.spot(&packet.descriptor, run.frame);
        Some(Rewriting {
            timestamp: packet.header.timestamp.wrapping_add(run.timestamp),
            marker: false,
            patch: Patch::default(),
            dependencies: self.change_dependencies(spot, &packet.descriptor, templates),
        })
    }

    /// It cannot get to its target, or keep it, without a key frame of this encoding.
    pub fn needs_key_frame(&self, encoding: u8) -> bool {
        match self.followed() == Some(encoding) {
            true => self.pictures.wants_key_frame(),
            false => self.target_encoding() == Some(encoding) && self.awaiting.is_none(),
        }
    }

    /// Whether it needs one as [`Self::needs_key_frame`] says: for the first time, or still.
    pub fn need(&mut self, encoding: u8) -> Option<Need> {
        let needs = self.needs_key_frame(encoding);
        if self.target_encoding() != Some(encoding) {
            return needs.then_some(Need::Still);
        }
        match (needs, std::mem::replace(&mut self.is_in_need, needs)) {
            (true, false) => Some(Need::New),
            (true, true) => Some(Need::Still),
            (false, _) => None,
        }
    }

    /// The sender of the followed stream counts its pictures anew with this packet, which begins a
    /// key frame.
    pub fn counts_anew(&self, packet: &PacketFacts) -> bool {
        let run = self.runs.newest().filter(|_| self.is_following);
        let spot = |run: &Run| self.frames.spot(&packet.descriptor, run.frame);
        run.is_some_and(|run| self.frames.is_behind(spot(run)))
    }

    /// Takes a packet of the followed stream that is not forwarded out of the sequence.
    pub fn drop(&mut self, number: u16, sequence: &mut SequenceManager<16>) {
        if let Some(&run) = self.runs.newest()
            && self.is_following
        {
            let number = number.wrapping_add(run.sequence);
            self.runs.reach(number);
            if !is_higher_u16(run.first, number) {
                sequence.drop(number);
            }
        }
    }
}

/// A counter of a stream as it is sent.
fn counted(index: Option<u8>, added: u8) -> Option<u8> {
    index.map(|index| index.wrapping_add(added))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layers_of_a_consumer_take_two_kilobytes() {
        let remembered = places::WINDOW * size_of::<places::Place>();
        let bytes = size_of::<Layering>() + remembered;
        assert!(bytes <= 2_048, "{bytes}");
    }
}

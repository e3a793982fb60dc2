//! Which packets of a stream that is followed, or was, are forwarded.

use bevy_ecs::entity::Entity;

use crate::consume::layering::frames::Fate;
use crate::consume::layering::rewriting::{Rewriting, Written};
use crate::consume::layering::runs::Run;
use crate::consume::layering::selection::ConsumerLayers;
use crate::consume::layering::{Layering, Sent, counted};
use crate::consume::withheld::Withheld;
use crate::media::templates::Templates;
use crate::tick::batch::PacketFacts;
use crate::wire::sequence::{SequenceManager, is_higher, is_higher_u16};

impl Layering {
    /// The outgoing number of a packet of the followed stream, or why it is not forwarded; `rewriting`
    /// becomes what else changes in it. What is withheld is taken out of the `sequence`.
    pub fn admit(
        &mut self,
        packet: &PacketFacts,
        written: Written<'_>,
        late: bool,
        sequence: &mut SequenceManager<16>,
        rewriting: &mut Rewriting,
    ) -> Result<u16, Withheld> {
        let Some(&run) = self.runs.newest() else {
            return Err(Withheld::OtherLayer);
        };
        let number = packet.header.sequence_number.wrapping_add(run.sequence);
        self.runs.reach(number);
        if is_higher_u16(run.first, number) {
            return Err(Withheld::TooLate);
        }
        let descriptor = &packet.descriptor;
        if !late {
            self.reconsider();
            if self.waits_behind(packet) {
                sequence.drop(number);
                return Err(Withheld::OtherLayer);
            }
            if !self.pictures.goes_on(packet) {
                let target = self.target_within(run.encoding);
                let sent = || Templates::sent(written.templates, descriptor);
                self.pictures.see_next(packet, target, &self.frames, sent);
            }
        }
        let spot = self.frames.spot(descriptor, run.frame);
        let wanted = self.pictures.wanted();
        // Of a sender that counts its frames anew the beginning of a key frame was lost: under these
        // numbers others were sent.
        let fate = match !late && self.frames.is_behind(spot) {
            true => Fate::TooOld,
            false => self.frames.decide(descriptor, spot, wanted),
        };
        let reason = match fate {
            Fate::Forwarded => None,
            Fate::Unwanted => Some(Withheld::OtherLayer),
            Fate::Undecodable => Some(Withheld::Undecodable),
            Fate::TooOld => Some(Withheld::TooLate),
        };
        if let Some(reason) = reason {
            let is_essential = descriptor.temporal_layer == 0 && fate == Fate::Undecodable;
            if !late && (is_essential || fate == Fate::TooOld) {
                self.pictures.break_off();
            }
            sequence.drop(number);
            return Err(reason);
        }
        let rewritten = self.rewrite(&run, spot, (packet, written), rewriting);
        if rewritten.is_none() {
            sequence.drop(number);
            return Err(Withheld::TooLate);
        }
        let outgoing = sequence.input(number).ok_or(Withheld::TooLate)?;
        self.note(packet, &run, rewriting.marker, late);
        Ok(outgoing)
    }

    /// What is to be got of an encoding that is followed; none when that stays as it is. Where a
    /// lower one is all that there is bandwidth for, its lowest rate has to do until that comes.
    fn target_within(&self, encoding: u8) -> Option<ConsumerLayers> {
        let target = self.selection.target()?;
        if !self.is_simulcast || target.spatial_layer == encoding {
            return Some(target);
        }
        let allowed = self.selection.allowed();
        let is_too_much = allowed.is_none_or(|allowed| allowed.spatial_layer < encoding);
        is_too_much.then_some(ConsumerLayers {
            spatial_layer: encoding,
            temporal_layer: 0,
        })
    }

    /// The outgoing number of a late packet of a stream that is followed no more; `rewriting` becomes
    /// what else changes in it.
    pub fn admit_late(
        &mut self,
        stream: Entity,
        packet: &PacketFacts,
        written: Written<'_>,
        sequence: &mut SequenceManager<16>,
        rewriting: &mut Rewriting,
    ) -> Option<u16> {
        let (&run, number) = self.runs.past(stream, packet.header.sequence_number)?;
        let admitted = self
            .admit_to(&run, (packet, written), rewriting)
            .and_then(|()| sequence.input(number));
        if admitted.is_none() {
            sequence.drop(number);
        }
        admitted
    }

    fn admit_to(
        &mut self,
        run: &Run,
        (packet, written): (&PacketFacts, Written<'_>),
        rewriting: &mut Rewriting,
    ) -> Option<()> {
        // Of the lowest temporal layer, a frame of which nothing was sent has lost its place: the
        // next run counts on without it.
        if !self.is_of(run, packet) {
            return None;
        }
        let is_counted = packet.descriptor.temporal_layer == 0;
        let spot = self.frames.spot(&packet.descriptor, run.frame);
        if is_counted && !self.frames.has_seen(spot) {
            return None;
        }
        let fate = self.frames.decide_late(&packet.descriptor, spot);
        let rewritten = self.rewrite(run, spot, (packet, written), rewriting);
        rewritten.filter(|()| fate == Fate::Forwarded)
    }

    /// A key frame waits for the end of a frame, and this packet is of the one behind it: so that
    /// end was lost, or has passed.
    fn waits_behind(&mut self, packet: &PacketFacts) -> bool {
        let is_over = !self.sent.is_amid_frame || self.sent.timestamp != packet.header.timestamp;
        match &mut self.awaiting {
            Some(awaiting) => {
                awaiting.is_due = awaiting.is_due || is_over;
                is_over
            }
            None => false,
        }
    }

    fn note(&mut self, packet: &PacketFacts, run: &Run, ends_picture: bool, late: bool) {
        let descriptor = &packet.descriptor;
        let current = self.pictures.forwarded(descriptor, late);
        self.current = Some(match self.is_simulcast {
            true => ConsumerLayers {
                spatial_layer: run.encoding,
                ..current
            },
            false => current,
        });
        let tl0_index = counted(descriptor.tl0_picture_index, run.tl0_index);
        let key_index = counted(descriptor.key_index, run.key_index).map(|index| index % 32);
        self.sent.tl0_index = newer::<8>(self.sent.tl0_index, tl0_index, late);
        self.sent.key_index = newer::<5>(self.sent.key_index, key_index, late);
        if late {
            return;
        }
        self.sent = Sent {
            is_amid_frame: !ends_picture,
            timestamp: packet.header.timestamp,
            ..self.sent
        };
        if !self.sent.is_amid_frame
            && let Some(awaiting) = &mut self.awaiting
        {
            awaiting.is_due = true;
        }
    }
}

/// The newer one of two counters of `BITS` bits: what is not late is.
fn newer<const BITS: u32>(sent: Option<u8>, next: Option<u8>, late: bool) -> Option<u8> {
    match (sent, next) {
        (Some(sent), Some(next)) if late && !is_higher::<BITS>(next.into(), sent.into()) => {
            Some(sent)
        }
        (sent, next) => next.or(sent),
    }
}

//! Whether a consumer of a layered producer gets a packet, and as what.

use bevy_ecs::entity::Entity;
use flumen_components::{
    Alignment, Arrival, Beginning, Emission, Layering, Ledger, MediaPacket, Pacer, PacketFacts,
    Refusal, Rewriting, StreamRole, Templates, Time, Withheld, Written,
};

use super::choose::{Choice, too_late};

/// A packet that came, and what is known of it.
type Offered<'a> = (&'a MediaPacket, &'a PacketFacts);

/// A stream of a layered producer.
pub(super) struct Layer<'a> {
    pub(super) stream: Entity,
    /// The position of its encoding.
    pub(super) encoding: u8,
    /// How its time goes with that of another stream.
    pub(super) alignment: &'a dyn Fn(Entity) -> Alignment,
    pub(super) templates: Option<&'a Templates>,
    pub(super) now: Time,
    /// What waits on its way to a consumer that falls to it.
    pub(super) pacer: Option<&'a mut Pacer>,
    pub(super) ledger: &'a mut Ledger,
    /// Becomes what changes in a packet that is forwarded, beside its number.
    pub(super) rewriting: &'a mut Rewriting,
}

impl<'a> Layer<'a> {
    /// What a packet of the layer becomes for a consumer, or why it is not forwarded.
    pub(super) fn choose(
        self,
        emission: &mut Emission,
        layering: &mut Layering,
        (packet, facts): Offered<'_>,
        bytes: &[u8],
    ) -> Result<Choice, Withheld> {
        layering.keep_to(self.encoding, self.stream);
        match layering.role(self.encoding) {
            StreamRole::Followed => self.follow(emission, layering, (packet, facts), bytes),
            StreamRole::Awaited if packet.key_frame => {
                self.begin(emission, layering, (packet, facts), bytes)
            }
            StreamRole::Awaited if layering.followed().is_none() => Err(Withheld::AwaitingKeyFrame),
            _ if packet.arrival == Arrival::Late => {
                self.complete(emission, layering, (packet, facts), bytes)
            }
            _ => Err(Withheld::OtherLayer),
        }
    }

    /// Of the stream that is followed.
    fn follow(
        mut self,
        emission: &mut Emission,
        layering: &mut Layering,
        (packet, facts): Offered<'_>,
        bytes: &[u8],
    ) -> Result<Choice, Withheld> {
        let number = packet.header.sequence_number;
        restart(emission, layering, packet);
        if let Some(reason) = unsuited(emission, packet) {
            layering.drop(number, &mut emission.sequence);
            return Err(reason);
        }
        if packet.duplicate && emission.resends {
            return Err(Withheld::Duplicate);
        }
        let late = packet.arrival == Arrival::Late;
        if late && layering.precedes_run(number) {
            return self.complete(emission, layering, (packet, facts), bytes);
        }
        if packet.key_frame && !late && layering.counts_anew(facts) {
            self.go_over(emission, layering, facts);
        }
        let written = self.written(facts, bytes);
        admit(emission, layering, (facts, written), late, self.rewriting)
    }

    /// With the first packet of a key frame the consumer goes over to its stream.
    fn begin(
        mut self,
        emission: &mut Emission,
        layering: &mut Layering,
        (packet, facts): Offered<'_>,
        bytes: &[u8],
    ) -> Result<Choice, Withheld> {
        if let Some(reason) = unsuited(emission, packet) {
            return Err(reason);
        }
        if packet.duplicate {
            return Err(Withheld::Duplicate);
        }
        if !layering.begins_with(&facts.descriptor, self.sent(facts)) {
            return Err(Withheld::OtherLayer);
        }
        let (number, next) = (
            packet.header.sequence_number,
            emission.sequence.max_input().wrapping_add(1),
        );
        if packet.arrival == Arrival::Late && layering.has_passed(self.stream, number, next) {
            return Err(Withheld::OtherLayer);
        }
        if !layering.may_begin(self.encoding, number, self.now) {
            return Err(Withheld::OtherLayer);
        }
        self.go_over(emission, layering, facts);
        let written = self.written(facts, bytes);
        let packet = (facts, written);
        let choice = admit(emission, layering, packet, false, self.rewriting)?;
        Ok(Choice {
            begins_key_frame: true,
            ..choice
        })
    }

    /// What is sent goes on with this key frame.
    pub(super) fn go_over(
        &mut self,
        emission: &mut Emission,
        layering: &mut Layering,
        packet: &PacketFacts,
    ) {
        self.supersede(emission);
        let next = emission.next_run(packet.header.sequence_number);
        let alignment = match layering.reference() {
            Some(reference) if reference != self.stream => (self.alignment)(reference),
            _ => Some(0),
        };
        let beginning = Beginning {
            stream: self.stream,
            encoding: self.encoding,
            packet,
            sent: self.sent(packet),
            alignment,
            newest: emission.newest,
            clock_rate: emission.clock_rate,
            now: self.now,
        };
        layering.begin(beginning, next);
        emission.sync_required = false;
    }

    /// What waits of a higher encoding would only keep its receiver from what takes its place.
    fn supersede(&mut self, emission: &mut Emission) {
        if let Some(pacer) = &mut self.pacer {
            self.ledger
                .give_up(Refusal::Superseded, emission.supersede(pacer));
        }
    }

    /// The spatial layers of which there may be frames: a bit each.
    fn sent(&self, packet: &PacketFacts) -> u8 {
        Templates::sent(self.templates, &packet.descriptor)
    }

    fn written<'b>(&self, packet: &PacketFacts, bytes: &'b [u8]) -> Written<'b>
    where
        'a: 'b,
    {
        Written {
            payload: packet.header.payload(bytes),
            templates: self.templates,
        }
    }

    /// A packet that comes late may fill a gap in what was sent before a switch.
    fn complete(
        self,
        emission: &mut Emission,
        layering: &mut Layering,
        (packet, facts): Offered<'_>,
        bytes: &[u8],
    ) -> Result<Choice, Withheld> {
        if unsuited(emission, packet).is_some() || packet.duplicate {
            return Err(Withheld::OtherLayer);
        }
        let written = self.written(facts, bytes);
        let sequence = &mut emission.sequence;
        let admitted = layering.admit_late(self.stream, facts, written, sequence, self.rewriting);
        Ok(Choice {
            sequence: admitted.ok_or(Withheld::OtherLayer)?,
            begins_key_frame: false,
        })
    }
}

fn restart(emission: &Emission, layering: &mut Layering, packet: &MediaPacket) {
    if packet.arrival == Arrival::Resync {
        let next = emission.sequence.max_input().wrapping_add(1);
        layering.restart(&packet.header, next);
    }
}

/// Takes a packet of the followed stream that nobody gets out of the sequence.
pub(super) fn pass_over_layer(
    emission: &mut Emission,
    layering: &mut Layering,
    packet: &MediaPacket,
) {
    restart(emission, layering, packet);
    layering.drop(packet.header.sequence_number, &mut emission.sequence);
}

/// Why a packet is of no use for a consumer, of whatever layer it is.
fn unsuited(emission: &Emission, packet: &MediaPacket) -> Option<Withheld> {
    if !emission.payload_types.contains(packet.payload_type) {
        return Some(Withheld::PayloadTypeNotNegotiated);
    }
    (packet.header.payload_len == 0).then_some(Withheld::PaddingOnly)
}

/// Lets in a packet of the stream that is followed; `rewriting` becomes what changes in it.
pub(super) fn admit(
    emission: &mut Emission,
    layering: &mut Layering,
    (packet, written): (&PacketFacts, Written<'_>),
    late: bool,
    rewriting: &mut Rewriting,
) -> Result<Choice, Withheld> {
    let sequence = &mut emission.sequence;
    let sequence = match layering.admit(packet, written, late, sequence, rewriting) {
        Err(Withheld::TooLate) => return Err(too_late(emission)),
        admitted => admitted?,
    };
    Ok(Choice {
        sequence,
        begins_key_frame: false,
    })
}

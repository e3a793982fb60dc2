//! Padding that carries something: packets that were sent before.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, SystemParam};
use flumen_components::{
    Consumer, Emission, History, Layering, Listener, Outgoing, OutgoingKind, Pacer, PausedByOwner,
    Producer, RemoteClock, Retransmission, Templates, Written,
};

use crate::forward::{Repeat, RtxStream, Sender, repeat};

/// Where old packets are found.
#[derive(SystemParam)]
pub(crate) struct OldPackets<'w, 's> {
    listeners: Query<'w, 's, (&'static Listener, &'static RemoteClock)>,
    consumers: Query<
        'w,
        's,
        (
            &'static Consumer,
            &'static Emission,
            Option<&'static Layering>,
            &'static PausedByOwner,
            &'static mut Retransmission,
        ),
    >,
    producers: Query<'w, 's, &'static Producer>,
    histories: Query<'w, 's, (&'static History, Option<&'static Templates>)>,
    pacers: Query<'w, 's, &'static Pacer>,
}

/// Shorter packets would not fill a probe: padding proper is longer.
const BYTES_MIN: u32 = 600;
/// So many of a consumer's latest packets are looked at for a long one.
const LOOKED_AT: u16 = 32;

impl OldPackets<'_, '_> {
    /// Appends a packet that one of the transport's consumers sent before, as a retransmission
    /// (RFC 4588): the `turn`th of its latest, or the next that is long enough; of one whose packets
    /// have transport-wide numbers, where they are `numbered` and nothing else is told of. None where
    /// nobody negotiated that, nothing long was sent, or the latest may still wait for their turn.
    pub(super) fn write(
        &mut self,
        transport: Entity,
        (turn, numbered): (u16, bool),
        out: &mut Vec<u8>,
    ) -> Option<Outgoing> {
        if self
            .pacers
            .get(transport)
            .is_ok_and(|pacer| !pacer.is_empty())
        {
            return None;
        }
        let entity = self.sender(transport, turn, numbered)?;
        let (_, emission, ..) = self.consumers.get(entity).ok()?;
        let newest = emission.sequence.max_output();
        (0..LOOKED_AT).find_map(|step| {
            let back = turn.wrapping_add(step) % LOOKED_AT;
            self.write_one(entity, newest.wrapping_sub(back), out)
        })
    }

    /// One of the transport's consumers that send video and can send it again: one after another.
    fn sender(&self, transport: Entity, turn: u16, numbered: bool) -> Option<Entity> {
        let (listener, _) = self.listeners.get(transport).ok()?;
        let can = |&entity: &Entity| {
            let found = self.consumers.get(entity);
            found.is_ok_and(|(consumer, emission, _, paused, retransmission)| {
                let is_video = emission.waits_for_key_frame && emission.newest.is_some();
                let is_paused = paused.0 || consumer.producer_paused;
                let is_sent = !(is_paused || emission.sync_required);
                let is_told_of = !numbered || emission.numbers_packets();
                is_video && is_sent && is_told_of && retransmission.rtx_ssrc().is_some()
            })
        };
        let senders = || listener.consumers.values().copied().filter(can);
        let index = usize::from(turn / LOOKED_AT).checked_rem(senders().count())?;
        senders().nth(index)
    }

    fn write_one(&mut self, entity: Entity, number: u16, out: &mut Vec<u8>) -> Option<Outgoing> {
        let (consumer, emission, layering, _, mut retransmission) =
            self.consumers.get_mut(entity).ok()?;
        let producer = self.producers.get(consumer.producer).ok()?;
        let (sender, clock) = self.listeners.get(producer.transport).ok()?;
        let counted = emission.sequence.input_of(number)?;
        let (stream, input) = match layering {
            Some(layering) => layering.origin(counted)?,
            None => (producer.streams().next()?, counted),
        };
        let (history, templates) = self.histories.get(stream).ok()?;
        let (facts, bytes) = history.get(input)?;
        if (bytes.len() as u32) < BYTES_MIN || emission.sequence.is_unfilled(counted) {
            return None;
        }
        let rewriting = match layering {
            Some(layering) => {
                let payload = facts.header.payload(bytes);
                let written = Written { payload, templates };
                Some(layering.rewriting_of(counted, &facts, written)?)
            }
            None => None,
        };
        let (ssrc, payload_type, sequence) = retransmission.next_rtx(facts.payload_type)?;
        let again = Repeat {
            sequence: number,
            rewriting,
            rtx: Some(RtxStream {
                ssrc,
                payload_type,
                sequence,
            }),
            is_empty: false,
        };
        let sender = Sender {
            ids: &sender.extensions,
            clock_offset: clock.offset(),
        };
        let row = repeat(out, emission, (&facts, bytes), sender, again)?;
        let kind = OutgoingKind::Padding;
        Some(Outgoing { kind, ..row })
    }
}

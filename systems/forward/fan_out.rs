//! Packets reach the consumers of their producer.

use bevy_ecs::change_detection::Mut;
use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, SystemParam};
use flumen_components::rtp_parameters::Codec;
use flumen_components::wire::codec::opus;
use flumen_components::{
    Arrival, ConsumerId, Emission, Exclusion, Exclusions, Inbox, Layering, Ledger, Link, Media,
    MediaPacket, Pacer, PacketFacts, Path, PausedByOwner, Touched, TouchedStream, TraceTypes,
    Withheld, indexed_chain,
};

use super::delivery::{Delivery, Exits};
use super::origin::{Origin, Origins};
use super::template::Templates;

/// Who receives.
#[derive(SystemParam)]
pub(crate) struct Takers<'w, 's> {
    consumers: Query<
        'w,
        's,
        (
            &'static mut Emission,
            Option<&'static mut Layering>,
            &'static PausedByOwner,
            &'static ConsumerId,
            &'static TraceTypes,
        ),
    >,
    paths: Query<'w, 's, &'static Path>,
    pacers: Query<'w, 's, &'static mut Pacer>,
}

/// Memory that is reused from tick to tick.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(super) packets: Vec<MediaPacket>,
    /// What is known of each, once somebody gets layers of them.
    pub(super) facts: Vec<PacketFacts>,
    /// Where in the batch they are.
    rows: Vec<u32>,
    /// Which of them one consumer does not get.
    excluded: Vec<usize>,
    /// Some of them came late.
    pub(super) has_late: bool,
    /// Some of them nobody gets.
    has_vetoed: bool,
    /// Which of them are silence.
    pub(super) dtx: Vec<bool>,
    pub(super) templates: Templates,
    /// Consumers that may go over to another stream at the end of the tick, with their producers.
    going_over: Vec<(Entity, Entity)>,
}

/// Offers the packets of every touched stream to every consumer of its producer.
///
/// The order is stream, then consumer, then packet: the state of a consumer is loaded once a tick,
/// and what one destination gets of a stream lies together, ready to leave as a run.
pub(super) fn fan_out(
    (touched, media, inbox): (&Touched, &Media, &Inbox),
    exclusions: &mut Exclusions,
    origins: &Origins<'_, '_>,
    takers: &mut Takers<'_, '_>,
    exits: &mut Exits<'_>,
    ledger: &mut Ledger,
    scratch: &mut Scratch,
) {
    for &stream in &touched.streams {
        let Ok((_, routes, paused)) = origins.producers.get(stream.producer) else {
            continue;
        };
        let offered = u64::from(stream.count) * routes.len() as u64;
        if offered == 0 {
            continue;
        }
        if paused.0 {
            ledger.offered += offered;
            ledger.withheld[Withheld::ProducerPaused] += offered;
            continue;
        }
        let Some(origin) = origins.of(stream.stream) else {
            continue;
        };
        ledger.offered += offered;
        scratch.load(stream, media, inbox, origin.stream.codec);
        for consumer in routes.iter() {
            let exits = (&mut *exits, &mut *ledger);
            if let Some((mut delivery, way)) = takers.delivery(consumer, &origin, inbox, exits) {
                scratch.exclude(exclusions.of(consumer));
                match way {
                    Ok(link) => delivery.offer(scratch, link),
                    Err(reason) => delivery.withhold_all(reason, scratch),
                }
                if delivery.may_go_over() {
                    scratch.going_over.push((consumer, stream.producer));
                }
                scratch.readmit();
            }
        }
    }
    exclusions.clear();
    for (consumer, producer) in scratch.going_over.drain(..) {
        let exits = (&mut *exits, &mut *ledger);
        takers.go_over(consumer, producer, origins, inbox, exits);
    }
}

/// Where packets go, and where it is counted.
type ExitsAndLedger<'a, 'w> = (&'a mut Exits<'w>, &'a mut Ledger);

impl Takers<'_, '_> {
    /// A delivery to a consumer, and the way there; or why nothing goes there.
    #[inline(always)]
    fn delivery<'a, 'w>(
        &'a mut self,
        consumer: Entity,
        origin: &'a Origin<'a>,
        inbox: &'a Inbox,
        (exits, ledger): ExitsAndLedger<'a, 'w>,
    ) -> Option<(Delivery<'a, 'w>, Result<&'a Link, Withheld>)> {
        let (emission, layering, paused, &id, &traced) = self.consumers.get_mut(consumer).ok()?;
        let way = match self.paths.get(emission.transport) {
            Ok(path) if !paused.0 => Ok(&path.rtp),
            Ok(_) => Err(Withheld::ConsumerPaused),
            Err(_) => Err(Withheld::NotConnected),
        };
        let layering = layering.map(Mut::into_inner);
        let falls = |layering: &Layering| layering.falls_to(origin.encoding());
        let falls = layering.as_deref().is_some_and(falls);
        let pacer = falls.then(|| self.pacers.get_mut(emission.transport).ok());
        let delivery = Delivery {
            emission: emission.into_inner(),
            layering,
            pacer: pacer.flatten().map(Mut::into_inner),
            consumer,
            id,
            traced,
            arena: inbox.bytes(),
            origin,
            exits,
            ledger,
        };
        Some((delivery, way))
    }

    /// Lets a consumer go over to the key frame that waited.
    fn go_over(
        &mut self,
        consumer: Entity,
        producer: Entity,
        origins: &Origins<'_, '_>,
        inbox: &Inbox,
        exits: ExitsAndLedger<'_, '_>,
    ) -> Option<()> {
        let (_, layering, ..) = self.consumers.get(consumer).ok()?;
        let awaiting = layering?.awaiting()?;
        let origin = origins.of_encoding(producer, awaiting.encoding)?;
        let (mut delivery, way) = self.delivery(consumer, &origin, inbox, exits)?;
        delivery.go_over(awaiting.number, way.ok()?);
        Some(())
    }
}

impl Scratch {
    fn load(&mut self, stream: TouchedStream, media: &Media, inbox: &Inbox, codec: Codec) {
        self.templates.clear();
        self.packets.clear();
        self.facts.clear();
        self.rows.clear();
        for (row, packet) in indexed_chain(media, stream) {
            self.rows.push(row);
            self.packets.push(*packet);
        }
        self.has_late = (self.packets.iter()).any(|packet| packet.arrival == Arrival::Late);
        self.has_vetoed = self.packets.iter().any(|packet| packet.veto.is_some());
        self.dtx.clear();
        let silent = |packet: &MediaPacket| {
            codec == Codec::Opus
                && opus::is_dtx(packet.header.payload(&inbox.bytes()[packet.range()]))
        };
        self.dtx.extend(self.packets.iter().map(silent));
    }

    /// Has what is known of each packet in a place of its own.
    #[inline]
    pub(super) fn list_facts(&mut self) {
        if self.facts.is_empty() {
            self.facts
                .extend(self.packets.iter().map(MediaPacket::facts));
        }
    }

    /// Whether the consumer does not get some of them because of vetoes.
    pub(super) fn has_vetoed(&self) -> bool {
        self.has_vetoed || !self.excluded.is_empty()
    }

    /// Vetoes packets for one consumer.
    #[inline]
    fn exclude(&mut self, exclusions: &[Exclusion]) {
        for exclusion in exclusions {
            let Ok(at) = self.rows.binary_search(&exclusion.index) else {
                continue;
            };
            if self.packets[at].veto.is_none() {
                self.packets[at].veto = Some(exclusion.veto);
                self.excluded.push(at);
            }
        }
    }

    /// Undoes it for the next one.
    #[inline]
    fn readmit(&mut self) {
        for at in self.excluded.drain(..) {
            self.packets[at].veto = None;
        }
    }
}

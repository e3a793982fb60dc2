//! How much the consumers of a transport want is measured.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::{
    Agenda, Allotment, Bid, Bids, CaptureClock, Consumer, ConsumerLayers, Created, Demand,
    Emission, Inactivity, Layering, Limits, Listener, Now, OutgoingEstimate, PathBids,
    PausedByOwner, PictureGroups, Priority, Producer, Reception, RemoteClock, Rung, Score, Time,
    Traffic, make_ladder,
};

use super::choose_layers::living;

/// Who wants something, and what there is.
#[derive(SystemParam)]
pub(crate) struct Market<'w, 's> {
    consumers: Query<
        'w,
        's,
        (
            &'static Consumer,
            &'static PausedByOwner,
            &'static Emission,
            Option<(
                &'static Layering,
                &'static Allotment,
                &'static Priority,
                &'static Created,
            )>,
        ),
    >,
    producers: Query<'w, 's, &'static Producer>,
    streams: Query<
        'w,
        's,
        (
            &'static Score,
            Option<&'static Inactivity>,
            &'static CaptureClock,
        ),
    >,
    receptions: Query<'w, 's, (&'static mut Reception, Option<&'static PictureGroups>)>,
    remotes: Query<'w, 's, &'static RemoteClock>,
    limits: Res<'w, Limits>,
    now: Res<'w, Now>,
}

/// Measures what is wanted of every path that is listed: what cannot be made less, and the layers
/// that each consumer could get.
pub(crate) fn measure_demand(
    mut transports: Query<'_, '_, (&Listener, &Traffic, Option<&OutgoingEstimate>, &mut Demand)>,
    agenda: Res<'_, Agenda>,
    mut bids: ResMut<'_, Bids>,
    mut market: Market<'_, '_>,
) {
    let now = market.now.time;
    for &transport in &agenda.paths.0 {
        let Ok((listener, traffic, estimate, mut demand)) = transports.get_mut(transport) else {
            continue;
        };
        let is_numbered = estimate.is_some_and(OutgoingEstimate::is_of_numbered);
        let first = bids.bids.len();
        let (mut fixed, mut forwarded) = (0, 0);
        for &consumer in listener.consumers.values() {
            let rate = market.rate(consumer, is_numbered);
            forwarded += rate;
            if !market.bids(consumer, &mut bids) {
                fixed += rate;
            }
        }
        let own = &bids.bids[first..];
        demand.is_unmet = !own.iter().all(|bid| bid.is_met(&bids.rungs));
        demand.layers = (!own.is_empty()).then(|| fixed + wished(&bids, first));
        demand.update(forwarded, now);
        if !own.is_empty() {
            let end = bids.bids.len();
            bids.paths.push(PathBids {
                transport,
                fixed,
                repeated: traffic.rtx_sent.bits_per_second(now),
                bids: first..end,
            });
        }
    }
}

/// Bits a second of all that the consumers from `first` on wish for.
fn wished(bids: &Bids, first: usize) -> u64 {
    let tops = bids.bids[first..].iter();
    tops.map(|bid| bids.rungs[bid.rungs.end - 1].bitrate).sum()
}

impl Market<'_, '_> {
    /// Bits a second that a consumer forwards; of an estimate that `is_numbered`, 0 where its packets have
    /// no numbers: what these take of the path is not in it.
    fn rate(&self, consumer: Entity, is_numbered: bool) -> u64 {
        match self.consumers.get(consumer) {
            Ok((.., emission, _)) if !is_numbered || emission.numbers_packets() => {
                emission.sent.bits_per_second(self.now.time)
            }
            _ => 0,
        }
    }

    /// Adds the bid of a consumer; false when it has no choice. Who gets nothing by its own or its
    /// producer's will, or because nothing comes, makes none and costs nothing soon.
    fn bids(&mut self, entity: Entity, bids: &mut Bids) -> bool {
        let Ok((consumer, paused, _, Some((layering, allotment, priority, &created)))) =
            self.consumers.get(entity)
        else {
            return false;
        };
        if paused.0 || consumer.producer_paused {
            return true;
        }
        let Ok(producer) = self.producers.get(consumer.producer) else {
            return true;
        };
        let Ok(remote) = self.remotes.get(producer.transport) else {
            return true;
        };
        let living = living(producer, layering, &self.streams, remote);
        let ladder = Ladder {
            candidates: layering.selection.candidates(living),
            highest: layering.selection.preferred(),
            is_simulcast: layering.is_simulcast(),
            now: self.now.time,
        };
        let first = bids.rungs.len();
        ladder.build(producer, &mut self.receptions, &mut bids.rungs);
        let (first, end) = (first, bids.rungs.len());
        let interval = self.limits.layer_change_interval();
        if end > first {
            bids.bids.push(Bid {
                consumer: entity,
                rank: (priority.0, created),
                rungs: first..end,
                given: allotment.given,
                is_frozen: allotment.is_fresh(interval, self.now.time),
                place: None,
            });
        }
        true
    }
}

/// What a consumer could get of a producer.
#[derive(Clone, Copy)]
struct Ladder {
    /// The spatial layers, a bit each.
    candidates: u8,
    highest: ConsumerLayers,
    is_simulcast: bool,
    now: Time,
}

impl Ladder {
    /// Adds the rungs: layers that bring something, and for which there is nothing better that costs no
    /// more.
    fn build(
        self,
        producer: &Producer,
        receptions: &mut Query<'_, '_, (&mut Reception, Option<&PictureGroups>)>,
        rungs: &mut Vec<Rung>,
    ) {
        let first = rungs.len();
        let encodings = if self.is_simulcast { 8 } else { 1 };
        for (index, encoding) in (0..encodings).zip(&producer.encodings) {
            let is_candidate = !self.is_simulcast || self.candidates >> index & 1 == 1;
            let Some(stream) = encoding.stream.filter(|_| is_candidate) else {
                continue;
            };
            let Ok((mut reception, groups)) = receptions.get_mut(stream) else {
                continue;
            };
            // Pictures of VP9 may say otherwise than was declared.
            let alone = groups.map_or(encoding.is_ksvc, PictureGroups::is_ksvc);
            reception.rate.each_recent(self.now, alone, |layer| {
                let spatial_layer = if self.is_simulcast {
                    index
                } else {
                    layer.spatial
                };
                let is_wished = self.candidates >> spatial_layer & 1 == 1
                    && layer.temporal <= self.highest.temporal_layer;
                if is_wished && layer.bits_per_second > 0 {
                    rungs.push(Rung {
                        layers: ConsumerLayers {
                            spatial_layer,
                            temporal_layer: layer.temporal,
                        },
                        bitrate: layer.bits_per_second,
                        is_whole: false,
                        is_young: layer.is_young,
                    });
                }
            });
        }
        debug_assert!(rungs[first..].is_sorted_by_key(|rung| rung.layers));
        make_ladder(rungs, first);
    }
}

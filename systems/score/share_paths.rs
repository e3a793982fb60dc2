//! Consumers share what their path carries.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::{
    Agenda, Allotment, Bid, Bids, Deadlines, Demand, EstimateCause, Given, Layering, Limits, Now,
    OutgoingEstimate, OutgoingLimit, Path, PathBids, Restraint, Rung, is_shared, share_in_step,
    stagger,
};

/// Consumers of a path that may switch to a higher spatial layer each time that it is looked at.
const SWITCHES_UP: usize = 1;

/// Who shares, and what.
#[derive(SystemParam)]
pub(crate) struct Sharing<'w, 's> {
    transports: Query<
        'w,
        's,
        (
            &'static mut OutgoingEstimate,
            &'static Demand,
            &'static Path,
            &'static OutgoingLimit,
            &'static mut Restraint,
        ),
    >,
    consumers: Query<'w, 's, (&'static mut Layering, &'static mut Allotment)>,
    agenda: ResMut<'w, Agenda>,
    deadlines: ResMut<'w, Deadlines>,
    limits: Res<'w, Limits>,
    now: Res<'w, Now>,
}

/// Decides how many layers the consumers of every path that was looked at may get.
pub(crate) fn share_paths(mut bids: ResMut<'_, Bids>, mut sharing: Sharing<'_, '_>) {
    let Bids {
        paths,
        bids: table,
        rungs,
    } = &mut *bids;
    for path in paths.drain(..) {
        sharing.share(&path, &mut table[path.bids.clone()], rungs);
    }
    table.clear();
    rungs.clear();
}

impl Sharing<'_, '_> {
    fn share(&mut self, path: &PathBids, bids: &mut [Bid], rungs: &[Rung]) {
        let Ok((mut estimate, demand, way, limit, mut restraint)) =
            self.transports.get_mut(path.transport)
        else {
            return;
        };
        let (now, limits) = (self.now.time, &*self.limits);
        let sent = path.fixed + sent_by(bids, rungs);
        let carried = estimate.estimate();
        let budget = restraint.budget(carried, (sent, path.repeated), limit.most(), now, limits);
        let is_short = sent > budget.keep;
        for bid in &mut *bids {
            bid.is_frozen &= !is_short;
        }
        let step = restraint.step(carried, sent, now, limits);
        share_in_step(path.fixed, budget, step, bids, rungs);
        stagger(bids, rungs, SWITCHES_UP);
        let moved = |bid: &&Bid| bid.given != Given::Undecided;
        let decided = || bids.iter().filter(moved);
        // A bound set on purpose, and silence, say nothing of how much is too much.
        let is_measured = !matches!(carried.cause, EstimateCause::Limit | EstimateCause::Silence);
        if is_short && is_measured && decided().any(|bid| bid.place < bid.given_place(rungs)) {
            restraint.fall(sent, now, limits);
        }
        if is_shared(bids) && bids.iter().any(|bid| bid.rises(rungs)) {
            restraint.rise(now);
        }
        if bids.iter().all(|bid| bid.place.is_some()) {
            restraint.serve_all();
        }
        let is_unmet = demand.is_unmet || bids.iter().any(|bid| !bid.is_full());
        if is_unmet && way.is_connected() {
            estimate.arm(path.transport, now, &mut self.deadlines);
        }
        for bid in bids {
            self.give(bid.consumer, bid.outcome(rungs));
        }
    }

    fn give(&mut self, consumer: Entity, given: Given) {
        let Ok((mut layering, mut allotment)) = self.consumers.get_mut(consumer) else {
            return;
        };
        if !allotment.give(given, self.now.time) {
            return;
        }
        match given {
            Given::Layers(layers) => layering.selection.allow(layers),
            Given::Nothing => layering.selection.forbid(),
            Given::Undecided => return,
        }
        self.agenda.layers_to_choose.add(consumer);
    }
}

/// Bits a second of what was given to consumers of which that was decided.
fn sent_by(bids: &[Bid], rungs: &[Rung]) -> u64 {
    let decided = bids.iter().filter(|bid| bid.given != Given::Undecided);
    decided
        .map(|bid| bid.cost(bid.given_place(rungs), rungs))
        .sum()
}

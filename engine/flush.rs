//! Flush: what a tick made leaves, or waits, or is refused.

use bevy_ecs::component::Mutable;
use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam, SystemState};
use bevy_ecs::world::World;
use flumen_components::{
    Deliveries, Departure, Destination, DirectOut, Inbox, Ledger, Limits, Messages, Now, Outbox,
    Outgoing, Parked, Path, Refusal, Sockets, Time, Traffic,
};

use flumen_systems::Sealing;

use crate::backend::{Flight, Outcome};
use crate::network::Network;
use crate::watch::Watch;

/// Sends what waited and what this tick made, and accounts for every datagram.
pub(crate) fn flush(
    world: &mut World,
    sealing: &mut Sealing,
    settling: &mut Settling,
    network: &mut Network,
) {
    deliver(world);
    network.show(world, Watch::tell_departures);
    loop {
        let is_all = sealing.go_on(world);
        send(world, settling, network);
        if is_all {
            break;
        }
    }
    hang_up(world, network);
    world.resource_mut::<Outbox>().clear();
    world.resource_mut::<Inbox>().clear();
    world.resource_mut::<Messages>().clear();
}

/// Closes connections by which nothing goes any more.
fn hang_up(world: &mut World, network: &mut Network) {
    if world.resource::<Sockets>().hung_up().is_empty() {
        return;
    }
    let mut sockets = world.resource_mut::<Sockets>();
    for tuple in sockets.hung_up() {
        network.backend.hang_up(tuple.socket, tuple.remote);
    }
    sockets.forget_hung_up();
}

/// Sends, between ticks, what must leave before a socket closes.
pub(crate) fn send_now(world: &mut World, settling: &mut Settling, network: &mut Network) {
    if world.resource::<Outbox>().rows.is_empty() {
        return;
    }
    network.show(world, Watch::tell_departures);
    send(world, settling, network);
    world.resource_mut::<Outbox>().clear();
}

/// Hands packets on direct transports to the application.
fn deliver(world: &mut World) {
    if world.resource::<DirectOut>().0.is_empty() {
        return;
    }
    with::<DirectOut>(world, |world, direct| {
        let now = world.resource::<Now>().time;
        with::<Deliveries>(world, |world, deliveries| {
            for row in direct.0.drain(..) {
                let outbox = world.resource::<Outbox>();
                let inbox = world.resource::<Inbox>();
                let parts = outbox.parts(&row.row, inbox);
                let limits = world.resource::<Limits>();
                let taken = deliveries.push(row.transport, row.to, parts, limits);
                let mut ledger = world.resource_mut::<Ledger>();
                if taken {
                    ledger.sent += 1;
                    count(world, row.transport, Departure::of(&[row.row]), now);
                } else {
                    ledger.refused[Refusal::DirectQueueFull] += 1;
                }
            }
        });
    });
}

fn send(world: &mut World, settling: &mut Settling, network: &mut Network) {
    let (outbox, parked) = (world.resource::<Outbox>(), world.resource::<Parked>());
    if outbox.rows.is_empty() && parked.is_empty() {
        return;
    }
    let flight = Flight::new(parked, outbox, world.resource::<Inbox>());
    let outcomes = network.send(&flight, world);
    let runs = settling.settle(world, outcomes);
    network.runs += runs;
}

/// Lends a resource out of the world for the time of `act`. The world's own `resource_scope` would
/// move its entity to another archetype and back, and note a removal, in every tick.
fn with<R: Resource<Mutability = Mutable> + Default>(
    world: &mut World,
    act: impl FnOnce(&mut World, &mut R),
) {
    let mut lent = std::mem::take(&mut *world.resource_mut::<R>());
    act(world, &mut lent);
    *world.resource_mut::<R>() = lent;
}

/// Settles what has become of datagrams, with what that needs looked up once a flight.
pub(crate) struct Settling(SystemState<Settled<'static, 'static>>);

impl Settling {
    /// Settling in a world that has the resources of a tick.
    pub(crate) fn new(world: &mut World) -> Self {
        Self(SystemState::new(world))
    }

    /// Accounts for every datagram of a flight: how many runs there were.
    fn settle(&mut self, world: &mut World, outcomes: &[Outcome]) -> u64 {
        let Ok(settled) = self.0.get_mut(world) else {
            unreachable!("a world in which ticks run has their resources");
        };
        settled.settle(outcomes)
    }
}

/// What was sent, and where its fate is recorded.
#[derive(SystemParam)]
struct Settled<'w, 's> {
    outbox: Res<'w, Outbox>,
    inbox: Res<'w, Inbox>,
    parked: ResMut<'w, Parked>,
    accounts: Accounts<'w, 's>,
}

/// Where the fate of datagrams is recorded.
#[derive(SystemParam)]
struct Accounts<'w, 's> {
    ledger: ResMut<'w, Ledger>,
    traffic: Query<'w, 's, &'static mut Traffic>,
    paths: Query<'w, 's, &'static mut Path>,
    limits: Res<'w, Limits>,
    now: Res<'w, Now>,
}

impl Settled<'_, '_> {
    fn settle(mut self, outcomes: &[Outcome]) -> u64 {
        let (waited, made) = outcomes.split_at(self.parked.len());
        let runs = waited.len() as u64;
        if !waited.is_empty() {
            self.settle_waited(waited);
        }
        let runs = runs + self.settle_made(made);
        self.accounts.ledger.waiting = self.parked.len() as u64;
        runs
    }

    /// What waited has left, is refused, or waits on.
    fn settle_waited(&mut self, outcomes: &[Outcome]) {
        let accounts = &mut self.accounts;
        self.parked.retain(|index, destination, departure| {
            let waits = outcomes[index] == Outcome::Blocked;
            if !waits {
                if let Ok(mut path) = accounts.paths.get_mut(destination.transport) {
                    path.waiting -= 1;
                }
                accounts.settle(destination, outcomes[index], 1, departure);
            }
            waits
        });
    }

    /// What this tick made has left, is refused, or begins to wait. Consecutive datagrams of one
    /// destination that share an outcome are accounted for together: how many such runs there are.
    fn settle_made(&mut self, mut outcomes: &[Outcome]) -> u64 {
        let outbox = &*self.outbox;
        let (mut rows, mut runs) = (&outbox.rows[..], 0);
        while let (Some(first), Some(&outcome)) = (rows.first(), outcomes.first()) {
            let alike = |&(row, other): &(&Outgoing, &Outcome)| {
                row.destination == first.destination && *other == outcome
            };
            let behind = rows[1..].iter().zip(&outcomes[1..]);
            let run = 1 + behind.take_while(alike).count();
            let to = &outbox.destinations[first.destination as usize];
            let accounts = &mut self.accounts;
            if outcome == Outcome::Blocked {
                accounts.park((outbox, &self.inbox), &mut self.parked, to, &rows[..run]);
            } else {
                accounts.settle(to, outcome, run as u64, Departure::of(&rows[..run]));
            }
            (rows, outcomes) = (&rows[run..], &outcomes[run..]);
            runs += 1;
        }
        runs
    }
}

impl Accounts<'_, '_> {
    fn settle(&mut self, to: &Destination, outcome: Outcome, datagrams: u64, departure: Departure) {
        match outcome {
            Outcome::Sent => {
                self.ledger.sent += datagrams;
                if let Ok(mut traffic) = self.traffic.get_mut(to.transport) {
                    traffic.depart(departure, self.now.time);
                }
            }
            Outcome::Refused(reason) => self.ledger.refused[reason] += datagrams,
            Outcome::Blocked => {}
        }
    }

    /// Copies datagrams to where they wait, as far as their transport may.
    fn park(
        &mut self,
        (outbox, inbox): (&Outbox, &Inbox),
        parked: &mut Parked,
        to: &Destination,
        rows: &[Outgoing],
    ) {
        for row in rows {
            if self.may_wait(to.transport) {
                let (header, payload) = outbox.parts(row, inbox);
                parked.push(*to, (row.kind, row.overhead), header, payload);
            } else {
                self.ledger.refused[Refusal::QueueFull] += 1;
            }
        }
    }

    fn may_wait(&mut self, transport: Entity) -> bool {
        let Ok(mut path) = self.paths.get_mut(transport) else {
            return false;
        };
        let free = path.waiting < self.limits.waiting_datagrams_per_transport;
        path.waiting += u32::from(free);
        free
    }
}

fn count(world: &mut World, transport: Entity, departure: Departure, now: Time) {
    if let Some(mut traffic) = world.get_mut::<Traffic>(transport) {
        traffic.depart(departure, now);
    }
}

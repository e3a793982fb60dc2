//! Flush: what a tick made leaves, or waits, or is refused.

use bevy_ecs::component::Mutable;
use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;
use bevy_ecs::world::World;
use flumen_components::{
    Deliveries, Departure, Destination, DirectOut, Inbox, Ledger, Limits, Messages, Now, Outbox,
    Outgoing, Parked, Path, Refusal, Sockets, Time, Traffic,
};

use flumen_systems::Sealing;

use crate::backend::{Flight, Outcome};
use crate::network::Network;

/// Sends what waited and what this tick made, and accounts for every datagram.
pub(crate) fn flush(world: &mut World, sealing: &mut Sealing, network: &mut Network) {
    deliver(world);
    network.show(|watch| watch.tell_departures(world));
    loop {
        let is_all = sealing.go_on(world);
        send(world, network);
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
pub(crate) fn send_now(world: &mut World, network: &mut Network) {
    if world.resource::<Outbox>().rows.is_empty() {
        return;
    }
    network.show(|watch| watch.tell_departures(world));
    send(world, network);
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

fn send(world: &mut World, network: &mut Network) {
    if world.resource::<Outbox>().rows.is_empty() && world.resource::<Parked>().is_empty() {
        return;
    }
    with::<Outbox>(world, |world, outbox| {
        with::<Parked>(world, |world, parked| {
            let flight = Flight::new(parked, outbox, world.resource::<Inbox>());
            let now = world.resource::<Now>().time;
            let outcomes = network.send(&flight, world);
            let (waited, made) = outcomes.split_at(parked.len());
            let mut runs = waited.len() as u64;
            with::<Ledger>(world, |world, ledger| {
                let mut accounts = Accounts { world, ledger, now };
                accounts.settle_waited(parked, waited);
                runs += accounts.settle_made(outbox, parked, made);
                accounts.ledger.waiting = parked.len() as u64;
            });
            network.runs += runs;
        });
    });
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

/// Where the fate of datagrams is recorded.
struct Accounts<'a> {
    world: &'a mut World,
    ledger: &'a mut Ledger,
    now: Time,
}

impl Accounts<'_> {
    /// What waited has left, is refused, or waits on.
    fn settle_waited(&mut self, parked: &mut Parked, outcomes: &[Outcome]) {
        parked.retain(|index, destination, departure| {
            let waits = outcomes[index] == Outcome::Blocked;
            if !waits {
                if let Some(mut path) = self.world.get_mut::<Path>(destination.transport) {
                    path.waiting -= 1;
                }
                self.settle(destination, outcomes[index], 1, departure);
            }
            waits
        });
    }

    /// What this tick made has left, is refused, or begins to wait. Consecutive datagrams of one
    /// destination that share an outcome are accounted for together: how many such runs there are.
    fn settle_made(&mut self, outbox: &Outbox, parked: &mut Parked, outcomes: &[Outcome]) -> u64 {
        let (mut rows, mut outcomes, mut runs) = (&outbox.rows[..], outcomes, 0);
        while let (Some(first), Some(&outcome)) = (rows.first(), outcomes.first()) {
            let alike = |&(row, other): &(&Outgoing, &Outcome)| {
                row.destination == first.destination && *other == outcome
            };
            let behind = rows[1..].iter().zip(&outcomes[1..]);
            let run = 1 + behind.take_while(alike).count();
            let to = &outbox.destinations[first.destination as usize];
            if outcome == Outcome::Blocked {
                self.park(outbox, parked, to, &rows[..run]);
            } else {
                self.settle(to, outcome, run as u64, Departure::of(&rows[..run]));
            }
            (rows, outcomes) = (&rows[run..], &outcomes[run..]);
            runs += 1;
        }
        runs
    }

    fn settle(&mut self, to: &Destination, outcome: Outcome, datagrams: u64, departure: Departure) {
        match outcome {
            Outcome::Sent => {
                self.ledger.sent += datagrams;
                count(self.world, to.transport, departure, self.now);
            }
            Outcome::Refused(reason) => self.ledger.refused[reason] += datagrams,
            Outcome::Blocked => {}
        }
    }

    /// Copies datagrams to where they wait, as far as their transport may.
    fn park(&mut self, outbox: &Outbox, parked: &mut Parked, to: &Destination, rows: &[Outgoing]) {
        let limit = self
            .world
            .resource::<Limits>()
            .waiting_datagrams_per_transport;
        for row in rows {
            if self.may_wait(to.transport, limit) {
                let (header, payload) = outbox.parts(row, self.world.resource::<Inbox>());
                parked.push(*to, (row.kind, row.overhead), header, payload);
            } else {
                self.ledger.refused[Refusal::QueueFull] += 1;
            }
        }
    }

    fn may_wait(&mut self, transport: Entity, limit: u32) -> bool {
        let Some(mut path) = self.world.get_mut::<Path>(transport) else {
            return false;
        };
        let free = path.waiting < limit;
        path.waiting += u32::from(free);
        free
    }
}

fn count(world: &mut World, transport: Entity, departure: Departure, now: Time) {
    if let Some(mut traffic) = world.get_mut::<Traffic>(transport) {
        traffic.depart(departure, now);
    }
}

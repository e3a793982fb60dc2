//! The engine: a world, its systems, and when they run.

use std::time::Duration;

use bevy_ecs::world::World;
use flumen_components::event::{self, EventLog, Pending};
use flumen_components::{
    Broken, DataLedger, Deadlines, Deliveries, Delivery, Event, Imbalance, Inbox, Ledger, Limits,
    MessageDeliveries, MessageDelivery, Messages, Now, Parked, Time,
};
use flumen_systems::{Sealing, Slot, Stage, Step};
use thiserror::Error;

use crate::backend::{Backend, ReceiveLimits};
use crate::clock::Clock;
use crate::collected;
use crate::figures::Work;
use crate::flush::{Settling, flush};
use crate::gathering::Gathering;
use crate::network::Network;
use crate::poison::{Poison, contain};
use crate::recording::{Drain, Recorder, Settings};
use crate::requests::Requests;
use crate::snapshot::Own;
use crate::watch::Watch;

/// An SFU core: routers, transports, producers and consumers in a world of entities, moved on by
/// [`tick`](Self::tick).
///
/// Between ticks, methods act at once or not at all, in the order in which they are called: what was
/// sent before acts first, for which a tick is run that takes in nothing else.
///
/// An engine can be moved to another thread, but lives on one at a time; other threads talk to it
/// through a [`Handle`](crate::Handle).
pub struct Engine {
    pub(crate) world: World,
    pub(crate) network: Network,
    pub(crate) port_range: (u16, u16),
    steps: Vec<Step>,
    /// Of each stage, where the steps before and after what the engine itself does there end.
    ends: [[usize; 2]; Stage::IN_ORDER.len()],
    sealing: Sealing,
    pub(crate) settling: Settling,
    pub(crate) requests: Requests<Engine>,
    pub(crate) clock: Clock,
    pub(crate) gathering: Gathering,
    pub(crate) last_tick: Time,
    more_to_read: bool,
    pub(crate) asked: bool,
    /// Ticks are told the machine's time.
    pub(crate) on_the_clock: bool,
    /// What a request changed is not done yet, or is not known to be.
    pub(crate) in_doubt: bool,
    pub(crate) poison: Option<Poison>,
    pub(crate) work: Work,
    pub(crate) ticks: u64,
    /// Events of before the recording, which are not in it and were not drained.
    pub(crate) told_before: Vec<Event>,
    /// What it was made with, for snapshots.
    pub(crate) settings: Settings,
    pub(crate) own: Vec<Own>,
    /// Ticks from one digest of all components in a recording to the next; 0 for none.
    pub(crate) state_digest_ticks: u64,
}

/// A tick could not be run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TickError {
    /// A system panicked or failed, or left rows behind that are of nothing, in this tick or in an
    /// earlier one, or a request panicked amid a change. What it left cannot be trusted, so the
    /// engine does not tick again.
    #[error("the engine is poisoned: system {system} failed: {message}")]
    Poisoned {
        /// The name of the system; for a request of a [`Handle`](crate::Handle), where it was made.
        system: String,
        /// What it said.
        message: String,
    },
    /// The operating system cannot wait for sockets.
    #[error("cannot wait for sockets: {0}")]
    Wait(#[from] std::io::Error),
}

impl Engine {
    pub(crate) fn new(
        mut world: World,
        steps: Vec<Step>,
        backend: Box<dyn Backend>,
        requests: usize,
        gathering: Gathering,
        settings: Settings,
        own: Vec<Own>,
    ) -> Self {
        let end =
            |stage, slot| steps.partition_point(|step| (step.stage, step.slot) <= (stage, slot));
        let ends = |stage| [Slot::Before, Slot::After].map(|slot| end(stage, slot));
        Self {
            sealing: Sealing::new(&mut world),
            settling: Settling::new(&mut world),
            world,
            ends: Stage::IN_ORDER.map(ends),
            steps,
            requests: Requests::new(requests, backend.waker()),
            network: Network::new(backend),
            port_range: settings.port_range,
            clock: Clock::start(),
            gathering,
            last_tick: Time::ZERO,
            more_to_read: false,
            asked: false,
            on_the_clock: false,
            in_doubt: false,
            poison: None,
            work: Work::default(),
            ticks: 0,
            told_before: Vec::new(),
            settings,
            own,
            state_digest_ticks: 0,
        }
    }

    /// Runs one tick at `now`: what arrived is taken in, handled and sent on.
    ///
    /// Time never runs backwards: an earlier `now` than before counts as the same time again.
    ///
    /// # Errors
    ///
    /// [`TickError::Poisoned`] when a system failed, now or earlier.
    pub fn tick(&mut self, now: Time) -> Result<(), TickError> {
        self.on_the_clock = false;
        self.run_tick(now)
    }

    pub(crate) fn run_tick(&mut self, now: Time) -> Result<(), TickError> {
        self.check_poison()?;
        self.asked = false;
        self.advance(now);
        self.apply_requests()?;
        // A request may have made a system fail over what was sent before it.
        self.check_poison()?;
        self.pass(true)
    }

    /// Passes through the stages, and takes in what has arrived if it `takes_in` anything.
    pub(crate) fn pass(&mut self, takes_in: bool) -> Result<(), TickError> {
        // A request may have made another pass: what it left is old.
        event::expire(&mut self.world);
        let mut now = self.world.resource_mut::<Now>();
        now.tick += 1;
        self.last_tick = now.time;
        self.network.note(|recorder| recorder.began(takes_in));
        self.work.begin();
        self.run_stages(takes_in)?;
        event::age(&mut self.world.resource_mut::<EventLog>());
        // The world remembers what was removed, for systems that ask; nobody else makes it forget, or
        // has it look after the age of changes.
        self.world.clear_trackers();
        self.world.check_change_ticks();
        self.ticks += 1;
        self.work
            .end_tick(self.world.resource::<Ledger>(), self.network.runs);
        self.network.ended();
        self.record_state();
        self.tell_recording();
        Ok(())
    }

    /// Has a recording say what all components are, every so many ticks.
    fn record_state(&mut self) {
        // No number of ticks is a multiple of none.
        let is_due = self.ticks.is_multiple_of(self.state_digest_ticks);
        if is_due && self.network.recorder.is_some() {
            let states = self.states();
            self.network.note(|recorder| recorder.digested(states));
        }
    }

    /// The earliest time at which something is due, whatever arrives.
    pub fn next_deadline(&self) -> Option<Time> {
        self.world.resource::<Deadlines>().next()
    }

    /// More datagrams have arrived than the last tick may take, something was asked for or sent, or
    /// systems or observers left something behind: tick again at once.
    pub fn wants_tick(&self) -> bool {
        self.more_to_read
            || self.asked
            || !self.world.resource::<Pending>().0.is_empty()
            || !self.world.resource::<Messages>().rows().is_empty()
            || !self.world.resource::<Inbox>().datagrams().is_empty()
    }

    /// The systems in the order in which they run: "Stage: system".
    pub fn order(&self) -> Vec<String> {
        let names = |step: &Step| {
            let stage = step.stage;
            let names = step.order().into_iter();
            names.map(move |name| format!("{stage}: {name}"))
        };
        self.steps.iter().flat_map(names).collect()
    }

    /// The world, to be queried.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The world, to be queried and extended: with components of one's own, observers, resources.
    ///
    /// Entities of the engine are closed with its methods, not despawned. What a request of a
    /// [`Handle`](crate::Handle) does here is its own: if it panics later, the engine cannot know
    /// what is half done and is poisoned.
    pub fn world_mut(&mut self) -> &mut World {
        self.in_doubt = true;
        self.network.note(Recorder::touched);
        &mut self.world
    }

    /// The time of the last tick.
    pub fn now(&self) -> Time {
        self.world.resource::<Now>().time
    }

    /// The machine's time on the engine's scale: what [`turn`](Self::turn) ticks with.
    pub fn clock(&self) -> Time {
        self.clock.now()
    }

    /// How many ticks have run.
    pub fn ticks(&self) -> u64 {
        self.ticks
    }

    /// What each stage did and for how long, in the last tick and in all.
    pub fn work(&self) -> &Work {
        &self.work
    }

    /// For how long [`turn`](Self::turn) lets packets gather now.
    pub fn gathering(&self) -> Duration {
        self.gathering.span()
    }

    /// Where every datagram since the start has gone.
    pub fn ledger(&self) -> &Ledger {
        self.world.resource::<Ledger>()
    }

    /// What became of every message of data producers since the start.
    pub fn data_ledger(&self) -> &DataLedger {
        self.world.resource::<DataLedger>()
    }

    /// Checks that every datagram and every message is accounted for. Holds between ticks.
    ///
    /// # Errors
    ///
    /// The first equation that does not hold.
    pub fn check_ledger(&self) -> Result<(), Imbalance> {
        self.ledger().check()?;
        self.data_ledger().check()
    }

    /// What happened since the last call, oldest first.
    pub fn drain_events(&mut self) -> Vec<Event> {
        let events: Vec<_> = self.world.resource_mut::<EventLog>().drain().collect();
        self.network
            .drained(Drain::Events, || collected::events(&events));
        let mut all = std::mem::take(&mut self.told_before);
        all.extend(events);
        all
    }

    /// Events dropped because they were not drained in time.
    pub fn dropped_events(&self) -> u64 {
        self.world.resource::<EventLog>().dropped
    }

    /// Hands over the packets that left on direct transports since the last call, oldest first.
    pub fn drain_deliveries(&mut self, mut take: impl FnMut(Delivery<'_>)) {
        let mut deliveries = self.world.resource_mut::<Deliveries>();
        self.network
            .drained(Drain::Packets, || collected::packets(&deliveries));
        deliveries.iter().for_each(&mut take);
        deliveries.clear();
    }

    /// Hands over the messages that data consumers on direct transports got since the last call,
    /// oldest first.
    pub fn drain_messages(&mut self, mut take: impl FnMut(MessageDelivery<'_>)) {
        let mut deliveries = self.world.resource_mut::<MessageDeliveries>();
        self.network
            .drained(Drain::Messages, || collected::messages(&deliveries));
        deliveries.iter().for_each(&mut take);
        deliveries.clear();
    }

    /// Datagrams that wait for a blocked socket.
    pub fn waiting(&self) -> usize {
        self.world.resource::<Parked>().len()
    }

    pub(crate) fn check_poison(&self) -> Result<(), TickError> {
        match self.poison.clone() {
            None => Ok(()),
            Some(Poison { system, message }) => Err(TickError::Poisoned { system, message }),
        }
    }

    pub(crate) fn advance(&mut self, now: Time) {
        self.network.note(|recorder| recorder.advanced(now));
        let mut current = self.world.resource_mut::<Now>();
        if now < current.time {
            current.backward_jumps += 1;
        }
        current.time = current.time.max(now);
    }

    fn apply_requests(&mut self) -> Result<(), TickError> {
        // Only those that are there now: a request that makes a request waits for the next tick.
        let requests = self.requests.take();
        if !requests.is_empty() {
            self.expire_events();
        }
        for request in requests {
            if let Err(poison) = request(self) {
                return Err(self.fail(poison));
            }
        }
        Ok(())
    }

    /// Ends the life of what happened before.
    pub(crate) fn expire_events(&mut self) {
        self.network.note(Recorder::expired);
        event::expire(&mut self.world);
    }

    /// Runs the steps of all stages, each behind what the engine itself does there.
    fn run_stages(&mut self, takes_in: bool) -> Result<(), TickError> {
        let mut next = 0;
        let outcome = contain(|| {
            for (stage, [before, after]) in Stage::IN_ORDER.into_iter().zip(self.ends) {
                self.run_steps(&mut next, before)?;
                if takes_in || stage != Stage::Ingest {
                    self.exchange(stage);
                }
                self.run_steps(&mut next, after)?;
                self.work.end(stage);
            }
            Ok(())
        });
        let step = self.steps.get(next);
        let outcome = match outcome {
            Ok(left) => left.map_err(|broken: Broken| Poison {
                system: step.map_or_else(String::new, |step| step.order().join(", ")),
                message: broken.to_string(),
            }),
            Err(poison) => Err(poison.within(step)),
        };
        outcome.map_err(|poison| self.fail(poison))
    }

    /// What the engine itself does in a stage: it takes in, and sends; a watcher is told of what came as
    /// soon as its owners are found.
    fn exchange(&mut self, stage: Stage) {
        let Self {
            world,
            sealing,
            settling,
            network,
            ..
        } = self;
        match stage {
            Stage::Ingest => self.ingest(),
            Stage::Receive => network.show(world, Watch::tell_arrivals),
            Stage::Flush => flush(world, sealing, settling, network),
            _ => return,
        }
        if stage != Stage::Receive || !self.network.watches.is_empty() {
            self.work.note();
        }
    }

    fn ingest(&mut self) {
        let limits = self.world.resource::<Limits>();
        let limits = ReceiveLimits {
            datagrams_per_tick: limits.datagrams_per_tick,
            datagrams_per_socket: limits.datagrams_per_socket,
            datagram_bytes: limits.datagram_bytes,
        };
        let mut inbox = self.world.resource_mut::<Inbox>();
        self.more_to_read = self.network.receive(&mut inbox, &limits);
        // Who goes on from a snapshot counts on.
        let dropped = self.network.newly_dropped();
        if dropped > 0 {
            self.world.resource_mut::<Ledger>().kernel_drops += dropped;
        }
    }

    /// Runs the steps from `next` up to `end`.
    fn run_steps(&mut self, next: &mut usize, end: usize) -> Result<(), Broken> {
        for step in &mut self.steps[*next..end] {
            if step.run(&mut self.world)? {
                self.work.note();
            }
            *next += 1;
        }
        Ok(())
    }

    /// The engine does not tick again, so nobody may wait for it.
    fn fail(&mut self, poison: Poison) -> TickError {
        self.network.failed(&poison);
        self.requests.close(poison.clone().into());
        tracing::error!(system = poison.system, message = poison.message, "poisoned");
        let Poison { system, message } = poison.clone();
        self.poison = Some(poison);
        TickError::Poisoned { system, message }
    }
}

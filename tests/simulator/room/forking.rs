//! Two futures of a room.

use flumen::{Builder, Engine, Loopback};

use super::Room;
use super::departures::Departures;
use crate::network::Network;

impl Room {
    /// Another room that goes on from here, on a [snapshot](flumen::Snapshot) of the engine: what happens
    /// in one does not in the other, and as long as the same happens both are the same, byte for byte.
    /// Its engine is built with more, as in [`with`](Self::with).
    ///
    /// What snapshots do not keep is lacking there: messages, whose associations end, and rules of one's
    /// own that are [not told how to go along](crate::checks::Check::fork).
    ///
    /// ```
    /// use std::time::Duration;
    /// use flumen_sim::{Link, Loss, Peer, Room, Video};
    ///
    /// let mut room = Room::new(3);
    /// let alice = room.join(Peer::new().video(Video::vp8()));
    /// let bob = room.join(Peer::new());
    /// room.run_for(Duration::from_secs(5));
    ///
    /// // What if Bob's link lost every fifth packet from here on?
    /// let mut other = room.fork(|builder| builder);
    /// other.set_down(bob, Link::new().loss(Loss::percent(20)));
    /// room.run_for(Duration::from_secs(5));
    /// other.run_for(Duration::from_secs(5));
    ///
    /// assert_eq!(room.video(bob, alice).repaired, 0);
    /// assert!(other.video(bob, alice).repaired > 50);
    /// ```
    ///
    /// # Panics
    ///
    /// When the engine keeps something of its own that the builder does not, or cannot be built.
    pub fn fork(&mut self, configure: impl FnOnce(Builder) -> Builder) -> Self {
        if self.tick_due.is_some() {
            // What has arrived is taken in here, where it is.
            self.tick();
        }
        let snapshot = self
            .engine
            .snapshot()
            .expect("a tick leaves nothing behind");
        self.hear();
        self.take_sent();
        let (backend, wire) = Loopback::new();
        let builder = configure(Engine::builder().backend(backend));
        let mut engine = builder.restore(&snapshot).expect("it is of this engine");
        let entities = |engine: &Engine| engine.world().entities().count_spawned();
        Self {
            wire,
            router: self.router,
            seed: self.seed,
            now: self.now,
            stations: self
                .stations
                .iter()
                .map(|station| station.fork(self.now))
                .collect(),
            network: Network::clone(&self.network),
            checks: self.checks.fork(&self.engine, &engine),
            events: self.events.clone(),
            tick_due: None,
            last_tick: self.last_tick,
            ticks_at_once: self.ticks_at_once,
            gather: self.gather,
            baseline: self.baseline + entities(&engine) - entities(&self.engine),
            out: Vec::new(),
            departures: Departures::of(&mut engine),
            digest: self.digest.clone(),
            broken: self.broken.clone(),
            engine,
        }
    }

    /// A hash of all that the engine knows: see [`Engine::state_digest`]. Keys of DTLS are drawn from the
    /// operating system, so that it is the same in every run only where nobody comes
    /// [as a browser](crate::Peer::webrtc).
    ///
    /// # Panics
    ///
    /// When something of the engine's own cannot be serialised.
    pub fn state_digest(&mut self) -> u64 {
        self.engine.state_digest().expect("all of it is known")
    }
}

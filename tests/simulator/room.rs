//! A room: the engine, its peers, and the network between them, on virtual time.

mod asking;
mod departures;
mod forking;
mod joining;
mod running;

use std::collections::VecDeque;

use flumen::{Builder, Digest, Engine, Event, Loopback, RouterId, Time, Wire};

use self::departures::Departures;
use crate::checks::{Broken, Check, Checks};
use crate::network::Network;
use crate::noise::Noise;
use crate::parameters::media_codecs;
use crate::sending::Out;
use crate::station::Station;

/// A room of simulated peers around an engine, which runs the systems that it runs in production;
/// only the two ends of a tick are exchanged, for a simulated network.
///
/// Everything is drawn from one seed, and time passes as fast as it can: from one event to the
/// next. After every tick everything that the engine did is checked, see [`checks`](crate::checks);
/// what breaks a rule panics with the seed and the time.
pub struct Room {
    pub(crate) engine: Engine,
    wire: Wire,
    router: RouterId,
    seed: u64,
    now: Time,
    stations: Vec<Station>,
    network: Network,
    checks: Checks,
    events: VecDeque<(Time, Event)>,
    /// When the engine is to tick because something has arrived.
    tick_due: Option<Time>,
    last_tick: Option<Time>,
    /// Ticks of that time.
    ticks_at_once: u32,
    gather: std::time::Duration,
    /// Entities that were there before anybody joined.
    baseline: u32,
    out: Out,
    /// What the engine has sent and nobody has looked at yet, before it was sealed.
    departures: Departures,
    digest: Digest,
    broken: Option<Broken>,
}

/// Events that are kept until they are taken.
const EVENTS_MAX: usize = 65_536;
/// NTP time of the engine's epoch.
const NTP_EPOCH: u64 = 4_000_000_000 << 32;

impl Room {
    /// A room with nobody in it, and an engine with the default limits.
    pub fn new(seed: u64) -> Self {
        Self::with(seed, |builder| builder)
    }

    /// A room whose engine is built with more: other limits, plugins, systems of one's own.
    ///
    /// # Panics
    ///
    /// When the engine cannot be built.
    pub fn with(seed: u64, configure: impl FnOnce(Builder) -> Builder) -> Self {
        let (backend, wire) = Loopback::new();
        let builder = Engine::builder()
            .seed(engine_seed(seed))
            .ntp_epoch(NTP_EPOCH)
            .backend(backend);
        let mut engine = configure(builder).build().expect("the engine builds");
        let router = engine
            .create_router(&media_codecs())
            .expect("the codecs are supported");
        let departures = Departures::of(&mut engine);
        let mut room = Self {
            engine,
            wire,
            router,
            seed,
            now: Time::ZERO,
            stations: Vec::new(),
            network: Network::default(),
            checks: Checks::all(),
            events: VecDeque::new(),
            tick_due: None,
            last_tick: None,
            ticks_at_once: 0,
            gather: std::time::Duration::from_micros(250),
            baseline: 0,
            out: Vec::new(),
            departures,
            digest: Digest::default(),
            broken: None,
        };
        room.settle();
        room.baseline = room.engine.world().entities().count_spawned();
        room
    }

    /// Ticks until nothing is left of the events of the last one.
    fn settle(&mut self) {
        for _ in 0..3 {
            self.tick();
        }
    }

    /// Adds a rule of one's own to those that are checked.
    pub fn check(&mut self, check: impl Check + 'static) {
        self.checks.add(check);
    }
}

fn engine_seed(seed: u64) -> [u8; 32] {
    let mut noise = Noise::of(seed, u64::MAX, 0);
    let mut bytes = [0; 32];
    for word in bytes.chunks_exact_mut(8) {
        word.copy_from_slice(&noise.bits().to_be_bytes());
    }
    bytes
}

//! What waits is within the limits, and no event was dropped.

use flumen::components::{Pacer, Path};
use flumen::{Engine, Limits, TransportId};

use super::Check;

#[derive(Clone)]
pub(super) struct Bounds;

impl Check for Bounds {
    fn name(&self) -> &'static str {
        "bounds"
    }

    fn fork(&self) -> Option<Box<dyn Check>> {
        Some(Box::new(self.clone()))
    }

    fn ticked(&mut self, engine: &Engine) -> Result<(), String> {
        let limits = engine.world().resource::<Limits>();
        let blocked = limits.waiting_datagrams_per_transport as usize;
        let paced = limits.paced_datagrams_per_transport;
        // What is not too much for one is not for all.
        if engine.waiting() > blocked || engine.ledger().paced > paced as u64 {
            each(engine, (blocked, paced))?;
        }
        match engine.dropped_events() {
            0 => Ok(()),
            dropped => Err(format!(
                "{dropped} events were dropped though they are drained"
            )),
        }
    }
}

/// Of each transport no more waits than may.
fn each(engine: &Engine, (blocked, paced): (usize, usize)) -> Result<(), String> {
    let world = engine.world();
    let mut transports = world.try_query::<(&TransportId, &Path, Option<&Pacer>)>();
    for (id, path, pacer) in transports.iter_mut().flat_map(|it| it.iter(world)) {
        let waiting = path.waiting as usize;
        if waiting > blocked {
            return Err(format!("{waiting} datagrams of {id} wait for its socket"));
        }
        let waiting = pacer.map_or(0, Pacer::len);
        if waiting > paced {
            return Err(format!("{waiting} datagrams of {id} wait for their turn"));
        }
    }
    Ok(())
}

//! What waits is within the limits, and no event was dropped.

use flumen::{Engine, Limits};

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
        let transports = engine.world().entities().count_spawned() as usize;
        let waiting = engine.waiting();
        // Not all entities are transports, but all transports are entities.
        let allowed = limits.waiting_datagrams_per_transport as usize * transports;
        if waiting > allowed {
            return Err(format!("{waiting} datagrams wait for sockets"));
        }
        match engine.dropped_events() {
            0 => Ok(()),
            dropped => Err(format!(
                "{dropped} events were dropped though they are drained"
            )),
        }
    }
}

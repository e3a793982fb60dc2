//! No datagram and no message vanishes.

use flumen::Engine;

use super::Check;

#[derive(Clone)]
pub(super) struct Ledgers;

impl Check for Ledgers {
    fn name(&self) -> &'static str {
        "ledgers"
    }

    fn fork(&self) -> Option<Box<dyn Check>> {
        Some(Box::new(self.clone()))
    }

    fn ticked(&mut self, engine: &Engine) -> Result<(), String> {
        engine
            .check_ledger()
            .map_err(|imbalance| imbalance.to_string())
    }
}

//! The ledger of messages: none vanishes.

use bevy_ecs::resource::Resource;
use serde::Serialize;

use crate::data::undelivered::{MessageDiscard, MessageWithheld};
use crate::tick::counts::Counts;
use crate::tick::ledger::Imbalance;

/// Counts of every message of data producers since the engine started. Both equations hold after
/// every tick:
///
/// - `received + injected = accepted + discarded`
/// - `offered = delivered + withheld`
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataLedger {
    /// Messages that entered a tick.
    pub received: u64,
    /// Messages that systems of the application added.
    pub injected: u64,
    /// Messages that a data producer took, paused or not.
    pub accepted: u64,
    /// Messages that no data producer took, by reason.
    pub discarded: Counts<MessageDiscard>,
    /// Accepted messages times the data consumers of their data producer.
    pub offered: u64,
    /// Offered messages that were handed to the application.
    pub delivered: u64,
    /// Offered messages that were not delivered, by reason.
    pub withheld: Counts<MessageWithheld>,
}

crate::snapshot::state! {
    struct DataLedger {
        received, injected, accepted, discarded, offered, delivered, withheld
    }
}

impl DataLedger {
    /// Checks that both equations hold.
    ///
    /// # Errors
    ///
    /// The first one that does not.
    pub fn check(&self) -> Result<(), Imbalance> {
        let accounted = self.accepted + self.discarded.total();
        let received = self.received + self.injected;
        if accounted != received {
            return Err(Imbalance::Messages {
                received,
                accounted,
            });
        }
        let accounted = self.delivered + self.withheld.total();
        if accounted != self.offered {
            return Err(Imbalance::Delivery {
                offered: self.offered,
                accounted,
            });
        }
        Ok(())
    }

    /// Records that `messages` were not delivered to one data consumer each.
    pub fn withhold(&mut self, reason: MessageWithheld, messages: u64) {
        self.withheld[reason] += messages;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_equation_is_checked() {
        let mut ledger = DataLedger {
            received: 1,
            ..DataLedger::default()
        };
        assert!(matches!(ledger.check(), Err(Imbalance::Messages { .. })));
        ledger.discarded[MessageDiscard::DataProducerClosed] += 1;
        assert_eq!(ledger.check(), Ok(()));
        ledger.offered = 2;
        ledger.delivered = 1;
        assert!(matches!(ledger.check(), Err(Imbalance::Delivery { .. })));
        ledger.withhold(MessageWithheld::TooLarge, 1);
        assert_eq!(ledger.check(), Ok(()));
    }
}

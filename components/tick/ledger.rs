//! The two ledgers: no packet vanishes.

use bevy_ecs::resource::Resource;
use serde::Serialize;
use thiserror::Error;

use crate::consume::withheld::Withheld;
use crate::tick::counts::Counts;
use crate::tick::discard::{Control, Discard, RtcpFault};
use crate::tick::inbox::Origin;
use crate::tick::refusal::Refusal;

/// Counts of every datagram since the engine started. Both equations hold after every tick:
///
/// - ingress: `received + injected + unwrapped = accepted + consumed + discarded`
/// - egress: `offered = enqueued + withheld` and
///   `enqueued + generated = sent + refused + waiting + paced`
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// Datagrams that entered: from sockets, simulated links and direct sends.
    pub received: u64,
    /// Packets that systems of the application added.
    pub injected: u64,
    /// Packets that came inside others: SCTP in DTLS.
    pub unwrapped: u64,
    /// Media packets accepted by a stream of a producer.
    pub accepted: u64,
    /// Control datagrams processed, by kind.
    pub consumed: Counts<Control>,
    /// Malformed packets in RTCP datagrams, by what is wrong with them. Other packets of these
    /// datagrams were acted on, so that each is among `consumed`, and these are in no equation.
    pub rtcp_faults: Counts<RtcpFault>,
    /// Datagrams that went no further, by reason.
    pub discarded: Counts<Discard>,
    /// Accepted packets times the consumers of their producer.
    pub offered: u64,
    /// Offered packets that were not forwarded, by reason.
    pub withheld: Counts<Withheld>,
    /// Offered packets that were forwarded.
    pub enqueued: u64,
    /// Datagrams that nobody offered in this tick: RTCP of the engine's own, packets sent again, and
    /// those sent behind a key frame that they overtook.
    pub generated: u64,
    /// Datagrams that the backend or the application took.
    pub sent: u64,
    /// Datagrams that could not be sent, by reason.
    pub refused: Counts<Refusal>,
    /// Datagrams that wait for a blocked socket now.
    pub waiting: u64,
    /// Datagrams that wait for their turn now.
    pub paced: u64,
    /// Datagrams dropped by the kernel because a receive queue was full. These never entered, so
    /// they are in no equation.
    pub kernel_drops: u64,
}

crate::snapshot::state! {
    struct Ledger {
        received, injected, unwrapped, accepted, consumed, rtcp_faults, discarded, offered,
        withheld, enqueued, generated, sent, refused, waiting, paced, kernel_drops
    }
}

/// A ledger that does not close: a mistake of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Imbalance {
    /// A datagram entered and its fate is not recorded, or was recorded twice.
    #[error("{received} datagrams entered, but the fate of {accounted} is recorded")]
    Ingress {
        /// Datagrams that were received, injected or unwrapped.
        received: u64,
        /// Datagrams with a recorded fate.
        accounted: u64,
    },
    /// A packet was offered to a consumer and neither forwarded nor withheld, or both.
    #[error("{offered} packets were offered to consumers, but {accounted} forwarded or withheld")]
    Forwarding {
        /// Packets times consumers.
        offered: u64,
        /// Forwarded or withheld.
        accounted: u64,
    },
    /// A message entered and was neither accepted nor discarded, or both.
    #[error("{received} messages were received, but {accounted} accepted or discarded")]
    Messages {
        /// Messages that entered.
        received: u64,
        /// Accepted or discarded.
        accounted: u64,
    },
    /// A message was offered to a data consumer and neither delivered nor withheld, or both.
    #[error("{offered} messages were offered, but {accounted} delivered or withheld")]
    Delivery {
        /// Messages times data consumers.
        offered: u64,
        /// Delivered or withheld.
        accounted: u64,
    },
    /// A datagram was to be sent and was neither sent, refused nor waits, or several of these.
    #[error("{queued} datagrams were to be sent, but {accounted} were sent, refused or wait")]
    Egress {
        /// Datagrams to send.
        queued: u64,
        /// Sent, refused or waiting.
        accounted: u64,
    },
}

impl Ledger {
    /// So many datagrams wait for their turn no longer, and are not sent.
    pub fn give_up(&mut self, reason: Refusal, datagrams: u64) {
        self.paced -= datagrams;
        self.refused[reason] += datagrams;
    }

    /// Checks that both ledgers close.
    ///
    /// # Errors
    ///
    /// The first equation that does not hold.
    pub fn check(&self) -> Result<(), Imbalance> {
        let accounted = self.accepted + self.consumed.total() + self.discarded.total();
        let received = self.received + self.injected + self.unwrapped;
        if accounted != received {
            return Err(Imbalance::Ingress {
                received,
                accounted,
            });
        }
        let accounted = self.enqueued + self.withheld.total();
        if accounted != self.offered {
            return Err(Imbalance::Forwarding {
                offered: self.offered,
                accounted,
            });
        }
        let queued = self.enqueued + self.generated;
        let accounted = self.sent + self.refused.total() + self.waiting + self.paced;
        if accounted != queued {
            return Err(Imbalance::Egress { queued, accounted });
        }
        Ok(())
    }

    /// Records that a datagram entered.
    pub fn enter(&mut self, origin: Origin) {
        match origin {
            Origin::Injected { .. } => self.injected += 1,
            _ => self.received += 1,
        }
    }

    /// Records that a datagram goes no further.
    pub fn discard(&mut self, reason: Discard) {
        self.discarded[reason] += 1;
    }

    /// Records that `packets` were not forwarded to one consumer.
    pub fn withhold(&mut self, reason: Withheld, packets: usize) {
        self.withheld[reason] += packets as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_equation_is_checked() {
        let mut ledger = Ledger {
            received: 1,
            ..Ledger::default()
        };
        assert!(matches!(ledger.check(), Err(Imbalance::Ingress { .. })));
        ledger.discard(Discard::Empty);
        assert_eq!(ledger.check(), Ok(()));
        ledger.offered = 2;
        ledger.withhold(Withheld::PaddingOnly, 1);
        assert!(matches!(ledger.check(), Err(Imbalance::Forwarding { .. })));
        ledger.enqueued = 1;
        assert!(matches!(ledger.check(), Err(Imbalance::Egress { .. })));
        ledger.sent = 1;
        assert_eq!(ledger.check(), Ok(()));
    }
}

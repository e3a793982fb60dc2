//! The stages of a tick: the only place that states their order.

use std::fmt;

/// A stage of the tick. They run in the order of [`Stage::IN_ORDER`], each to its end.
///
/// Data flows only downstream: a row is read in the stage that fills it or in a later one, never a
/// tick later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The datagrams of this tick land in one arena.
    Ingest,
    /// Each datagram is classified and finds its owner.
    Demux,
    /// Each stream takes in what arrived: sequence, jitter, key frames; RTCP is read.
    Receive,
    /// Scores of what was touched in this tick.
    Score,
    /// Who gets which packet: fan out, rewrite headers.
    Forward,
    /// What senders are asked for and told, once, merged; what receivers get again.
    Feedback,
    /// Datagrams get what must carry the time of leaving.
    Protect,
    /// Batched writes; what would block waits, bounded, and is sent again as it is.
    Flush,
    /// What happened becomes event components.
    Emit,
}

impl Stage {
    /// Every stage, in the order in which they run.
    pub const IN_ORDER: [Self; 9] = [
        Self::Ingest,
        Self::Demux,
        Self::Receive,
        Self::Score,
        Self::Forward,
        Self::Feedback,
        Self::Protect,
        Self::Flush,
        Self::Emit,
    ];
}

/// Where in a stage a system runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// Before the engine's own systems.
    Before,
    /// Among the engine's own systems, as if one of them: nothing checks what is left behind, and
    /// there are no verdicts to be made.
    BuiltIn,
    /// After the engine's own systems.
    After,
}

impl Slot {
    /// Every slot, in the order in which they run.
    pub const IN_ORDER: [Self; 3] = [Self::Before, Self::BuiltIn, Self::After];
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_enum_is_the_order_of_the_tick() {
        assert!(Stage::IN_ORDER.is_sorted());
        assert!(Slot::IN_ORDER.is_sorted());
    }
}

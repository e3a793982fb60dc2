//! What a transport turned away.

use bevy_ecs::component::Component;

use crate::tick::counts::Counts;
use crate::tick::discard::Discard;

/// The datagrams of a transport that went no further: its part of the
/// [`Ledger`](crate::Ledger). Touched only when one is discarded.
#[derive(Component, Clone, Debug, Default)]
pub struct Discards {
    /// By reason; none as long as nothing was discarded.
    counts: Option<Box<Counts<Discard>>>,
    /// An address that is not the transport's has sent to it, and that was told.
    pub told_of_stranger: bool,
}

crate::snapshot::state! { struct Discards { counts, told_of_stranger } }

impl Discards {
    /// By reason.
    pub fn counts(&self) -> Counts<Discard> {
        self.counts.as_deref().cloned().unwrap_or_default()
    }

    /// By reason, to count another one.
    pub fn counts_mut(&mut self) -> &mut Counts<Discard> {
        self.counts.get_or_insert_default()
    }
}

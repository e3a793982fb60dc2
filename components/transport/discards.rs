//! What a transport turned away.

use bevy_ecs::component::Component;

use crate::tick::counts::Counts;
use crate::tick::discard::Discard;

/// The datagrams of a transport that went no further: its part of the
/// [`Ledger`](crate::Ledger). Touched only when one is discarded.
#[derive(Component, Clone, Debug, Default)]
pub struct Discards {
    /// By reason.
    pub counts: Counts<Discard>,
    /// An address that is not the transport's has sent to it, and that was told.
    pub told_of_stranger: bool,
}

crate::snapshot::state! { struct Discards { counts, told_of_stranger } }

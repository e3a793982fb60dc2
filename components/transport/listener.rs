//! Who on a transport a packet is for: by SSRC, MID or RID inwards, by SSRC outwards.

use std::collections::BTreeMap;

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;

use crate::rtp_parameters::HeaderExtensionIds;

/// The lookup tables of a transport.
///
/// Trees and not hash tables: the keys are chosen by peers. No table grows with what peers send:
/// an SSRC is entered when a producer names it or a stream latches it, and a producer has no more
/// streams than encodings.
#[derive(Component, Clone, Debug, Default)]
pub struct Listener {
    /// Producers and their streams by the SSRCs they send with.
    pub ssrcs: BTreeMap<u32, Incoming>,
    /// Producers by MID.
    pub mids: BTreeMap<Box<str>, Entity>,
    /// Producers by RID, for packets without a MID.
    pub rids: BTreeMap<Box<str>, Entity>,
    /// Consumers by the SSRC they send with.
    pub consumers: BTreeMap<u32, Entity>,
    /// The identifiers of header extensions in packets received: one table for all producers of a
    /// transport, the later one's identifier wins.
    pub extensions: HeaderExtensionIds,
}

crate::snapshot::state! { struct Listener { ssrcs, mids, rids, consumers, extensions } }

/// What an incoming SSRC belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The producer.
    pub producer: Entity,
    /// Its stream, once one was discovered for the SSRC.
    pub stream: Option<Entity>,
    /// The SSRC carries retransmissions (RFC 4588) of that stream.
    pub retransmission: bool,
}

crate::snapshot::state! { struct Incoming { producer, stream, retransmission } }

//! The application sends packets on direct transports.

use bevy_ecs::change_detection::Mut;
use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::{
    Closed, Inbox, InboxFull, Limits, OnTransport, Origin, ProducerId, TransportId, TransportKind,
    find,
};
use thiserror::Error;

/// A packet cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The producer or transport is closed.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// Only what is on a direct transport takes packets from the application.
    #[error("it is not on a direct transport")]
    NotDirect,
    /// The packet is longer than any RTP packet can be, or than RTCP may be.
    #[error("a packet of {len} bytes is longer than {max}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The longest that is taken.
        max: usize,
    },
    /// As many packets as one tick takes, of the transport or in all, are waiting already.
    #[error("{0} packets wait for the next tick already")]
    Full(usize),
}

/// Longest RTP packet, in bytes: what an IP packet can hold.
pub(super) const RTP_LEN_MAX: usize = 65_535;
/// Longest RTCP compound, in bytes: an Ethernet MTU and some.
pub(super) const RTCP_LEN_MAX: usize = 1_600;

/// Sends an RTP packet as if the network had brought it to the producer's transport: it finds its
/// stream, and its producer, by what it carries.
///
/// # Errors
///
/// See [`SendError`]. What is wrong with the packet itself is counted as for the network.
pub fn send_rtp(world: &mut World, id: ProducerId, packet: &[u8]) -> Result<(), SendError> {
    let producer = find(world, id)?;
    let transport = world
        .get::<OnTransport>(producer)
        .ok_or_else(|| Closed::new(id))?
        .0;
    enter(world, transport, packet, RTP_LEN_MAX)
}

/// Sends RTCP as if the network had brought it to the transport.
///
/// # Errors
///
/// See [`SendError`].
pub fn send_rtcp(world: &mut World, id: TransportId, packet: &[u8]) -> Result<(), SendError> {
    let transport = find(world, id)?;
    enter(world, transport, packet, RTCP_LEN_MAX)
}

fn enter(world: &mut World, transport: Entity, packet: &[u8], max: usize) -> Result<(), SendError> {
    if world.get::<TransportKind>(transport) != Some(&TransportKind::Direct) {
        return Err(SendError::NotDirect);
    }
    let len = packet.len();
    if len > max {
        return Err(SendError::TooLong { len, max });
    }
    world.resource_scope(|world, mut inbox: Mut<'_, Inbox>| {
        let limits = world.resource::<Limits>();
        let sent = inbox.send(Origin::Direct { transport }, packet, limits);
        sent.map_err(|InboxFull(limit)| SendError::Full(limit))
    })
}

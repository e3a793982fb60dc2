//! Every datagram finds its transport, and every RTP packet its stream.

use bevy_ecs::system::ResMut;
use flumen_components::Inbox;

use super::claim_datagrams::{Claims, Tellings, claim_datagrams};
use super::find_streams::{Finder, find_streams};

/// Gives every datagram to its transport, then every RTP packet to its stream: one system, since what
/// both look up costs more than what they do with a packet.
pub(crate) fn demultiplex(
    mut inbox: ResMut<'_, Inbox>,
    mut claims: Claims<'_, '_>,
    mut finder: Finder<'_, '_>,
    mut tellings: Tellings<'_, '_>,
) {
    claim_datagrams(&mut inbox, &mut claims, &mut tellings);
    find_streams(&claims.rtp, &inbox, &mut finder, &mut tellings);
}

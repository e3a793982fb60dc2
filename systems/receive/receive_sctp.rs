//! SCTP datagrams become messages.

use bevy_ecs::system::{Res, ResMut};
use flumen_components::{Connected, Inbox, Messages, SctpIn};

use crate::associations::Associations;

/// Hands datagrams to associations, fires their timers, and takes out messages and acknowledgements.
pub(crate) fn receive_sctp(
    mut arrivals: ResMut<'_, SctpIn>,
    inbox: Res<'_, Inbox>,
    connected: Res<'_, Connected>,
    mut associations: Associations<'_, '_>,
) {
    for arrival in arrivals.0.drain(..) {
        let datagram = &inbox.bytes()[arrival.range()];
        associations.receive(arrival.transport, datagram);
    }
    for &(transport, _) in &connected.0 {
        associations.stir(transport);
    }
    associations.fire();
    associations.poll(Messages::receive);
}

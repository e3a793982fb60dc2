//! SCTP datagrams become messages.

use bevy_ecs::system::{Res, ResMut};
use flumen_components::{Inbox, Messages, SctpIn};

use crate::associations::Associations;

/// Hands datagrams to associations, fires their timers, and takes out messages and acknowledgements.
pub(crate) fn receive_sctp(
    mut arrivals: ResMut<'_, SctpIn>,
    inbox: Res<'_, Inbox>,
    mut associations: Associations<'_, '_>,
) {
    for arrival in arrivals.0.drain(..) {
        let datagram = &inbox.bytes()[arrival.range()];
        associations.receive(arrival.transport, datagram);
    }
    associations.stir_connected();
    associations.fire();
    associations.poll(Messages::receive);
}

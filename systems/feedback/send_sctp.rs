//! Messages become SCTP datagrams.

use flumen_components::Messages;

use crate::associations::Associations;

/// Takes out what associations have to send on account of this tick's messages.
pub(crate) fn send_sctp(mut associations: Associations<'_, '_>) {
    associations.poll(Messages::receive_late);
}

//! How RTCP of the engine's own leaves.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, ResMut, SystemParam};
use flumen_components::{
    Destination, DirectOut, DirectRow, Ledger, Link, Outbox, Outgoing, Path, Recipient, TransportId,
};

/// The ways by which transports send RTCP.
#[derive(SystemParam)]
pub(crate) struct RtcpExits<'w, 's> {
    transports: Query<'w, 's, (&'static TransportId, &'static Path)>,
    outbox: ResMut<'w, Outbox>,
    direct: ResMut<'w, DirectOut>,
    ledger: ResMut<'w, Ledger>,
}

impl RtcpExits<'_, '_> {
    /// RTCP can leave through `transport`.
    pub(super) fn is_open(&self, transport: Entity) -> bool {
        let path = self.transports.get(transport).map(|(_, path)| path.rtcp);
        !matches!(path, Err(_) | Ok(Link::Udp { remote: None, .. }))
    }

    /// Sends what `write` appends to its buffer through `transport`. `None`, and nothing sent, when
    /// the transport does not know the remote address of RTCP, or `write` has nothing to say.
    pub(super) fn send<T>(
        &mut self,
        transport: Entity,
        write: impl FnOnce(&mut Vec<u8>) -> Option<T>,
    ) -> Option<T> {
        let (&id, path) = self.transports.get(transport).ok()?;
        let link = path.rtcp;
        if matches!(link, Link::Udp { remote: None, .. }) {
            return None;
        }
        let start = self.outbox.headers.len();
        let written = write(&mut self.outbox.headers)?;
        let len = (self.outbox.headers.len() - start) as u16;
        let row = Outgoing::generated(start as u32, len);
        self.ledger.generated += 1;
        match link {
            Link::Udp {
                socket,
                remote: Some(address),
            } => {
                let destination = Destination {
                    transport,
                    socket,
                    address,
                };
                self.outbox.push_to(destination, row);
            }
            _ => self.direct.0.push(DirectRow {
                transport,
                to: Recipient::Rtcp(id),
                row,
            }),
        }
        Some(written)
    }
}

//! DTLS becomes keys and SCTP.

use bevy_ecs::system::{Query, Res, ResMut};
use flumen_components::wire::PacketKind;
use flumen_components::{Discard, Inbox, Now, Sockets, Traffic};

use super::answer_checks::of_session;
use crate::sessions::Sessions;

/// Hands DTLS to connections, only by ways that authenticated checks came by, and takes out what
/// they have to yield.
pub(crate) fn receive_dtls(
    mut inbox: ResMut<'_, Inbox>,
    sockets: Res<'_, Sockets>,
    mut traffic: Query<'_, '_, &mut Traffic>,
    mut sessions: Sessions<'_, '_>,
    now: Res<'_, Now>,
) {
    for index in 0..inbox.datagrams().len() {
        let datagram = inbox.datagrams()[index];
        let bytes = &inbox.bytes()[datagram.range()];
        let Some(tuple) = of_session(&datagram, bytes, PacketKind::Dtls, &sockets) else {
            continue;
        };
        sessions.ledger.enter(datagram.origin);
        let Some((transport, _)) = sockets.receiver(tuple.socket, tuple.remote) else {
            sessions.ledger.discard(Discard::UnknownSource);
            continue;
        };
        if let Ok(mut traffic) = traffic.get_mut(transport) {
            traffic.received.add(bytes.len() as u64, now.time);
        }
        let outcome = match datagram.truncated {
            true => Err(Discard::Truncated),
            false => sessions.receive(transport, tuple, bytes),
        };
        match outcome {
            Ok(()) => sessions.poll(transport, Some(tuple), &mut inbox),
            Err(reason) => sessions
                .discards
                .discard(&mut sessions.ledger, transport, reason),
        }
    }
}

/// Fires the timers of connections.
pub(crate) fn fire_dtls(mut inbox: ResMut<'_, Inbox>, mut sessions: Sessions<'_, '_>) {
    sessions.fire(&mut inbox);
}

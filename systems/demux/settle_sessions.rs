//! What follows when a WebRTC transport found its peer, lost it, or has its keys.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::event::{IceSelectedTupleChanged, IceStateChanged, Pending};
use flumen_components::{
    Connected, DtlsConnection, DtlsState, IceAgent, IceListeners, Inbox, MovedSessions, Path, Role,
    Subject, TransportId, UnprovenTransports,
};

use crate::sessions::Sessions;

/// What settling writes.
#[derive(SystemParam)]
pub(crate) struct Settling<'w, 's> {
    sessions: Query<
        'w,
        's,
        (
            &'static mut IceAgent,
            &'static DtlsConnection,
            &'static mut Path,
            &'static IceListeners,
            &'static TransportId,
        ),
    >,
    pending: ResMut<'w, Pending>,
    connected: ResMut<'w, Connected>,
    unproven: ResMut<'w, UnprovenTransports>,
}

/// Goes on with the connections of transports that moved.
pub(crate) fn go_on(mut inbox: ResMut<'_, Inbox>, mut sessions: Sessions<'_, '_>) {
    sessions.go_on(&mut inbox);
}

/// Tells by which ways peers were found, or lost, before it is told what came of that.
pub(crate) fn tell_ways(moved: Res<'_, MovedSessions>, mut settling: Settling<'_, '_>) {
    for &transport in &moved.0 {
        settling.tell(transport);
    }
}

/// Tells what changed, and leads the path of each transport that moved by the way it selected, once
/// there are keys.
pub(crate) fn settle_sessions(
    mut moved: ResMut<'_, MovedSessions>,
    mut settling: Settling<'_, '_>,
) {
    for transport in moved.0.drain(..) {
        settling.tell(transport);
        settling.lead(transport);
    }
}

impl Settling<'_, '_> {
    fn tell(&mut self, about: Entity) {
        let Ok((mut agent, _, _, listeners, &id)) = self.sessions.get_mut(about) else {
            return;
        };
        let [(ice_state, tuple), (state_before, tuple_before)] = agent.news();
        let subject = Subject::Transport(id);
        if tuple != tuple_before {
            let selected = tuple.and_then(|tuple| listeners.tuple(tuple));
            let changed = IceSelectedTupleChanged {
                about,
                subject,
                selected,
            };
            self.pending.0.push(changed.into());
        }
        if ice_state != state_before {
            let changed = IceStateChanged {
                about,
                subject,
                ice_state,
            };
            self.pending.0.push(changed.into());
        }
    }

    fn lead(&mut self, transport: Entity) {
        let Ok((mut agent, dtls, mut path, ..)) = self.sessions.get_mut(transport) else {
            return;
        };
        agent.unlist();
        let was_connected = path.is_connected();
        let open = dtls.state() == DtlsState::Connected;
        match agent.selected().filter(|_| open) {
            Some(tuple) => path.lead(tuple.socket, tuple.remote),
            None => path.lose(),
        }
        if !path.is_connected() {
            return;
        }
        if !was_connected {
            self.connected.0.push((transport, Role::Rtp));
        }
        if !agent.is_proven() {
            self.unproven.add(transport);
        }
    }
}

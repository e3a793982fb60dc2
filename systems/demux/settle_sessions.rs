//! What follows when a WebRTC transport found its peer, lost it, or has its keys.

use bevy_ecs::entity::Entity;
use bevy_ecs::relationship::RelationshipTarget;
use bevy_ecs::system::{Query, ResMut, SystemParam};
use flumen_components::event::{IceSelectedTupleChanged, IceStateChanged, Pending};
use flumen_components::{
    Agenda, Created, DtlsConnection, DtlsState, Emission, IceAgent, IceListeners, Inbox, Layering,
    Path, Residents, Role, Subject, TransportId,
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
    residents: Query<'w, 's, &'static Residents>,
    consumers: Query<
        'w,
        's,
        (
            &'static Created,
            &'static mut Layering,
            &'static mut Emission,
        ),
    >,
    agenda: ResMut<'w, Agenda>,
    pending: ResMut<'w, Pending>,
}

/// Goes on with the connections of transports that moved.
pub(crate) fn go_on(mut inbox: ResMut<'_, Inbox>, mut sessions: Sessions<'_, '_>) {
    sessions.go_on(&mut inbox);
}

/// Tells by which ways peers were found, or lost, before it is told what came of that.
pub(crate) fn tell_ways(mut settling: Settling<'_, '_>) {
    for index in 0..settling.moved() {
        settling.tell(settling.agenda.moved_sessions.0[index]);
    }
}

/// Tells what changed, and leads the path of each transport that moved by the way it selected, once
/// there are keys.
pub(crate) fn settle_sessions(mut settling: Settling<'_, '_>) {
    for index in 0..settling.moved() {
        let transport = settling.agenda.moved_sessions.0[index];
        settling.tell(transport);
        settling.lead(transport);
    }
    settling.agenda.moved_sessions.0.clear();
}

impl Settling<'_, '_> {
    fn moved(&self) -> usize {
        self.agenda.moved_sessions.0.len()
    }

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
            if was_connected {
                self.stop_layers(transport);
            }
            return;
        }
        if !was_connected {
            // RTCP is multiplexed: who could not be asked can be.
            let connected = [Role::Rtp, Role::Rtcp].map(|role| (transport, role));
            self.agenda.connected.0.extend(connected);
        }
        if !agent.is_proven() {
            self.agenda.unproven.add(transport);
        }
    }

    /// Nobody gets any layers there: consumers tell so, and begin with a key frame when somebody is back.
    fn stop_layers(&mut self, transport: Entity) {
        let residents = self.residents.get(transport).into_iter();
        let residents = residents.flat_map(Residents::iter);
        let created = |resident| Some((*self.consumers.get(resident).ok()?.0, resident));
        let mut layered: Vec<_> = residents.filter_map(created).collect();
        layered.sort_unstable();
        for (_, consumer) in layered {
            if let Ok((_, mut layering, mut emission)) = self.consumers.get_mut(consumer) {
                layering.stop();
                emission.sync_required = true;
                self.agenda.layers_changing.0.push(consumer);
            }
        }
    }
}

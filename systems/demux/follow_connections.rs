//! Connections of TCP sockets come, and go, and with them ways to peers.

use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::{
    Agenda, ConnectionChange, Deadlines, Due, IceAgent, IceTuple, Inbox, Limits, Now, Socket,
    SocketKey, Sockets,
};

/// Those that come and those that are waited for.
#[derive(SystemParam)]
pub(crate) struct Admission<'w, 's> {
    keys: Query<'w, 's, &'static Socket>,
    sockets: ResMut<'w, Sockets>,
    deadlines: ResMut<'w, Deadlines>,
    limits: Res<'w, Limits>,
    now: Res<'w, Now>,
}

/// Takes note of connections that were accepted, and closes those that have proven nothing: in
/// time, or when there are too many.
pub(crate) fn admit_connections(inbox: Res<'_, Inbox>, mut admission: Admission<'_, '_>) {
    admission.expire();
    for change in inbox.connections() {
        if let ConnectionChange::Opened(tuple) = *change {
            admission.admit(tuple);
        }
    }
}

/// Has peers lose the ways of connections that ended, behind what these have brought.
pub(crate) fn end_connections(
    inbox: Res<'_, Inbox>,
    mut sockets: ResMut<'_, Sockets>,
    mut agents: Query<'_, '_, &mut IceAgent>,
    mut agenda: ResMut<'_, Agenda>,
    now: Res<'_, Now>,
) {
    for change in inbox.connections() {
        let ConnectionChange::Ended(tuple) = *change else {
            continue;
        };
        let Some(receivers) = sockets.ice_mut(tuple.socket) else {
            continue;
        };
        if let Some(connections) = &mut receivers.connections {
            connections.close(tuple.remote);
        }
        let owner = receivers.remotes.remove(&tuple.remote);
        if let Some(transport) = owner
            && let Ok(mut agent) = agents.get_mut(transport)
        {
            agent.forget(now.time, tuple);
            agent.list(transport, &mut agenda.moved_sessions);
        }
    }
}

impl Admission<'_, '_> {
    fn admit(&mut self, tuple: IceTuple) {
        let Some(connections) = self.sockets.connections_mut(tuple.socket) else {
            return;
        };
        let in_excess = connections.open(tuple.remote, self.now.time, &self.limits);
        if let Some(remote) = in_excess {
            self.sockets.hang_up(IceTuple { remote, ..tuple });
        }
        self.arm(tuple.socket);
    }

    fn expire(&mut self) {
        for index in 0..self.deadlines.fired().len() {
            let (entity, due) = self.deadlines.fired()[index];
            // A deadline may outlive its socket.
            if due == Due::UnprovenConnections
                && let Ok(socket) = self.keys.get(entity)
            {
                let key = socket.key;
                self.hang_up_overdue(key);
                self.arm(key);
            }
        }
    }

    fn hang_up_overdue(&mut self, socket: SocketKey) {
        let (now, limits) = (self.now.time, &self.limits);
        let Some(connections) = self.sockets.connections_mut(socket) else {
            return;
        };
        connections.disarm();
        while let Some(remote) = self
            .sockets
            .connections_mut(socket)
            .and_then(|connections| connections.overdue(now, limits))
        {
            self.sockets.hang_up(IceTuple { socket, remote });
        }
    }

    fn arm(&mut self, socket: SocketKey) {
        let Some(entry) = self.sockets.get(socket) else {
            return;
        };
        let entity = entry.entity;
        let connections = self.sockets.connections_mut(socket);
        if let Some(due) = connections.and_then(|connections| connections.arm(&self.limits)) {
            self.deadlines.set(due, entity, Due::UnprovenConnections);
        }
    }
}

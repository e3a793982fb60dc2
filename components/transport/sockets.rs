//! Which transport a datagram belongs to, by the socket that received it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bevy_ecs::entity::{Entity, EntityHashSet};
use bevy_ecs::resource::Resource;

use crate::transport::connections::Connections;
use crate::transport::ice_agent::IceTuple;
use crate::transport::path::Role;
use crate::transport::socket::SocketKey;

/// Every bound socket and who receives on it. Written between ticks, read by Demux.
#[derive(Resource, Debug, Default)]
pub struct Sockets {
    entries: Vec<Option<SocketEntry>>,
    free: Vec<SocketKey>,
    hung_up: Vec<IceTuple>,
}

crate::snapshot::state! { struct Sockets { entries, free, hung_up } }

/// A bound socket.
#[derive(Clone, Debug)]
pub struct SocketEntry {
    /// The entity of the socket.
    pub entity: Entity,
    /// Who receives on it.
    pub receivers: Receivers,
    /// When it is shared: the transports on it, connected or not, in no order.
    pub transports: EntityHashSet,
}

crate::snapshot::state! { struct SocketEntry { entity, receivers, transports } }

/// Who receives on a socket.
#[derive(Clone, Debug)]
pub enum Receivers {
    /// One transport, whatever the remote address.
    One(Entity, Role),
    /// Many transports, told apart by remote address. A tree and not a hash table: remote
    /// addresses are chosen by others.
    ByRemote(BTreeMap<SocketAddr, (Entity, Role)>),
    /// WebRTC transports, one or many.
    Ice(IceReceivers),
}

crate::snapshot::state! { enum Receivers { One(a, b), ByRemote(it), Ice(it) } }

/// How datagrams find WebRTC transports. Trees, too; no peer can make them grow: a transport has no
/// more than two user names, and as many addresses as
/// [`Limits::ice_tuples_per_transport`](crate::Limits::ice_tuples_per_transport).
#[derive(Clone, Debug, Default)]
pub struct IceReceivers {
    /// By the address that an authenticated check came from.
    pub remotes: BTreeMap<SocketAddr, Entity>,
    /// By the user name fragment that checks name.
    pub usernames: BTreeMap<Box<str>, Entity>,
    /// The connections, when it is a socket of TCP.
    pub connections: Option<Connections>,
}

crate::snapshot::state! { struct IceReceivers { remotes, usernames, connections } }

impl Sockets {
    /// The connections of all TCP sockets, by socket and remote address.
    pub fn connections(&self) -> Vec<IceTuple> {
        let mut all = Vec::new();
        for (socket, entry) in (0..).map(SocketKey).zip(&self.entries) {
            if let Some(Receivers::Ice(ice)) = entry.as_ref().map(|entry| &entry.receivers)
                && let Some(connections) = &ice.connections
            {
                all.extend(connections.iter().map(|remote| IceTuple { socket, remote }));
            }
        }
        all
    }
}

impl IceReceivers {
    /// The transport that a check names.
    pub fn named(&self, username: &[u8]) -> Option<Entity> {
        let username = std::str::from_utf8(username).ok()?;
        self.usernames.get(username).copied()
    }
}

impl Sockets {
    /// A key that no bound socket has; give it back with [`remove`](Self::remove). Keys of closed
    /// sockets come first, so that the table stays dense.
    pub fn reserve(&mut self) -> SocketKey {
        self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            SocketKey(self.entries.len() as u32 - 1)
        })
    }

    /// Records a socket under the key reserved for it.
    ///
    /// # Panics
    ///
    /// When the key was not reserved.
    pub fn insert(&mut self, key: SocketKey, entry: SocketEntry) {
        self.entries[key.0 as usize] = Some(entry);
    }

    /// Gives a key back, with the socket it had.
    pub fn remove(&mut self, key: SocketKey) -> Option<SocketEntry> {
        self.free.push(key);
        self.hung_up.retain(|tuple| tuple.socket != key);
        self.entries.get_mut(key.0 as usize)?.take()
    }

    /// The socket of `key`.
    pub fn get(&self, key: SocketKey) -> Option<&SocketEntry> {
        self.entries.get(key.0 as usize)?.as_ref()
    }

    /// The socket of `key`, to be changed.
    pub fn get_mut(&mut self, key: SocketKey) -> Option<&mut SocketEntry> {
        self.entries.get_mut(key.0 as usize)?.as_mut()
    }

    /// The transport that receives what `source` sends to `key`, and on which of its ways.
    pub fn receiver(&self, key: SocketKey, source: SocketAddr) -> Option<(Entity, Role)> {
        match &self.get(key)?.receivers {
            Receivers::One(transport, role) => Some((*transport, *role)),
            Receivers::ByRemote(remotes) => remotes.get(&source).copied(),
            Receivers::Ice(ice) => Some((*ice.remotes.get(&source)?, Role::Rtp)),
        }
    }

    /// Who receives on `key`, when it is a socket of WebRTC transports.
    pub fn ice(&self, key: SocketKey) -> Option<&IceReceivers> {
        match &self.get(key)?.receivers {
            Receivers::Ice(ice) => Some(ice),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub fn ice_mut(&mut self, key: SocketKey) -> Option<&mut IceReceivers> {
        match &mut self.get_mut(key)?.receivers {
            Receivers::Ice(ice) => Some(ice),
            _ => None,
        }
    }

    /// The connections of `key`, when it is a socket of TCP.
    pub fn connections_mut(&mut self, key: SocketKey) -> Option<&mut Connections> {
        self.ice_mut(key)?.connections.as_mut()
    }

    /// Has the connection of a way closed, if it is one and is open.
    pub fn hang_up(&mut self, tuple: IceTuple) {
        let connections = self.connections_mut(tuple.socket);
        if connections.is_some_and(|connections| connections.close(tuple.remote)) {
            self.hung_up.push(tuple);
        }
    }

    /// Connections that Flush is to close.
    pub fn hung_up(&self) -> &[IceTuple] {
        &self.hung_up
    }

    /// They are closed.
    pub fn forget_hung_up(&mut self) {
        self.hung_up.clear();
    }
}

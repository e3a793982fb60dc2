//! Sockets that transports share begin.

use std::collections::BTreeMap;

use bevy_ecs::entity::{Entity, EntityHashSet};
use bevy_ecs::world::World;
use flumen_components::{
    Announced, AppData, Directory, LocalAddress, Receivers, Socket, SocketEntry, SocketId,
    SocketKey, Sockets,
};

use super::birth;

/// A socket that the engine has bound.
#[derive(Clone, Debug)]
pub struct SocketRecord {
    /// Its key and address.
    pub socket: Socket,
    /// What to tell others instead of its IP address.
    pub announced: Option<String>,
}

impl SocketRecord {
    pub(super) fn local_address(&self) -> LocalAddress {
        LocalAddress {
            bound: self.socket.local,
            announced: self.announced.clone(),
        }
    }
}

/// Records a bound socket that any number of transports may share.
pub fn open_socket(world: &mut World, record: SocketRecord, app_data: AppData) -> SocketId {
    let created = birth::number(world);
    let id: SocketId = birth::id(world, created);
    let name = Announced(record.announced);
    let key = record.socket.key;
    let entity = world
        .spawn((id, created, record.socket, name, app_data))
        .id();
    world.resource_mut::<Directory>().insert(id, entity);
    enter(world, key, entity, Receivers::ByRemote(BTreeMap::new()));
    id
}

/// Records a bound socket that belongs to one transport.
pub(super) fn adopt_socket(
    world: &mut World,
    record: &SocketRecord,
    receivers: Receivers,
) -> Entity {
    let created = birth::number(world);
    let socket = record.socket.clone();
    let key = socket.key;
    let entity = world.spawn((created, socket)).id();
    enter(world, key, entity, receivers);
    entity
}

fn enter(world: &mut World, key: SocketKey, entity: Entity, receivers: Receivers) {
    let entry = SocketEntry {
        entity,
        receivers,
        transports: EntityHashSet::default(),
    };
    world.resource_mut::<Sockets>().insert(key, entry);
}

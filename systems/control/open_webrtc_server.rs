//! WebRTC servers begin and end: sockets that any number of WebRTC transports share.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::event::{TransportUnhandled, emit};
use flumen_components::{
    AppData, Closed, Connections, Directory, IceListener, IceListeners, IceReceivers, Protocol,
    Receivers, SocketKey, Sockets, Subject, TransportId, WebRtcServer, WebRtcServerId, find,
};

use super::birth;
use super::end::end;
use super::open_socket::{SocketRecord, adopt_socket};

/// A bound socket of WebRTC transports.
#[derive(Clone, Debug)]
pub struct IceSocketRecord {
    /// The socket.
    pub record: SocketRecord,
    /// What is spoken below STUN.
    pub protocol: Protocol,
    /// The local IP address is told besides the announced one.
    pub expose_internal_ip: bool,
}

impl IceSocketRecord {
    pub(super) fn listener(&self, local_preference: u32) -> IceListener {
        IceListener {
            socket: self.record.socket.key,
            address: self.record.local_address(),
            protocol: self.protocol,
            expose_internal_ip: self.expose_internal_ip,
            local_preference,
        }
    }

    /// Makes it a socket at which checks arrive.
    pub(super) fn adopt(&self, world: &mut World) {
        let connections = (self.protocol == Protocol::Tcp).then(Connections::default);
        let receivers = Receivers::Ice(IceReceivers {
            connections,
            ..IceReceivers::default()
        });
        adopt_socket(world, &self.record, receivers);
    }
}

/// Records bound sockets that any number of WebRTC transports may share.
pub fn open_webrtc_server(
    world: &mut World,
    sockets: &[IceSocketRecord],
    app_data: AppData,
) -> WebRtcServerId {
    let created = birth::number(world);
    let id: WebRtcServerId = birth::id(world, created);
    let listener = |(position, socket): (usize, &IceSocketRecord)| {
        socket.listener(IceListeners::local_preference(position, false))
    };
    let server = WebRtcServer {
        listeners: sockets.iter().enumerate().map(listener).collect(),
        ..WebRtcServer::default()
    };
    let entity = world.spawn((id, created, server, app_data)).id();
    world.resource_mut::<Directory>().insert(id, entity);
    for socket in sockets {
        socket.adopt(world);
    }
    id
}

/// The sockets of a server.
pub(super) fn listeners_of(world: &World, id: WebRtcServerId) -> Result<&[IceListener], Closed> {
    let server = world.get::<WebRtcServer>(find(world, id)?);
    Ok(&server.ok_or_else(|| Closed::new(id))?.listeners)
}

/// The last step of a server's end, once its transports are gone: the sockets to close.
pub(super) fn end_server(world: &mut World, entity: Entity, id: WebRtcServerId) -> Vec<SocketKey> {
    let server = world.get::<WebRtcServer>(entity).cloned();
    let listeners = server.unwrap_or_default().listeners;
    let keys: Vec<_> = listeners.iter().map(|listener| listener.socket).collect();
    for &key in &keys {
        remove_socket(world, key);
    }
    end(world, entity, id, Subject::WebRtcServer(id));
    keys
}

/// Forgets a socket that belongs to nothing any more.
pub(super) fn remove_socket(world: &mut World, key: SocketKey) {
    let removed = world.resource_mut::<Sockets>().remove(key);
    if let Some(entry) = removed {
        world.despawn(entry.entity);
    }
}

/// A transport leaves its server.
pub(super) fn leave_server(world: &mut World, server: Entity, transport: Entity) {
    let Some(mut of) = world.get_mut::<WebRtcServer>(server) else {
        return;
    };
    of.transports.remove(&transport);
    let names = world.get::<WebRtcServerId>(server).copied();
    if let Some((id, transport)) = names.zip(world.get::<TransportId>(transport).copied()) {
        emit(
            world,
            TransportUnhandled {
                about: server,
                subject: Subject::WebRtcServer(id),
                transport,
            },
        );
    }
}

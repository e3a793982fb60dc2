//! WebRTC servers are dumped.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::dump::{ListenerDump, TupleDump, UsernameFragmentDump, WebRtcServerDump};
use flumen_components::{
    Closed, Created, IceAgent, IceListener, IceTuple, Protocol, TransportId, WebRtcServer,
    WebRtcServerId, find,
};

/// The sockets of a WebRTC server, the transports on it, and how datagrams find these.
///
/// # Errors
///
/// [`Closed`] when the server is.
pub fn dump_webrtc_server(world: &World, id: WebRtcServerId) -> Result<WebRtcServerDump, Closed> {
    let server = world.get::<WebRtcServer>(find(world, id)?);
    let server = server.ok_or_else(|| Closed::new(id))?;
    let transports = transports(world, server);
    let of =
        |&(transport, id): &(Entity, TransportId)| Some((world.get::<IceAgent>(transport)?, id));
    let agents = || transports.iter().filter_map(of);
    let fragments = agents().flat_map(|(agent, web_rtc_transport_id)| {
        agent.usernames().map(move |username| UsernameFragmentDump {
            local_ice_username_fragment: username.into(),
            web_rtc_transport_id,
        })
    });
    let tuples = agents().flat_map(|(agent, web_rtc_transport_id)| {
        agent.tuples().map(move |tuple| TupleDump {
            tuple_hash: hash(server, tuple),
            web_rtc_transport_id,
        })
    });
    Ok(WebRtcServerDump {
        id,
        udp_sockets: sockets(server, Protocol::Udp),
        tcp_servers: sockets(server, Protocol::Tcp),
        local_ice_username_fragments: fragments.collect(),
        tuple_hashes: tuples.collect(),
        web_rtc_transport_ids: transports.iter().map(|&(_, id)| id).collect(),
    })
}

/// The transports of a server, in the order of their creation.
fn transports(world: &World, server: &WebRtcServer) -> Vec<(Entity, TransportId)> {
    let named = |&transport: &Entity| {
        let created = *world.get::<Created>(transport)?;
        Some((created, transport, *world.get::<TransportId>(transport)?))
    };
    let mut all: Vec<_> = server.transports.iter().filter_map(named).collect();
    all.sort_unstable();
    all.into_iter()
        .map(|(_, transport, id)| (transport, id))
        .collect()
}

fn sockets(server: &WebRtcServer, protocol: Protocol) -> Vec<ListenerDump> {
    let spoken = |listener: &&IceListener| listener.protocol == protocol;
    let socket = |listener: &IceListener| ListenerDump {
        ip: listener.address.bound.ip(),
        port: listener.address.bound.port(),
    };
    server.listeners.iter().filter(spoken).map(socket).collect()
}

fn hash(server: &WebRtcServer, tuple: IceTuple) -> String {
    let mut listeners = server.listeners.iter();
    let listener = listeners.find(|listener| listener.socket == tuple.socket);
    let local = listener.map_or_else(String::new, |listener| {
        let protocol = match listener.protocol {
            Protocol::Udp => "udp",
            Protocol::Tcp => "tcp",
        };
        format!("{protocol} {} ", listener.address.bound)
    });
    format!("{local}{}", tuple.remote)
}

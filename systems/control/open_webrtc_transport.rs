//! WebRTC transports begin.

use std::time::Duration;

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::event::{TransportHandled, emit};
use flumen_components::{
    AppData, Created, DtlsConnection, DtlsSettings, IceAgent, IceListener, IceListeners, Limits,
    Link, OutgoingLimit, Path, Protocol, Purpose, RouterId, SctpOptions, Sockets, SrtpSession,
    Subject, TransportId, TransportKind, WebRtcServer, WebRtcServerId, find,
};
use flumen_protocol::ice;

use super::birth;
use super::open_transport::{OpenTransportError, spawn};
use super::open_webrtc_server::{IceSocketRecord, listeners_of};
use super::sctp::enable;
use crate::demux::forget_username;

/// Where a WebRTC transport is reached.
#[derive(Clone, Debug)]
pub enum IceEndpoint {
    /// On sockets bound for it alone, the preferred one first.
    Own(Vec<IceSocketRecord>),
    /// On those of a server.
    Server(WebRtcServerId),
}

/// A WebRTC transport whose sockets are bound.
#[derive(Clone, Debug)]
pub struct WebRtcTransportRecord {
    /// Where it is reached.
    pub endpoint: IceEndpoint,
    /// It can be reached over UDP.
    pub enable_udp: bool,
    /// It can be reached over TCP.
    pub enable_tcp: bool,
    /// Of a server's sockets those of UDP are preferred.
    pub prefer_udp: bool,
    /// Of a server's sockets those of TCP are preferred.
    pub prefer_tcp: bool,
    /// For how long the peer may be silent; none for ever.
    pub ice_consent_timeout: Option<Duration>,
    /// What its path is believed to carry at first, in bits a second.
    pub initial_available_outgoing_bitrate: u64,
    /// The sizes of its SCTP association; none when it has none.
    pub sctp: Option<SctpOptions>,
}

/// Opens a WebRTC transport.
///
/// # Errors
///
/// See [`OpenTransportError`]; nothing has changed then.
pub fn open_webrtc_transport(
    world: &mut World,
    router: RouterId,
    record: &WebRtcTransportRecord,
    app_data: AppData,
) -> Result<TransportId, OpenTransportError> {
    let router_entity = find(world, router)?;
    let listeners = listeners(world, record)?;
    let limits = world.resource::<Limits>();
    let sctp = record
        .sctp
        .map(|options| options.within(limits))
        .transpose()?;
    if let IceEndpoint::Own(sockets) = &record.endpoint {
        for socket in sockets {
            socket.adopt(world);
        }
    }
    let first = Link::Udp {
        socket: listeners.all[0].socket,
        remote: None,
    };
    let path = Path {
        rtp: first,
        rtcp: first,
        rtcp_mux: true,
        comedia: false,
        transport_sequence: 0,
        waiting: 0,
    };
    let kind = TransportKind::WebRtc;
    let (id, transport) = spawn(world, (router, router_entity), kind, path, app_data);
    let limit = OutgoingLimit::starting_at(record.initial_available_outgoing_bitrate);
    world.entity_mut(transport).insert((listeners, limit));
    begin_session(world, transport, record.ice_consent_timeout);
    if let Some(mut parameters) = sctp {
        parameters.is_data_channel = true;
        enable(world, transport, parameters);
    }
    if let IceEndpoint::Server(server) = record.endpoint {
        enter_server(world, server, (transport, id))?;
    }
    Ok(id)
}

/// The sockets on which a transport is reached, as far as it may be.
fn listeners(
    world: &World,
    record: &WebRtcTransportRecord,
) -> Result<IceListeners, OpenTransportError> {
    let (mut all, server) = match &record.endpoint {
        IceEndpoint::Own(sockets) => {
            let own = |(position, socket): (usize, &IceSocketRecord)| {
                socket.listener(IceListeners::local_preference(position, false))
            };
            (sockets.iter().enumerate().map(own).collect(), None)
        }
        IceEndpoint::Server(id) => {
            let shared = |(position, listener): (usize, &IceListener)| IceListener {
                local_preference: IceListeners::local_preference(
                    position,
                    is_preferred(record, listener.protocol),
                ),
                ..listener.clone()
            };
            let all: Vec<_> = listeners_of(world, *id)?
                .iter()
                .enumerate()
                .map(shared)
                .collect();
            (all, Some(find(world, *id)?))
        }
    };
    all.retain(|listener| match listener.protocol {
        Protocol::Udp => record.enable_udp,
        Protocol::Tcp => record.enable_tcp,
    });
    if all.is_empty() {
        return Err(OpenTransportError::NoListener);
    }
    Ok(IceListeners { all, server })
}

fn is_preferred(record: &WebRtcTransportRecord, protocol: Protocol) -> bool {
    match protocol {
        Protocol::Udp => record.prefer_udp,
        Protocol::Tcp => record.prefer_tcp,
    }
}

/// Gives `transport` an agent and a connection.
fn begin_session(world: &mut World, transport: Entity, consent_timeout: Option<Duration>) {
    let created = world.get::<Created>(transport).copied();
    let created = created.expect("a transport was spawned with its number");
    let limits = world.resource::<Limits>();
    let config = ice::Config {
        consent_timeout,
        tuples: limits.ice_tuples_per_transport,
        unproven_bytes: limits.ice_unproven_bytes,
        switches: limits.ice_switches,
    };
    let agent = IceAgent::new(config, birth::generator(world, created, Purpose::Ice));
    let generator = birth::generator(world, created, Purpose::Dtls);
    let settings = world.resource::<DtlsSettings>();
    let connection = settings.connection(created, generator);
    let identity = settings.identity.clone();
    let session = (
        agent,
        DtlsConnection::new(connection, identity),
        SrtpSession::default(),
    );
    world.entity_mut(transport).insert(session);
    enter_usernames(world, transport);
}

/// Checks that name the transport do not find it any more.
pub(super) fn leave_usernames(world: &mut World, transport: Entity) {
    let (Some(agent), Some(listeners)) = (
        world.get::<IceAgent>(transport),
        world.get::<IceListeners>(transport),
    ) else {
        return;
    };
    let usernames: Vec<Box<str>> = agent.usernames().map(Into::into).collect();
    let listeners = listeners.clone();
    let mut sockets = world.resource_mut::<Sockets>();
    for username in &usernames {
        forget_username(&mut sockets, &listeners, username);
    }
}

/// Lets checks that name the transport find it.
pub(super) fn enter_usernames(world: &mut World, transport: Entity) {
    let (Some(agent), Some(listeners)) = (
        world.get::<IceAgent>(transport),
        world.get::<IceListeners>(transport),
    ) else {
        return;
    };
    let usernames: Vec<Box<str>> = agent.usernames().map(Into::into).collect();
    let keys: Vec<_> = listeners
        .all
        .iter()
        .map(|listener| listener.socket)
        .collect();
    let mut sockets = world.resource_mut::<Sockets>();
    for key in keys {
        if let Some(receivers) = sockets.ice_mut(key) {
            let entries = usernames
                .iter()
                .map(|username| (username.clone(), transport));
            receivers.usernames.extend(entries);
        }
    }
}

fn enter_server(
    world: &mut World,
    id: WebRtcServerId,
    (transport, transport_id): (Entity, TransportId),
) -> Result<(), OpenTransportError> {
    let server = find(world, id)?;
    if let Some(mut of) = world.get_mut::<WebRtcServer>(server) {
        of.transports.insert(transport);
    }
    emit(
        world,
        TransportHandled {
            about: server,
            subject: Subject::WebRtcServer(id),
            transport: transport_id,
        },
    );
    Ok(())
}

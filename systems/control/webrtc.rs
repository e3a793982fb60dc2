//! WebRTC transports are told who their peer is, are asked after, and end.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::{Mut, World};
use flumen_components::{
    Agenda, Closed, DtlsConnection, DtlsParameters, DtlsRole, DtlsState, IceAgent, IceCandidate,
    IceListeners, IceParameters, IceState, Ledger, Now, Outbox, SocketKey, Sockets, TransportId,
    Tuple, find,
};
use flumen_protocol::dtls::{self, Output};
use thiserror::Error;

use super::open_webrtc_server::{leave_server, remove_socket};
use super::open_webrtc_transport::{enter_usernames, leave_usernames};
use crate::demux::forget_tuple;
use crate::sessions;

/// A WebRTC transport cannot be told who its peer is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConnectWebRtcError {
    /// The transport is closed.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// It is of another kind.
    #[error(transparent)]
    NotWebRtc(#[from] NotWebRtc),
    /// What was told of the peer cannot be, or the transport knows its peer already.
    #[error(transparent)]
    Dtls(#[from] dtls::ConnectError),
}

/// What only a WebRTC transport has was asked of another.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotWebRtc {
    /// The transport is closed.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// It is a plain or a direct one.
    #[error("it is no WebRTC transport")]
    OtherKind,
}

/// Tells a WebRTC transport what the certificate of its peer is, and who of them begins the
/// handshake: the role of this side.
///
/// # Errors
///
/// See [`ConnectWebRtcError`]; nothing has changed then, and it can be tried again.
pub fn connect_webrtc(
    world: &mut World,
    id: TransportId,
    remote: &DtlsParameters,
) -> Result<DtlsRole, ConnectWebRtcError> {
    let transport = session(world, id)?;
    let now = world.resource::<Now>().time;
    let mut connection = world.get_mut::<DtlsConnection>(transport);
    let connection = connection.as_mut().ok_or(NotWebRtc::OtherKind)?;
    let role = connection.connect(now, remote)?;
    stir_session(world, transport);
    Ok(role)
}

/// Gives a WebRTC transport other ICE credentials. It goes on as it is until its peer has nominated
/// a way under these.
///
/// # Errors
///
/// See [`NotWebRtc`].
pub fn restart_ice(world: &mut World, id: TransportId) -> Result<IceParameters, NotWebRtc> {
    let transport = session(world, id)?;
    leave_usernames(world, transport);
    let mut agent = world.get_mut::<IceAgent>(transport);
    agent.as_mut().ok_or(NotWebRtc::OtherKind)?.restart();
    enter_usernames(world, transport);
    ice_parameters(world, id)
}

/// What the peer of a WebRTC transport is to name and sign its checks with.
///
/// # Errors
///
/// See [`NotWebRtc`].
pub fn ice_parameters(world: &World, id: TransportId) -> Result<IceParameters, NotWebRtc> {
    Ok(agent(world, id)?.credentials().parameters())
}

/// Where a WebRTC transport is reached, the preferred address first.
///
/// # Errors
///
/// See [`NotWebRtc`].
pub fn ice_candidates(world: &World, id: TransportId) -> Result<Vec<IceCandidate>, NotWebRtc> {
    Ok(get::<IceListeners>(world, id)?.candidates())
}

/// How far the ICE agent of a WebRTC transport is.
///
/// # Errors
///
/// See [`NotWebRtc`].
pub fn ice_state(world: &World, id: TransportId) -> Result<IceState, NotWebRtc> {
    Ok(agent(world, id)?.state())
}

/// The addresses by which a WebRTC transport sends, once there are any.
///
/// # Errors
///
/// See [`NotWebRtc`].
pub fn ice_selected_tuple(world: &World, id: TransportId) -> Result<Option<Tuple>, NotWebRtc> {
    let listeners = get::<IceListeners>(world, id)?;
    let selected = agent(world, id)?.selected();
    Ok(selected.and_then(|tuple| listeners.tuple(tuple)))
}

/// The role and the certificate of a WebRTC transport, to be told to its peer.
///
/// # Errors
///
/// See [`NotWebRtc`].
pub fn dtls_parameters(world: &World, id: TransportId) -> Result<DtlsParameters, NotWebRtc> {
    let connection = get::<DtlsConnection>(world, id)?;
    Ok(DtlsParameters {
        role: connection.local_role().unwrap_or_default(),
        fingerprints: connection.identity().fingerprints().to_vec(),
    })
}

/// How far the DTLS connection of a WebRTC transport is.
///
/// # Errors
///
/// See [`NotWebRtc`].
pub fn dtls_state(world: &World, id: TransportId) -> Result<DtlsState, NotWebRtc> {
    Ok(get::<DtlsConnection>(world, id)?.state())
}

/// The certificate of a WebRTC transport's peer, in PEM, once it is connected.
///
/// # Errors
///
/// See [`NotWebRtc`].
pub fn dtls_remote_certificate(
    world: &World,
    id: TransportId,
) -> Result<Option<String>, NotWebRtc> {
    Ok(get::<DtlsConnection>(world, id)?.remote_certificate_pem())
}

fn agent(world: &World, id: TransportId) -> Result<&IceAgent, NotWebRtc> {
    get::<IceAgent>(world, id)
}

fn get<C: bevy_ecs::component::Component>(world: &World, id: TransportId) -> Result<&C, NotWebRtc> {
    let transport = session(world, id)?;
    world.get::<C>(transport).ok_or(NotWebRtc::OtherKind)
}

fn session(world: &World, id: TransportId) -> Result<Entity, NotWebRtc> {
    let transport = find(world, id)?;
    let is_session = world.get::<IceAgent>(transport).is_some();
    is_session.then_some(transport).ok_or(NotWebRtc::OtherKind)
}

/// The next tick does what follows from a change of `transport`.
fn stir_session(world: &mut World, transport: Entity) {
    world.resource_scope(|world, mut agenda: Mut<'_, Agenda>| {
        if let Some(mut agent) = world.get_mut::<IceAgent>(transport) {
            agent.list(transport, &mut agenda.moved_sessions);
        }
    });
}

/// Says goodbye to the peer of a transport that closes.
pub(super) fn say_goodbye(world: &mut World, transport: Entity) {
    let now = world.resource::<Now>().time;
    let mut out = Output::default();
    let mut query = world.query::<(&mut IceAgent, &mut DtlsConnection)>();
    world.resource_scope(|world, mut outbox: Mut<'_, Outbox>| {
        world.resource_scope(|world, mut ledger: Mut<'_, Ledger>| {
            let Ok((mut agent, mut connection)) = query.get_mut(world, transport) else {
                return;
            };
            connection.close(now);
            connection.poll(now, &mut out);
            sessions::send(&out, (transport, &mut agent), &mut outbox, &mut ledger);
        });
    });
}

/// Gives up the sockets of a transport, or its place on those of a server: the sockets to close.
pub(super) fn release_listeners(world: &mut World, transport: Entity) -> Vec<SocketKey> {
    let Some(listeners) = world.get::<IceListeners>(transport).cloned() else {
        return Vec::new();
    };
    let keys: Vec<_> = listeners
        .all
        .iter()
        .map(|listener| listener.socket)
        .collect();
    leave_usernames(world, transport);
    forget_tuples(world, transport);
    if let Some(server) = listeners.server {
        leave_server(world, server, transport);
        return Vec::new();
    }
    for &key in &keys {
        remove_socket(world, key);
    }
    keys
}

fn forget_tuples(world: &mut World, transport: Entity) {
    let agent = world.get::<IceAgent>(transport);
    let tuples: Vec<_> = agent.into_iter().flat_map(|agent| agent.tuples()).collect();
    let mut sockets = world.resource_mut::<Sockets>();
    for tuple in tuples {
        forget_tuple(&mut sockets, tuple, transport);
    }
}

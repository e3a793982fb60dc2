//! Plain transports are told where the other side is.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::event::{RtcpTupleChanged, TupleChanged, emit};
use flumen_components::{
    Agenda, Closed, Limits, Link, LocalAddresses, Path, Receivers, Role, SocketKey, Sockets,
    SrtpOffer, SrtpParameters, SrtpSession, Subject, TransportId, TransportKind, find,
};
use flumen_protocol::srtp::{KeyError, MasterKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where the other side of a plain transport is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectOptions {
    /// The remote IP address.
    pub ip: Option<IpAddr>,
    /// The remote port of RTP, and of RTCP when multiplexed.
    pub port: Option<u16>,
    /// The remote port of RTCP when not multiplexed.
    pub rtcp_port: Option<u16>,
    /// What the other side seals with, on a transport with SRTP.
    pub srtp_parameters: Option<SrtpParameters>,
}

/// RTP, and RTCP when multiplexed, at `remote`.
impl From<SocketAddr> for ConnectOptions {
    fn from(remote: SocketAddr) -> Self {
        Self {
            ip: Some(remote.ip()),
            port: Some(remote.port()),
            ..Self::default()
        }
    }
}

/// A transport cannot be connected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The transport is closed.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The transport has its remote address.
    #[error("the transport is connected already")]
    AlreadyConnected,
    /// The transport was made without SRTP.
    #[error("SRTP parameters are given, but SRTP is not enabled")]
    SrtpNotEnabled,
    /// The transport was made with SRTP.
    #[error("SRTP is enabled, but SRTP parameters are missing")]
    MissingSrtpParameters,
    /// The key is none of its suite.
    #[error("the SRTP key cannot be used: {0}")]
    SrtpKey(#[from] KeyError),
    /// Without comedia, an IP address is needed.
    #[error("the remote IP address is missing")]
    MissingIp,
    /// Without comedia, a port is needed.
    #[error("the remote port is missing")]
    MissingPort,
    /// A port of 0 cannot be sent to.
    #[error("port 0 cannot be sent to")]
    ZeroPort,
    /// RTCP is multiplexed with RTP, so it has no port of its own.
    #[error("a remote RTCP port is given, but RTCP is multiplexed with RTP")]
    RtcpPortWithMux,
    /// RTCP is not multiplexed with RTP, so it needs a port of its own.
    #[error("the remote RTCP port is missing, and RTCP is not multiplexed with RTP")]
    MissingRtcpPort,
    /// The local socket is of the other IP version.
    #[error("{remote} cannot be reached from a socket bound to {local}")]
    AddressFamily {
        /// The local address.
        local: SocketAddr,
        /// The remote address.
        remote: SocketAddr,
    },
    /// Another transport on the same shared socket has this remote address.
    #[error("another transport on the shared socket has the remote address {0}")]
    RemoteInUse(SocketAddr),
}

/// Connects a plain transport. On a direct one, which is always connected, it does nothing; in
/// comedia mode addresses are learnt, and those given are ignored. With SRTP, the transport seals
/// in the way of its peer from now on.
///
/// # Errors
///
/// See [`ConnectError`]; nothing has changed then, and it can be tried again.
pub fn connect(
    world: &mut World,
    id: TransportId,
    options: &ConnectOptions,
) -> Result<(), ConnectError> {
    let transport = find(world, id)?;
    if world.get::<TransportKind>(transport) != Some(&TransportKind::Plain) {
        return Ok(());
    }
    let path = world
        .get::<Path>(transport)
        .cloned()
        .ok_or_else(|| Closed::new(id))?;
    if path.is_connected() {
        return Err(ConnectError::AlreadyConnected);
    }
    let keys = keys(world, transport, options)?;
    if path.comedia {
        install(world, transport, keys);
        return Ok(());
    }
    let (rtp, rtcp) = remotes(options, path.rtcp_mux)?;
    check_family(world, transport, rtp)?;
    claim_remotes(world, transport, &path, rtp, rtcp)?;
    install(world, transport, keys);
    if let Some(mut path) = world.get_mut::<Path>(transport) {
        path.set_remote(Role::Rtp, rtp);
        if let Some(rtcp) = rtcp {
            path.set_remote(Role::Rtcp, rtcp);
        }
    }
    world
        .resource_mut::<Agenda>()
        .connected
        .0
        .push((transport, Role::Rtp));
    announce(world, id, transport, rtp, rtcp);
    Ok(())
}

/// The key of the peer, and the one that goes with it; none on a transport without SRTP.
fn keys(
    world: &World,
    transport: Entity,
    options: &ConnectOptions,
) -> Result<Option<(MasterKey, SrtpOffer)>, ConnectError> {
    let offer = world.get::<SrtpOffer>(transport);
    let (offer, parameters) = match (offer, &options.srtp_parameters) {
        (None, None) => return Ok(None),
        (None, Some(_)) => return Err(ConnectError::SrtpNotEnabled),
        (Some(_), None) => return Err(ConnectError::MissingSrtpParameters),
        (Some(offer), Some(parameters)) => (offer, parameters),
    };
    let session = world.get::<SrtpSession>(transport);
    // In comedia mode the transport has no remote address yet.
    if session.is_some_and(SrtpSession::has_keys) {
        return Err(ConnectError::AlreadyConnected);
    }
    let key = parameters.key()?;
    let offer = offer.for_suite(key.suite());
    Ok(Some((key, offer)))
}

fn install(world: &mut World, transport: Entity, keys: Option<(MasterKey, SrtpOffer)>) {
    let Some((theirs, ours)) = keys else {
        return;
    };
    let session = SrtpSession::new(&theirs, &ours.key, world.resource::<Limits>());
    world.entity_mut(transport).insert((session, ours));
}

/// The remote addresses of RTP and, when not multiplexed, of RTCP.
fn remotes(
    options: &ConnectOptions,
    rtcp_mux: bool,
) -> Result<(SocketAddr, Option<SocketAddr>), ConnectError> {
    // Sources of datagrams are told in this form, whatever the socket.
    let ip = options.ip.ok_or(ConnectError::MissingIp)?.to_canonical();
    let port = options.port.ok_or(ConnectError::MissingPort)?;
    let rtcp_port = match (options.rtcp_port, rtcp_mux) {
        (Some(_), true) => return Err(ConnectError::RtcpPortWithMux),
        (None, false) => return Err(ConnectError::MissingRtcpPort),
        (rtcp_port, _) => rtcp_port,
    };
    if port == 0 || rtcp_port == Some(0) {
        return Err(ConnectError::ZeroPort);
    }
    Ok((
        SocketAddr::new(ip, port),
        rtcp_port.map(|port| SocketAddr::new(ip, port)),
    ))
}

fn check_family(world: &World, transport: Entity, remote: SocketAddr) -> Result<(), ConnectError> {
    let Some(addresses) = world.get::<LocalAddresses>(transport) else {
        return Ok(());
    };
    for local in [addresses.rtp.bound, addresses.rtcp.bound] {
        // A socket bound to [::] reaches IPv4 too, unless it was told otherwise.
        let dual_stack = local.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        if !dual_stack && local.is_ipv4() != remote.is_ipv4() {
            return Err(ConnectError::AddressFamily { local, remote });
        }
    }
    Ok(())
}

/// On shared sockets, enters the remote addresses by which datagrams find the transport.
fn claim_remotes(
    world: &mut World,
    transport: Entity,
    path: &Path,
    rtp: SocketAddr,
    rtcp: Option<SocketAddr>,
) -> Result<(), ConnectError> {
    let mut claims = vec![(path.rtp, rtp, Role::Rtp)];
    claims.extend(rtcp.map(|rtcp| (path.rtcp, rtcp, Role::Rtcp)));
    let mut sockets = world.resource_mut::<Sockets>();
    if rtcp == Some(rtp) && path.rtp.socket() == path.rtcp.socket() {
        return Err(ConnectError::RemoteInUse(rtp));
    }
    for &(link, remote, _) in &claims {
        if link
            .socket()
            .is_some_and(|key| is_taken(&sockets, key, remote))
        {
            return Err(ConnectError::RemoteInUse(remote));
        }
    }
    for (link, remote, role) in claims {
        let entry = link.socket().and_then(|key| sockets.get_mut(key));
        if let Some(Receivers::ByRemote(remotes)) = entry.map(|entry| &mut entry.receivers) {
            remotes.insert(remote, (transport, role));
        }
    }
    Ok(())
}

fn is_taken(sockets: &Sockets, key: SocketKey, remote: SocketAddr) -> bool {
    match sockets.get(key).map(|entry| &entry.receivers) {
        Some(Receivers::ByRemote(remotes)) => remotes.contains_key(&remote),
        _ => false,
    }
}

fn announce(
    world: &mut World,
    id: TransportId,
    about: Entity,
    rtp: SocketAddr,
    rtcp: Option<SocketAddr>,
) {
    let Some(addresses) = world.get::<LocalAddresses>(about).cloned() else {
        return;
    };
    let subject = Subject::Transport(id);
    let tuple = addresses.rtp.tuple(Some(rtp));
    emit(
        world,
        TupleChanged {
            about,
            subject,
            tuple,
        },
    );
    if let Some(rtcp) = rtcp {
        let tuple = addresses.rtcp.tuple(Some(rtcp));
        emit(
            world,
            RtcpTupleChanged {
                about,
                subject,
                tuple,
            },
        );
    }
}

/// Forgets the remote addresses by which datagrams find a transport on shared sockets.
pub(super) fn release_remotes(world: &mut World, path: &Path) {
    let mut sockets = world.resource_mut::<Sockets>();
    for link in [path.rtp, path.rtcp] {
        let Link::Udp {
            socket,
            remote: Some(remote),
        } = link
        else {
            continue;
        };
        let entry = sockets.get_mut(socket);
        if let Some(Receivers::ByRemote(remotes)) = entry.map(|entry| &mut entry.receivers) {
            remotes.remove(&remote);
        }
    }
}

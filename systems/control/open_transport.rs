//! Transports begin.

use std::num::NonZeroU64;
use std::time::Duration;

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::event::{TransportCreated, emit};
use flumen_components::{
    Allowance, Announced, AppData, Closed, Created, Directory, Discards, Following, IncomingLimit,
    Limits, Link, Listener, LocalAddress, LocalAddresses, MessageSizes, Naming, OnRouter,
    OutgoingLimit, Pacer, Path, Purpose, Receivers, RemoteClock, ReportSchedule, Residents, Role,
    RouterId, SctpOptions, SctpOptionsError, Socket, SocketId, SocketKey, Sockets, SrtpCryptoSuite,
    SrtpOffer, SrtpSession, Subject, TraceTypes, Traffic, TransportId, TransportKind, find,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::birth;
use super::open_socket::{SocketRecord, adopt_socket};
use super::sctp::enable;

/// A transport cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenTransportError {
    /// The router, or the socket to share, is closed.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// On a shared socket, remote addresses tell transports apart, so they cannot be learnt.
    #[error("a transport on a shared socket cannot learn its remote address (comedia)")]
    ComediaOnSharedSocket,
    /// Only a transport that learns its remote address can follow a new source.
    #[error("a new source can be followed in comedia mode only")]
    FollowWithoutComedia,
    /// A source that need not be silent at all would change with every packet.
    #[error("a new source cannot be followed after no silence at all")]
    FollowAfterZero,
    /// A WebRTC transport that is reached nowhere: no address, or none of an enabled protocol.
    #[error("a WebRTC transport listens nowhere")]
    NoListener,
    /// Its SCTP association cannot have these sizes.
    #[error(transparent)]
    Sctp(#[from] SctpOptionsError),
}

/// Where one way of a plain transport ends locally.
#[derive(Clone, Debug)]
pub enum Endpoint {
    /// A socket bound for this transport alone.
    Own(SocketRecord),
    /// A socket shared with other transports.
    Shared(SocketId),
}

/// A plain transport whose sockets are bound.
#[derive(Clone, Debug)]
pub struct PlainTransportRecord {
    /// Where RTP ends.
    pub rtp: Endpoint,
    /// Where RTCP ends; none when multiplexed with RTP.
    pub rtcp: Option<Endpoint>,
    /// Remote addresses are learnt from the first valid packet.
    pub comedia: bool,
    /// A new source is followed once the old one was silent for so long; none for never.
    pub follow_after: Option<Duration>,
    /// The sizes of its SCTP association; none when it has none.
    pub sctp: Option<SctpOptions>,
    /// How RTP and RTCP are protected until its peer says so; none when they are not.
    pub srtp: Option<SrtpCryptoSuite>,
    /// What its path is believed to carry at first, in bits a second.
    pub initial_available_outgoing_bitrate: u64,
    /// At how many bits a second it is paced, whatever its path carries.
    pub pacing_bitrate: Option<NonZeroU64>,
}

/// Checks what can be checked before sockets are bound, then opens the transport.
///
/// # Errors
///
/// See [`OpenTransportError`]; nothing has changed then.
pub fn open_plain_transport(
    world: &mut World,
    router: RouterId,
    record: &PlainTransportRecord,
    app_data: AppData,
) -> Result<TransportId, OpenTransportError> {
    let router_entity = find(world, router)?;
    let rtp = resolve(world, &record.rtp)?;
    let rtcp = record
        .rtcp
        .as_ref()
        .map(|endpoint| resolve(world, endpoint))
        .transpose()?;
    let shared = |end: &Resolved| end.own.is_none();
    if record.comedia && (shared(&rtp) || rtcp.as_ref().is_some_and(shared)) {
        return Err(OpenTransportError::ComediaOnSharedSocket);
    }
    let following = following(record)?;
    let limits = world.resource::<Limits>();
    let sctp = record.sctp.map(|options| options.within(limits));
    let sctp = sctp.transpose()?;
    let rtp_link = rtp.link();
    let path = Path {
        rtp: rtp_link,
        rtcp: rtcp.as_ref().map_or(rtp_link, Resolved::link),
        rtcp_mux: rtcp.is_none(),
        comedia: record.comedia,
        transport_sequence: 0,
        waiting: 0,
    };
    let addresses = LocalAddresses {
        rtp: rtp.address.clone(),
        rtcp: rtcp
            .as_ref()
            .map_or_else(|| rtp.address.clone(), |rtcp| rtcp.address.clone()),
    };
    let kind = TransportKind::Plain;
    let transport = spawn(world, (router, router_entity), kind, path, app_data);
    let initial = record.initial_available_outgoing_bitrate;
    let limit = OutgoingLimit::starting_at(initial);
    world.entity_mut(transport.1).insert((addresses, limit));
    if let Some(following) = following {
        world.entity_mut(transport.1).insert(following);
    }
    if let Some(asked) = record.pacing_bitrate {
        let pacer = Pacer::new(Some(asked.get()));
        world.entity_mut(transport.1).insert(pacer);
    }
    if let Some(parameters) = sctp {
        enable(world, transport.1, parameters);
    }
    if let Some(suite) = record.srtp {
        protect(world, transport.1, suite);
    }
    for (end, role) in [(Some(rtp), Role::Rtp), (rtcp, Role::Rtcp)] {
        match end {
            None => {}
            Some(Resolved { own: Some(own), .. }) => {
                adopt_socket(world, &own, Receivers::One(transport.1, role));
            }
            Some(shared) => enter_shared(world, shared.socket.key, transport.1),
        }
    }
    Ok(transport.0)
}

fn following(record: &PlainTransportRecord) -> Result<Option<Following>, OpenTransportError> {
    match record.follow_after {
        None => Ok(None),
        Some(_) if !record.comedia => Err(OpenTransportError::FollowWithoutComedia),
        Some(Duration::ZERO) => Err(OpenTransportError::FollowAfterZero),
        Some(after) => Ok(Some(Following::new(after))),
    }
}

/// Nothing passes until the peer's key is known.
fn protect(world: &mut World, transport: Entity, suite: SrtpCryptoSuite) {
    let created = world.get::<Created>(transport).copied();
    let Some(created) = created else {
        return;
    };
    let generator = birth::generator(world, created, Purpose::Srtp);
    let offer = SrtpOffer::new(suite, generator);
    let session = SrtpSession::default();
    world.entity_mut(transport).insert((offer, session));
}

fn enter_shared(world: &mut World, key: SocketKey, transport: Entity) {
    if let Some(entry) = world.resource_mut::<Sockets>().get_mut(key) {
        entry.transports.insert(transport);
    }
}

/// What a direct transport is made with.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectTransportOptions {
    /// The longest message of a data channel, in bytes. Default 262,144.
    pub max_message_size: usize,
    /// What the application remembers with it.
    #[serde(skip)]
    pub app_data: AppData,
}

impl Default for DirectTransportOptions {
    fn default() -> Self {
        Self {
            max_message_size: 262_144,
            app_data: AppData::default(),
        }
    }
}

/// Opens a direct transport.
///
/// # Errors
///
/// [`Closed`] when the router is.
pub fn open_direct_transport(
    world: &mut World,
    router: RouterId,
    options: DirectTransportOptions,
) -> Result<TransportId, Closed> {
    let entity = find(world, router)?;
    let path = Path {
        rtp: Link::Direct,
        rtcp: Link::Direct,
        rtcp_mux: true,
        comedia: false,
        transport_sequence: 0,
        waiting: 0,
    };
    let kind = TransportKind::Direct;
    let (id, transport) = spawn(world, (router, entity), kind, path, options.app_data);
    world.entity_mut(transport).insert(MessageSizes {
        send_max: options.max_message_size,
        receive_max: options.max_message_size,
    });
    Ok(id)
}

/// An endpoint with its socket found.
struct Resolved {
    socket: Socket,
    address: LocalAddress,
    own: Option<SocketRecord>,
}

impl Resolved {
    fn link(&self) -> Link {
        Link::Udp {
            socket: self.socket.key,
            remote: None,
        }
    }
}

fn resolve(world: &World, endpoint: &Endpoint) -> Result<Resolved, Closed> {
    match endpoint {
        Endpoint::Own(record) => Ok(Resolved {
            socket: record.socket.clone(),
            address: record.local_address(),
            own: Some(record.clone()),
        }),
        Endpoint::Shared(id) => {
            let entity = find(world, *id)?;
            let socket = world.get::<Socket>(entity).cloned();
            let socket = socket.ok_or_else(|| Closed::new(*id))?;
            let announced = world
                .get::<Announced>(entity)
                .and_then(|name| name.0.clone());
            let address = LocalAddress {
                bound: socket.local,
                announced,
            };
            Ok(Resolved {
                socket,
                address,
                own: None,
            })
        }
    }
}

pub(super) fn spawn(
    world: &mut World,
    (router, router_entity): (RouterId, Entity),
    kind: TransportKind,
    path: Path,
    app_data: AppData,
) -> (TransportId, Entity) {
    let created = birth::number(world);
    let id: TransportId = birth::id(world, created);
    let bundle = (
        (id, created, kind, path, app_data),
        (
            Listener::default(),
            Traffic::default(),
            Discards::default(),
            Naming::default(),
            Residents::default(),
            RemoteClock::default(),
            IncomingLimit::default(),
            Allowance::default(),
            TraceTypes::default(),
        ),
        (OnRouter(router_entity), report_schedule(world, created)),
    );
    let entity = world.spawn(bundle).id();
    world.resource_mut::<Directory>().insert(id, entity);
    let subject = Subject::Router(router);
    emit(
        world,
        TransportCreated {
            about: router_entity,
            subject,
            transport: id,
        },
    );
    (id, entity)
}

/// Reports begin once there is something to report.
fn report_schedule(world: &World, created: Created) -> ReportSchedule {
    let mut generator = birth::generator(world, created, Purpose::Rtcp);
    let ssrc = generator.within(birth::SSRCS);
    ReportSchedule::new(ssrc, generator.text(8), generator)
}

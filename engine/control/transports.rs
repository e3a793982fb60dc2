//! Sockets and transports, between ticks.

use std::num::NonZeroU64;
use std::time::Duration;

use bevy_ecs::world::World;
use flumen_components::stats::TransportStats;
use flumen_components::trace::TraceType;
use flumen_components::{
    AppData, Closed, Id, OutgoingLimit, Role, RouterId, SctpOptions, SctpParameters, SctpState,
    SocketId, SocketKey, SrtpCryptoSuite, SrtpOffer, SrtpParameters, TransportId, Tuple, find,
};
use flumen_systems::control::{
    self, ConnectError, ConnectOptions, DirectTransportOptions, Endpoint, LimitBitrateError,
    OpenTransportError, PlainTransportRecord,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::commands::Verb;
use crate::engine::Engine;
use crate::flush::send_now;
use crate::listen::{BindError, Listen, ListenInfo};

/// What a plain transport is made with.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlainTransportOptions {
    /// Where RTP, and RTCP when multiplexed, is received.
    pub listen: Listen,
    /// Where RTCP is received when not multiplexed; like `listen`, at another port, when not given.
    pub rtcp_listen: Option<Listen>,
    /// RTP and RTCP share a port (RFC 5761). Default true.
    pub rtcp_mux: bool,
    /// Remote addresses are learnt from the first valid packet. Default false.
    pub comedia: bool,
    /// In comedia mode, how long the source must have been silent, on both ways, before a new one
    /// is followed: a sender that was started anew, or is behind a NAT that gave it another port.
    /// Default none: the first source is the only one.
    ///
    /// It is a risk: whoever reaches the port and finds the sender silent for that long is taken
    /// for it, and gets what is sent to it. Choose it longer than the longest silence of a sender
    /// that is well, RTCP included, and where the network is not trusted leave it out.
    pub follow_after: Option<Duration>,
    /// Carries messages of data producers and data consumers: the sizes of its SCTP association.
    /// Default none (`enableSctp: false`).
    pub sctp: Option<SctpOptions>,
    /// RTP and RTCP are protected (RFC 3711): nothing passes until `connect` is told the peer's
    /// key. SCTP is not protected by it. Default false.
    pub enable_srtp: bool,
    /// How they are protected, unless the peer has another way. Default AES_CM_128_HMAC_SHA1_80;
    /// the AEAD suites cost a quarter of it.
    pub srtp_crypto_suite: SrtpCryptoSuite,
    /// What the path to its receiver is believed to carry until more is known, in bits a second.
    /// Default 600,000.
    pub initial_available_outgoing_bitrate: u64,
    /// Packets leave spread over time, at so many bits a second. Default none: so only where the
    /// receiver tells what its path carries, and then by that.
    pub pacing_bitrate: Option<NonZeroU64>,
    /// What the application remembers with it.
    #[serde(skip)]
    pub app_data: AppData,
}

impl PlainTransportOptions {
    /// A transport that listens on `listen`, RTCP multiplexed, to be connected.
    pub fn new(listen: Listen) -> Self {
        Self {
            listen,
            rtcp_listen: None,
            rtcp_mux: true,
            comedia: false,
            follow_after: None,
            sctp: None,
            enable_srtp: false,
            srtp_crypto_suite: SrtpCryptoSuite::AesCm128HmacSha1_80,
            initial_available_outgoing_bitrate: OutgoingLimit::INITIAL,
            pacing_bitrate: None,
            app_data: AppData::default(),
        }
    }
}

/// A transport cannot be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CreateTransportError {
    /// The router or the shared socket is closed, or they do not go with the options.
    #[error(transparent)]
    Open(#[from] OpenTransportError),
    /// A socket cannot be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
}

/// Sockets and transports.
impl Engine {
    /// Binds a socket that any number of plain transports can share, in any router.
    ///
    /// # Errors
    ///
    /// [`BindError`].
    pub fn open_socket(&mut self, info: &ListenInfo) -> Result<SocketId, BindError> {
        self.open_socket_with(info, AppData::default())
    }

    /// Binds a socket like [`open_socket`](Self::open_socket), and remembers `app_data` with it.
    ///
    /// # Errors
    ///
    /// [`BindError`].
    pub fn open_socket_with(
        &mut self,
        info: &ListenInfo,
        app_data: AppData,
    ) -> Result<SocketId, BindError> {
        self.undivided(Verb::OpenSocket, info, |engine, info| {
            let record = engine.bind_udp(info)?;
            Ok(control::open_socket(&mut engine.world, record, app_data))
        })
    }

    /// Creates a plain transport.
    ///
    /// # Errors
    ///
    /// [`CreateTransportError`]; no socket is left bound then.
    pub fn create_plain_transport(
        &mut self,
        router: RouterId,
        options: PlainTransportOptions,
    ) -> Result<TransportId, CreateTransportError> {
        find(&self.world, router).map_err(OpenTransportError::from)?;
        self.undivided(
            Verb::CreatePlainTransport,
            (router, options),
            |engine, (router, options)| {
                let mut bound = Vec::new();
                let result = engine.open_plain(router, options, &mut bound);
                if result.is_err() {
                    // The last one first: so keys are given out again as if nothing had been.
                    for record in bound.iter().rev() {
                        engine.release(record);
                    }
                }
                result
            },
        )
    }

    fn open_plain(
        &mut self,
        router: RouterId,
        options: PlainTransportOptions,
        bound: &mut Vec<control::SocketRecord>,
    ) -> Result<TransportId, CreateTransportError> {
        let rtcp = match (options.rtcp_mux, options.rtcp_listen) {
            (true, _) => None,
            (false, Some(listen)) => Some(listen),
            (false, None) => Some(at_any_port(options.listen.clone())),
        };
        let rtp = self.endpoint(options.listen, bound)?;
        let rtcp = rtcp
            .map(|listen| self.endpoint(listen, bound))
            .transpose()?;
        let record = PlainTransportRecord {
            rtp,
            rtcp,
            comedia: options.comedia,
            follow_after: options.follow_after,
            sctp: options.sctp,
            srtp: options.enable_srtp.then_some(options.srtp_crypto_suite),
            initial_available_outgoing_bitrate: options.initial_available_outgoing_bitrate,
            pacing_bitrate: options.pacing_bitrate,
        };
        let world = &mut self.world;
        Ok(control::open_plain_transport(
            world,
            router,
            &record,
            options.app_data,
        )?)
    }

    fn endpoint(
        &mut self,
        listen: Listen,
        bound: &mut Vec<control::SocketRecord>,
    ) -> Result<Endpoint, BindError> {
        match listen {
            Listen::Shared(id) => Ok(Endpoint::Shared(id)),
            Listen::Own(info) => {
                let record = self.bind_udp(&info)?;
                bound.push(record.clone());
                Ok(Endpoint::Own(record))
            }
        }
    }

    /// Creates a direct transport: the application sends and receives packets itself.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the router is.
    pub fn create_direct_transport(&mut self, router: RouterId) -> Result<TransportId, Closed> {
        self.create_direct_transport_with(router, DirectTransportOptions::default())
    }

    /// Creates a direct transport with options.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the router is.
    pub fn create_direct_transport_with(
        &mut self,
        router: RouterId,
        options: DirectTransportOptions,
    ) -> Result<TransportId, Closed> {
        self.undivided(
            Verb::CreateDirectTransport,
            (router, options),
            |engine, (router, options)| {
                control::open_direct_transport(&mut engine.world, router, options)
            },
        )
    }

    /// Tells a plain transport where the other side is.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]; it can be tried again then.
    pub fn connect(
        &mut self,
        transport: TransportId,
        options: &ConnectOptions,
    ) -> Result<(), ConnectError> {
        self.change(
            Verb::Connect,
            (transport, options),
            |engine, (transport, options)| control::connect(&mut engine.world, transport, options),
        )
    }

    /// The addresses of a plain transport's RTP; none for a direct one.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the transport is.
    pub fn tuple(&self, transport: TransportId) -> Result<Option<Tuple>, Closed> {
        let entity = find(&self.world, transport)?;
        Ok(control::tuple(&self.world, entity, Role::Rtp))
    }

    /// The addresses of a plain transport's RTCP; none for a direct one, or when it is multiplexed
    /// with RTP.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the transport is.
    pub fn rtcp_tuple(&self, transport: TransportId) -> Result<Option<Tuple>, Closed> {
        let entity = find(&self.world, transport)?;
        Ok(control::rtcp_tuple(&self.world, entity))
    }

    /// What a plain transport seals with, to be told to its peer and nobody else; none without SRTP.
    /// It is another once `connect` was told of another suite.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the transport is.
    pub fn srtp_parameters(
        &self,
        transport: TransportId,
    ) -> Result<Option<SrtpParameters>, Closed> {
        let entity = find(&self.world, transport)?;
        let offer = self.world.get::<SrtpOffer>(entity);
        Ok(offer.map(|offer| SrtpParameters::from(&offer.key)))
    }

    /// Limits what the sender of a plain transport should send to `bitrate` bits a second; 0 lifts
    /// the limit. The sender is told by REMB, if its producers negotiated `transport-cc` or
    /// `goog-remb`.
    ///
    /// # Errors
    ///
    /// [`LimitBitrateError`].
    pub fn set_max_incoming_bitrate(
        &mut self,
        transport: TransportId,
        bitrate: u64,
    ) -> Result<(), LimitBitrateError> {
        self.undivided(
            Verb::SetMaxIncomingBitrate,
            (transport, bitrate),
            |engine, (transport, bitrate)| {
                control::set_max_incoming_bitrate(&mut engine.world, transport, bitrate)
            },
        )
    }

    /// Makes of the path to the receiver of a plain transport no more than `bitrate` bits a second;
    /// 0 lifts the limit.
    ///
    /// # Errors
    ///
    /// [`LimitBitrateError`].
    pub fn set_max_outgoing_bitrate(
        &mut self,
        transport: TransportId,
        bitrate: u64,
    ) -> Result<(), LimitBitrateError> {
        self.undivided(
            Verb::SetMaxOutgoingBitrate,
            (transport, bitrate),
            |engine, (transport, bitrate)| {
                control::set_max_outgoing_bitrate(&mut engine.world, transport, bitrate)
            },
        )
    }

    /// Makes of the path to the receiver of a plain transport no less than `bitrate` bits a second;
    /// 0 lifts the limit.
    ///
    /// # Errors
    ///
    /// [`LimitBitrateError`].
    pub fn set_min_outgoing_bitrate(
        &mut self,
        transport: TransportId,
        bitrate: u64,
    ) -> Result<(), LimitBitrateError> {
        self.undivided(
            Verb::SetMinOutgoingBitrate,
            (transport, bitrate),
            |engine, (transport, bitrate)| {
                control::set_min_outgoing_bitrate(&mut engine.world, transport, bitrate)
            },
        )
    }

    /// Chooses what is traced on a transport; each call replaces the choice.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the transport is.
    pub fn trace_transport(
        &mut self,
        transport: TransportId,
        types: &[TraceType],
    ) -> Result<(), Closed> {
        self.change(
            Verb::TraceTransport,
            (transport, types),
            |engine, (transport, types)| {
                control::trace_transport(&mut engine.world, transport, types)
            },
        )
    }

    /// The SCTP parameters of a transport, to be told to its peer; none without SCTP.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the transport is.
    pub fn sctp_parameters(
        &self,
        transport: TransportId,
    ) -> Result<Option<&SctpParameters>, Closed> {
        let entity = find(&self.world, transport)?;
        Ok(self.world.get::<SctpParameters>(entity))
    }

    /// The state of a transport's SCTP association; none without SCTP.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the transport is.
    pub fn sctp_state(&self, transport: TransportId) -> Result<Option<SctpState>, Closed> {
        control::sctp_state(&self.world, transport)
    }

    /// What passed through a transport.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the transport is.
    pub fn transport_stats(&self, transport: TransportId) -> Result<TransportStats, Closed> {
        control::transport_stats(&self.world, transport)
    }

    /// Closes a transport and all that is on it.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is already.
    pub fn close_transport(&mut self, transport: TransportId) -> Result<(), Closed> {
        self.close(Verb::CloseTransport, transport, control::close_transport)
    }

    /// Closes a shared socket and the transports on it.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is already.
    pub fn close_socket(&mut self, socket: SocketId) -> Result<(), Closed> {
        self.close(Verb::CloseSocket, socket, control::close_socket)
    }

    /// Closes what has sockets, and then these.
    pub(super) fn close<I: Id + Serialize>(
        &mut self,
        verb: Verb,
        id: I,
        close: impl FnOnce(&mut World, I) -> Result<Vec<SocketKey>, Closed>,
    ) -> Result<(), Closed> {
        self.change(verb, id, |engine, id| {
            engine.note_closing();
            let keys = close(&mut engine.world, id)?;
            // The last words of their associations leave first.
            send_now(&mut engine.world, &mut engine.settling, &mut engine.network);
            engine.network.closing.clear();
            for key in keys {
                engine.network.backend.close(key);
            }
            Ok(())
        })
    }
}

/// The same place, at a port that the range gives.
fn at_any_port(listen: Listen) -> Listen {
    match listen {
        Listen::Own(info) => Listen::Own(ListenInfo { port: 0, ..info }),
        shared => shared,
    }
}

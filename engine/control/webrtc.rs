//! WebRTC transports, between ticks.

use std::convert::Infallible;
use std::time::Duration;

use flumen_components::{
    AppData, Closed, DtlsParameters, DtlsRole, DtlsSettings, DtlsState, IceCandidate,
    IceParameters, IceState, OutgoingLimit, Protocol, RouterId, SctpOptions, TransportId, Tuple,
    WebRtcServerId, find,
};
use flumen_protocol::dtls::{Identity, IdentityError};
use flumen_systems::control::{
    self, ConnectWebRtcError, IceEndpoint, IceSocketRecord, NotWebRtc, OpenTransportError,
    WebRtcTransportRecord,
};

use serde::{Deserialize, Serialize};

use super::CreateTransportError;
use crate::commands::Verb;
use crate::engine::Engine;
use crate::listen::ListenInfo;

/// Where a WebRTC transport is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WebRtcListen {
    /// On sockets of its own, the preferred one first.
    Own(Vec<ListenInfo>),
    /// On those of a server.
    Server(WebRtcServerId),
}

/// What a WebRTC transport is made with.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebRtcTransportOptions {
    /// Where it is reached.
    pub listen: WebRtcListen,
    /// It can be reached over UDP. Default true.
    pub enable_udp: bool,
    /// It can be reached over TCP, where its sockets speak it. Default true.
    pub enable_tcp: bool,
    /// Of a server's sockets those of UDP are preferred. Default false: the first ones are.
    pub prefer_udp: bool,
    /// Of a server's sockets those of TCP are preferred. Default false.
    pub prefer_tcp: bool,
    /// For how long nothing authenticated may come from the peer before it is taken for gone
    /// (RFC 7675), at least ten seconds and at most sixty; zero for ever. Default 30 s.
    pub ice_consent_timeout: Duration,
    /// What the path to its receiver is believed to carry until more is known, in bits a second.
    /// Default 600,000.
    pub initial_available_outgoing_bitrate: u64,
    /// Carries messages of data producers and data consumers: the sizes of its SCTP association.
    /// Default none (`enableSctp: false`).
    pub sctp: Option<SctpOptions>,
    /// What the application remembers with it.
    #[serde(skip)]
    pub app_data: AppData,
}

impl WebRtcTransportOptions {
    /// A transport that is reached at `listen`.
    pub fn new(listen: WebRtcListen) -> Self {
        Self {
            listen,
            enable_udp: true,
            enable_tcp: true,
            prefer_udp: false,
            prefer_tcp: false,
            ice_consent_timeout: Duration::from_secs(30),
            initial_available_outgoing_bitrate: OutgoingLimit::INITIAL,
            sctp: None,
            app_data: AppData::default(),
        }
    }

    fn consent_timeout(&self) -> Option<Duration> {
        const LIMITS: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(60)];
        let asked = self.ice_consent_timeout;
        (!asked.is_zero()).then(|| asked.clamp(LIMITS[0], LIMITS[1]))
    }

    fn speaks(&self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::Udp => self.enable_udp,
            Protocol::Tcp => self.enable_tcp,
        }
    }
}

/// WebRTC servers and transports.
impl Engine {
    /// Binds sockets that any number of WebRTC transports can share, in any router: one port for a
    /// whole server.
    ///
    /// # Errors
    ///
    /// [`CreateTransportError`]; no socket is left bound then.
    pub fn create_webrtc_server(
        &mut self,
        listen_infos: &[ListenInfo],
        app_data: AppData,
    ) -> Result<WebRtcServerId, CreateTransportError> {
        if listen_infos.is_empty() {
            return Err(OpenTransportError::NoListener.into());
        }
        self.undivided(
            Verb::CreateWebRtcServer,
            listen_infos,
            |engine, listen_infos| {
                let sockets = engine.bind_all(listen_infos)?;
                Ok(control::open_webrtc_server(
                    &mut engine.world,
                    &sockets,
                    app_data,
                ))
            },
        )
    }

    /// Closes a WebRTC server and the transports on it.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is already.
    pub fn close_webrtc_server(&mut self, server: WebRtcServerId) -> Result<(), Closed> {
        self.close(
            Verb::CloseWebRtcServer,
            server,
            control::close_webrtc_server,
        )
    }

    /// Creates a WebRTC transport. What its peer must know is told by
    /// [`ice_parameters`](Self::ice_parameters), [`ice_candidates`](Self::ice_candidates),
    /// [`dtls_parameters`](Self::dtls_parameters) and [`sctp_parameters`](Self::sctp_parameters).
    ///
    /// # Errors
    ///
    /// [`CreateTransportError`]; no socket is left bound then.
    pub fn create_webrtc_transport(
        &mut self,
        router: RouterId,
        options: WebRtcTransportOptions,
    ) -> Result<TransportId, CreateTransportError> {
        find(&self.world, router).map_err(OpenTransportError::from)?;
        self.undivided(
            Verb::CreateWebRtcTransport,
            (router, options),
            |engine, (router, options)| {
                let endpoint = match &options.listen {
                    WebRtcListen::Server(id) => IceEndpoint::Server(*id),
                    WebRtcListen::Own(infos) => {
                        let spoken = infos.iter().filter(|info| options.speaks(info.protocol));
                        let spoken: Vec<_> = spoken.cloned().collect();
                        IceEndpoint::Own(engine.bind_all(&spoken)?)
                    }
                };
                engine.open_webrtc(router, endpoint, options)
            },
        )
    }

    fn open_webrtc(
        &mut self,
        router: RouterId,
        endpoint: IceEndpoint,
        options: WebRtcTransportOptions,
    ) -> Result<TransportId, CreateTransportError> {
        let record = WebRtcTransportRecord {
            endpoint,
            enable_udp: options.enable_udp,
            enable_tcp: options.enable_tcp,
            prefer_udp: options.prefer_udp,
            prefer_tcp: options.prefer_tcp,
            ice_consent_timeout: options.consent_timeout(),
            initial_available_outgoing_bitrate: options.initial_available_outgoing_bitrate,
            sctp: options.sctp,
        };
        let world = &mut self.world;
        let opened = control::open_webrtc_transport(world, router, &record, options.app_data);
        if let (Err(_), IceEndpoint::Own(sockets)) = (&opened, &record.endpoint) {
            self.release_all(sockets);
        }
        Ok(opened?)
    }

    fn bind_all(
        &mut self,
        infos: &[ListenInfo],
    ) -> Result<Vec<IceSocketRecord>, CreateTransportError> {
        let mut bound = Vec::new();
        for info in infos {
            match self.bind(info) {
                Ok(record) => bound.push(IceSocketRecord {
                    record,
                    protocol: info.protocol,
                    expose_internal_ip: info.expose_internal_ip,
                }),
                Err(error) => {
                    self.release_all(&bound);
                    return Err(error.into());
                }
            }
        }
        Ok(bound)
    }

    fn release_all(&mut self, sockets: &[IceSocketRecord]) {
        // The last one first: so keys are given out again as if nothing had been.
        for socket in sockets.iter().rev() {
            self.release(&socket.record);
        }
    }

    /// Tells a WebRTC transport what the certificate of its peer is, and who of them begins the
    /// handshake; what this side is.
    ///
    /// # Errors
    ///
    /// [`ConnectWebRtcError`]; it can be tried again then.
    pub fn connect_webrtc(
        &mut self,
        transport: TransportId,
        remote: &DtlsParameters,
    ) -> Result<DtlsRole, ConnectWebRtcError> {
        self.change(
            Verb::ConnectWebRtc,
            (transport, remote),
            |engine, (transport, remote)| {
                control::connect_webrtc(&mut engine.world, transport, remote)
            },
        )
    }

    /// Has WebRTC transports that are made from here on show another certificate; those that are there
    /// keep theirs. One that is shown for long tells whoever meets it that it met the same engine.
    pub fn set_dtls_identity(&mut self, identity: &Identity) {
        let set: Result<(), Infallible> =
            self.change(Verb::SetDtlsIdentity, identity.to_der(), |engine, _| {
                engine.world.resource_mut::<DtlsSettings>().identity = identity.clone();
                Ok(())
            });
        let Ok(()) = set;
    }

    /// The same with what an identity is as bytes.
    pub(crate) fn show_identity(
        &mut self,
        certificate: &[u8],
        private_key: &[u8],
    ) -> Result<(), IdentityError> {
        self.set_dtls_identity(&Identity::from_der(certificate, private_key)?);
        Ok(())
    }

    /// Gives a WebRTC transport other ICE credentials, to be told to its peer. Media goes on by the
    /// way it has until the peer has nominated one under these.
    ///
    /// # Errors
    ///
    /// [`NotWebRtc`].
    pub fn restart_ice(&mut self, transport: TransportId) -> Result<IceParameters, NotWebRtc> {
        self.undivided(Verb::RestartIce, transport, |engine, transport| {
            control::restart_ice(&mut engine.world, transport)
        })
    }

    /// What the peer of a WebRTC transport is to name and sign its checks with.
    ///
    /// # Errors
    ///
    /// [`NotWebRtc`].
    pub fn ice_parameters(&self, transport: TransportId) -> Result<IceParameters, NotWebRtc> {
        control::ice_parameters(&self.world, transport)
    }

    /// Where a WebRTC transport is reached, the preferred address first.
    ///
    /// # Errors
    ///
    /// [`NotWebRtc`].
    pub fn ice_candidates(&self, transport: TransportId) -> Result<Vec<IceCandidate>, NotWebRtc> {
        control::ice_candidates(&self.world, transport)
    }

    /// The role of a WebRTC transport in ICE: always "controlled", its peer nominates.
    ///
    /// # Errors
    ///
    /// [`NotWebRtc`].
    pub fn ice_role(&self, transport: TransportId) -> Result<&'static str, NotWebRtc> {
        control::ice_state(&self.world, transport).map(|_| "controlled")
    }

    /// How far the ICE agent of a WebRTC transport is.
    ///
    /// # Errors
    ///
    /// [`NotWebRtc`].
    pub fn ice_state(&self, transport: TransportId) -> Result<IceState, NotWebRtc> {
        control::ice_state(&self.world, transport)
    }

    /// The addresses by which a WebRTC transport sends, once there are any.
    ///
    /// # Errors
    ///
    /// [`NotWebRtc`].
    pub fn ice_selected_tuple(&self, transport: TransportId) -> Result<Option<Tuple>, NotWebRtc> {
        control::ice_selected_tuple(&self.world, transport)
    }

    /// The role and the certificate of a WebRTC transport, to be told to its peer.
    ///
    /// # Errors
    ///
    /// [`NotWebRtc`].
    pub fn dtls_parameters(&self, transport: TransportId) -> Result<DtlsParameters, NotWebRtc> {
        control::dtls_parameters(&self.world, transport)
    }

    /// How far the DTLS connection of a WebRTC transport is.
    ///
    /// # Errors
    ///
    /// [`NotWebRtc`].
    pub fn dtls_state(&self, transport: TransportId) -> Result<DtlsState, NotWebRtc> {
        control::dtls_state(&self.world, transport)
    }

    /// The certificate of a WebRTC transport's peer, in PEM, once it is connected.
    ///
    /// # Errors
    ///
    /// [`NotWebRtc`].
    pub fn dtls_remote_certificate(
        &self,
        transport: TransportId,
    ) -> Result<Option<String>, NotWebRtc> {
        control::dtls_remote_certificate(&self.world, transport)
    }
}

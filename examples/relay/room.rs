//! Who takes part: the producers, and who consumes them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use flumen::rtp_parameters::{MediaKind, RtpCodecCapability, RtpParameters};
use flumen::{
    ConnectOptions, ConsumerId, ConsumerOptions, Engine, Listen, ListenInfo, PlainTransportOptions,
    ProducerId, ProducerOptions, RouterId, TransportId,
};

use crate::running::Failure;

/// All transports listen here.
pub(crate) const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A router and all that is on it, by identifier.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    /// The router.
    pub(crate) router: RouterId,
    /// Its producers.
    pub(crate) producers: Vec<ProducerId>,
    /// Who consumes them.
    pub(crate) viewers: Vec<Viewer>,
}

/// Someone who consumes.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    /// What to call it.
    pub(crate) name: String,
    /// Its transport.
    pub(crate) transport: TransportId,
    /// The transport has a socket of its own.
    pub(crate) own_socket: bool,
    /// What it consumes.
    pub(crate) consumers: Vec<ConsumerId>,
}

impl Room {
    /// A router for VP8 and Opus, with nobody on it.
    pub(crate) fn open(engine: &mut Engine) -> Result<Self, Failure> {
        let mut opus = RtpCodecCapability::new(MediaKind::Audio, "audio/opus", 48_000);
        opus.channels = Some(2);
        let vp8 = RtpCodecCapability::new(MediaKind::Video, "video/VP8", 90_000);
        Ok(Self {
            router: engine.create_router(&[opus, vp8])?,
            producers: Vec::new(),
            viewers: Vec::new(),
        })
    }

    /// A producer on a transport that takes media from whoever sends the first packet.
    pub(crate) fn produce(
        &mut self,
        engine: &mut Engine,
        options: PlainTransportOptions,
        kind: MediaKind,
        parameters: RtpParameters,
    ) -> Result<SocketAddr, Failure> {
        let options = PlainTransportOptions {
            comedia: true,
            ..options
        };
        let transport = engine.create_plain_transport(self.router, options)?;
        let producer = engine.produce(transport, ProducerOptions::new(kind, parameters))?;
        self.producers.push(producer);
        local_address(engine, transport)
    }

    /// Someone at `remote` who consumes `producers`.
    pub(crate) fn admit(
        &mut self,
        engine: &mut Engine,
        name: String,
        listen: Listen,
        remote: SocketAddr,
        producers: &[ProducerId],
    ) -> Result<&Viewer, Failure> {
        let own_socket = matches!(listen, Listen::Own(_));
        let options = PlainTransportOptions::new(listen);
        let transport = engine.create_plain_transport(self.router, options)?;
        engine.connect(transport, &ConnectOptions::from(remote))?;
        let capabilities = engine.rtp_capabilities(self.router)?.clone();
        let mut consumers = Vec::new();
        for &producer in producers {
            let options = ConsumerOptions::new(producer, capabilities.clone());
            consumers.push(engine.consume(transport, options)?);
        }
        self.viewers.push(Viewer {
            name,
            transport,
            own_socket,
            consumers,
        });
        Ok(&self.viewers[self.viewers.len() - 1])
    }
}

/// Listens on a port of the builder's range.
pub(crate) fn anywhere() -> Listen {
    Listen::Own(ListenInfo::new(LOCAL))
}

/// Where a plain transport listens.
pub(crate) fn local_address(
    engine: &Engine,
    transport: TransportId,
) -> Result<SocketAddr, Failure> {
    let tuple = engine.tuple(transport)?.ok_or("the transport is direct")?;
    Ok(tuple.local().ok_or("it is announced by name")?)
}

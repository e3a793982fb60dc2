//! Where media comes and goes.

use std::net::SocketAddr;

use flumen::{
    AppData, Engine, ListenInfo, RouterId, SctpOptions, TransportId, WebRtcListen, WebRtcServerId,
    WebRtcTransportOptions, components::Protocol,
};

use crate::arguments::Arguments;
use crate::failure::{Failure, Refusal};

/// What may wait at a port while the engine's thread is not let run, in bytes; the system may give less.
const BUFFER_BYTES: u32 = 4 << 20;

/// The ports that all transports share.
pub(crate) struct Media(WebRtcServerId);

impl Media {
    /// Opens the ports: those of UDP first, since they are preferred in this order.
    ///
    /// # Errors
    ///
    /// One is taken, or the address is none of this machine's.
    pub(crate) fn open(engine: &mut Engine, arguments: &Arguments) -> Result<Self, Failure> {
        let listen = |protocol| {
            let announce = arguments.announce.as_deref();
            let addresses = arguments.media.iter();
            addresses.map(move |address| info(protocol, address, announce))
        };
        let listen: Vec<ListenInfo> = listen(Protocol::Udp)
            .chain(listen(Protocol::Tcp).filter(|_| arguments.tcp))
            .collect();
        Ok(Self(
            engine.create_webrtc_server(&listen, AppData::default())?,
        ))
    }

    /// A transport over them.
    ///
    /// # Errors
    ///
    /// The router is gone.
    pub(crate) fn transport(
        &self,
        engine: &mut Engine,
        router: RouterId,
        sctp: Option<SctpOptions>,
    ) -> Result<TransportId, Refusal> {
        let options = WebRtcTransportOptions {
            sctp,
            ..WebRtcTransportOptions::new(WebRtcListen::Server(self.0))
        };
        engine
            .create_webrtc_transport(router, options)
            .map_err(Refusal::bad)
    }
}

fn info(protocol: Protocol, address: &SocketAddr, announce: Option<&str>) -> ListenInfo {
    ListenInfo {
        protocol,
        port: address.port(),
        announced_address: announce.map(String::from),
        recv_buffer_size: Some(BUFFER_BYTES),
        send_buffer_size: Some(BUFFER_BYTES),
        ..ListenInfo::new(address.ip())
    }
}

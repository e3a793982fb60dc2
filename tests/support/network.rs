//! More ways to be connected to a room.

use std::net::SocketAddr;

use flumen::{
    ConnectOptions, Listen, ListenInfo, PlainTransportOptions, ProducerId, ProducerOptions,
    SocketId, TransportId,
};

use crate::parameters::{vp8, with_retransmissions};
use crate::room::{LOCAL, Room};

impl Room {
    /// A transport made with `options`.
    pub fn open(&mut self, options: PlainTransportOptions) -> TransportId {
        self.engine
            .create_plain_transport(self.router, options)
            .expect("the transport opens")
    }

    /// Options of a transport with a socket of its own.
    pub fn own_socket() -> PlainTransportOptions {
        PlainTransportOptions::new(Listen::Own(ListenInfo::new(LOCAL)))
    }

    /// Connects a transport to `remote`, RTCP one port further when it is not multiplexed.
    pub fn join(&mut self, transport: TransportId, remote: SocketAddr) {
        let rtcp_tuple = self.engine.rtcp_tuple(transport).expect("it is open");
        let to = ConnectOptions {
            ip: Some(remote.ip()),
            port: Some(remote.port()),
            rtcp_port: rtcp_tuple.map(|_| remote.port() + 1),
            ..ConnectOptions::default()
        };
        self.engine.connect(transport, &to).expect("it connects");
    }

    /// A transport with a socket for RTP and one for RTCP, connected to `remote` and the port
    /// after it.
    pub fn split(&mut self, remote: SocketAddr) -> TransportId {
        let mut options = Self::own_socket();
        options.rtcp_mux = false;
        let transport = self.open(options);
        self.join(transport, remote);
        transport
    }

    /// A transport that learns its remote address.
    pub fn comedia(&mut self) -> TransportId {
        let mut options = Self::own_socket();
        options.comedia = true;
        self.open(options)
    }

    /// A listen socket for many transports.
    pub fn socket(&mut self) -> SocketId {
        self.engine
            .open_socket(&ListenInfo::new(LOCAL))
            .expect("a port is free")
    }

    /// A transport on a shared socket, connected to `remote`.
    pub fn on_socket(&mut self, socket: SocketId, remote: SocketAddr) -> TransportId {
        let transport = self.open(PlainTransportOptions::new(Listen::Shared(socket)));
        self.join(transport, remote);
        transport
    }

    /// The local address of the RTCP of a transport that does not multiplex it.
    pub fn local_rtcp(&self, transport: TransportId) -> SocketAddr {
        let tuple = self.engine.rtcp_tuple(transport).expect("it is open");
        SocketAddr::new(LOCAL, tuple.expect("it has its own").local_port)
    }

    /// A video producer with retransmissions under `ssrc` + 1.
    pub fn produce_video(&mut self, transport: TransportId, ssrc: u32) -> ProducerId {
        let kind = flumen::rtp_parameters::MediaKind::Video;
        let options = ProducerOptions::new(kind, with_retransmissions(vp8(ssrc)));
        self.engine
            .produce(transport, options)
            .expect("the parameters are valid")
    }
}

//! The far end of a transport with SRTP.

use std::net::SocketAddr;

use flumen::components::wire::classify::{PacketKind, classify};
use flumen::components::wire::rtp::ClearHeader;
use flumen::srtp::{Bounds, CryptoSuite, Inbound, MasterKey, OpenError, Outbound};
use flumen::{ConnectOptions, PlainTransportOptions, SrtpParameters, TransportId};

use crate::room::Room;

/// Who seals what a transport receives, and opens what it sends.
pub struct SrtpPeer {
    inbound: Inbound,
    outbound: Outbound,
}

const BOUNDS: Bounds = Bounds::of(1 << 12);

impl SrtpPeer {
    /// A peer that opens with one key and seals with the other.
    pub fn new(inbound: &MasterKey, outbound: &MasterKey) -> Self {
        Self {
            inbound: Inbound::new(inbound, BOUNDS),
            outbound: Outbound::new(outbound, BOUNDS),
        }
    }

    /// A key of `suite` that peers seal with.
    pub fn key(suite: CryptoSuite) -> MasterKey {
        MasterKey::new(suite, &vec![7; suite.master_len()]).expect("it has its length")
    }

    /// What a peer tells of its key.
    pub fn parameters(suite: CryptoSuite) -> SrtpParameters {
        SrtpParameters::from(&Self::key(suite))
    }

    /// A peer that has the keys of a handshake.
    pub(crate) fn with_contexts((inbound, outbound): (Inbound, Outbound)) -> Self {
        Self { inbound, outbound }
    }

    /// Seals an RTP or RTCP packet; others stay as they are, and what has no header or repeats
    /// another.
    pub fn seal(&mut self, packet: &[u8]) -> Vec<u8> {
        self.sealed(packet).unwrap_or_else(|| packet.to_vec())
    }

    fn sealed(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let suite = self.outbound.suite();
        match classify(packet) {
            Some(PacketKind::Rtp) => {
                let (header, payload) = packet.split_at(ClearHeader::parse(packet)?.len);
                let mut out = vec![0; payload.len() + suite.rtp_overhead()];
                let sealed = self.outbound.seal_rtp(header, [payload, &[]], &mut out);
                sealed.ok().map(|_| [header, &out].concat())
            }
            Some(PacketKind::Rtcp) => {
                let (header, body) = packet.split_first_chunk()?;
                let mut out = vec![0; body.len() + suite.rtcp_overhead()];
                let sealed = self.outbound.seal_rtcp(header, [body, &[]], &mut out);
                sealed.ok().map(|_| [header, &out[..]].concat())
            }
            _ => None,
        }
    }

    /// Opens an RTP or RTCP packet; others stay as they are.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: it is not sealed, or not well.
    pub fn open(&mut self, datagram: &[u8]) -> Result<Vec<u8>, OpenError> {
        let mut packet = datagram.to_vec();
        let len = match classify(datagram) {
            Some(PacketKind::Rtp) => self.inbound.open_rtp(&mut packet)?,
            Some(PacketKind::Rtcp) => self.inbound.open_rtcp(&mut packet)?,
            _ => packet.len(),
        };
        packet.truncate(len);
        Ok(packet)
    }
}

impl Room {
    /// A room in which every transport that [`plain`](Self::plain) makes has SRTP. What arrives is
    /// sealed, and what is received is opened, so that it can be told from a room without only by
    /// who looks at the wire.
    pub fn sealed(suite: CryptoSuite) -> Self {
        Self {
            srtp: Some(suite),
            ..Self::new()
        }
    }

    /// Options of a transport with SRTP and a socket of its own.
    pub fn srtp_options(suite: CryptoSuite) -> PlainTransportOptions {
        PlainTransportOptions {
            enable_srtp: true,
            srtp_crypto_suite: suite,
            ..Self::own_socket()
        }
    }

    /// Connects a transport with SRTP to `remote`, whose peer is known from then on.
    pub fn join_sealed(&mut self, transport: TransportId, remote: SocketAddr) {
        let ours = self.engine.srtp_parameters(transport).expect("it is open");
        let ours = ours.expect("it has SRTP");
        let rtcp_tuple = self.engine.rtcp_tuple(transport).expect("it is open");
        let to = ConnectOptions {
            rtcp_port: rtcp_tuple.map(|_| remote.port() + 1),
            srtp_parameters: Some(SrtpPeer::parameters(ours.crypto_suite)),
            ..ConnectOptions::from(remote)
        };
        self.engine.connect(transport, &to).expect("it connects");
        let inbound = ours.key().expect("its key is one");
        let peer = SrtpPeer::new(&inbound, &SrtpPeer::key(ours.crypto_suite));
        self.peers.insert(remote, peer);
    }
}

//! A WebRTC server, dumped.

use std::net::IpAddr;

use serde::Serialize;

use crate::application::id::{TransportId, WebRtcServerId};

/// A WebRTC server: its sockets, the transports on it in the order of creation, and how datagrams
/// find these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebRtcServerDump {
    /// The server.
    pub id: WebRtcServerId,
    /// Its sockets of UDP.
    pub udp_sockets: Vec<ListenerDump>,
    /// Its sockets of TCP.
    pub tcp_servers: Vec<ListenerDump>,
    /// The transports on it.
    pub web_rtc_transport_ids: Vec<TransportId>,
    /// What checks name them by: more than one after a restart that the peer has not followed yet.
    pub local_ice_username_fragments: Vec<UsernameFragmentDump>,
    /// The ways by which authenticated checks came, the oldest of each transport first.
    pub tuple_hashes: Vec<TupleDump>,
}

/// A socket of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ListenerDump {
    /// The local IP address.
    pub ip: IpAddr,
    /// The local port.
    pub port: u16,
}

/// A user name fragment and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsernameFragmentDump {
    /// The fragment.
    pub local_ice_username_fragment: String,
    /// The transport.
    pub web_rtc_transport_id: TransportId,
}

/// A way and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TupleDump {
    /// The protocol, the local and the remote address, such as `udp 10.0.0.1:3478 10.0.0.2:5000`:
    /// not a number, since nobody looks anything up by it.
    pub tuple_hash: String,
    /// The transport.
    pub web_rtc_transport_id: TransportId,
}

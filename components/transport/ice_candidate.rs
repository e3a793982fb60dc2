//! Where a WebRTC transport can be reached.

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;
use serde::{Deserialize, Serialize};

use crate::transport::ice_agent::IceTuple;
use crate::transport::path::{LocalAddress, Protocol, Tuple};
use crate::transport::socket::SocketKey;

/// An ICE candidate, with the names of the JavaScript API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IceCandidate {
    /// "udpcandidate" or "tcpcandidate".
    pub foundation: String,
    /// RFC 8445 section 5.1.2: the higher the better.
    pub priority: u32,
    /// The announced address, or the local IP address.
    pub address: String,
    /// The same, as it was called.
    pub ip: String,
    /// The protocol.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
    /// Always "host".
    #[serde(rename = "type")]
    pub type_: String,
    /// "passive" with TCP (RFC 6544): the peer connects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp_type: Option<String>,
}

/// Where a WebRTC transport listens: on sockets of its own, or on those of a server.
#[derive(Component, Clone, Debug)]
pub struct IceListeners {
    /// The sockets, the preferred one first.
    pub all: Vec<IceListener>,
    /// The server whose they are; none when they are the transport's own.
    pub server: Option<Entity>,
}

crate::snapshot::state! { struct IceListeners { all, server } }

/// A socket at which checks arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceListener {
    /// The socket.
    pub socket: SocketKey,
    /// Its address.
    pub address: LocalAddress,
    /// What is spoken below STUN.
    pub protocol: Protocol,
    /// The local IP address is told besides the announced one.
    pub expose_internal_ip: bool,
    /// How much it is preferred, see [`IceCandidate::priority`].
    pub local_preference: u32,
}

crate::snapshot::state! {
    struct IceListener {
        socket, address, protocol, expose_internal_ip, local_preference
    }
}

/// How much less than the announced address the local one is preferred.
const INTERNAL: u32 = 1_000;

impl IceListeners {
    /// What a socket is preferred by, at `position` of a list, and `preferred` for its protocol.
    pub fn local_preference(position: usize, preferred: bool) -> u32 {
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        let base = 10_000 - position.min(80) * 100;
        base + if preferred { 1_000 } else { 0 }
    }

    /// The candidates, the preferred one first.
    pub fn candidates(&self) -> Vec<IceCandidate> {
        let mut candidates: Vec<_> = self.all.iter().flat_map(IceListener::candidates).collect();
        candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.priority));
        candidates
    }

    /// A way, as events and getters tell it.
    pub fn tuple(&self, tuple: IceTuple) -> Option<Tuple> {
        let at = |listener: &&IceListener| listener.socket == tuple.socket;
        let listener = self.all.iter().find(at)?;
        let told = listener.address.tuple(Some(tuple.remote));
        let protocol = listener.protocol;
        Some(Tuple { protocol, ..told })
    }
}

impl IceListener {
    fn candidates(&self) -> impl Iterator<Item = IceCandidate> {
        let internal = self.address.bound.ip().to_string();
        let announced = self.address.announced.clone();
        let exposed = announced.is_some() && self.expose_internal_ip;
        let less = self.local_preference.saturating_sub(INTERNAL);
        let second = exposed.then(|| self.candidate(internal.clone(), less));
        let first = self.candidate(announced.unwrap_or(internal), self.local_preference);
        std::iter::once(first).chain(second)
    }

    fn candidate(&self, address: String, local_preference: u32) -> IceCandidate {
        let is_tcp = self.protocol == Protocol::Tcp;
        let foundation = if is_tcp {
            "tcpcandidate"
        } else {
            "udpcandidate"
        };
        IceCandidate {
            foundation: foundation.into(),
            priority: priority(local_preference),
            ip: address.clone(),
            address,
            protocol: self.protocol,
            port: self.address.bound.port(),
            type_: "host".into(),
            tcp_type: is_tcp.then(|| "passive".into()),
        }
    }
}

/// RFC 8445 section 5.1.2.1, of the first and only component.
fn priority(local_preference: u32) -> u32 {
    const TYPE_PREFERENCE: u32 = 64;
    const COMPONENT: u32 = 1;
    (TYPE_PREFERENCE << 24) + (local_preference << 8) + (256 - COMPONENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(protocol: Protocol, announced: Option<&str>) -> IceListener {
        IceListener {
            socket: SocketKey(0),
            address: LocalAddress {
                bound: "10.0.0.1:5000".parse().unwrap(),
                announced: announced.map(Into::into),
            },
            protocol,
            expose_internal_ip: true,
            local_preference: IceListeners::local_preference(0, false),
        }
    }

    fn told(listener: IceListener) -> Vec<(String, u32)> {
        let all = vec![listener];
        let candidates = IceListeners { all, server: None }.candidates();
        let told = |candidate: IceCandidate| (candidate.address, candidate.priority);
        candidates.into_iter().map(told).collect()
    }

    #[test]
    fn an_announced_address_hides_the_local_one_or_is_preferred_to_it() {
        let first = (64 << 24) + (10_000 << 8) + 255;
        let second = (64 << 24) + (9_000 << 8) + 255;
        let own = ("10.0.0.1".to_owned(), first);
        assert_eq!(told(listener(Protocol::Udp, None)), [own]);
        let both = [("sfu.example".into(), first), ("10.0.0.1".into(), second)];
        assert_eq!(told(listener(Protocol::Udp, Some("sfu.example"))), both);
        let hidden = IceListener {
            expose_internal_ip: false,
            ..listener(Protocol::Udp, Some("sfu.example"))
        };
        assert_eq!(told(hidden), [("sfu.example".into(), first)]);
    }

    #[test]
    fn names_are_those_of_the_javascript_api() {
        let all = vec![listener(Protocol::Tcp, None)];
        let candidates = IceListeners { all, server: None }.candidates();
        let json = serde_json::to_value(&candidates).unwrap();
        let expected = serde_json::json!([{
            "foundation": "tcpcandidate", "priority": 1_076_302_079, "address": "10.0.0.1",
            "ip": "10.0.0.1", "protocol": "tcp", "port": 5000, "type": "host",
            "tcpType": "passive"
        }]);
        assert_eq!(json, expected);
    }

    #[test]
    fn a_place_in_the_list_and_a_preferred_protocol_decide() {
        let preference = IceListeners::local_preference;
        assert!(preference(0, false) > preference(1, false));
        assert!(preference(1, true) > preference(0, false));
        assert!(preference(1_000, false) > INTERNAL);
    }
}

//! What connections are made with.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Sizes and limits of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Config {
    /// Longest datagram that is sent, in bytes, UDP and IP headers not included. Default 1,200.
    pub mtu: u16,
    /// Whether peers that offer DTLS 1.3 get it. Without, they are answered with 1.2, where this
    /// end chooses the cheapest SRTP protection profile; with 1.3 it is the peer's first. Default
    /// true.
    pub allow_1_3: bool,
    /// How long a handshake may take from its first ClientHello, in milliseconds. Default 30,000.
    pub handshake_timeout_ms: u32,
    /// After how long an unanswered flight is sent again, in milliseconds; DTLS 1.3 doubles it
    /// each time. Default 500.
    pub retransmission_ms: u32,
    /// How long a handshake that seems to be over may still go on, in milliseconds: an alert or a
    /// record that ends it can be forged. Default 5,000.
    pub grace_ms: u32,
    /// How often a handshake may begin anew. Default 4.
    pub new_beginnings: u8,
    /// Longest ClientHello that is put together of fragments, in bytes. Default 8,192.
    pub client_hello_bytes: u16,
    /// Bytes of handshake records that are taken in before a handshake is complete, and as many
    /// again after. Default 65,536.
    pub handshake_bytes: u32,
    /// Bytes of data that are kept until it is known whom to expect. Default 16,384.
    pub early_bytes: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mtu: 1_200,
            allow_1_3: true,
            handshake_timeout_ms: 30_000,
            retransmission_ms: 500,
            grace_ms: 5_000,
            new_beginnings: 4,
            client_hello_bytes: 8_192,
            handshake_bytes: 65_536,
            early_bytes: 16_384,
        }
    }
}

impl Config {
    pub(super) fn handshake_timeout(&self) -> Duration {
        Duration::from_millis(self.handshake_timeout_ms.into())
    }

    pub(super) fn retransmission(&self) -> Duration {
        Duration::from_millis(self.retransmission_ms.max(1).into())
    }

    pub(super) fn grace(&self) -> Duration {
        Duration::from_millis(self.grace_ms.into())
    }
}

//! What connections are made with.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Which version a peer gets.
///
/// With DTLS 1.2 this end chooses how media is protected; with 1.3 its library takes what the peer
/// likes best. Chromium likes AES-CM with HMAC-SHA1, at four times the cost of GCM a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Versions {
    /// 1.3, unless the peer offers 1.2 as well and media would be cheaper with that. Firefox gets 1.3;
    /// one that was given a certificate of RSA fails then, as with [`Newest`](Self::Newest).
    #[default]
    CheapestSrtp,
    /// 1.3 for all who offer it. Of these, the ones with certificates of RSA fail.
    Newest,
    /// 1.2 alone.
    Only1_2,
}

/// Sizes and limits of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Config {
    /// Longest datagram that is sent, in bytes, UDP and IP headers not included. Default 1,200.
    pub mtu: u16,
    /// Which version a peer gets that offers several. Default: the one with the cheapest SRTP.
    pub versions: Versions,
    /// How long a handshake may take from its first ClientHello, in milliseconds. Default 30,000.
    pub handshake_timeout_ms: u32,
    /// After how long an unanswered flight is sent again, in milliseconds, doubled each time.
    /// Default 500.
    pub retransmission_ms: u32,
    /// How long a handshake that seems to be over may still go on, in milliseconds: an alert or a
    /// record that ends it can be forged. Default 10,000, as pauses between flights double and the
    /// longest of a handshake of 30 seconds is 8.
    pub grace_ms: u32,
    /// How often a handshake may begin anew; as the server once more in every
    /// [`grace_ms`](Self::grace_ms) behind that. Default 4.
    pub new_beginnings: u8,
    /// Longest ClientHello that is put together of fragments, in bytes. Default 8,192.
    pub client_hello_bytes: u16,
    /// Bytes of protected handshake records of DTLS 1.2 that are taken in during each
    /// [`retransmission_ms`](Self::retransmission_ms) until a handshake is complete, and as many
    /// again after. Default 65,536.
    pub handshake_bytes: u32,
    /// Bytes of data that are kept until it is known whom to expect. Default 16,384.
    pub early_bytes: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mtu: 1_200,
            versions: Versions::CheapestSrtp,
            handshake_timeout_ms: 30_000,
            retransmission_ms: 500,
            grace_ms: 10_000,
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

//! Typed public identifiers; they print as the UUIDs that users of mediasoup know.

use std::fmt;
use std::str::FromStr;

use bevy_ecs::component::Component;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A string is not an identifier.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not a UUID (8-4-4-4-12 hexadecimal digits)")]
pub struct ParseIdError(String);

/// What all identifiers have in common.
pub trait Id: Component + Copy + Ord + fmt::Display + fmt::Debug {
    /// What it identifies, in lower case: "producer".
    const KIND: &'static str;

    /// The UUID as a number.
    fn to_u128(self) -> u128;

    /// An identifier from 128 random bits; six of them become version and variant (RFC 9562).
    fn from_random(bits: u128) -> Self;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)+) => {$(
        $(#[$doc])*
        ///
        /// It stays meaningful when what it names is gone.
        #[derive(Component, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        crate::snapshot::state! { struct $name(it) }

        impl Id for $name {
            const KIND: &'static str = $kind;

            fn to_u128(self) -> u128 {
                self.0
            }

            fn from_random(bits: u128) -> Self {
                Self(bits & !VERSION_AND_VARIANT | VERSION_4_VARIANT_1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_uuid(self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse_uuid(text).map(Self).ok_or_else(|| ParseIdError(text.into()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )+};
}

ids! {
    /// Identifies a router.
    RouterId = "router";
    /// Identifies a listen socket that transports share.
    SocketId = "socket";
    /// Identifies the sockets that WebRTC transports share.
    WebRtcServerId = "WebRTC server";
    /// Identifies a transport.
    TransportId = "transport";
    /// Identifies a producer.
    ProducerId = "producer";
    /// Identifies a consumer.
    ConsumerId = "consumer";
    /// Identifies a data producer.
    DataProducerId = "data producer";
    /// Identifies a data consumer.
    DataConsumerId = "data consumer";
    /// Identifies an observer of a router.
    RtpObserverId = "observer";
}

const VERSION_AND_VARIANT: u128 = 0xf << 76 | 0b11 << 62;
const VERSION_4_VARIANT_1: u128 = 0x4 << 76 | 0b10 << 62;

fn write_uuid(uuid: u128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let field = |shift: u32, bits: u32| (uuid >> shift) & ((1 << bits) - 1);
    write!(
        f,
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        field(96, 32),
        field(80, 16),
        field(64, 16),
        field(48, 16),
        field(0, 48),
    )
}

fn parse_uuid(text: &str) -> Option<u128> {
    let bytes = text.as_bytes();
    if bytes.len() != 36 {
        return None;
    }
    bytes
        .iter()
        .enumerate()
        .try_fold(0, |uuid, (index, &byte)| match index {
            8 | 13 | 18 | 23 => (byte == b'-').then_some(uuid),
            _ => char::from(byte)
                .to_digit(16)
                .map(|digit| uuid << 4 | u128::from(digit)),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_and_parse_as_version_4_uuids() {
        let id = ProducerId::from_random(u128::MAX);
        assert_eq!(id.to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn what_is_not_a_uuid_is_refused() {
        for text in [
            "",
            "x",
            "ffffffff-ffff-4fff-bfff-fffffffffff",
            "ffffffff+ffff-4fff-bfff-ffffffffffff",
        ] {
            assert_eq!(text.parse::<RouterId>(), Err(ParseIdError(text.into())));
        }
    }
}

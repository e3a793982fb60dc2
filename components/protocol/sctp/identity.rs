//! What is drawn for one end of a handshake.

use flumen_wire::sctp::Init;

use crate::Generator;

/// Who an end of an association is on the wire. Of two ends that ask at once the greater goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Identity {
    /// Its verification tag.
    pub(super) tag: u32,
    /// Its first transmission sequence number.
    pub(super) tsn: u32,
}

/// What a peer brings back that was answered.
pub(super) type Cookie = [u8; 32];

impl Identity {
    /// Who has written an INIT, or INIT ACK.
    pub(super) fn of(init: &Init<'_>) -> Self {
        Self {
            tag: init.tag,
            tsn: init.tsn,
        }
    }

    pub(super) fn draw(from: &mut Generator) -> Self {
        Self {
            tag: from.within(1..=u32::MAX),
            tsn: from.within(0..=u32::MAX),
        }
    }
}

pub(super) fn draw_cookie(from: &mut Generator) -> Cookie {
    let mut cookie = [0; 32];
    cookie[..16].copy_from_slice(&from.bits().to_be_bytes());
    cookie[16..].copy_from_slice(&from.bits().to_be_bytes());
    cookie
}

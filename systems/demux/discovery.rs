//! Which encoding of a producer a packet with an unknown SSRC belongs to.

use flumen_components::{Discard, Encoding};

/// What a packet tells of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity<'a> {
    pub(crate) ssrc: u32,
    pub(crate) payload_type: u8,
    /// The RID, or else the repaired RID, that it carries (RFC 8852).
    pub(crate) rid: Option<&'a str>,
}

/// What a packet turned out to be, with the index of the encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Discovery {
    /// The first media packet of an encoding, or of an SSRC that takes the place of the one it has.
    Media(usize),
    /// The first retransmission of an encoding, or of an SSRC that takes the place of the one that
    /// it has for them.
    Retransmission(usize),
}

/// Finds the encoding that a packet begins: by SSRC, then by RID, then because there is only one
/// encoding and it names neither.
///
/// # Errors
///
/// [`Discard::UnknownStream`] when there is none, when the encoding declared another SSRC, or when a
/// retransmission comes before its media.
pub(crate) fn discover(encodings: &[Encoding], packet: Identity<'_>) -> Result<Discovery, Discard> {
    by_ssrc(encodings, packet)
        .or_else(|| by_rid(encodings, packet))
        .or_else(|| by_being_alone(encodings, packet))
        .ok_or(Discard::UnknownStream)
}

fn by_ssrc(encodings: &[Encoding], packet: Identity<'_>) -> Option<Discovery> {
    let ssrc = Some(packet.ssrc);
    let named = |encoding: &Encoding| match role(encoding, packet.payload_type) {
        Some(Role::Media) => encoding.ssrc == ssrc,
        Some(Role::Retransmission) => encoding.rtx_ssrc == ssrc,
        None => false,
    };
    begin(encodings, encodings.iter().position(named)?, packet)
}

fn by_rid(encodings: &[Encoding], packet: Identity<'_>) -> Option<Discovery> {
    let rid = packet.rid?;
    let named = |encoding: &Encoding| encoding.rid.as_deref() == Some(rid);
    begin(encodings, encodings.iter().position(named)?, packet)
}

fn by_being_alone(encodings: &[Encoding], packet: Identity<'_>) -> Option<Discovery> {
    match encodings {
        [
            Encoding {
                ssrc: None,
                rid: None,
                ..
            },
        ] => begin(encodings, 0, packet),
        _ => None,
    }
}

fn begin(encodings: &[Encoding], index: usize, packet: Identity<'_>) -> Option<Discovery> {
    let encoding = &encodings[index];
    match role(encoding, packet.payload_type)? {
        // Whoever did not declare an SSRC may come back with another (RFC 8843 section 9.2).
        Role::Media => {
            let is_open = encoding.stream.is_none() || encoding.ssrc.is_none();
            is_open.then_some(Discovery::Media(index))
        }
        Role::Retransmission => {
            let is_open = encoding.rtx.is_none() || encoding.rtx_ssrc.is_none();
            // It may be of the stream that was there before. Retransmissions are rare, so that their
            // silence says nothing.
            let is_new = !encoding.changes.has_replaced(packet.ssrc);
            let awaited = encoding.stream.is_some() && is_open && is_new;
            awaited.then_some(Discovery::Retransmission(index))
        }
    }
}

enum Role {
    Media,
    Retransmission,
}

fn role(encoding: &Encoding, payload_type: u8) -> Option<Role> {
    if payload_type == encoding.payload_type {
        Some(Role::Media)
    } else {
        (Some(payload_type) == encoding.rtx_payload_type).then_some(Role::Retransmission)
    }
}

#[cfg(test)]
mod tests {
    use bevy_ecs::entity::Entity;
    use flumen_components::rtp_parameters::Codec;
    use flumen_components::{LayerCounts, SsrcChanges, Time};

    use super::*;

    fn encoding(ssrc: Option<u32>, rid: Option<&str>) -> Encoding {
        Encoding {
            ssrc,
            rid: rid.map(Into::into),
            rtx_ssrc: ssrc.map(|ssrc| ssrc + 1),
            payload_type: 96,
            rtx_payload_type: Some(97),
            codec: Codec::Vp8,
            clock_rate: 90_000,
            use_nack: true,
            use_pli: true,
            use_fir: true,
            layers: LayerCounts::ONE,
            is_ksvc: false,
            use_dtx: false,
            checks_inactivity: false,
            use_in_band_fec: false,
            stream: None,
            rtx: None,
            changes: SsrcChanges::default(),
        }
    }

    fn started(encoding: Encoding) -> Encoding {
        Encoding {
            stream: Some(Entity::PLACEHOLDER),
            ..encoding
        }
    }

    fn packet(ssrc: u32, payload_type: u8, rid: Option<&str>) -> Identity<'_> {
        Identity {
            ssrc,
            payload_type,
            rid,
        }
    }

    const UNKNOWN: Result<Discovery, Discard> = Err(Discard::UnknownStream);

    #[test]
    fn an_ssrc_finds_its_encoding_with_the_right_payload_type() {
        let encodings = [encoding(Some(10), None), encoding(Some(20), None)];
        assert_eq!(
            discover(&encodings, packet(20, 96, None)),
            Ok(Discovery::Media(1))
        );
        assert_eq!(discover(&encodings, packet(20, 98, None)), UNKNOWN);
        assert_eq!(discover(&encodings, packet(30, 96, None)), UNKNOWN);
    }

    #[test]
    fn a_retransmission_before_its_media_is_nothing() {
        assert_eq!(
            discover(&[encoding(Some(10), None)], packet(11, 97, None)),
            UNKNOWN
        );
        let encodings = [started(encoding(Some(10), None))];
        let found = discover(&encodings, packet(11, 97, None));
        assert_eq!(found, Ok(Discovery::Retransmission(0)));
    }

    #[test]
    fn a_rid_finds_its_encoding() {
        let encodings = [
            encoding(None, Some("r0")),
            started(encoding(None, Some("r1"))),
        ];
        assert_eq!(
            discover(&encodings, packet(1, 96, Some("r0"))),
            Ok(Discovery::Media(0))
        );
        let found = discover(&encodings, packet(1, 97, Some("r1")));
        assert_eq!(found, Ok(Discovery::Retransmission(1)));
        assert_eq!(discover(&encodings, packet(1, 96, Some("r2"))), UNKNOWN);
        assert_eq!(discover(&encodings, packet(1, 96, None)), UNKNOWN);
    }

    #[test]
    fn another_ssrc_takes_the_place_of_one_that_was_not_declared() {
        let lone = started(Encoding {
            rtx_ssrc: None,
            ..encoding(None, None)
        });
        let named = started(encoding(None, Some("r0")));
        let declared = started(encoding(Some(10), Some("r0")));
        for (encoding, rid, expected) in [
            (lone, None, Ok(Discovery::Media(0))),
            (named, Some("r0"), Ok(Discovery::Media(0))),
            (declared, Some("r0"), UNKNOWN),
        ] {
            let found = discover(std::slice::from_ref(&encoding), packet(6, 96, rid));
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn retransmissions_of_the_stream_before_are_not_those_of_its_successor() {
        let mut lone = started(Encoding {
            rtx_ssrc: None,
            ..encoding(None, None)
        });
        lone.changes.note([Some(5), Some(6)], Time::ZERO, 16);
        let encodings = [lone];
        assert_eq!(discover(&encodings, packet(6, 97, None)), UNKNOWN);
        let found = discover(&encodings, packet(8, 97, None));
        assert_eq!(found, Ok(Discovery::Retransmission(0)));
    }

    #[test]
    fn another_ssrc_takes_the_place_of_retransmissions_that_declared_none() {
        for (rtx_ssrc, expected) in [(None, Ok(Discovery::Retransmission(0))), (Some(7), UNKNOWN)] {
            let encoding = started(Encoding {
                rtx_ssrc,
                rtx: Some(7),
                ..encoding(None, None)
            });
            assert_eq!(discover(&[encoding], packet(8, 97, None)), expected);
        }
    }
}

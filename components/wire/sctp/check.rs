//! Whether a packet is well-formed enough for a stack to read.

use super::parameter::parameter_kind;
use super::{
    CHUNK_HEADER_LEN, Chunk, Data, Forward, HEADER_LEN, Init, Parameter, ResetRequest,
    ResetResponse, Sack, be16, be32, chunks, is_sealed, kind, parameters,
};

/// The common header, RFC 9260 section 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Port of the sender.
    pub source: u16,
    /// Port of the receiver.
    pub destination: u16,
    /// Verification tag: zero before an INIT, else what the receiver chose.
    pub tag: u32,
}

/// Why a packet is not well-formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// Shorter than a common header and one chunk.
    #[error("shorter than a header and a chunk")]
    TooShort,
    /// The checksum is wrong, RFC 9260 section 6.8.
    #[error("wrong checksum")]
    Checksum,
    /// A port is zero, RFC 9260 section 3.1.
    #[error("a port is zero")]
    Port,
    /// The verification tag does not go with the first chunk, RFC 9260 section 8.5.1.
    #[error("the verification tag does not go with the chunk")]
    Tag,
    /// A chunk's length is below its header or beyond the packet.
    #[error("the length of a chunk lies")]
    Length,
    /// INIT, INIT ACK or SHUTDOWN COMPLETE beside other chunks, RFC 9260 section 6.10.
    #[error("a chunk that must stand alone is bundled")]
    Bundled,
    /// A chunk is shorter than its type demands, or its lists are shorter than their counts say.
    #[error("a chunk is shorter than it must be")]
    Chunk,
    /// A parameter or an error cause does not end inside its chunk.
    #[error("a parameter does not fit its chunk")]
    Parameter,
    /// A value that RFC 9260 forbids: no streams, or an initiate tag of zero (section 3.3.2).
    #[error("a forbidden value")]
    Value,
}

/// Reads the header of `packet` and checks everything in it, its checksum last.
///
/// Unknown chunk types pass when their length is true: RFC 9260 section 3.2 says what to do with
/// them.
///
/// # Errors
///
/// The first thing that is wrong.
pub fn check(packet: &[u8]) -> Result<Header, Malformed> {
    if packet.len() < HEADER_LEN + CHUNK_HEADER_LEN {
        return Err(Malformed::TooShort);
    }
    let header = header(packet).ok_or(Malformed::TooShort)?;
    if header.source == 0 || header.destination == 0 {
        return Err(Malformed::Port);
    }
    check_chunks(packet, header.tag)?;
    if is_sealed(packet) {
        Ok(header)
    } else {
        Err(Malformed::Checksum)
    }
}

fn header(packet: &[u8]) -> Option<Header> {
    Some(Header {
        source: be16(packet, 0)?,
        destination: be16(packet, 2)?,
        tag: be32(packet, 4)?,
    })
}

fn check_chunks(packet: &[u8], tag: u32) -> Result<(), Malformed> {
    let mut walk = chunks(packet);
    let mut count = 0;
    let mut is_alone = false;
    for chunk in walk.by_ref() {
        check_chunk(&chunk)?;
        if (chunk.kind == kind::INIT) != (tag == 0) {
            return Err(Malformed::Tag);
        }
        count += 1;
        is_alone |= matches!(
            chunk.kind,
            kind::INIT | kind::INIT_ACK | kind::SHUTDOWN_COMPLETE
        );
    }
    match (walk.is_at_end(), is_alone && count > 1) {
        (false, _) => Err(Malformed::Length),
        (true, true) => Err(Malformed::Bundled),
        (true, false) => Ok(()),
    }
}

fn check_chunk(chunk: &Chunk<'_>) -> Result<(), Malformed> {
    let enough = |is_enough: bool| is_enough.then_some(()).ok_or(Malformed::Chunk);
    match chunk.kind {
        kind::DATA => enough(Data::of(chunk).is_some()),
        kind::INIT | kind::INIT_ACK => check_init(chunk),
        kind::SACK => enough(Sack::of(chunk).is_some()),
        kind::HEARTBEAT | kind::HEARTBEAT_ACK => check_heartbeat(chunk.value),
        kind::ABORT | kind::ERROR => whole(chunk.value),
        kind::SHUTDOWN => enough(chunk.value.len() == 4),
        kind::SHUTDOWN_ACK | kind::COOKIE_ACK | kind::SHUTDOWN_COMPLETE => {
            enough(chunk.value.is_empty())
        }
        kind::COOKIE_ECHO => enough(!chunk.value.is_empty()),
        kind::RE_CONFIG => check_reconfig(chunk.value),
        kind::FORWARD_TSN => enough(Forward::of(chunk).is_some()),
        _ => Ok(()),
    }
}

fn whole(bytes: &[u8]) -> Result<(), Malformed> {
    parameters(bytes)
        .are_whole()
        .then_some(())
        .ok_or(Malformed::Parameter)
}

fn check_init(chunk: &Chunk<'_>) -> Result<(), Malformed> {
    let init = Init::of(chunk).ok_or(Malformed::Chunk)?;
    if init.tag == 0 || init.outbound_streams == 0 || init.inbound_streams == 0 {
        return Err(Malformed::Value);
    }
    whole(&chunk.value[Init::FIXED_LEN..])?;
    let has_cookie = || {
        init.parameters().any(|parameter| {
            parameter.kind == parameter_kind::STATE_COOKIE && !parameter.value.is_empty()
        })
    };
    if chunk.kind == kind::INIT_ACK && !has_cookie() {
        return Err(Malformed::Parameter);
    }
    Ok(())
}

/// Exactly one parameter, of one kind: RFC 9260 sections 3.3.5 and 3.3.6.
fn check_heartbeat(value: &[u8]) -> Result<(), Malformed> {
    whole(value)?;
    let mut walk = parameters(value);
    let first = walk.next().ok_or(Malformed::Chunk)?;
    if first.kind != parameter_kind::HEARTBEAT_INFO || walk.next().is_some() {
        return Err(Malformed::Parameter);
    }
    Ok(())
}

/// One or two parameters, RFC 6525 section 3.1.
fn check_reconfig(value: &[u8]) -> Result<(), Malformed> {
    whole(value)?;
    if !(1..=2).contains(&parameters(value).count()) {
        return Err(Malformed::Chunk);
    }
    let is_sound = |parameter: Parameter<'_>| match parameter.kind {
        parameter_kind::OUTGOING_RESET => ResetRequest::of(&parameter).is_some(),
        parameter_kind::RECONFIG_RESPONSE => ResetResponse::of(&parameter).is_some(),
        // Requests for what is not done here; their number is all that is read.
        _ => parameter.value.len() >= 4,
    };
    parameters(value)
        .all(is_sound)
        .then_some(())
        .ok_or(Malformed::Parameter)
}

#[cfg(test)]
mod tests {
    use super::super::{close_chunk, open_chunk, seal, write_header};
    use super::*;

    fn packet(tag: u32, chunks: &[(u8, &[u8])]) -> Vec<u8> {
        let mut packet = Vec::new();
        write_header(&mut packet, 5_000, 5_000, tag);
        for (kind, value) in chunks {
            let start = open_chunk(&mut packet, *kind, 3);
            packet.extend(*value);
            close_chunk(&mut packet, start);
        }
        seal(&mut packet);
        packet
    }

    fn verdict(tag: u32, chunks: &[(u8, &[u8])]) -> Result<(), Malformed> {
        check(&packet(tag, chunks)).map(drop)
    }

    const COOKIE: [u8; 8] = [0, 7, 0, 5, 9, 0, 0, 0];

    fn init(tag: u8, streams: u8, options: &[u8]) -> Vec<u8> {
        let fixed = [
            0, 0, 0, tag, 0, 16, 0, 0, 0, streams, 0, streams, 0, 0, 0, 1,
        ];
        [&fixed[..], options].concat()
    }

    #[test]
    fn each_chunk_type_has_a_shortest_form() {
        let data = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 51, 7];
        let shortest: [(u8, &[u8]); 12] = [
            (kind::DATA, &data),
            (kind::SACK, &[0; 12]),
            (kind::HEARTBEAT, &[0, 1, 0, 4]),
            (kind::HEARTBEAT_ACK, &[0, 1, 0, 4]),
            (kind::ABORT, &[]),
            (kind::SHUTDOWN, &[0; 4]),
            (kind::SHUTDOWN_ACK, &[]),
            (kind::ERROR, &[]),
            (kind::COOKIE_ECHO, &[1]),
            (kind::COOKIE_ACK, &[]),
            (kind::RE_CONFIG, &[0, 16, 0, 12, 0, 0, 0, 1, 0, 0, 0, 1]),
            (kind::FORWARD_TSN, &[0; 4]),
        ];
        for (kind, value) in shortest {
            assert_eq!(verdict(1, &[(kind, value)]), Ok(()), "chunk type {kind}");
            if let Some(shorter) = value.len().checked_sub(1) {
                let cut = verdict(1, &[(kind, &value[..shorter])]);
                assert!(cut.is_err(), "chunk type {kind} cut short");
            }
        }
        assert_eq!(verdict(0, &[(kind::INIT, &init(1, 1, &[]))]), Ok(()));
        assert_eq!(
            verdict(1, &[(kind::INIT_ACK, &init(1, 1, &COOKIE))]),
            Ok(())
        );
        assert_eq!(verdict(1, &[(kind::SHUTDOWN_COMPLETE, &[])]), Ok(()));
        assert_eq!(verdict(1, &[(77, &[1, 2])]), Ok(()), "an unknown type");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let good = init(1, 1, &[]);
        let rows: [(u32, &[(u8, &[u8])], Malformed); 14] = [
            (0, &[(kind::COOKIE_ACK, &[])], Malformed::Tag),
            (1, &[(kind::INIT, &good)], Malformed::Tag),
            (
                0,
                &[(kind::INIT, &good), (kind::INIT, &good)],
                Malformed::Bundled,
            ),
            (
                1,
                &[(kind::SHUTDOWN_COMPLETE, &[]), (kind::COOKIE_ACK, &[])],
                Malformed::Bundled,
            ),
            (0, &[(kind::INIT, &good[..15])], Malformed::Chunk),
            (0, &[(kind::INIT, &init(0, 1, &[]))], Malformed::Value),
            (0, &[(kind::INIT, &init(1, 0, &[]))], Malformed::Value),
            (
                0,
                &[(kind::INIT, &init(1, 1, &[0, 7, 0, 9, 1]))],
                Malformed::Parameter,
            ),
            (
                0,
                &[(kind::INIT, &init(1, 1, &[0, 7, 0, 0, 1]))],
                Malformed::Parameter,
            ),
            (1, &[(kind::INIT_ACK, &good)], Malformed::Parameter),
            (1, &[(kind::DATA, &[0; 12])], Malformed::Chunk),
            (1, &[(kind::HEARTBEAT, &[0, 2, 0, 4])], Malformed::Parameter),
            (1, &[(kind::ABORT, &[0, 12, 0, 9])], Malformed::Parameter),
            (1, &[(kind::RE_CONFIG, &[])], Malformed::Chunk),
        ];
        for (tag, chunks, expected) in rows {
            assert_eq!(verdict(tag, chunks), Err(expected), "{chunks:?}");
        }
    }

    #[test]
    fn a_packet_without_chunks_is_nothing() {
        assert_eq!(check(&packet(1, &[])), Err(Malformed::TooShort));
        assert_eq!(check(&[]), Err(Malformed::TooShort));
    }

    #[test]
    fn a_lying_length_and_a_wrong_checksum_are_seen() {
        let good = packet(1, &[(kind::COOKIE_ECHO, &[1, 2, 3, 4])]);
        for length in [0, 3, 9, 0xFFFF_u16] {
            let mut lying = good.clone();
            lying[14..16].copy_from_slice(&length.to_be_bytes());
            seal(&mut lying);
            assert_eq!(check(&lying), Err(Malformed::Length), "length {length}");
        }
        let mut altered = good;
        altered[17] ^= 1;
        assert_eq!(check(&altered), Err(Malformed::Checksum));
    }
}

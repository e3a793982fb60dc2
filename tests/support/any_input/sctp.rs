//! SCTP packets.

use flumen::components::wire::sctp::{
    Chunk, Data, Forward, HEADER_LEN, Init, Malformed, Parameter, ResetRequest, ResetResponse,
    Sack, check, chunks, close_chunk, is_sealed, kind, open_chunk, parameters, seal, write_header,
};

/// A packet, sealed: what passes the check can be read whole, and written again is the same.
pub fn sctp(packet: &[u8]) {
    let unsealed = check(packet);
    assert!(unsealed.is_err() || is_sealed(packet));
    let mut packet = packet.to_vec();
    if packet.len() >= HEADER_LEN {
        seal(&mut packet);
    }
    let verdict = check(&packet);
    assert_ne!(verdict, Err(Malformed::Checksum));
    let mut end = HEADER_LEN;
    for chunk in chunks(&packet) {
        assert_eq!(chunk.start, end);
        end = chunk.end();
        walk(&chunk, verdict.is_ok());
    }
    assert!(verdict.is_err() || end.next_multiple_of(4) >= packet.len());
    if let Ok(header) = verdict {
        let mut again = Vec::new();
        write_header(&mut again, header.source, header.destination, header.tag);
        for chunk in chunks(&packet) {
            let start = open_chunk(&mut again, chunk.kind, chunk.flags);
            again.extend(chunk.value);
            close_chunk(&mut again, start);
        }
        seal(&mut again);
        assert_eq!(check(&again), Ok(header));
        assert!(values(&again).eq(values(&packet)));
    }
}

fn values(packet: &[u8]) -> impl Iterator<Item = (u8, u8, &[u8])> {
    chunks(packet).map(|chunk| (chunk.kind, chunk.flags, chunk.value))
}

/// Everything in a chunk; when it `is_sound`, nothing of its type is missing.
fn walk(chunk: &Chunk<'_>, is_sound: bool) {
    let len = chunk.value.len();
    let is = |kinds: &[u8]| is_sound && kinds.contains(&chunk.kind);
    match Data::of(chunk) {
        Some(data) => assert_eq!(data.payload.len() + Data::FIXED_LEN, len),
        None => assert!(!is(&[kind::DATA])),
    }
    match Sack::of(chunk) {
        Some(sack) => assert!(sack.gaps.len() + Sack::FIXED_LEN <= len),
        None => assert!(!is(&[kind::SACK])),
    }
    match Forward::of(chunk) {
        Some(forward) => assert_eq!(4 * forward.streams().count() + Forward::FIXED_LEN, len),
        None => assert!(!is(&[kind::FORWARD_TSN])),
    }
    match Init::of(chunk) {
        Some(init) => {
            let parameters: usize = init.parameters().map(|it| 4 + it.value.len()).sum();
            assert!(parameters + Init::FIXED_LEN <= len);
            assert!(!is_sound || init.tag != 0);
        }
        None => assert!(!is(&[kind::INIT, kind::INIT_ACK])),
    }
    parameters(chunk.value).for_each(|it| parameter(&it, len));
}

fn parameter(parameter: &Parameter<'_>, len: usize) {
    assert!(4 + parameter.value.len() <= len);
    if let Some(request) = ResetRequest::of(parameter) {
        assert!(2 * request.streams().count() + ResetRequest::FIXED_LEN <= len);
        assert!(ResetResponse::of(parameter).is_none());
    }
}

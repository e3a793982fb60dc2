//! Writing the few chunks that a stack does not write itself.

use super::parameter::parameter_kind;
use super::{CHUNK_HEADER_LEN, Forwarded, HEADER_LEN, kind};

/// Appends a common header, RFC 9260 section 3.1; [`seal`](super::seal) completes it.
pub fn write_header(out: &mut Vec<u8>, source: u16, destination: u16, tag: u32) {
    out.extend(source.to_be_bytes());
    out.extend(destination.to_be_bytes());
    out.extend(tag.to_be_bytes());
    out.extend([0; HEADER_LEN - 8]);
}

/// Appends the header of a chunk and returns where it stands, for [`close_chunk`].
pub fn open_chunk(out: &mut Vec<u8>, kind: u8, flags: u8) -> usize {
    let start = out.len();
    out.extend([kind, flags, 0, 0]);
    start
}

/// Writes the length of the chunk, or parameter, that began at `start`, and pads it.
pub fn close_chunk(out: &mut Vec<u8>, start: usize) {
    let len = out.len() - start;
    out[start + 2..start + CHUNK_HEADER_LEN].copy_from_slice(&(len as u16).to_be_bytes());
    out.resize(start + len.next_multiple_of(4), 0);
}

/// Appends a parameter and its padding, RFC 9260 section 3.2.1.
pub fn write_parameter(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let start = out.len();
    out.extend(kind.to_be_bytes());
    out.extend([0, 0]);
    out.extend(value);
    close_chunk(out, start);
}

/// Appends a HEARTBEAT that carries `info`, RFC 9260 section 3.3.5.
pub fn write_heartbeat(out: &mut Vec<u8>, info: &[u8]) {
    let start = open_chunk(out, kind::HEARTBEAT, 0);
    write_parameter(out, parameter_kind::HEARTBEAT_INFO, info);
    close_chunk(out, start);
}

/// Appends a RE-CONFIG with an Outgoing SSN Reset Request, RFC 6525 section 4.1.
pub fn write_reset_request(out: &mut Vec<u8>, sequence: u32, last_tsn: u32, streams: &[u16]) {
    let start = open_chunk(out, kind::RE_CONFIG, 0);
    let request = out.len();
    out.extend(parameter_kind::OUTGOING_RESET.to_be_bytes());
    out.extend([0, 0]);
    out.extend(sequence.to_be_bytes());
    // The number of a request this one answers: it answers none.
    out.extend([0; 4]);
    out.extend(last_tsn.to_be_bytes());
    out.extend(streams.iter().flat_map(|stream| stream.to_be_bytes()));
    let len = out.len();
    close_chunk(out, request);
    out.truncate(len);
    close_chunk(out, start);
}

/// Appends a RE-CONFIG with a Re-configuration Response, RFC 6525 section 4.4.
pub fn write_reset_response(out: &mut Vec<u8>, sequence: u32, result: u32) {
    let start = open_chunk(out, kind::RE_CONFIG, 0);
    let mut value = [0; 8];
    value[..4].copy_from_slice(&sequence.to_be_bytes());
    value[4..].copy_from_slice(&result.to_be_bytes());
    write_parameter(out, parameter_kind::RECONFIG_RESPONSE, &value);
    close_chunk(out, start);
}

/// Appends a SACK that reports no duplicates, RFC 9260 section 3.3.4; `gaps` as
/// [`Sack`](super::Sack) has them.
pub fn write_sack(out: &mut Vec<u8>, cumulative: u32, window: u32, gaps: &[u8]) {
    let start = open_chunk(out, kind::SACK, 0);
    out.extend(cumulative.to_be_bytes());
    out.extend(window.to_be_bytes());
    out.extend(((gaps.len() / 4) as u16).to_be_bytes());
    out.extend([0; 2]);
    out.extend(gaps);
    close_chunk(out, start);
}

/// Appends a FORWARD TSN, RFC 3758 section 3.2.
pub fn write_forwarded(
    out: &mut Vec<u8>,
    cumulative: u32,
    streams: impl IntoIterator<Item = Forwarded>,
) {
    let start = open_chunk(out, kind::FORWARD_TSN, 0);
    out.extend(cumulative.to_be_bytes());
    for at in streams {
        out.extend(at.stream.to_be_bytes());
        out.extend(at.sequence.to_be_bytes());
    }
    close_chunk(out, start);
}

#[cfg(test)]
mod tests {
    use super::super::{
        Forward, ResetRequest, ResetResponse, Sack, check, chunks, parameters, seal,
    };
    use super::*;

    #[test]
    fn what_is_written_is_well_formed_and_read_back() {
        let mut packet = Vec::new();
        write_header(&mut packet, 5_000, 5_000, 7);
        write_heartbeat(&mut packet, &[1, 2, 3]);
        write_reset_request(&mut packet, 4, 99, &[3]);
        write_reset_response(&mut packet, 5, ResetResponse::PERFORMED);
        let forwarded = Forwarded {
            stream: 1,
            sequence: 2,
        };
        write_forwarded(&mut packet, 100, [forwarded]);
        write_sack(&mut packet, 7, 4_096, &[0, 2, 0, 3]);
        seal(&mut packet);
        assert_eq!(check(&packet).unwrap().tag, 7);

        let chunks: Vec<_> = chunks(&packet).collect();
        let first = |at: usize| parameters(chunks[at].value).next().unwrap();
        assert_eq!(first(0).value, [1, 2, 3]);
        let request = ResetRequest::of(&first(1)).unwrap();
        assert_eq!((request.sequence, request.last_tsn), (4, 99));
        assert_eq!(request.streams().collect::<Vec<_>>(), [3]);
        assert_eq!(ResetResponse::of(&first(2)).unwrap().sequence, 5);
        let forward = Forward::of(&chunks[3]).unwrap();
        assert_eq!(forward.streams().collect::<Vec<_>>(), [forwarded]);
        let sack = Sack::of(&chunks[4]).unwrap();
        assert_eq!((sack.cumulative, sack.window), (7, 4_096));
        assert_eq!(sack.gaps, [0, 2, 0, 3]);
    }
}

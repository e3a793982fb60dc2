//! The check of SCTP packets against noise, and against a walk that trusts nothing.

use flumen_wire::sctp::{
    CHUNK_HEADER_LEN, Data, Forward, HEADER_LEN, Init, Malformed, ResetRequest, ResetResponse,
    Sack, check, chunks, close_chunk, kind, open_chunk, parameters, seal, write_header,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// A packet of chunks whose types are known and whose values are noise.
fn packet() -> impl Strategy<Value = Vec<u8>> {
    let kinds = prop_oneof![0..=11_u8, Just(14), Just(130), Just(192), any::<u8>()];
    let chunk = (kinds, any::<u8>(), vec(any::<u8>(), 0..40));
    (any::<u32>(), vec(chunk, 0..5)).prop_map(|(tag, chunks)| {
        let mut packet = Vec::new();
        write_header(&mut packet, 5_000, 5_000, tag);
        for (kind, flags, value) in chunks {
            let start = open_chunk(&mut packet, kind, flags);
            packet.extend(value);
            close_chunk(&mut packet, start);
        }
        seal(&mut packet);
        packet
    })
}

/// The lengths of the chunks, by adding up what their headers say.
fn naive_lengths(packet: &[u8]) -> Option<Vec<usize>> {
    let mut lengths = Vec::new();
    let mut at = HEADER_LEN;
    while at < packet.len() {
        if at + CHUNK_HEADER_LEN > packet.len() {
            return None;
        }
        let length = usize::from(packet[at + 2]) * 256 + usize::from(packet[at + 3]);
        if length < CHUNK_HEADER_LEN || at + length > packet.len() {
            return None;
        }
        lengths.push(length);
        at += length;
        while !at.is_multiple_of(4) {
            at += 1;
        }
    }
    Some(lengths)
}

/// Reads everything there is to read.
fn read(packet: &[u8]) {
    for chunk in chunks(packet) {
        let _ = (Data::of(&chunk), Sack::of(&chunk));
        if let Some(init) = Init::of(&chunk) {
            init.parameters().for_each(drop);
        }
        if let Some(forward) = Forward::of(&chunk) {
            forward.streams().for_each(drop);
        }
        for parameter in parameters(chunk.value) {
            if let Some(request) = ResetRequest::of(&parameter) {
                request.streams().for_each(drop);
            }
            let _ = ResetResponse::of(&parameter);
        }
    }
}

proptest! {
    #[test]
    fn noise_is_read_without_a_panic(bytes in vec(any::<u8>(), 0..200)) {
        let mut sealed = bytes.clone();
        seal(&mut sealed);
        for bytes in [bytes, sealed] {
            let _ = check(&bytes);
            read(&bytes);
        }
    }

    #[test]
    fn the_walk_agrees_with_adding_up(mut packet in packet(), cut in 0..60_usize) {
        packet.truncate(packet.len().saturating_sub(cut));
        seal(&mut packet);
        read(&packet);
        let walked: Vec<_> = chunks(&packet)
            .map(|chunk| chunk.value.len() + CHUNK_HEADER_LEN)
            .collect();
        match naive_lengths(&packet) {
            Some(lengths) => prop_assert_eq!(walked, lengths),
            None => prop_assert!(check(&packet).is_err()),
        }
    }

    #[test]
    fn what_passes_can_be_read(packet in packet()) {
        if check(&packet).is_err() {
            return Ok(());
        }
        for chunk in chunks(&packet) {
            let is_read = match chunk.kind {
                kind::DATA => Data::of(&chunk).is_some(),
                kind::INIT | kind::INIT_ACK => Init::of(&chunk).is_some(),
                kind::SACK => Sack::of(&chunk).is_some(),
                kind::FORWARD_TSN => Forward::of(&chunk).is_some(),
                _ => true,
            };
            prop_assert!(is_read);
        }
    }

    #[test]
    fn a_cut_packet_never_passes(packet in packet(), cut in 1..20_usize) {
        if check(&packet).is_ok() {
            let rest = &packet[..packet.len().saturating_sub(cut)];
            prop_assert!(check(rest).is_err());
        }
    }
}

#[test]
fn a_wrong_checksum_is_the_last_thing_to_be_said() {
    let mut packet = Vec::new();
    write_header(&mut packet, 5_000, 5_000, 1);
    let start = open_chunk(&mut packet, kind::COOKIE_ACK, 0);
    close_chunk(&mut packet, start);
    assert_eq!(check(&packet), Err(Malformed::Checksum));
    seal(&mut packet);
    assert!(check(&packet).is_ok());
}

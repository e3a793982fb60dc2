//! The RTP view against the `rtp` crate: whatever that writes, both read alike.

use bytes::Bytes;
use flumen_wire::header_extension::write_extensions;
use flumen_wire::rtp::{RtpError, RtpHeader};
use proptest::collection::vec;
use proptest::prelude::*;
use rtp::header::{Extension, Header};
use rtp::packet::Packet;
use webrtc_util::marshal::{Marshal, Unmarshal};

/// The extensions of a packet: profile, then id and value of each.
fn extensions() -> impl Strategy<Value = Option<(u16, Vec<(u8, Vec<u8>)>)>> {
    let one_byte = vec((1..=14_u8, vec(any::<u8>(), 1..=16)), 0..6);
    let two_byte = vec((1..=255_u8, vec(any::<u8>(), 0..=40)), 0..6);
    prop_oneof![
        Just(None),
        one_byte.prop_map(|elements| Some((0xBEDE, elements))),
        two_byte.prop_map(|elements| Some((0x1000, elements))),
    ]
}

prop_compose! {
    fn packet()(
        (padding, marker, payload_type) in (any::<bool>(), any::<bool>(), 0..128_u8),
        (sequence_number, timestamp, ssrc) in any::<(u16, u32, u32)>(),
        csrc in vec(any::<u32>(), 0..16),
        extensions in extensions(),
        payload in vec(any::<u8>(), 0..64),
    ) -> Packet {
        let extension = extensions.is_some();
        let (extension_profile, elements) = extensions.unwrap_or_default();
        let as_extension = |(id, value)| Extension { id, payload: Bytes::from(value) };
        let extensions = elements.into_iter().map(as_extension).collect();
        let header = Header {
            version: 2, padding, extension, marker, payload_type, sequence_number, timestamp, ssrc,
            csrc, extension_profile, extensions, extensions_padding: 0,
        };
        Packet { header, payload: payload.into() }
    }
}

/// Reads `bytes` with both and compares.
fn assert_agreement(bytes: &[u8]) -> Result<(), TestCaseError> {
    let theirs = Packet::unmarshal(&mut Bytes::copy_from_slice(bytes)).unwrap();
    let ours = RtpHeader::parse(bytes).unwrap();
    let header = &theirs.header;
    prop_assert_eq!(ours.marker, header.marker);
    prop_assert_eq!(ours.payload_type, header.payload_type);
    prop_assert_eq!(ours.sequence_number, header.sequence_number);
    prop_assert_eq!(ours.timestamp, header.timestamp);
    prop_assert_eq!(ours.ssrc, header.ssrc);
    prop_assert_eq!(usize::from(ours.csrc_count), header.csrc.len());
    prop_assert_eq!(
        ours.extension.map(|block| block.profile).unwrap_or(0),
        header.extension_profile
    );
    prop_assert_eq!(ours.padding_len != 0, header.padding);
    prop_assert_eq!(ours.payload(bytes), &theirs.payload[..]);
    let elements = header
        .extensions
        .iter()
        .map(|element| (element.id, &element.payload[..]));
    prop_assert!(ours.extensions(bytes).eq(elements));
    let parts = ours.payload_start + ours.payload_len + u16::from(ours.padding_len);
    prop_assert_eq!(usize::from(parts), bytes.len());
    Ok(())
}

/// Walks everything a header leads to; must not panic.
fn walk(bytes: &[u8]) -> Result<(), RtpError> {
    let header = RtpHeader::parse(bytes)?;
    for (id, _) in header.extensions(bytes) {
        assert!(header.extension(bytes, id).is_some());
    }
    header.payload(bytes);
    Ok(())
}

proptest! {
    #[test]
    fn what_the_rtp_crate_writes_is_read_alike(packet in packet()) {
        assert_agreement(&packet.marshal().unwrap())?;
    }

    #[test]
    fn a_written_extension_block_is_read_by_both(
        elements in vec((1..=255_u8, vec(any::<u8>(), 0..20)), 1..8),
        payload in vec(any::<u8>(), 0..8),
    ) {
        let elements: Vec<_> = elements.iter().map(|(id, value)| (*id, &value[..])).collect();
        let mut bytes = vec![0; 12];
        bytes[0] = 0x90;
        let mut offsets = vec![];
        write_extensions(&mut bytes, &elements, |_, offset| offsets.push(usize::from(offset))).unwrap();
        for ((_, value), offset) in elements.iter().zip(offsets) {
            prop_assert_eq!(&bytes[12 + offset..][..value.len()], *value);
        }
        bytes.extend_from_slice(&payload);
        assert_agreement(&bytes)?;
        let header = RtpHeader::parse(&bytes).unwrap();
        prop_assert!(header.extensions(&bytes).eq(elements));
        prop_assert_eq!(header.payload(&bytes), &payload[..]);
    }

    #[test]
    fn a_cut_packet_is_read_or_refused(packet in packet()) {
        let bytes = packet.marshal().unwrap();
        for len in 0..bytes.len() {
            let _ = walk(&bytes[..len]);
        }
    }

    #[test]
    fn mutated_packets_never_panic(packet in packet(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = packet.marshal().unwrap().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = walk(&bytes);
    }

    #[test]
    fn random_bytes_never_panic(mut bytes in vec(any::<u8>(), 0..200)) {
        let _ = walk(&bytes);
        // With the right version more of them get further.
        if let Some(first) = bytes.first_mut() {
            *first = *first & 0x3F | 0x80;
        }
        let _ = walk(&bytes);
    }
}

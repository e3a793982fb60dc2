//! The RTCP views and writers against the `rtcp` crate.
//!
//! Only valid packets are given to that crate: it panics on malformed ones.

use bytes::Bytes;
use flumen_wire::rtcp::{RtcpPacket, packets, write_fir, write_pli};
use proptest::collection::vec;
use proptest::prelude::*;
use rtcp::payload_feedbacks::full_intra_request::{FirEntry, FullIntraRequest};
use rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use webrtc_util::marshal::{Marshal, Unmarshal};

/// What the `rtcp` crate writes.
fn theirs(packet: &impl Marshal) -> Vec<u8> {
    packet.marshal().unwrap().to_vec()
}

/// What the `rtcp` crate makes of what we wrote.
fn read_by_them<P: Unmarshal>(bytes: &[u8]) -> P {
    P::unmarshal(&mut Bytes::copy_from_slice(bytes)).unwrap()
}

/// The only packet in `bytes`, by our view.
fn ours(bytes: &[u8]) -> RtcpPacket<'_> {
    let mut walk = packets(bytes);
    let packet = walk.next().unwrap().unwrap();
    assert!(walk.next().is_none());
    packet
}

proptest! {
    #[test]
    fn pli_is_the_same_both_ways(sender_ssrc: u32, media_ssrc: u32) {
        let pli = PictureLossIndication { sender_ssrc, media_ssrc };
        let mut out = vec![];
        write_pli(&mut out, sender_ssrc, media_ssrc);
        prop_assert_eq!(&out, &theirs(&pli));
        prop_assert_eq!(read_by_them::<PictureLossIndication>(&out), pli);
        let RtcpPacket::Pli(ours) = ours(&out) else { panic!("a PLI") };
        prop_assert_eq!((ours.sender_ssrc, ours.media_ssrc), (sender_ssrc, media_ssrc));
    }

    #[test]
    fn fir_is_the_same_both_ways(sender_ssrc: u32, media_ssrc: u32, sequence_number: u8) {
        let fir = vec![FirEntry { ssrc: media_ssrc, sequence_number }];
        let fir = FullIntraRequest { sender_ssrc, media_ssrc, fir };
        let mut out = vec![];
        write_fir(&mut out, sender_ssrc, media_ssrc, sequence_number);
        prop_assert_eq!(&out, &theirs(&fir));
        prop_assert_eq!(read_by_them::<FullIntraRequest>(&out), fir);
    }

    #[test]
    fn every_fir_entry_is_read(sender_ssrc: u32, entries in vec(any::<(u32, u8)>(), 0..20)) {
        let fir = entries.iter().map(|&(ssrc, sequence_number)| FirEntry { ssrc, sequence_number });
        let bytes = theirs(&FullIntraRequest { sender_ssrc, media_ssrc: 0, fir: fir.collect() });
        let RtcpPacket::Fir(ours) = ours(&bytes) else { panic!("a FIR") };
        let read = ours.entries().map(|entry| (entry.ssrc, entry.sequence_number));
        prop_assert!(read.eq(entries));
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        packets(&bytes).for_each(drop);
    }
}

//! H.264 begins with parameter sets where they come in band, and with an IDR picture where they do not.

use std::time::Duration;

use flumen::rtp_parameters::MediaKind;
use flumen_tests::{Call, Packet, SSRC, address, video};

/// A call of H.264, and its latest sequence number.
struct H264 {
    call: Call,
    sequence: u16,
}

impl H264 {
    fn new() -> Self {
        let call = Call::of(MediaKind::Video, video("H264", SSRC));
        Self { call, sequence: 0 }
    }

    /// Sends the packets of one picture; the payloads that the receiver gets.
    fn picture(&mut self, payloads: &[&[u8]]) -> Vec<Vec<u8>> {
        let timestamp = u32::from(self.sequence) * 3_000;
        let packets: Vec<Packet> = payloads
            .iter()
            .map(|payload| {
                self.sequence += 1;
                Packet::new(96, self.sequence, SSRC, payload).at(timestamp)
            })
            .collect();
        let got = self.call.send(&packets).packets;
        got.into_iter().map(|packet| packet.payload).collect()
    }
}

const SPS: &[u8] = &[0x67, 0x42, 0xe0, 0x1f];
const PPS: &[u8] = &[0x68, 0xce, 0x3c, 0x80];
const IDR: &[u8] = &[0x65, 0x88, 0x84];
const SLICE: &[u8] = &[0x41, 0x9a, 0x24];
/// The first and the last fragment of an IDR slice (RFC 6184 section 5.8).
const FRAGMENTS: [&[u8]; 2] = [&[0x7c, 0x85, 0x88], &[0x7c, 0x45, 0x84]];
/// SEI and an IDR slice in one packet (RFC 6184 section 5.7.1).
const AGGREGATE: &[u8] = &[0x78, 0, 1, 0x06, 0, 3, 0x65, 0x88, 0x84];

#[test]
fn h264_whose_parameter_sets_are_in_signalling_begins_with_an_idr_picture() {
    let pictures: [&[&[u8]]; 4] = [&[IDR], &[IDR, &[0x65, 0x20]], &FRAGMENTS, &[AGGREGATE]];
    for picture in pictures {
        let mut sender = H264::new();
        assert!(sender.picture(&[SLICE]).is_empty());
        assert_eq!(sender.picture(picture), picture);
        assert_eq!(sender.picture(&[SLICE]), [SLICE]);
        for _ in 0..9 {
            let left = sender.call.tick_after(Duration::from_secs(1));
            assert!(left.requests.is_empty(), "it was an answer");
        }
        // It is one for who joins later too.
        let late = sender.call.room.plain(address(6_001));
        sender.call.room.consume(late, sender.call.producer);
        sender.picture(&[SLICE]);
        let before = sender.sequence;
        for payload in picture {
            sender.sequence += 1;
            let packet = Packet::new(96, sender.sequence, SSRC, payload).at(1_000_000);
            sender.call.room.arrive(sender.call.sender, &packet);
        }
        sender.call.room.tick();
        let got = sender.call.room.rtp_to(address(6_001)).len();
        assert_eq!(got, usize::from(sender.sequence - before));
    }
}

#[test]
fn where_parameter_sets_come_in_band_a_run_begins_with_them() {
    let picture: &[&[u8]] = &[SPS, PPS, IDR];
    for joins_behind in 0..=3 {
        let mut sender = H264::new();
        assert_eq!(sender.picture(picture), picture);
        assert_eq!(sender.picture(&[SLICE]), [SLICE]);
        // Somebody joins amid the packets of the next picture.
        let timestamp = 1_000_000;
        let late = address(6_001);
        let mut got = Vec::new();
        for (index, payload) in picture.iter().enumerate() {
            if index == joins_behind {
                let transport = sender.call.room.plain(late);
                sender.call.room.consume(transport, sender.call.producer);
            }
            sender.sequence += 1;
            let packet = Packet::new(96, sender.sequence, SSRC, payload).at(timestamp);
            sender.call.room.arrive(sender.call.sender, &packet);
            sender.call.room.tick();
            let packets = sender.call.room.rtp_to(late);
            got.extend(packets.into_iter().map(|packet| packet.payload));
        }
        let expected: &[&[u8]] = if joins_behind == 0 { picture } else { &[] };
        assert_eq!(got, expected, "who joins behind {joins_behind} packets");
    }
}

#[test]
fn a_parameter_set_that_its_picture_overtook_begins_the_run() {
    let mut sender = H264::new();
    assert_eq!(sender.picture(&[SPS, PPS, IDR]).len(), 3);
    sender.picture(&[SLICE]);
    let late = sender.call.room.plain(address(6_001));
    sender.call.room.consume(late, sender.call.producer);
    let first = sender.sequence + 1;
    let packet = |offset, payload| Packet::new(96, first + offset, SSRC, payload).at(1_000_000);
    let arriving = [packet(1, PPS), packet(2, IDR), packet(0, SPS)];
    for packet in &arriving {
        sender.call.room.arrive(sender.call.sender, packet);
        sender.call.room.tick();
    }
    let mut got = sender.call.room.rtp_to(address(6_001));
    got.sort_by_key(|packet| packet.sequence);
    let payloads: Vec<&[u8]> = got.iter().map(|packet| packet.payload.as_slice()).collect();
    assert_eq!(payloads, [SPS, PPS, IDR]);
}

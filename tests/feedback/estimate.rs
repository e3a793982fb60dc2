//! Senders are told what their path carries.

use std::time::Duration;

use flumen::TransportId;
use flumen::components::wire::rtcp::{self, RtcpPacket};
use flumen::rtp_parameters::MediaKind;
use flumen_tests::{Packet, Room, SENDER, address, vp8, with_remb};

const SSRC: u32 = 2_222;
/// The identifier of abs-send-time in [`vp8`] streams.
const ABS_SEND_TIME: u8 = 2;
/// Units of abs-send-time in a millisecond.
const UNITS_PER_MS: f64 = 262.144;

/// The bitrates in the REMBs to the sender, in bits a second.
fn rembs(room: &mut Room) -> Vec<u64> {
    let received = room.received();
    let mine = received.iter().filter(|sent| sent.to == address(SENDER));
    let packets = mine.flat_map(|sent| rtcp::packets(&sent.bytes).flatten());
    let bitrate = |packet| match packet {
        RtcpPacket::Remb(remb) => Some(remb.bitrate),
        _ => None,
    };
    packets.filter_map(bitrate).collect()
}

/// A sender of `bitrate` bits a second over a link of `link` bits a second, for `ms`
/// milliseconds.
struct Uplink {
    room: Room,
    sender: TransportId,
    sequence: u16,
    sent_ms: f64,
    link_free_ms: f64,
}

impl Uplink {
    const PACKET_BITS: f64 = 1_200.0 * 8.0;

    fn new() -> Self {
        let mut room = Room::new();
        let sender = room.plain(address(SENDER));
        room.produce(sender, MediaKind::Video, with_remb(vp8(SSRC)));
        Self {
            room,
            sender,
            sequence: 0,
            sent_ms: 0.0,
            link_free_ms: 0.0,
        }
    }

    /// The REMBs that leave, with their times in milliseconds.
    fn run(&mut self, ms: f64, bitrate: f64, link: f64) -> Vec<(u64, u64)> {
        let (end, mut told) = (self.sent_ms + ms, Vec::new());
        while self.sent_ms < end {
            let start = self.link_free_ms.max(self.sent_ms);
            self.link_free_ms = start + Self::PACKET_BITS * 1_000.0 / link;
            let arrives = Duration::from_micros((self.link_free_ms * 1_000.0) as u64);
            let span = arrives.saturating_sub(Duration::from_nanos(self.room.now.as_nanos()));
            self.sequence = self.sequence.wrapping_add(1);
            let stamp = (self.sent_ms * UNITS_PER_MS) as u32;
            let packet = Packet::new(96, self.sequence, SSRC, &[0x10; 1_180]);
            let packet = packet.with_extension(ABS_SEND_TIME, &stamp.to_be_bytes()[1..]);
            self.room.arrive(self.sender, &packet);
            self.room.tick_after(span);
            let now = self.room.now.as_millis();
            told.extend(rembs(&mut self.room).iter().map(|&remb| (now, remb)));
            self.sent_ms += Self::PACKET_BITS * 1_000.0 / bitrate;
        }
        told
    }
}

#[test]
fn what_the_path_carries_is_told_every_second() {
    let mut uplink = Uplink::new();
    let told = uplink.run(10_000.0, 1_000_000.0, 10_000_000.0);
    assert!((9..=11).contains(&told.len()), "{told:?}");
    assert!(told.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 1_000));
    assert!(told.windows(2).all(|pair| pair[1].1 >= pair[0].1));
    let stats = uplink.room.engine.transport_stats(uplink.sender).unwrap();
    let available = stats.available_incoming_bitrate.unwrap();
    assert!((1_000_000..1_600_000).contains(&available), "{available}");
}

#[test]
fn a_queue_that_grows_is_told_at_once() {
    let mut uplink = Uplink::new();
    uplink.run(5_000.0, 1_000_000.0, 10_000_000.0);
    let began = uplink.sent_ms as u64;
    let told = uplink.run(3_000.0, 1_000_000.0, 700_000.0);
    let lower = told.iter().find(|(_, bitrate)| *bitrate < 700_000);
    let &(at, _) = lower.unwrap();
    // The queue grows by 300 ms a second; it is noticed before it is that long.
    assert!(at - began < 1_000, "after {} ms", at - began);
}

#[test]
fn an_estimate_is_told_no_higher_than_the_limit() {
    let mut uplink = Uplink::new();
    uplink
        .room
        .engine
        .set_max_incoming_bitrate(uplink.sender, 400_000)
        .unwrap();
    let told = uplink.run(5_000.0, 1_000_000.0, 10_000_000.0);
    assert!(told.len() >= 4, "{told:?}");
    assert!(told.iter().all(|(_, bitrate)| *bitrate == 400_000));
    let sender = uplink.sender;
    let room = &mut uplink.room;
    room.engine
        .set_max_incoming_bitrate(sender, 200_000)
        .unwrap();
    assert_eq!(uplink.run(30.0, 1_000_000.0, 10_000_000.0)[0].1, 200_000);
    let engine = &mut uplink.room.engine;
    engine.set_max_incoming_bitrate(sender, 0).unwrap();
    let told = uplink.run(2_000.0, 1_000_000.0, 10_000_000.0);
    assert!(told[0].1 >= 1_000_000, "{told:?}");
}

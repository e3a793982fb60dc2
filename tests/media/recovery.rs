//! Missing packets are asked for, and what comes back is of use.

use std::time::Duration;

use flumen::components::wire::rtcp::{self, RtcpPacket};
use flumen::rtp_parameters::{MediaKind, RtpCodecParameters, RtpEncodingRtx, RtpParameters};
use flumen::stats::RtpStats;
use flumen::{Discard, ProducerId, TransportId};
use flumen_tests::{Packet, Request, Room, VP8_DELTA_FRAME, VP8_KEY_FRAME, requests_to, vp8};

const SSRC: u32 = 1_111;
const RTX_SSRC: u32 = 1_112;

fn address(port: u16) -> std::net::SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn vp8_with_rtx() -> RtpParameters {
    let mut parameters = vp8(SSRC);
    let mut rtx = RtpCodecParameters {
        mime_type: "video/rtx".into(),
        payload_type: 97,
        clock_rate: 90_000,
        ..RtpCodecParameters::default()
    };
    rtx.parameters.insert("apt", 96);
    parameters.codecs.push(rtx);
    parameters.encodings[0].rtx = Some(RtpEncodingRtx { ssrc: RTX_SSRC });
    parameters
}

/// A sender of VP8 and one receiver.
fn call(parameters: RtpParameters) -> (Room, TransportId, ProducerId) {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let producer = room.produce(sender, MediaKind::Video, parameters);
    let receiver = room.plain(address(6_000));
    room.consume(receiver, producer);
    (room, sender, producer)
}

fn media(number: u16) -> Packet {
    let payload = if number == 1 {
        VP8_KEY_FRAME
    } else {
        VP8_DELTA_FRAME
    };
    Packet::new(96, number, SSRC, payload)
}

fn retransmission(rtx_number: u16, of: u16) -> Packet {
    let original = media(of);
    let mut payload = of.to_be_bytes().to_vec();
    payload.extend(&original.payload);
    Packet {
        timestamp: original.timestamp,
        ..Packet::new(97, rtx_number, RTX_SSRC, &payload)
    }
}

/// The sequence numbers that the engine asks the sender for.
fn asked(room: &mut Room) -> Vec<u16> {
    let mut numbers = Vec::new();
    for datagram in room.received() {
        for packet in rtcp::packets(&datagram.bytes).flatten() {
            if let RtcpPacket::Nack(nack) = packet {
                assert_eq!((datagram.to, nack.media_ssrc), (address(5_000), SSRC));
                numbers.extend(nack.sequence_numbers());
            }
        }
    }
    numbers
}

#[test]
fn a_missing_packet_is_asked_for_after_the_delay_and_again_after_a_round_trip() {
    let (mut room, sender, _) = call(vp8_with_rtx());
    for number in [1, 2, 5] {
        room.arrive(sender, &media(number));
    }
    room.tick();
    assert!(asked(&mut room).is_empty(), "it may only be late");
    room.tick_after(Duration::from_millis(40));
    assert_eq!(asked(&mut room), [3, 4]);
    room.tick_after(Duration::from_millis(40));
    assert!(asked(&mut room).is_empty(), "the answer may be on its way");
    room.tick_after(Duration::from_millis(40));
    room.tick_after(Duration::from_millis(40));
    assert_eq!(asked(&mut room), [3, 4]);
}

#[test]
fn a_request_for_many_packets_leaves_in_datagrams_that_fit_any_path() {
    let (mut room, sender, producer) = call(vp8_with_rtx());
    // Every 17th of 10,000 is missing: as many items as requests can have.
    for number in (1..10_000).filter(|number| number % 17 != 0) {
        room.arrive(sender, &media(number));
        if number % 100 == 0 {
            room.tick_after(Duration::from_micros(50));
        }
    }
    room.tick_after(Duration::from_micros(50));
    room.received();
    room.tick_after(Duration::from_millis(40));
    let received = room.received();
    let to_sender = received.iter().filter(|sent| sent.to == address(5_000));
    let lens: Vec<usize> = to_sender.map(|sent| sent.bytes.len()).collect();
    assert_eq!(lens, [1_012, 1_012, 12 + 4 * 88]);
    let stats = room.engine.producer_stats(producer).expect("it is open");
    let RtpStats::Inbound(inbound) = &stats[0] else {
        panic!("a producer has inbound streams")
    };
    let asked = (inbound.nack_count, inbound.nack_packet_count);
    assert_eq!(asked, (3, 588));
}

#[test]
fn what_arrives_in_time_is_not_asked_for() {
    let (mut room, sender, _) = call(vp8_with_rtx());
    for number in [1, 3, 2, 4] {
        room.arrive(sender, &media(number));
    }
    for _ in 0..20 {
        room.tick_after(Duration::from_millis(10));
    }
    assert!(asked(&mut room).is_empty());
}

#[test]
fn a_retransmission_is_forwarded_as_the_packet_that_it_repeats() {
    let (mut room, sender, producer) = call(vp8_with_rtx());
    for number in [1, 2, 4] {
        room.arrive(sender, &media(number));
    }
    room.tick();
    let first = room.rtp_to(address(6_000))[0].sequence;
    room.arrive(sender, &retransmission(500, 3));
    room.tick();
    let repaired = room.rtp_to(address(6_000));
    assert_eq!(repaired.len(), 1);
    assert_eq!(
        repaired[0].sequence,
        first.wrapping_add(2),
        "it takes its place"
    );
    assert_eq!(repaired[0].payload, media(3).payload);
    assert_eq!(repaired[0].timestamp, media(3).timestamp);
    let stats = room.engine.producer_stats(producer).expect("it is open");
    let RtpStats::Inbound(inbound) = &stats[0] else {
        panic!("a producer has inbound streams")
    };
    assert_eq!(
        (inbound.packets_retransmitted, inbound.packets_repaired),
        (1, 1)
    );
    assert_eq!(inbound.stream.rtx_ssrc, Some(RTX_SSRC));
}

#[test]
fn a_retransmission_of_what_was_there_is_of_no_use() {
    let (mut room, sender, _) = call(vp8_with_rtx());
    room.arrive(sender, &media(1));
    room.arrive(sender, &media(2));
    room.arrive(sender, &retransmission(500, 1));
    room.arrive(sender, &Packet::new(97, 501, RTX_SSRC, &[7]));
    room.tick();
    let discarded = &room.engine.ledger().discarded;
    assert_eq!(discarded[Discard::UnrequestedRetransmission], 1);
    assert_eq!(discarded[Discard::MalformedRetransmission], 1);
    assert_eq!(room.rtp_to(address(6_000)).len(), 2);
}

#[test]
fn a_retransmission_with_an_absurd_number_is_not_counted_as_one() {
    let (mut room, sender, producer) = call(vp8_with_rtx());
    for number in [1, 2, 4] {
        room.arrive(sender, &media(number));
    }
    room.arrive(sender, &retransmission(500, 30_000));
    room.tick();
    assert_eq!(room.engine.ledger().discarded[Discard::BadSequence], 1);
    let stats = room.engine.producer_stats(producer).expect("it is open");
    let RtpStats::Inbound(inbound) = &stats[0] else {
        panic!("a producer has inbound streams")
    };
    let of_media = (inbound.packets_retransmitted, inbound.packets_discarded);
    assert_eq!((of_media, inbound.rtx_packets_discarded), ((0, 1), 0));
}

#[test]
fn a_sender_whose_numbers_begin_anew_is_asked_for_a_key_frame_and_for_what_is_missing() {
    let (mut room, sender, _) = call(vp8_with_rtx());
    room.arrive(sender, &media(1));
    room.tick();
    // The first packet of the new numbers is taken for a stray one; they are behind the old ones.
    for number in [60_000, 60_001, 60_003] {
        room.arrive(sender, &media(number));
    }
    room.tick();
    let requests = requests_to(&room.received(), address(5_000));
    assert_eq!(requests, [Request::Pli(SSRC)]);
    room.tick_after(Duration::from_millis(40));
    assert_eq!(asked(&mut room), [60_002]);
}

#[test]
fn pausing_forgets_what_was_missing() {
    let (mut room, sender, producer) = call(vp8_with_rtx());
    for number in [1, 2, 5] {
        room.arrive(sender, &media(number));
    }
    room.tick();
    room.engine.pause_producer(producer).expect("it is open");
    for _ in 0..10 {
        room.tick_after(Duration::from_millis(40));
    }
    assert!(asked(&mut room).is_empty());
}

#[test]
fn another_payload_type_on_the_ssrc_of_retransmissions_is_nothing() {
    let (mut room, sender, _) = call(vp8_with_rtx());
    for number in [1, 4] {
        room.arrive(sender, &media(number));
    }
    room.arrive(sender, &retransmission(1, 2));
    let stranger = retransmission(2, 3);
    room.arrive(
        sender,
        &Packet {
            payload_type: 55,
            ..stranger
        },
    );
    room.tick();
    assert_eq!(room.engine.ledger().accepted, 3);
    assert_eq!(
        room.engine.ledger().discarded[Discard::UnknownPayloadType],
        1
    );
}

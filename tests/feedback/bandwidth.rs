//! Senders are told when their packets arrive, and how fast they may send.

use std::time::Duration;

use flumen::LimitBitrateError;
use flumen::TransportId;
use flumen::components::wire::rtcp::{self, RtcpPacket, TransportFeedback};
use flumen::rtp_parameters::{MediaKind, RtpParameters};
use flumen::stats::TransportStats;
use flumen_tests::{
    Noise, Packet, RTX, Room, SENDER, VP8_KEY_FRAME, WIDE, address, fails, opus, vp8,
    with_transport_cc,
};
use webrtc_util::marshal::Unmarshal;

const SSRC: u32 = 2_222;

fn room_of(parameters: RtpParameters) -> (Room, TransportId) {
    let mut room = Room::new();
    let sender = room.plain(address(SENDER));
    room.produce(sender, MediaKind::Video, parameters);
    (room, sender)
}

fn numbered(number: u16) -> Packet {
    Packet::new(96, number, SSRC, VP8_KEY_FRAME).with_extension(WIDE, &number.to_be_bytes())
}

/// A transport-wide feedback packet: its number, the SSRC it names, and what it tells of packets as
/// (number, milliseconds).
#[derive(Debug, PartialEq)]
struct Feedback {
    count: u8,
    media_ssrc: u32,
    packets: Vec<(u16, Option<i64>)>,
}

fn feedback(feedback: &TransportFeedback<'_>) -> Feedback {
    let row = |arrival: rtcp::Arrival| {
        let time = arrival.time.map(|ticks| ticks / 4);
        (arrival.sequence_number, time)
    };
    Feedback {
        count: feedback.feedback_count,
        media_ssrc: feedback.media_ssrc,
        packets: feedback.arrivals().map(row).collect(),
    }
}

fn rtcp_to_sender(room: &mut Room) -> Vec<Vec<u8>> {
    let received = room.received();
    let mine = received
        .into_iter()
        .filter(|sent| sent.to == address(SENDER));
    mine.map(|sent| sent.bytes).collect()
}

fn feedbacks(room: &mut Room) -> Vec<Feedback> {
    let mut told = Vec::new();
    for datagram in rtcp_to_sender(room) {
        for packet in rtcp::packets(&datagram).flatten() {
            if let RtcpPacket::TransportFeedback(packet) = packet {
                told.push(feedback(&packet));
            }
        }
    }
    told
}

/// The REMBs to the sender: bits a second, and the SSRCs they name.
fn rembs(room: &mut Room) -> Vec<(u64, Vec<u32>)> {
    let mut told = Vec::new();
    for datagram in rtcp_to_sender(room) {
        for packet in rtcp::packets(&datagram).flatten() {
            if let RtcpPacket::Remb(remb) = packet {
                told.push((remb.bitrate, remb.ssrcs().collect()));
            }
        }
    }
    told
}

fn stats(room: &Room, transport: TransportId) -> TransportStats {
    room.engine.transport_stats(transport).unwrap()
}

#[test]
fn arrivals_are_reported_a_tenth_of_a_second_after_the_first_one() {
    let (mut room, sender) = room_of(with_transport_cc(vp8(SSRC)));
    for number in [65_534, 65_535, 2, 1] {
        room.arrive(sender, &numbered(number));
        room.tick_after(Duration::from_millis(10));
    }
    room.tick_after(Duration::from_millis(69));
    assert_eq!(feedbacks(&mut room), []);
    room.tick();
    let expected = Feedback {
        count: 0,
        media_ssrc: SSRC,
        packets: vec![
            (65_534, Some(10)),
            (65_535, Some(20)),
            (0, None),
            (1, Some(40)),
            (2, Some(30)),
        ],
    };
    assert_eq!(feedbacks(&mut room), [expected]);
    // One that was overtaken is told of with those that overtook it, and what follows.
    room.arrive(sender, &numbered(0));
    room.arrive(sender, &numbered(4));
    room.tick_after(Duration::from_millis(50));
    room.tick_after(Duration::from_millis(50));
    let second = feedbacks(&mut room).remove(0);
    assert_eq!(second.count, 1);
    let expected = [
        (0, Some(160)),
        (1, Some(40)),
        (2, Some(30)),
        (3, None),
        (4, Some(160)),
    ];
    assert_eq!(second.packets, expected);
    for _ in 0..20 {
        room.tick_after(Duration::from_millis(50));
    }
    assert_eq!(feedbacks(&mut room), [], "nothing arrived");
}

#[test]
fn every_packet_counts_whatever_becomes_of_it() {
    let parameters = with_transport_cc(flumen_tests::with_retransmissions(vp8(SSRC)));
    let (mut room, sender) = room_of(parameters);
    let audio = room.produce(sender, MediaKind::Audio, opus(1));
    room.engine.pause_producer(audio).unwrap();
    let wide = |packet: Packet, number: u16| packet.with_extension(WIDE, &number.to_be_bytes());
    let mut padding = wide(Packet::new(96, 11, SSRC, b""), 2);
    padding.padding = 100;
    let packets = [
        numbered(1),
        padding,
        wide(Packet::new(RTX, 1, SSRC + 1, b"\0\x01x"), 3),
        wide(Packet::new(111, 1, 1, b"voice"), 4),
        wide(Packet::new(96, 1, 99, b"whose"), 5),
        // Its number says nothing of the path.
        Packet::new(96, 13, SSRC, b"none"),
    ];
    for packet in &packets {
        room.arrive(sender, packet);
    }
    room.tick();
    room.tick_after(Duration::from_millis(100));
    let told = feedbacks(&mut room).remove(0);
    let numbers: Vec<u16> = told.packets.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert!(told.packets.iter().all(|(_, time)| *time == Some(1)));
}

#[test]
fn audio_alone_is_told_of_too() {
    let (mut room, sender) = (Room::new(), address(SENDER));
    let sender = room.plain(sender);
    room.produce(sender, MediaKind::Audio, with_transport_cc(opus(1)));
    let packet = Packet::new(111, 1, 1, b"voice").with_extension(WIDE, &[0, 7]);
    room.arrive(sender, &packet);
    room.tick();
    room.tick_after(Duration::from_millis(100));
    assert_eq!(feedbacks(&mut room).len(), 1);
}

#[test]
fn what_was_not_negotiated_is_not_told() {
    let mut extension_alone = with_transport_cc(vp8(SSRC));
    extension_alone.codecs[0].rtcp_feedback.pop();
    let mut feedback_alone = with_transport_cc(vp8(SSRC));
    feedback_alone.header_extensions.pop();
    for parameters in [vp8(SSRC), extension_alone, feedback_alone] {
        let (mut room, sender) = room_of(parameters);
        room.arrive(sender, &numbered(1));
        room.tick();
        room.tick_after(Duration::from_millis(100));
        assert_eq!(room.received(), []);
        assert_eq!(stats(&room, sender).rtp_packet_loss_received, None);
    }
}

#[test]
fn more_than_fits_a_packet_is_told_in_several() {
    let (mut room, sender) = room_of(with_transport_cc(vp8(SSRC)));
    for number in 0..1_200 {
        if number % 7 != 3 {
            room.arrive(sender, &numbered(number));
        }
        if number % 200 == 199 {
            room.tick_after(Duration::from_millis(9));
        }
    }
    room.tick_after(Duration::from_millis(100));
    let sent = rtcp_to_sender(&mut room);
    let told = sent.iter().flat_map(|bytes| rtcp::packets(bytes).flatten());
    let told: Vec<Feedback> = told
        .filter_map(|packet| match packet {
            RtcpPacket::TransportFeedback(packet) => Some(feedback(&packet)),
            _ => None,
        })
        .collect();
    let counts: Vec<u8> = told.iter().map(|told| told.count).collect();
    assert_eq!(counts, [0, 1, 2]);
    assert!(sent.iter().all(|bytes| bytes.len() <= 1_200));
    let rows: Vec<(u16, Option<i64>)> = told.into_iter().flat_map(|told| told.packets).collect();
    let expected = (0..1_200).map(|number| {
        let time = 9 * (i64::from(number) / 200 + 1);
        (number, (number % 7 != 3).then_some(time))
    });
    assert_eq!(rows, expected.collect::<Vec<_>>());
}

#[test]
fn an_independent_parser_reads_the_same() {
    use ::rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
    let (mut room, sender) = room_of(with_transport_cc(vp8(SSRC)));
    let mut noise = Noise::new(3);
    let mut read = 0;
    for number in 0..2_000_u16 {
        if noise.below(5) > 0 {
            room.arrive(sender, &numbered(number));
        }
        room.tick_after(Duration::from_micros(250 * noise.below(100)));
        for datagram in rtcp_to_sender(&mut room) {
            let Some(Ok(RtcpPacket::TransportFeedback(ours))) = rtcp::packets(&datagram).next()
            else {
                continue;
            };
            read += 1;
            let theirs = TransportLayerCc::unmarshal(&mut datagram.as_slice()).unwrap();
            assert_eq!(theirs.media_ssrc, SSRC);
            assert_eq!(theirs.sender_ssrc, ours.sender_ssrc);
            assert_eq!(theirs.base_sequence_number, ours.base_sequence);
            assert_eq!(theirs.packet_status_count, ours.status_count);
            assert_eq!(theirs.reference_time as i32, ours.reference_time);
            assert_eq!(theirs.fb_pkt_count, ours.feedback_count);
            // Theirs are in microseconds; the first is from the reference time, in 64 ms.
            let mut time = i64::from(theirs.reference_time) * 64_000;
            let deltas = theirs.recv_deltas.iter().map(|delta| {
                time += delta.delta;
                time
            });
            let arrived = ours.arrivals().filter_map(|arrival| arrival.time);
            let arrived: Vec<i64> = arrived.map(|ticks| ticks * 250).collect();
            assert_eq!(deltas.collect::<Vec<_>>(), arrived);
        }
    }
    assert!(read > 50, "{read} feedback packets");
}

#[test]
fn loss_is_a_mean_in_which_the_newest_counts_most() {
    let (mut room, sender) = room_of(with_transport_cc(vp8(SSRC)));
    assert_eq!(stats(&room, sender).rtp_packet_loss_received, None);
    let mut tell = |numbers: &[u16]| {
        for &number in numbers {
            room.arrive(sender, &numbered(number));
        }
        room.tick();
        room.tick_after(Duration::from_millis(100));
        stats(&room, sender).rtp_packet_loss_received.unwrap()
    };
    assert!(tell(&[1, 2, 3, 4]).abs() < 1e-9);
    // Two of four: (1 x 0 + 2 x 0.5) / 3.
    assert!((tell(&[6, 8]) - 1.0 / 3.0).abs() < 1e-9);
    // (1 x 0 + 2 x 0.5 + 3 x 0) / 6
    assert!((tell(&[9, 10]) - 1.0 / 6.0).abs() < 1e-9);
    let json = serde_json::to_value(stats(&room, sender)).unwrap();
    assert!(json["rtpPacketLossReceived"].is_f64(), "{json}");
    assert_eq!(json.get("availableIncomingBitrate"), None);
}

#[test]
fn a_packet_that_was_overtaken_lets_no_loss_be_counted_twice() {
    let (mut room, sender) = room_of(with_transport_cc(vp8(SSRC)));
    // (packets of a tenth of a second, the mean after it)
    let rows: [(&[u16], f64); 4] = [
        (&[1, 2, 3, 4], 0.0),
        // 5 and 7 of four: (1 x 0 + 2 x 0.5) / 3.
        (&[6, 8], 1.0 / 3.0),
        // 5 is late, so 7 is reported again; none of 9 and 10 is lost: (2 x 0.5) / 6.
        (&[5, 9, 10], 1.0 / 6.0),
        // 11 is lost, and 5 was not after all: (2 x 0.5) / 10.
        (&[12], 1.0 / 10.0),
    ];
    for (numbers, expected) in rows {
        for &number in numbers {
            room.arrive(sender, &numbered(number));
        }
        room.tick();
        room.tick_after(Duration::from_millis(100));
        let mean = stats(&room, sender).rtp_packet_loss_received.unwrap();
        assert!((mean - expected).abs() < 1e-9, "{numbers:?}: {mean}");
    }
}

/// Lets numbered packets arrive every 20 ms; the REMBs that leave, with their times.
fn stream(room: &mut Room, sender: TransportId, number: &mut u16, ms: u64) -> Vec<(u64, u64)> {
    let mut told = Vec::new();
    for _ in 0..ms / 20 {
        *number += 1;
        room.arrive(sender, &numbered(*number));
        room.tick_after(Duration::from_millis(20));
        let now = room.now.as_millis();
        for (bitrate, ssrcs) in rembs(room) {
            assert_eq!(ssrcs, [SSRC]);
            told.push((now, bitrate));
        }
    }
    told
}

#[test]
fn a_limit_is_told_while_it_is_set_and_lifted_four_times() {
    let (mut room, sender) = room_of(with_transport_cc(vp8(SSRC)));
    let mut number = 0;
    assert_eq!(stream(&mut room, sender, &mut number, 1_000), []);
    room.engine
        .set_max_incoming_bitrate(sender, 500_000)
        .unwrap();
    let told = stream(&mut room, sender, &mut number, 4_000);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.iter().all(|(_, bitrate)| *bitrate == 500_000));
    assert!(told[0].0 <= 1_120, "{told:?}");
    assert!(told.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 1_500));
    assert_eq!(stats(&room, sender).max_incoming_bitrate, Some(500_000));
    room.engine.set_max_incoming_bitrate(sender, 0).unwrap();
    let told = stream(&mut room, sender, &mut number, 10_000);
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told.iter().all(|(_, bitrate)| *bitrate > 4_000_000_000));
    assert_eq!(stats(&room, sender).max_incoming_bitrate, None);
}

#[test]
fn a_limit_can_be_set_before_there_is_a_producer() {
    let mut room = Room::new();
    let sender = room.plain(address(SENDER));
    room.engine
        .set_max_incoming_bitrate(sender, 300_000)
        .unwrap();
    room.produce(sender, MediaKind::Video, with_transport_cc(vp8(SSRC)));
    let told = stream(&mut room, sender, &mut 0, 200);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].1, 300_000);
}

#[test]
fn a_direct_transport_has_no_bitrate_to_limit() {
    let mut room = Room::new();
    let direct = room.direct();
    let error = fails(&mut room, |room| {
        room.engine.set_max_incoming_bitrate(direct, 1)
    });
    assert_eq!(error, LimitBitrateError::Unsupported);
    room.engine.close_transport(direct).unwrap();
    let error = fails(&mut room, |room| {
        room.engine.set_max_incoming_bitrate(direct, 1)
    });
    assert!(matches!(error, LimitBitrateError::Closed(_)));
    let direct = room.direct();
    let producer = room.produce(direct, MediaKind::Video, with_transport_cc(vp8(SSRC)));
    room.engine.send(producer, &numbered(1).bytes()).unwrap();
    room.tick();
    room.tick_after(Duration::from_millis(100));
    let mut delivered = 0;
    room.engine.drain_deliveries(|_| delivered += 1);
    assert_eq!(delivered, 0);
}

#[test]
fn numbers_that_jump_wildly_cost_and_say_little() {
    let (mut room, sender) = room_of(with_transport_cc(vp8(SSRC)));
    let mut noise = Noise::new(9);
    for _ in 0..100 {
        for index in 0..256_u16 {
            let number = match noise.below(4) {
                0 => noise.bits() as u16,
                1 => index.wrapping_mul(8_000),
                2 => u16::MAX - index,
                _ => index,
            };
            room.arrive(sender, &numbered(number));
        }
        room.tick_after(Duration::from_millis(10));
        // The limit of 8,192 numbers, 500 in each.
        assert!(feedbacks(&mut room).len() <= 17);
    }
    let loss = stats(&room, sender).rtp_packet_loss_received.unwrap();
    assert!((0.0..=1.0).contains(&loss), "{loss}");
}

#[test]
fn closing_a_transport_forgets_what_was_to_be_told() {
    let (mut room, sender) = room_of(with_transport_cc(vp8(SSRC)));
    room.arrive(sender, &numbered(1));
    room.tick();
    room.engine.close_transport(sender).unwrap();
    room.tick_after(Duration::from_millis(100));
    assert_eq!(room.received(), []);
}

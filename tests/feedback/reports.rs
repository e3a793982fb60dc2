//! Reports: what the engine tells senders and receivers, and what it makes of theirs.

use std::time::Duration;

use flumen::components::wire::ntp;
use flumen::components::wire::rtcp::{
    self, DlrrItem, ReportBlock, RtcpPacket, SenderInfo, XrBlock, write_cname, write_dlrr,
    write_receiver_report, write_sender_report,
};
use flumen::event::Event;
use flumen::rtp_parameters::MediaKind;
use flumen::stats::RtpStats;
use flumen::{ProducerId, TransportId};
use flumen_tests::{Packet, Received, Room, opus};

const SSRC: u32 = 1_111;

fn address(port: u16) -> std::net::SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn sender() -> (Room, TransportId, ProducerId) {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let producer = room.produce(sender, MediaKind::Audio, opus(SSRC));
    (room, sender, producer)
}

fn arrive(room: &mut Room, transport: TransportId, numbers: impl IntoIterator<Item = u16>) {
    for number in numbers {
        room.arrive(transport, &Packet::new(111, number, SSRC, b"x"));
    }
    room.tick();
}

fn report_from_sender(ntp: u64) -> Vec<u8> {
    let mut report = Vec::new();
    let info = SenderInfo {
        ssrc: SSRC,
        ntp,
        rtp_timestamp: 0,
        packet_count: 0,
        octet_count: 0,
    };
    write_sender_report(&mut report, &info);
    write_cname(&mut report, SSRC, b"them");
    report
}

fn blocks(received: &[Received]) -> Vec<ReportBlock> {
    let packets = received
        .iter()
        .flat_map(|datagram| rtcp::packets(&datagram.bytes).flatten());
    let blocks = |packet| match packet {
        RtcpPacket::ReceiverReport(report) => report.blocks().collect(),
        _ => Vec::new(),
    };
    packets.flat_map(blocks).collect()
}

/// Ticks until half a second of silence would be over.
fn wait(room: &mut Room, millis: u64) {
    for _ in 0..millis / 10 {
        room.tick_after(Duration::from_millis(10));
    }
}

#[test]
fn a_sender_is_told_what_was_lost() {
    let (mut room, transport, _) = sender();
    arrive(&mut room, transport, [10, 11, 13, 14]);
    wait(&mut room, 600);
    let received = room.received();
    let reported = blocks(&received);
    assert_eq!(reported.len(), 1);
    let block = &reported[0];
    assert_eq!(
        (block.ssrc, block.total_lost, block.fraction_lost),
        (SSRC, 1, 51)
    );
    assert_eq!((block.highest_sequence, block.last_sender_report), (14, 0));
    assert!(
        received
            .iter()
            .all(|datagram| datagram.to == address(5_000))
    );
}

#[test]
fn reports_come_every_one_to_one_and_a_half_seconds() {
    let (mut room, transport, _) = sender();
    arrive(&mut room, transport, [10]);
    wait(&mut room, 10_000);
    let count = blocks(&room.received()).len();
    assert!((7..=10).contains(&count), "{count} reports in ten seconds");
}

#[test]
fn the_score_follows_the_loss_from_sender_report_to_sender_report() {
    let (mut room, transport, producer) = sender();
    arrive(&mut room, transport, 1..=100);
    room.arrive_bytes(transport, &report_from_sender(1));
    room.tick();
    room.engine.drain_events();
    // 90 of 100: the sample is 6; the score is (1 * 10 + 2 * 6) / 3 = 7.33.
    arrive(
        &mut room,
        transport,
        (101..=200).filter(|number| number % 10 != 5),
    );
    room.arrive_bytes(transport, &report_from_sender(2));
    room.tick();
    assert_eq!(room.engine.score(producer).expect("it is open")[0].score, 7);
    let events = room.engine.drain_events();
    let scores: Vec<u8> = events
        .iter()
        .filter_map(|event| match event {
            Event::ScoreChanged(changed) => Some(changed.score[0].score),
            _ => None,
        })
        .collect();
    assert_eq!(scores, [7]);
}

/// The SSRC of the engine, and the last reference time that it told: its middle bits.
fn told_reference(room: &mut Room) -> (u32, u32) {
    let received = room.received();
    let packets = received
        .iter()
        .flat_map(|datagram| rtcp::packets(&datagram.bytes).flatten());
    let references = packets.filter_map(|packet| match packet {
        RtcpPacket::ExtendedReport(report) => Some((report.sender_ssrc, report.blocks().next())),
        _ => None,
    });
    let Some((ssrc, Some(XrBlock::ReferenceTime(time)))) = references.last() else {
        panic!("the engine tells its reference time");
    };
    (ssrc, ntp::middle(time))
}

/// The round-trip time in milliseconds after the sender's answer to a reference time.
fn round_trip_after(room: &mut Room, of: (TransportId, ProducerId), answer: DlrrItem) -> f64 {
    let (transport, producer) = of;
    let mut report = report_from_sender(1);
    write_dlrr(&mut report, SSRC, &[answer]);
    room.arrive_bytes(transport, &report);
    room.tick_after(Duration::from_millis(9));
    let stats = room.engine.producer_stats(producer).expect("it is open");
    let RtpStats::Inbound(inbound) = &stats[0] else {
        panic!("a producer has inbound streams")
    };
    inbound.round_trip_time
}

#[test]
fn a_round_trip_is_measured_with_a_senders_answer() {
    let (mut room, transport, producer) = sender();
    arrive(&mut room, transport, [1]);
    wait(&mut room, 600);
    let (ssrc, last_reference) = told_reference(&mut room);
    // It was told at 500 ms; the answer was held for 30 ms and arrives at 700 ms.
    wait(&mut room, 90);
    let delay = 65_536 * 30 / 1_000;
    let answer = DlrrItem {
        ssrc,
        last_reference,
        delay,
    };
    let round_trip = round_trip_after(&mut room, (transport, producer), answer);
    assert!((160.0..180.0).contains(&round_trip), "{round_trip} ms");
}

#[test]
fn an_answer_to_what_was_not_told_measures_nothing() {
    let (mut room, transport, producer) = sender();
    arrive(&mut room, transport, [1]);
    wait(&mut room, 600);
    let (ssrc, last_reference) = told_reference(&mut room);
    let of = (transport, producer);
    let answer = |ssrc, last_reference| DlrrItem {
        ssrc,
        last_reference,
        delay: 65_536 / 100,
    };
    // A time a second before that was never told, one that differs in a bit, another's.
    for forged in [
        answer(ssrc, last_reference.wrapping_sub(65_536)),
        answer(ssrc, last_reference ^ 1),
        answer(ssrc ^ 1, last_reference),
    ] {
        assert_eq!(round_trip_after(&mut room, of, forged), 0.0, "{forged:?}");
    }
    // An answer that went astray for half a minute.
    wait(&mut room, 30_000);
    let stale = answer(ssrc, last_reference);
    assert_eq!(round_trip_after(&mut room, of, stale), 0.0);
}

#[test]
fn a_receiver_is_told_what_was_sent() {
    let (mut room, transport, producer) = sender();
    let receiver = room.plain(address(6_000));
    let consumer = room.consume(receiver, producer);
    arrive(&mut room, transport, [10, 11, 12]);
    wait(&mut room, 600);
    let parameters = room
        .engine
        .consumer_parameters(consumer)
        .expect("it is open");
    let received = room.received();
    let to_receiver = received
        .iter()
        .filter(|datagram| datagram.to == address(6_000));
    let packets = to_receiver.flat_map(|datagram| rtcp::packets(&datagram.bytes).flatten());
    let infos: Vec<SenderInfo> = packets
        .filter_map(|packet| match packet {
            RtcpPacket::SenderReport(report) => Some(report.info),
            _ => None,
        })
        .collect();
    assert_eq!(infos.len(), 1);
    assert_eq!(Some(infos[0].ssrc), parameters.encodings[0].ssrc);
    assert_eq!((infos[0].packet_count, infos[0].octet_count), (3, 3));
    // The packets came at 1 ms, the report 500 ms after the transport was made: 499 ms later.
    assert_eq!(infos[0].rtp_timestamp.wrapping_sub(12 * 3_000) / 480, 50);
}

#[test]
fn reports_of_many_streams_are_spread_over_ticks() {
    let mut room = Room::with(|builder| builder.reports_per_tick(50));
    let transport = room.plain(address(5_000));
    for ssrc in 0..200 {
        room.produce(transport, MediaKind::Audio, opus(1_000 + ssrc));
        room.arrive(transport, &Packet::new(111, 1, 1_000 + ssrc, b"x"));
    }
    room.tick();
    let mut reported = Vec::new();
    for _ in 0..600 {
        room.tick();
        let now = blocks(&room.received());
        assert!(now.len() <= 50, "{} blocks in a tick", now.len());
        reported.extend(now.iter().map(|block| block.ssrc));
    }
    reported.sort_unstable();
    assert_eq!(reported, (1_000..1_200).collect::<Vec<u32>>(), "each once");
}

/// The time of the tick, in milliseconds, in which the first sender report leaves to a port.
fn first_sender_report(room: &mut Room, port: u16) -> u64 {
    for _ in 0..1_000 {
        room.tick();
        let received = room.received();
        let mine = received.iter().filter(|sent| sent.to == address(port));
        let mut packets = mine.flat_map(|sent| rtcp::packets(&sent.bytes).flatten());
        if packets.any(|packet| matches!(packet, RtcpPacket::SenderReport(_))) {
            return room.now.as_millis();
        }
    }
    panic!("nothing is reported in a second");
}

#[test]
fn ten_thousand_consumers_with_nothing_to_report_are_looked_at_over_several_ticks() {
    for (limit, expected) in [(20_000, 500), (4_096, 502), (1_000, 510)] {
        let mut room = Room::with(|builder| builder.report_checks_per_tick(limit));
        let sender = room.plain(address(5_000));
        let silent = room.produce(sender, MediaKind::Audio, opus(SSRC + 1));
        let producer = room.produce(sender, MediaKind::Audio, opus(SSRC));
        let crowd = room.plain(address(6_000));
        for _ in 0..10_000 {
            room.consume(crowd, silent);
        }
        // Due in the same tick, behind the crowd.
        let receiver = room.plain(address(6_001));
        room.consume(receiver, producer);
        arrive(&mut room, sender, [10]);
        assert_eq!(first_sender_report(&mut room, 6_001), expected, "{limit}");
    }
}

#[test]
fn reports_go_on_however_few_are_looked_at_in_a_tick() {
    let mut room = Room::with(|builder| builder.report_checks_per_tick(1));
    let transport = room.plain(address(5_000));
    let receiver = room.plain(address(6_000));
    for ssrc in 1_000..1_003 {
        let producer = room.produce(transport, MediaKind::Audio, opus(ssrc));
        room.consume(receiver, producer);
        room.arrive(transport, &Packet::new(111, 1, ssrc, b"x"));
    }
    assert_eq!(first_sender_report(&mut room, 6_000), 500);
    let mut reported = Vec::new();
    for _ in 0..20 {
        room.tick();
        reported.extend(blocks(&room.received()).iter().map(|block| block.ssrc));
    }
    assert_eq!(reported, [1_000, 1_001, 1_002]);
    let next = room.engine.next_deadline().expect("the next report");
    assert!(next > room.now + Duration::from_millis(400), "{next}");
}

#[test]
fn looking_for_the_worst_loss_of_many_consumers_is_bounded_in_a_tick() {
    let mut room = Room::with(|builder| builder.report_checks_per_tick(100));
    let transport = room.plain(address(5_000));
    let receiver = room.plain(address(6_000));
    for ssrc in 1_000..1_040 {
        let mut parameters = opus(ssrc);
        parameters.codecs[0].parameters.insert("useinbandfec", 1);
        let producer = room.produce(transport, MediaKind::Audio, parameters);
        for _ in 0..19 {
            room.consume(receiver, producer);
        }
        room.arrive(transport, &Packet::new(111, 1, ssrc, b"x"));
    }
    room.tick();
    let mut reported = Vec::new();
    for _ in 0..700 {
        room.tick();
        let now = blocks(&room.received());
        assert!(now.len() <= 5, "{} blocks of 20 checks each", now.len());
        reported.extend(now.iter().map(|block| block.ssrc));
    }
    reported.sort_unstable();
    assert_eq!(reported, (1_000..1_040).collect::<Vec<u32>>(), "each once");
}

#[test]
fn one_stream_of_ten_thousand_consumers_is_looked_at_over_several_ticks() {
    for (limit, expected) in [(20_000, 501), (1_000, 510), (1, 10_500)] {
        let mut room = Room::with(|builder| builder.report_checks_per_tick(limit));
        let mut parameters = opus(SSRC);
        parameters.codecs[0].parameters.insert("useinbandfec", 1);
        let transport = room.plain(address(5_000));
        let producer = room.produce(transport, MediaKind::Audio, parameters);
        arrive(&mut room, transport, [10]);
        // They have nothing to report yet when the sender's report is due.
        room.tick_after(Duration::from_millis(100));
        let crowd = room.direct();
        let consumers: Vec<_> = (0..10_000).map(|_| room.consume(crowd, producer)).collect();
        let last = room.engine.consumer_parameters(consumers[9_999]).unwrap();
        let block = ReportBlock {
            ssrc: last.encodings[0].ssrc.unwrap(),
            fraction_lost: 77,
            ..ReportBlock::default()
        };
        let mut report = Vec::new();
        write_receiver_report(&mut report, 1, &[block]);
        room.engine.send_rtcp(crowd, &report).unwrap();
        let told = loop {
            room.tick();
            if let Some(block) = blocks(&room.received()).first() {
                break *block;
            }
        };
        assert_eq!(
            (told.fraction_lost, room.now.as_millis()),
            (77, expected),
            "{limit}"
        );
    }
}

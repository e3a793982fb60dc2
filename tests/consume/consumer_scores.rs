//! What receivers report becomes the scores and statistics of consumers.

use std::time::Duration;

use flumen::Event;
use flumen::components::wire::ntp;
use flumen::components::wire::rtcp::{
    self, ReportBlock, RtcpPacket, SenderInfo, write_nack, write_receiver_report,
    write_sender_report,
};
use flumen::rtp_parameters::{MediaKind, RtpEncodingRtx};
use flumen_tests::{Call, Packet, RECEIVER, Room, SENDER, SSRC, VP8_KEY_FRAME, address, opus};
use serde_json::{Value, json};

fn report(call: &mut Call, block: ReportBlock) {
    let mut bytes = Vec::new();
    write_receiver_report(&mut bytes, 1, &[block]);
    call.room.arrive_bytes(call.receiver, &bytes);
    call.tick_after(Duration::from_millis(1));
}

/// The receiver reports on the consumer that it lost `total_lost` so far.
fn lost(call: &Call, total_lost: i32) -> ReportBlock {
    ReportBlock {
        ssrc: call.consumer_ssrc(),
        total_lost,
        ..ReportBlock::default()
    }
}

/// Sends `count` packets, the numbers from `first` on.
fn send(call: &mut Call, first: u16, count: u16) -> u16 {
    let packets: Vec<_> = (first..first + count)
        .map(|number| Packet::new(111, number, SSRC, b"voice"))
        .collect();
    let got = call.send(&packets).packets;
    got.last().unwrap().sequence
}

/// The scores that events told, of the consumer alone.
fn told(call: &mut Call) -> Vec<Value> {
    let events = call.room.engine.drain_events();
    let scores = events.iter().filter_map(|event| match event {
        Event::ConsumerScoreChanged(_) => Some(serde_json::to_value(event).unwrap()),
        _ => None,
    });
    scores.collect()
}

fn score_of(call: &Call) -> Value {
    let score = call.room.engine.consumer_score(call.consumer).unwrap();
    serde_json::to_value(score).unwrap()
}

#[test]
fn a_consumer_begins_with_ten_and_its_producer_with_nothing() {
    let call = Call::audio();
    let expected = json!({"score": 10, "producerScore": 0, "producerScores": [0]});
    assert_eq!(score_of(&call), expected);
}

#[test]
fn a_new_stream_is_told_to_every_consumer() {
    let mut call = Call::audio();
    let other = call.room.plain(address(6_001));
    let other = call.room.consume(other, call.producer);
    call.room.engine.drain_events();
    send(&mut call, 1, 1);
    let score = json!({"score": 10, "producerScore": 10, "producerScores": [10]});
    let expected = [call.consumer, other]
        .map(|consumer| json!({"event": "score", "consumerId": consumer, "data": score}));
    assert_eq!(told(&mut call), expected);
    assert_eq!(score_of(&call), score);
}

#[test]
fn the_score_follows_the_reports_of_the_receiver() {
    let mut call = Call::audio();
    send(&mut call, 1, 100);
    told(&mut call);
    // Nothing lost: 10 as before, and nothing is told.
    let block = lost(&call, 0);
    report(&mut call, block);
    assert_eq!(told(&mut call), [] as [Value; 0]);
    // 10 of 100: 6.56, so 7; (1 * 10 + 2 * 7) / 3 = 8.
    send(&mut call, 101, 100);
    let block = lost(&call, 10);
    report(&mut call, block);
    // All of 100: 0; (1 * 10 + 2 * 7 + 3 * 0) / 6 = 4.
    send(&mut call, 201, 100);
    let block = lost(&call, 110);
    report(&mut call, block);
    let scores: Vec<_> = told(&mut call)
        .iter()
        .map(|event| event["data"]["score"].clone())
        .collect();
    assert_eq!(scores, [8, 4]);
    assert_eq!(call.outbound().stream.score, 4);
}

#[test]
fn repaired_loss_counts_in_part() {
    let mut call = Call::video();
    let packets: Vec<_> = (1..=100)
        .map(|number| Packet::new(96, number, SSRC, VP8_KEY_FRAME))
        .collect();
    let got = call.send(&packets).packets;
    let mut bytes = Vec::new();
    let missing = got.iter().skip(90).map(|packet| packet.sequence);
    write_nack(&mut bytes, 1, call.consumer_ssrc(), missing);
    call.room.arrive_bytes(call.receiver, &bytes);
    assert_eq!(call.tick_after(Duration::from_millis(1)).packets.len(), 10);
    let block = lost(&call, 10);
    report(&mut call, block);
    // w = (1 / 1.1)^4 = 0.683; lost 10 - 6.83 = 3; (97 / 100)^4 * 10 = 8.85.
    assert_eq!(call.outbound().stream.score, 9);
}

#[test]
fn a_change_of_the_producers_score_is_told_to_its_consumers() {
    let mut call = Call::audio();
    send(&mut call, 1, 100);
    let sender_report = |call: &mut Call| {
        let mut bytes = Vec::new();
        let info = SenderInfo {
            ssrc: SSRC,
            ntp: 1 << 32,
            ..SenderInfo::default()
        };
        write_sender_report(&mut bytes, &info);
        call.room.arrive_bytes(call.sender, &bytes);
        call.tick_after(Duration::from_millis(1));
    };
    sender_report(&mut call);
    told(&mut call);
    // Of 200 that were expected 100 came, so all that came counts as lost: 0; 10 / 3 = 3.33.
    send(&mut call, 201, 100);
    sender_report(&mut call);
    let expected = json!({"score": 10, "producerScore": 3, "producerScores": [3]});
    assert_eq!(told(&mut call)[0]["data"], expected);
}

#[test]
fn what_the_receiver_reports_is_in_the_statistics() {
    let mut call = Call::audio();
    send(&mut call, 1, 100);
    let block = ReportBlock {
        fraction_lost: 12,
        jitter: 345,
        ..lost(&call, 6)
    };
    report(&mut call, block);
    let stats = call.outbound();
    assert_eq!(
        (stats.packets_lost, stats.fraction_lost, stats.jitter),
        (6, 12, 345)
    );
    assert_eq!(stats.round_trip_time, 0.0, "it has not answered a report");
}

/// The middle bits of the NTP time in the sender report that left for the receiver, the last.
fn last_sender_report(room: &mut Room) -> Option<u32> {
    let received = room.received();
    let packets = received
        .iter()
        .filter(|datagram| datagram.to == address(RECEIVER))
        .flat_map(|datagram| rtcp::packets(&datagram.bytes).flatten());
    let times = packets.filter_map(|packet| match packet {
        RtcpPacket::SenderReport(report) => Some(ntp::middle(report.info.ntp)),
        _ => None,
    });
    times.last()
}

#[test]
fn a_round_trip_is_measured_by_answers_to_reports_that_were_sent() {
    let mut call = Call::audio();
    send(&mut call, 1, 10);
    let mut sent = None;
    while sent.is_none() {
        call.room.tick_after(Duration::from_millis(10));
        sent = last_sender_report(&mut call.room);
    }
    // Held for 30 ms, and back after 80.
    call.room.tick_after(Duration::from_millis(79));
    let answer = |last_sender_report| ReportBlock {
        last_sender_report,
        delay: 65_536 * 30 / 1_000,
        ..lost(&call, 0)
    };
    let (forged, answer) = (answer(sent.unwrap() - 70_000), answer(sent.unwrap()));
    report(&mut call, forged);
    assert_eq!(
        call.outbound().round_trip_time,
        0.0,
        "no such report was sent"
    );
    report(&mut call, answer);
    let round_trip = call.outbound().round_trip_time;
    assert!((50.0..52.0).contains(&round_trip), "{round_trip} ms");
}

#[test]
fn a_sender_that_receives_reports_in_its_sender_reports() {
    let mut call = Call::audio();
    send(&mut call, 1, 100);
    let mut bytes = Vec::new();
    write_sender_report(&mut bytes, &SenderInfo::default());
    let mut report = Vec::new();
    write_receiver_report(&mut report, 1, &[lost(&call, 9)]);
    bytes[0] |= 1;
    bytes[3] += 6;
    bytes.extend(&report[8..]);
    call.room.arrive_bytes(call.receiver, &bytes);
    call.tick_after(Duration::from_millis(1));
    assert_eq!(call.outbound().packets_lost, 9);
}

#[test]
fn reports_about_others_and_absurd_ones_change_nothing_else() {
    let mut call = Call::video();
    let packets: Vec<_> = (1..=10)
        .map(|number| Packet::new(96, number, SSRC, VP8_KEY_FRAME))
        .collect();
    call.send(&packets);
    let before = (call.outbound(), told(&mut call).len());
    let parameters = call.room.engine.consumer_parameters(call.consumer).unwrap();
    let Some(RtpEncodingRtx { ssrc: rtx }) = parameters.encodings[0].rtx else {
        panic!("a consumer of video has retransmissions");
    };
    for ssrc in [rtx, SSRC, 0, u32::MAX] {
        let block = ReportBlock {
            ssrc,
            fraction_lost: 255,
            ..lost(&call, 1_000)
        };
        report(&mut call, block);
    }
    assert_eq!(call.outbound().packets_lost, before.0.packets_lost);
    assert!(told(&mut call).is_empty());
    let absurd = ReportBlock {
        ssrc: call.consumer_ssrc(),
        fraction_lost: 255,
        total_lost: -8_388_608,
        highest_sequence: u32::MAX,
        jitter: u32::MAX,
        last_sender_report: u32::MAX,
        delay: u32::MAX,
    };
    report(&mut call, absurd);
    let stats = call.outbound();
    assert_eq!((stats.packets_lost, stats.stream.score), (-8_388_608, 10));
    assert_eq!(stats.round_trip_time, 0.0);
}

#[test]
fn a_flood_of_reports_in_a_tick_is_told_once() {
    let mut call = Call::audio();
    send(&mut call, 1, 100);
    told(&mut call);
    for total in 1..=200 {
        let mut bytes = Vec::new();
        write_receiver_report(&mut bytes, 1, &[lost(&call, 100 * (total % 2))]);
        call.room.arrive_bytes(call.receiver, &bytes);
    }
    call.tick_after(Duration::from_millis(1));
    assert!(told(&mut call).len() <= 1);
}

#[test]
fn however_many_reports_come_in_a_tick_each_score_is_told_once() {
    let mut call = Call::audio();
    send(&mut call, 1, 100);
    call.room.engine.drain_events();
    // Half of what comes next is lost: 0 at the first report. Those after it tell of no more loss:
    // 7, 8 and 9.
    let packets: Vec<_> = (101..=199)
        .step_by(2)
        .map(|number| Packet::new(111, number, SSRC, b"voice"))
        .collect();
    for packet in &packets {
        call.room.arrive(call.sender, packet);
    }
    for ntp in 1..=4 {
        let info = SenderInfo {
            ssrc: SSRC,
            ntp,
            ..SenderInfo::default()
        };
        let mut bytes = Vec::new();
        write_sender_report(&mut bytes, &info);
        call.room.arrive_bytes(call.sender, &bytes);
    }
    // The receiver tells its own loss in the same tick: half of the hundred that it was sent until
    // then, (50 / 100)^4 * 10 = 0.6.
    let block = lost(&call, 50);
    report(&mut call, block);
    let producer = call.room.engine.score(call.producer).unwrap()[0].score;
    let consumer = score_of(&call);
    assert_eq!((producer, &consumer["score"]), (9, &json!(1)));
    let events = call.room.engine.drain_events();
    let told: Vec<_> = events
        .iter()
        .map(|event| serde_json::to_value(event).unwrap())
        .collect();
    let data = json!([{"encodingIdx": 0, "ssrc": SSRC, "score": producer}]);
    let expected = [
        json!({"event": "score", "producerId": call.producer, "data": data}),
        json!({"event": "score", "consumerId": call.consumer, "data": consumer}),
    ];
    assert_eq!(told, expected);
}

#[test]
fn scores_that_are_the_same_after_a_tick_are_not_told() {
    let mut call = Call::audio();
    send(&mut call, 1, 100);
    call.room.engine.drain_events();
    // Half of what the sender sends is lost, and half of what the receiver is sent; the scores
    // fall, and after as many reports as are remembered nothing is left of it.
    for number in (101..=199).step_by(2) {
        let packet = Packet::new(111, number, SSRC, b"voice");
        call.room.arrive(call.sender, &packet);
    }
    for ntp in 1..=25 {
        let info = SenderInfo {
            ssrc: SSRC,
            ntp,
            ..SenderInfo::default()
        };
        let mut bytes = Vec::new();
        write_sender_report(&mut bytes, &info);
        call.room.arrive_bytes(call.sender, &bytes);
        let mut bytes = Vec::new();
        write_receiver_report(&mut bytes, 1, &[lost(&call, 50)]);
        call.room.arrive_bytes(call.receiver, &bytes);
    }
    call.tick_after(Duration::from_millis(1));
    assert_eq!(call.room.engine.drain_events(), []);
    // Nor does that keep the next change from being told.
    let block = lost(&call, 75);
    report(&mut call, block);
    assert_eq!(told(&mut call).len(), 1);
}

/// The loss that the engine reports to the sender: the share of the last report, and the total.
fn reported_to_sender(call: &mut Call) -> (u8, i32) {
    let mut last = None;
    while last.is_none() {
        call.room.tick_after(Duration::from_millis(10));
        let received = call.room.received();
        let mut to_sender = received
            .iter()
            .filter(|datagram| datagram.to == address(SENDER))
            .flat_map(|datagram| rtcp::packets(&datagram.bytes).flatten());
        last = to_sender.find_map(|packet| match packet {
            RtcpPacket::ReceiverReport(report) => report.blocks().next(),
            _ => None,
        });
    }
    let block = last.unwrap();
    (block.fraction_lost, block.total_lost)
}

fn opus_with_fec(fec: i64) -> Call {
    let mut parameters = opus(SSRC);
    parameters.codecs[0].parameters.insert("useinbandfec", fec);
    Call::of(MediaKind::Audio, parameters)
}

#[test]
fn a_sender_with_in_band_fec_is_told_the_worst_loss_of_its_consumers() {
    for (fec, expected) in [(1, (64, 16)), (0, (0, 0))] {
        let mut call = opus_with_fec(fec);
        let worse = call.room.plain(address(6_001));
        let consumer = call.room.consume(worse, call.producer);
        send(&mut call, 1, 64);
        let block = ReportBlock {
            fraction_lost: 32,
            ..lost(&call, 8)
        };
        report(&mut call, block);
        call.consumer = consumer;
        call.receiver = worse;
        let block = ReportBlock {
            fraction_lost: 64,
            ..lost(&call, 16)
        };
        report(&mut call, block);
        assert_eq!(reported_to_sender(&mut call), expected);
        assert_eq!(
            call.inbound().packets_lost,
            0,
            "its own loss is another thing"
        );
    }
}

#[test]
fn the_loss_of_a_paused_consumer_is_not_told() {
    let mut call = opus_with_fec(1);
    send(&mut call, 1, 64);
    let block = ReportBlock {
        fraction_lost: 64,
        ..lost(&call, 16)
    };
    report(&mut call, block);
    call.room.engine.pause_consumer(call.consumer).unwrap();
    assert_eq!(reported_to_sender(&mut call), (0, 0));
}

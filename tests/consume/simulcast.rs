//! A consumer of simulcast gets one encoding after another, and its receiver sees one stream.

use std::time::Duration;

use flumen::components::wire::rtcp::{self, RtcpPacket, write_pli};
use flumen::rtp_parameters::MediaKind;
use flumen::stats::RtpStats;
use flumen::{ConsumerOptions, Event, PreferredLayers};
use flumen_tests::layered::{LayeredCall, Path, ssrc_of};
use flumen_tests::{
    Call, Packet, RECEIVER, RID, Request, Room, VP8_KEY_FRAME, address, encoding_named, vp8_rtx,
};

/// So many pictures are long enough for a stream that stopped to be told to be dead.
const DEATH: usize = 120;

#[test]
fn the_highest_encoding_is_what_a_consumer_gets() {
    let mut call = LayeredCall::running(3, 1, 1);
    call.run(20);
    assert_eq!(call.current(), Some((2, 0)));
    let encodings = call.decoded(Path::Clean);
    assert_eq!(
        encodings.last().map(|(encoding, _)| *encoding),
        Some(2),
        "{encodings:?}"
    );
    assert_eq!(call.told().last(), Some(&Some((2, 0))));
}

#[test]
fn a_wish_is_fulfilled_with_the_next_key_frame_and_not_before() {
    let mut call = LayeredCall::running(3, 1, 2);
    call.run(20);
    call.told();
    let (asked, before) = (call.asked(0), call.received.count());
    call.sources[0].reaction = 9;
    call.prefer(0, None);
    call.run(5);
    assert_eq!((call.asked(0), call.current()), (asked + 1, Some((2, 0))));
    assert!(
        call.received.count() >= before + 5,
        "what it got goes on meanwhile"
    );
    call.run(10);
    assert_eq!((call.asked(0), call.current()), (asked + 1, Some((0, 0))));
    assert_eq!(call.told(), [Some((0, 0))]);
    call.prefer(2, None);
    call.run(5);
    assert_eq!(call.told(), [Some((2, 0))]);
    call.decoded(Path::Clean);
}

#[test]
fn a_wish_at_creation_holds_from_the_beginning() {
    let preferred_layers = Some(PreferredLayers {
        spatial_layer: 1,
        temporal_layer: Some(0),
    });
    let mut call = LayeredCall::with(3, 3, 3, |options| ConsumerOptions {
        preferred_layers,
        ..options
    });
    let preferred = call.room.engine.preferred_layers(call.consumer).unwrap();
    let preferred = preferred.map(|layers| (layers.spatial_layer, layers.temporal_layer));
    assert_eq!(preferred, Some((1, 0)));
    call.run(2);
    call.report();
    call.run(40);
    assert_eq!(call.current(), Some((1, 0)));
    let encodings = call.decoded(Path::Clean);
    assert!(
        encodings.iter().all(|(encoding, _)| *encoding < 2),
        "{encodings:?}"
    );
}

#[test]
fn temporal_layers_above_the_wish_are_left_out_and_numbers_go_on() {
    let mut call = LayeredCall::running(2, 3, 4);
    call.run(20);
    assert_eq!(call.current(), Some((1, 2)));
    call.told();
    for (temporal, told) in [(1, (1, 1)), (0, (1, 0)), (2, (1, 2))] {
        call.prefer(1, Some(temporal));
        call.run(40);
        assert_eq!(call.told().last(), Some(&Some(told)));
    }
    call.decoded(Path::Clean);
    let received = call.received.decode(&call.made, Path::Clean);
    let temporal = received.iter().map(|frame| frame.seen.temporal.0);
    // Of 142 pictures of the higher encoding.
    let counts = temporal.fold([0; 3], |mut counts, layer| {
        counts[usize::from(layer)] += 1;
        counts
    });
    assert!(
        counts[0] >= 33 && counts[1] >= 20 && counts[2] >= 25,
        "{counts:?}"
    );
    assert!(counts[1] < 33 && counts[2] < 45, "{counts:?}");
}

#[test]
fn temporal_layers_that_nobody_declared_are_left_out_by_wish_alone() {
    let mut call = LayeredCall::undeclared(3, 3, 5).begun();
    let preferred = |call: &LayeredCall| {
        let layers = call.room.engine.preferred_layers(call.consumer).unwrap();
        layers.map(|layers| (layers.spatial_layer, layers.temporal_layer))
    };
    // As many as packets can tell.
    assert_eq!(preferred(&call), Some((2, 7)));
    call.run(20);
    assert_eq!(call.current(), Some((2, 2)));
    let before = call.received.packets().last().unwrap().timestamp;
    call.run(20);
    let mut times: Vec<u32> = call.received.packets().map(|it| it.timestamp).collect();
    times.dedup();
    times.retain(|&at| at.wrapping_sub(before).cast_signed() > 0);
    assert_eq!(times.len(), 20, "of twenty pictures");
    for (wish, told) in [(Some(1), 1), (Some(0), 0), (Some(9), 7), (None, 7)] {
        call.prefer(1, wish);
        assert_eq!(preferred(&call), Some((1, told)));
        call.run(20);
        assert_eq!(call.current(), Some((1, told.min(2))));
    }
    call.decoded(Path::Clean);
}

#[test]
fn another_stream_is_another_score_and_another_statistic() {
    let mut call = LayeredCall::running(2, 1, 5);
    call.run(20);
    call.room.engine.drain_events();
    call.prefer(0, None);
    call.run(5);
    let events = call.room.engine.drain_events();
    let scores: Vec<_> = events
        .iter()
        .filter(|event| event.name() == "score")
        .collect();
    let [Event::ConsumerScoreChanged(told)] = scores[..] else {
        panic!("{scores:?} is not one score of the consumer");
    };
    assert_eq!((told.score.score, told.score.producer_score), (10, 10));
    let stats = call.room.engine.consumer_stats(call.consumer).unwrap();
    let [RtpStats::Outbound(_), RtpStats::Inbound(inbound)] = &stats[..] else {
        panic!("{stats:?}");
    };
    assert_eq!(inbound.stream.ssrc, ssrc_of(0));
}

#[test]
fn a_receiver_that_wants_a_key_frame_gets_one_of_what_it_decodes() {
    let mut call = LayeredCall::running(3, 1, 6);
    call.run(20);
    let before: Vec<_> = (0..3).map(|encoding| call.asked(encoding)).collect();
    call.prefer(1, None);
    call.run(5);
    assert_eq!(call.asked(1), before[1] + 1);
    let mut pli = Vec::new();
    write_pli(&mut pli, 1, call.consumer_ssrc());
    call.room.arrive_bytes(call.receiver, &pli);
    call.run(1);
    let after: Vec<_> = (0..3).map(|encoding| call.asked(encoding)).collect();
    assert_eq!(after, [before[0], before[1] + 2, before[2]]);
}

#[test]
fn when_the_stream_dies_another_one_that_lives_is_taken() {
    // Of 2, 1 and 0 the 2 dies; and of 2 and 0 alone.
    for (alive, expected) in [(vec![0, 1], (1, 0)), (vec![0], (0, 0))] {
        let mut call = LayeredCall::running(3, 1, 7);
        call.sources[1].is_live = alive.contains(&1);
        call.run(DEATH);
        assert_eq!(call.current(), Some((2, 0)));
        call.sources[2].is_live = false;
        call.run(DEATH);
        assert_eq!(call.current(), Some(expected));
        call.sources[2].is_live = true;
        call.run(20);
        assert_eq!(call.current(), Some((2, 0)), "it comes back");
        call.decoded(Path::Clean);
    }
}

#[test]
fn when_all_streams_die_nothing_is_forwarded_and_it_is_told() {
    let mut call = LayeredCall::running(2, 1, 8);
    call.run(20);
    call.told();
    for source in &mut call.sources {
        source.is_live = false;
    }
    call.run(DEATH);
    assert_eq!((call.current(), call.told()), (None, vec![None]));
    call.sources[0].is_live = true;
    call.run(20);
    assert_eq!(call.told(), [Some((0, 0))]);
    call.decoded(Path::Clean);
}

#[test]
fn a_stream_that_never_comes_is_not_waited_for() {
    for missing in 0..3 {
        let mut call = LayeredCall::new(3, 1, 9);
        call.sources[missing].is_live = false;
        call.run(2);
        call.report();
        call.run(20);
        let highest = if missing == 2 { 1 } else { 2 };
        assert_eq!(call.current(), Some((highest, 0)), "without {missing}");
        call.prefer(missing as u8, None);
        call.run(40);
        let expected = if missing == 0 { 1 } else { missing as u8 - 1 };
        assert_eq!(call.current(), Some((expected, 0)), "a wish for {missing}");
        call.decoded(Path::Clean);
    }
}

#[test]
fn wishes_in_quick_succession_ask_every_stream_once_and_freeze_nothing() {
    let mut call = LayeredCall::running(3, 3, 10);
    call.run(40);
    for source in &mut call.sources {
        source.reaction = 3;
    }
    let before = (call.received.count(), call.requests.len());
    for round in 0..60 {
        call.prefer([0, 2, 1][round % 3], None);
        call.run(1);
    }
    let pictures = call.received.count() - before.0;
    assert!(pictures >= 60, "{pictures} packets in 60 pictures");
    for encoding in 0..3 {
        let requests = &call.requests[before.1..];
        let times = requests
            .iter()
            .filter(|(_, request)| *request == Request::Pli(ssrc_of(encoding)));
        let times: Vec<_> = times.map(|(at, _)| *at).collect();
        // A key frame comes three pictures after it was asked for.
        let often = times.windows(2).any(|pair| pair[1] - pair[0] < 3 * 33);
        assert!(!often, "encoding {encoding} was asked at {times:?}");
    }
    call.run(20);
    call.decoded(Path::Clean);
}

#[test]
fn a_key_frame_captured_with_the_last_frame_has_a_later_time() {
    let mut call = LayeredCall::running(2, 1, 11);
    call.run(20);
    call.prefer(0, None);
    call.run(10);
    // The lower encoding's packets come first in each tick: its frame is sent, and then the key
    // frame of the same picture.
    call.prefer(1, None);
    call.run(10);
    assert_eq!(call.current(), Some((1, 0)));
    call.decoded(Path::Clean);
}

#[test]
fn a_stream_far_behind_is_taken_with_its_first_key_frame() {
    let mut call = LayeredCall::running(2, 1, 12);
    call.run(20);
    call.sources[0].lag = 800;
    call.run(5);
    let asked = call.asked(0);
    call.prefer(0, None);
    call.run(5);
    assert_eq!((call.current(), call.asked(0)), (Some((0, 0)), asked + 1));
    for round in 0..20 {
        call.prefer(round % 2, None);
        call.run(3);
    }
    assert!(call.requests.len() < 40, "{} requests", call.requests.len());
    call.decoded(Path::Clean);
}

/// Timestamps less capture times, in units of 90 kHz.
fn clocks(call: &LayeredCall) -> Vec<i64> {
    let received = call.received.decode(&call.made, Path::Clean);
    let first = received[0].timestamp;
    let clock = |frame: &flumen_tests::layered::Decoded| {
        let captured = call.made[frame.id as usize].captured as i64 * 90;
        i64::from(frame.timestamp.wrapping_sub(first).cast_signed()) - captured
    };
    received.iter().map(clock).collect()
}

#[test]
fn timestamps_tell_when_media_was_captured_across_switches() {
    // One encoding comes a fifth of a second later than the other.
    let mut call = LayeredCall::running(2, 1, 13);
    call.run(20);
    call.sources[0].lag = 200;
    for layer in [0, 1, 0, 1] {
        call.prefer(layer, None);
        call.run(40);
    }
    assert!(call.decoded(Path::Clean).len() >= 5);
    let clocks = clocks(&call);
    let newest = clocks.iter().rev().take(30);
    let spread = newest.clone().max().unwrap() - newest.min().unwrap();
    assert!(spread <= 2, "they are apart by {spread}");
    let back = clocks.last().unwrap() - clocks[15];
    assert!(back.abs() <= 2, "the first clock after all: {back}");
}

#[test]
fn timestamps_of_streams_whose_clocks_wrap_go_on() {
    let mut call = LayeredCall::new(2, 1, 14);
    call.sources[0].set_clock(u32::MAX - 90 * 1_000);
    call.sources[1].set_clock(u32::MAX / 2 - 90 * 1_500);
    call.run(2);
    call.report();
    for layer in [0, 1, 0, 1, 0, 1] {
        call.prefer(layer, None);
        call.run(20);
        assert_eq!(call.current(), Some((layer, 0)));
    }
    let clocks = clocks(&call);
    let spread = clocks.iter().max().unwrap() - clocks.iter().min().unwrap();
    assert!(spread <= 90 * 34, "no more than a picture: {spread}");
}

#[test]
fn a_stream_without_a_clock_is_taken_when_it_is_the_only_one() {
    let mut call = LayeredCall::new(2, 1, 15);
    call.prefer(0, None);
    call.run(20);
    call.prefer(1, None);
    call.run(20);
    assert_eq!(
        call.current(),
        Some((0, 0)),
        "the clock of the other is not known"
    );
    call.sources[0].is_live = false;
    call.run(DEATH);
    assert_eq!(call.current(), Some((1, 0)));
    let clocks = clocks(&call);
    let jump = clocks.last().unwrap() - clocks[0];
    assert!(jump.abs() <= 90 * 34, "by the time that passed: {jump}");
}

#[test]
fn a_consumer_goes_down_to_a_stream_whose_clock_nobody_told() {
    let mut call = LayeredCall::new(3, 1, 19);
    call.run(3);
    assert_eq!(call.current(), Some((2, 0)));
    for wish in [1, 0] {
        call.prefer(wish, None);
        call.run(20);
        assert_eq!(call.current(), Some((wish, 0)));
    }
    // But not up again: that is no loss of a picture, and may be one of lips that go with words.
    call.prefer(2, None);
    call.run(20);
    assert_eq!(call.current(), Some((0, 0)));
    call.report();
    call.run(20);
    assert_eq!(call.current(), Some((2, 0)));
    call.decoded(Path::Clean);
}

#[test]
fn a_stream_whose_clock_is_absurd_is_placed_by_the_time_that_passed() {
    let mut call = LayeredCall::running(2, 1, 16);
    call.run(20);
    call.sources[0].shift_clock(90_000 * 3_600);
    call.run(2);
    call.prefer(0, None);
    call.run(20);
    assert_eq!(call.current(), Some((0, 0)));
    call.decoded(Path::Clean);
}

#[test]
fn reports_to_the_receiver_go_with_what_it_gets() {
    let mut call = LayeredCall::running(2, 1, 17);
    call.run(20);
    for _ in 0..4 {
        call.report();
        call.run(1);
    }
    // NTP less RTP, in units of 90 kHz.
    let reported = |call: &mut LayeredCall| {
        for _ in 0..300 {
            let last = call.received.packets().last().unwrap().timestamp;
            for packet in call.encode_all() {
                call.room.arrive(call.sender, &packet);
            }
            call.room.tick_after(Duration::from_millis(33));
            let received = call.room.received();
            call.take(&received);
            let reports = received.iter().filter(|got| got.to == address(RECEIVER));
            for packet in reports.flat_map(|got| rtcp::packets(&got.bytes)).flatten() {
                if let RtcpPacket::SenderReport(report) = packet {
                    let units = (u128::from(report.info.ntp) * 90_000) >> 32;
                    let ahead = report.info.rtp_timestamp.wrapping_sub(last).cast_signed();
                    assert!(ahead.abs() < 90_000, "the report is {ahead} ahead of media");
                    return (units as u32).wrapping_sub(report.info.rtp_timestamp);
                }
            }
        }
        panic!("no report");
    };
    let before = reported(&mut call);
    call.prefer(0, None);
    call.run(10);
    assert_eq!(call.current(), Some((0, 0)));
    let after = reported(&mut call);
    let shift = after.wrapping_sub(before).cast_signed();
    assert!(shift.abs() <= 90, "the clock is another by {shift}");
}

#[test]
fn padding_of_other_streams_leaves_no_hole() {
    let mut call = LayeredCall::running(2, 1, 18);
    call.run(20);
    for encoding in [0, 1] {
        for _ in 0..5 {
            let source = &mut call.sources[encoding];
            source.sequence = source.sequence.wrapping_add(1);
            let mut padding = Packet::new(96, source.sequence, source.ssrc, &[]);
            padding.padding = 100;
            padding.timestamp = source.timestamp(call.room.now.as_millis());
            call.send(&[padding]);
            call.run(1);
        }
    }
    call.prefer(0, None);
    call.run(10);
    call.decoded(Path::Clean);
}

#[test]
fn what_was_sent_before_a_switch_is_sent_again_after_it() {
    let mut call = LayeredCall::running(3, 3, 19);
    call.run(20);
    for layer in [1, 0, 2] {
        call.prefer(layer, Some(1));
        call.run(6);
    }
    assert!(call.decoded(Path::Clean).len() >= 4);
    let sent: Vec<_> = call.received.packets().cloned().collect();
    let numbers = sent.iter().map(|packet| packet.sequence);
    let again = call.ask(numbers);
    assert_eq!(again.len(), sent.len());
    for (again, first) in again.iter().zip(&sent) {
        // Behind the number that is repeated (RFC 4588).
        let repeated = [&first.sequence.to_be_bytes(), &first.payload[..]].concat();
        let same = (first.timestamp, first.marker, &repeated);
        assert_eq!((again.timestamp, again.marker, &again.payload), same);
    }
}

#[test]
fn a_key_frame_amid_a_frame_waits_for_its_end() {
    let mut call = LayeredCall::running(2, 1, 20);
    call.run(20);
    call.prefer(0, None);
    call.room.tick();
    let (key, mut frame) = loop {
        call.sources[0].begin_anew();
        let (key, frame) = (call.encode(0), call.encode(1));
        if key.len() > 1 && frame.len() > 1 {
            break (key, frame);
        }
        call.send(&frame);
        call.sources[0].skip(&key);
    };
    let end = frame.pop().unwrap();
    let got = call.send(&frame).packets.len();
    assert_eq!(got, frame.len());
    assert_eq!(call.send(&key[..1]).packets.len(), 0);
    let got = call.send(&[key[1].clone(), end]).packets;
    assert_eq!(got.len(), 3, "the end, and then the key frame so far");
    assert_eq!(call.send(&key[2..]).packets.len(), key.len() - 2);
    call.run(5);
    call.decoded(Path::Clean);
}

/// A call whose consumer waits for the key frame of the lower encoding, that key frame, and a frame of
/// several packets of the encoding that it still gets: both have yet to be sent.
fn about_to_fall(seed: u64) -> (LayeredCall, Vec<Packet>, Vec<Packet>) {
    let mut call = LayeredCall::running(2, 1, seed);
    call.run(20);
    call.prefer(0, None);
    call.room.tick();
    call.sources[0].begin_anew();
    let key = call.encode(0);
    let frame = loop {
        let frame = call.encode(1);
        if frame.len() > 1 {
            break frame;
        }
        call.send(&frame);
    };
    (call, key, frame)
}

#[test]
fn a_key_frame_does_not_wait_for_an_end_that_is_lost() {
    for behind in [true, false] {
        let (mut call, key, frame) = about_to_fall(21);
        call.lose(&frame[frame.len() - 1..]);
        call.send(&frame[..frame.len() - 1]);
        assert_eq!(call.send(&key).packets.len(), 0);
        if behind {
            // The next frame begins.
            let next = call.encode(1);
            assert_eq!(call.send(&next).packets.len(), key.len());
        } else {
            call.sources[1].is_live = false;
            call.run(6);
        }
        assert_eq!(call.current(), Some((0, 0)));
        call.run(5);
        call.decoded(Path::Lossy);
    }
}

#[test]
fn a_key_frame_that_waits_is_let_go_once_its_layer_is_not_wanted_any_more() {
    for is_live in [true, false] {
        let (mut call, key, frame) = about_to_fall(25);
        let end = &frame[frame.len() - 1..];
        call.send(&frame[..frame.len() - 1]);
        assert_eq!(call.send(&key).packets.len(), 0);
        let asked = call.asked(1);
        call.told();
        call.prefer(1, None);
        call.sources[1].is_live = is_live;
        if is_live {
            assert_eq!(call.send(end).packets.len(), 1);
        }
        call.run(20);
        assert_eq!(call.current(), Some((1, 0)), "live {is_live}");
        assert_eq!(
            (call.asked(1), call.told()),
            (asked, vec![]),
            "live {is_live}"
        );
        if is_live {
            call.decoded(Path::Clean);
        }
    }
}

/// A receiver takes in the key frame all the same: it sees no hole, and nothing needs the frame.
#[test]
fn an_end_that_comes_when_a_key_frame_has_waited_for_it_is_not_sent() {
    let (mut call, key, frame) = about_to_fall(24);
    let (begun, end) = frame.split_at(frame.len() - 1);
    call.delay(end);
    call.send(begun);
    assert_eq!(call.send(&key).packets.len(), 0);
    call.sources[1].is_live = false;
    call.run(6);
    assert_eq!(call.current(), Some((0, 0)));
    assert_eq!(call.send(end).packets.len(), 0);
    call.run(5);
    call.decoded(Path::Repaired);
}

#[test]
fn a_late_packet_fills_the_hole_from_before_a_switch() {
    let mut call = LayeredCall::running(2, 1, 22);
    call.run(20);
    let frame = loop {
        let frame = call.encode(1);
        if frame.len() > 2 {
            break frame;
        }
        call.send(&frame);
    };
    call.send(&[frame[0].clone(), frame[2].clone()]);
    call.prefer(0, None);
    call.run(5);
    assert_eq!(call.current(), Some((0, 0)));
    assert_eq!(call.send(&frame[1..2]).packets.len(), 1);
    call.run(5);
    call.decoded(Path::Clean);
}

#[test]
fn packets_of_a_key_frame_that_overtook_its_first_are_sent_behind_it() {
    let mut call = LayeredCall::running(2, 1, 23);
    call.run(20);
    call.prefer(0, None);
    call.room.tick();
    let key = loop {
        call.sources[0].begin_anew();
        let key = call.encode(0);
        if key.len() > 2 {
            break key;
        }
        call.sources[0].skip(&key);
    };
    assert!(
        call.send(&[key[1].clone(), key[2].clone()])
            .packets
            .is_empty()
    );
    assert_eq!(call.send(&key[..1]).packets.len(), 3);
    call.run(5);
    call.decoded(Path::Clean);
}

#[test]
fn picture_ids_of_seven_bits_become_longer_and_nothing_is_eaten() {
    let mut call = LayeredCall::running(2, 3, 24);
    call.sources[0].shorten_ids();
    // Reading what is received checks every byte, and that ids go on when the short ones wrap.
    call.run(20);
    for layer in [0, 1, 0] {
        call.prefer(layer, Some(1));
        call.run(300);
    }
    assert!(call.decoded(Path::Clean).len() >= 4);
}

#[test]
fn a_sender_that_restarts_its_numbers_goes_on() {
    let mut call = LayeredCall::running(2, 1, 25);
    call.run(20);
    let source = &mut call.sources[1];
    source.sequence = source.sequence.wrapping_add(20_000);
    source.begin_anew();
    call.run(20);
    let received = call.received.count();
    call.run(20);
    assert!(call.received.count() >= received + 20);
    // The first packet after a jump is rejected: nobody knows yet that the sender restarted.
}

#[test]
fn a_paused_consumer_tells_that_it_gets_nothing_and_begins_with_a_key_frame() {
    let mut call = LayeredCall::running(2, 1, 26);
    call.run(20);
    call.told();
    call.room.engine.pause_consumer(call.consumer).unwrap();
    call.run(5);
    assert_eq!((call.current(), call.told()), (None, vec![None]));
    call.room.engine.resume_consumer(call.consumer).unwrap();
    call.sources[1].reaction = 4;
    call.run(10);
    assert_eq!(call.told(), [Some((1, 0))]);
    call.sources[1].reaction = 0;
    call.room.engine.pause_producer(call.producer).unwrap();
    call.run(5);
    call.room.engine.resume_producer(call.producer).unwrap();
    call.run(10);
    assert_eq!(call.told(), [None, Some((1, 0))]);
    call.decoded(Path::Clean);
}

#[test]
fn an_unanswered_request_is_repeated_at_growing_intervals_as_long_as_it_is_needed() {
    let mut call = LayeredCall::running(2, 1, 27);
    call.run(20);
    let asked = call.asked(0);
    call.prefer(0, None);
    for source in &mut call.sources {
        source.reaction = u8::MAX;
    }
    // At once and after one, three and seven seconds.
    call.run(300);
    let asked = call.asked(0) - asked;
    assert_eq!(asked, 4, "requests in ten seconds");
    assert_eq!(call.requests.last().unwrap().1, Request::Pli(ssrc_of(0)));
}

#[test]
fn encodings_that_come_back_with_other_ssrcs_are_followed() {
    let parameters = vp8_rtx(["r0", "r1"].map(encoding_named).into());
    let mut call = Call::inside(Room::new(), MediaKind::Video, parameters);
    let mut received: Vec<Packet> = Vec::new();
    for step in 0..30_u16 {
        let time = u32::from(step) * 3_000;
        // First the lower encoding comes back with another SSRC, then the higher one.
        let lower = if step < 10 { (70, 0) } else { (71, 20_000) };
        let higher = if step < 20 { (80, 500) } else { (81, 40_000) };
        let packets = [("r0", lower), ("r1", higher)].map(|(rid, (ssrc, first))| {
            let packet = Packet::new(96, first + step, ssrc, VP8_KEY_FRAME);
            let packet = packet.at(time + ssrc * 1_000).marked();
            packet.with_extension(RID, rid.as_bytes())
        });
        let left = call.send(&packets).packets;
        assert!(!left.is_empty(), "nothing in step {step}");
        received.extend(left);
        call.tick_after(Duration::from_millis(32));
        call.room.engine.check_ledger().unwrap();
    }
    for pair in received.windows(2) {
        let [before, after] = pair else { continue };
        assert_eq!(after.sequence, before.sequence.wrapping_add(1));
        let ahead = after.timestamp.wrapping_sub(before.timestamp).cast_signed();
        assert!((1..90_000).contains(&ahead), "time runs by {ahead}");
    }
}

//! Consumers begin with a key frame, and senders are asked for it: once, spaced, and repeated.

use std::time::Duration;

use flumen::rtp_parameters::{MediaKind, RtcpFeedback, RtpParameters};
use flumen::{
    ConnectOptions, ConsumerOptions, Engine, Listen, ListenInfo, Loopback, PlainTransportOptions,
    ProducerOptions, Time, Withheld,
};
use flumen_tests::{
    Call, Packet, RECEIVER, Request, Room, SENDER, SSRC, VP8_DELTA_FRAME, VP8_KEY_FRAME, address,
    feedback, requests_to, video, vp8,
};

const PLI: Request = Request::Pli(SSRC);

/// A payload that begins a key frame of the codec, and one that does not.
fn payloads(codec: &str) -> (&'static [u8], &'static [u8]) {
    match codec {
        "VP8" => (VP8_KEY_FRAME, VP8_DELTA_FRAME),
        // I=0 P=0 L=0 F=0 B=1; and the same with P=1 (RFC 9628 section 4.2).
        "VP9" => (&[0x08, 1, 2], &[0x48, 1, 2]),
        // A sequence parameter set, and a slice that is no IDR (RFC 6184 section 5.2).
        "H264" => (&[0x67, 0x42, 0xe0, 0x1f], &[0x61, 1, 2]),
        // A video parameter set, and a slice of a trailing picture (RFC 7798 section 4.4.1).
        "H265" => (&[0x40, 1, 0x0c], &[0x02, 1, 0xd0]),
        // The N bit of the aggregation header: a new coded video sequence begins.
        "AV1" => (&[0x18, 0x0a, 1], &[0x10, 0x32, 1]),
        other => panic!("no payloads of {other}"),
    }
}

/// Ticks every millisecond until `end`; the milliseconds at which requests left.
fn requests_until(call: &mut Call, end: u64) -> Vec<(u64, Request)> {
    let mut sent = Vec::new();
    while call.room.now < Time::from_millis(end) {
        let left = call.tick_after(Duration::from_millis(1));
        let now = call.room.now.as_millis();
        sent.extend(left.requests.into_iter().map(|request| (now, request)));
    }
    sent
}

/// A call whose stream has begun with a key frame; a millisecond has passed.
fn begun() -> Call {
    let mut call = Call::video();
    assert!(call.send_payload(1, VP8_KEY_FRAME).requests.is_empty());
    call
}

fn request(call: &mut Call) {
    call.room.engine.request_key_frame(call.consumer).unwrap();
}

#[test]
fn every_video_codec_begins_with_a_key_frame() {
    for codec in ["VP8", "VP9", "H264", "H265", "AV1"] {
        let mut call = Call::of(MediaKind::Video, video(codec, SSRC));
        let (key, delta) = payloads(codec);
        assert!(call.send_payload(1, delta).packets.is_empty(), "{codec}");
        assert_eq!(
            call.room.engine.ledger().withheld[Withheld::AwaitingKeyFrame],
            1
        );
        let sent = [key, delta].map(|payload| {
            let sequence = if payload == key { 2 } else { 3 };
            call.send_payload(sequence, payload).packets.len()
        });
        assert_eq!(sent, [1, 1], "{codec}");
    }
}

#[test]
fn audio_waits_for_nothing_and_asks_for_nothing() {
    let mut call = Call::audio();
    let left = call.send_payload(1, b"a");
    assert_eq!((left.packets.len(), left.requests.len()), (1, 0));
    call.ask_by_pli();
    request(&mut call);
    assert!(
        call.tick_after(Duration::from_millis(1))
            .requests
            .is_empty()
    );
}

fn with_feedback(feedback: &[(&str, &str)]) -> RtpParameters {
    let mut parameters = vp8(SSRC);
    parameters.codecs[0].rtcp_feedback = feedback
        .iter()
        .map(|&(kind, parameter)| RtcpFeedback::new(kind, parameter))
        .collect();
    parameters
}

#[test]
fn requests_are_made_the_way_that_was_negotiated() {
    let both: &[(&str, &str)] = &[("nack", "pli"), ("ccm", "fir")];
    for (feedback, expected) in [
        (both, vec![PLI]),
        (&both[..1], vec![PLI]),
        (&both[1..], vec![Request::Fir(SSRC, 1)]),
        (&[], vec![]),
    ] {
        let mut call = Call::of(MediaKind::Video, with_feedback(feedback));
        assert_eq!(call.send_payload(1, VP8_DELTA_FRAME).requests, expected);
    }
}

#[test]
fn the_sequence_number_of_a_fir_rises_with_each() {
    let mut call = Call::of(MediaKind::Video, with_feedback(&[("ccm", "fir")]));
    call.send_payload(1, VP8_DELTA_FRAME);
    call.send_payload(2, VP8_KEY_FRAME);
    request(&mut call);
    let left = call.tick_after(Duration::from_millis(1));
    assert_eq!(left.requests, [Request::Fir(SSRC, 2)]);
    assert_eq!(call.inbound().stream.fir_count, 2);
    assert_eq!(call.inbound().stream.pli_count, 0);
}

#[test]
fn requests_are_well_formed_rtcp() {
    use rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
    use rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
    for feedback in [[("nack", "pli")], [("ccm", "fir")]] {
        let mut call = Call::of(MediaKind::Video, with_feedback(&feedback));
        call.room
            .arrive(call.sender, &Packet::new(96, 1, SSRC, VP8_DELTA_FRAME));
        call.room.tick();
        let sent = call.room.received();
        assert_eq!(sent.len(), 1);
        let mut bytes = sent[0].bytes.as_slice();
        let packets = rtcp::packet::unmarshal(&mut bytes).unwrap();
        let packet = packets[0].as_any();
        if let Some(fir) = packet.downcast_ref::<FullIntraRequest>() {
            assert_eq!((fir.fir[0].ssrc, fir.fir[0].sequence_number), (SSRC, 1));
        } else {
            let pli = packet.downcast_ref::<PictureLossIndication>().unwrap();
            assert_eq!(pli.media_ssrc, SSRC);
        }
    }
}

#[test]
fn an_unanswered_request_is_repeated_once_after_a_second() {
    let mut call = begun();
    request(&mut call);
    assert_eq!(requests_until(&mut call, 5_000), [(2, PLI), (1_002, PLI)]);
}

#[test]
fn a_request_in_the_first_second_adds_nothing() {
    let mut call = begun();
    request(&mut call);
    assert_eq!(requests_until(&mut call, 500), [(2, PLI)]);
    request(&mut call);
    assert_eq!(requests_until(&mut call, 5_000), [(1_002, PLI)]);
}

#[test]
fn a_request_in_the_second_second_asks_once_more() {
    let mut call = begun();
    request(&mut call);
    assert_eq!(requests_until(&mut call, 1_500), [(2, PLI), (1_002, PLI)]);
    request(&mut call);
    assert_eq!(requests_until(&mut call, 5_000), [(2_002, PLI)]);
}

#[test]
fn after_two_seconds_a_request_is_new() {
    let mut call = begun();
    request(&mut call);
    requests_until(&mut call, 2_002);
    request(&mut call);
    assert_eq!(
        requests_until(&mut call, 6_000),
        [(2_003, PLI), (3_003, PLI)]
    );
}

#[test]
fn a_key_frame_ends_the_asking() {
    let mut call = begun();
    request(&mut call);
    assert_eq!(requests_until(&mut call, 10), [(2, PLI)]);
    call.send_payload(2, VP8_KEY_FRAME);
    assert_eq!(requests_until(&mut call, 3_000), []);
    request(&mut call);
    assert_eq!(requests_until(&mut call, 3_010), [(3_001, PLI)]);
}

#[test]
fn a_key_frame_in_the_tick_of_a_request_answers_it() {
    let mut call = begun();
    request(&mut call);
    call.ask_by_pli();
    let left = call.send_payload(2, VP8_KEY_FRAME);
    assert_eq!((left.packets.len(), left.requests.len()), (1, 0));
    assert_eq!(requests_until(&mut call, 3_000), []);
}

/// A call whose producer is asked for a key frame every 300 ms at most.
fn delayed() -> Call {
    let mut room = Room::new();
    let sender = room.plain(address(SENDER));
    let mut options = ProducerOptions::new(MediaKind::Video, vp8(SSRC));
    options.key_frame_request_delay = Duration::from_millis(300);
    let producer = room.engine.produce(sender, options).unwrap();
    let receiver = room.plain(address(RECEIVER));
    let consumer = room.consume(receiver, producer);
    Call {
        room,
        sender,
        producer,
        receiver,
        consumer,
    }
}

#[test]
fn a_request_that_waits_does_not_outlive_its_key_frame() {
    let mut call = delayed();
    call.send_payload(1, VP8_KEY_FRAME);
    request(&mut call);
    assert_eq!(requests_until(&mut call, 5), [(2, PLI)]);
    request(&mut call);
    assert_eq!(requests_until(&mut call, 100), []);
    // This is what both asked for.
    call.send_payload(2, VP8_KEY_FRAME);
    assert_eq!(requests_until(&mut call, 2_000), []);
}

#[test]
fn the_delay_spaces_requests() {
    let mut call = delayed();
    call.send_payload(1, VP8_KEY_FRAME);
    request(&mut call);
    assert_eq!(requests_until(&mut call, 5), [(2, PLI)]);
    call.send_payload(2, VP8_KEY_FRAME);
    // Two more wishes within the delay are one request when it ends.
    request(&mut call);
    assert_eq!(requests_until(&mut call, 100), []);
    request(&mut call);
    assert_eq!(requests_until(&mut call, 310), [(302, PLI)]);
    call.send_payload(3, VP8_KEY_FRAME);
    assert_eq!(
        requests_until(&mut call, 2_000),
        [],
        "nobody asked meanwhile"
    );
}

#[test]
fn a_copy_of_an_old_key_frame_is_no_answer_to_who_begins_anew() {
    let mut call = delayed();
    call.send_payload(1, VP8_KEY_FRAME);
    request(&mut call);
    assert_eq!(requests_until(&mut call, 5), [(2, PLI)]);
    call.send_payload(2, VP8_KEY_FRAME);
    call.send_payload(3, VP8_DELTA_FRAME);
    call.room.engine.pause_consumer(call.consumer).unwrap();
    call.room.engine.resume_consumer(call.consumer).unwrap();
    assert_eq!(requests_until(&mut call, 50), []);
    let left = call.send_payload(2, VP8_KEY_FRAME);
    assert!(left.packets.is_empty(), "it was sent before the pause");
    assert_eq!(requests_until(&mut call, 400), [(302, PLI)]);
}

#[test]
fn the_wishes_of_many_consumers_are_one_request() {
    let mut call = begun();
    for port in 0..100 {
        let transport = call.room.plain(address(7_000 + port));
        call.room.consume(transport, call.producer);
    }
    let left = call.tick_after(Duration::from_millis(1));
    assert_eq!(left.requests, [PLI]);
    assert_eq!(call.inbound().stream.pli_count, 1);
}

#[test]
fn what_a_receiver_asks_reaches_the_right_sender_in_the_same_tick() {
    let mut call = begun();
    let elsewhere = call.room.plain(address(5_001));
    call.room.produce(elsewhere, MediaKind::Video, vp8(9));
    call.room
        .arrive(elsewhere, &Packet::new(96, 1, 9, VP8_KEY_FRAME));
    call.room.tick();
    call.room.received();
    for ask in [Call::ask_by_pli, |call: &mut Call| call.ask_by_fir(1)] {
        ask(&mut call);
        ask(&mut call);
        call.room.tick();
        let sent = call.room.received();
        assert_eq!(requests_to(&sent, address(SENDER)), [PLI]);
        assert_eq!(sent.len(), 1, "nobody else is asked");
        let sequence = call.inbound().stream.packet_count as u16 + 1;
        call.send_payload(sequence, VP8_KEY_FRAME);
    }
    let stats = call.outbound().stream;
    assert_eq!((stats.pli_count, stats.fir_count), (2, 2));
}

#[test]
fn a_request_for_an_unknown_stream_asks_nobody() {
    let mut call = begun();
    let mut bytes = Vec::new();
    let stranger = call.consumer_ssrc() ^ 1;
    flumen::components::wire::rtcp::write_pli(&mut bytes, 1, stranger);
    call.room.arrive_bytes(call.receiver, &bytes);
    assert!(
        call.tick_after(Duration::from_millis(1))
            .requests
            .is_empty()
    );
}

#[test]
fn who_joins_late_gets_a_key_frame_asked_for() {
    let mut call = begun();
    call.send_payload(2, VP8_DELTA_FRAME);
    let late = call.room.plain(address(6_001));
    call.room.consume(late, call.producer);
    assert_eq!(call.tick_after(Duration::from_millis(1)).requests, [PLI]);
}

#[test]
fn who_connects_late_gets_a_key_frame_asked_for() {
    let mut call = begun();
    let late = call.room.unconnected();
    call.room.consume(late, call.producer);
    assert!(
        call.tick_after(Duration::from_millis(1))
            .requests
            .is_empty()
    );
    let to = ConnectOptions {
        ip: Some(address(0).ip()),
        port: Some(6_001),
        ..ConnectOptions::default()
    };
    call.room.engine.connect(late, &to).unwrap();
    assert_eq!(call.tick_after(Duration::from_millis(1)).requests, [PLI]);
}

#[test]
fn who_connects_by_comedia_gets_a_key_frame_asked_for_in_the_same_tick() {
    let mut call = begun();
    let mut options = PlainTransportOptions::new(Listen::Own(ListenInfo::at(address(9_000))));
    options.comedia = true;
    let late = call
        .room
        .engine
        .create_plain_transport(call.room.router, options)
        .unwrap();
    call.room.consume(late, call.producer);
    let rtcp = [0x80, 201, 0, 1, 0, 0, 0, 1];
    call.room.wire.inject(address(9_000), address(6_001), &rtcp);
    assert_eq!(call.tick_after(Duration::from_millis(1)).requests, [PLI]);
    call.room
        .arrive(call.sender, &Packet::new(96, 2, SSRC, VP8_KEY_FRAME));
    call.room.tick();
    assert_eq!(call.room.rtp_to(address(6_001)).len(), 1);
}

#[test]
fn nobody_is_asked_for_what_is_paused() {
    let mut call = begun();
    call.room.engine.pause_consumer(call.consumer).unwrap();
    request(&mut call);
    call.ask_by_pli();
    assert!(
        call.tick_after(Duration::from_millis(1))
            .requests
            .is_empty()
    );
    call.room.engine.resume_consumer(call.consumer).unwrap();
    call.tick_after(Duration::from_millis(1));
    call.room.engine.pause_producer(call.producer).unwrap();
    request(&mut call);
    call.ask_by_fir(1);
    let options = ConsumerOptions::new(call.producer, call.room.capabilities());
    call.room.engine.consume(call.receiver, options).unwrap();
    assert_eq!(
        requests_until(&mut call, 3_000),
        [],
        "not even the pending one is repeated"
    );
}

#[test]
fn a_sender_whose_rtcp_address_is_learnt_late_is_asked_then() {
    let mut room = Room::new();
    let options = PlainTransportOptions {
        comedia: true,
        rtcp_mux: false,
        ..Room::own_socket()
    };
    let sender = room.open(options);
    room.produce(sender, MediaKind::Video, vp8(SSRC));
    let (rtp, rtcp) = (address(5_000), address(5_001));
    let packet = Packet::new(96, 1, SSRC, VP8_DELTA_FRAME).bytes();
    room.wire.inject(room.local(sender), rtp, &packet);
    room.tick();
    assert!(
        requests_to(&room.received(), rtcp).is_empty(),
        "nobody knows where to"
    );
    room.wire
        .inject(room.local_rtcp(sender), rtcp, &feedback::pli(9));
    room.tick();
    assert_eq!(requests_to(&room.received(), rtcp), [Request::Pli(SSRC)]);
}

#[test]
fn as_long_as_a_consumer_waits_it_is_asked_for_again_at_growing_intervals() {
    let mut call = Call::video();
    call.send_payload(1, VP8_DELTA_FRAME);
    let asked = requests_until(&mut call, 24_000);
    let expected = [1_001, 3_001, 7_001, 15_001, 23_001].map(|at| (at, PLI));
    assert_eq!(asked, expected, "the first one left at once");
    assert_eq!(call.send_payload(2, VP8_KEY_FRAME).packets.len(), 1);
    assert_eq!(requests_until(&mut call, 40_000), []);
}

#[test]
fn whichever_request_is_answered_the_consumer_gets_its_picture() {
    for answered in 0..7 {
        let mut call = Call::video();
        let mut asked = call.send_payload(1, VP8_DELTA_FRAME).requests.len();
        for _ in 0..400 {
            if asked > answered {
                break;
            }
            asked += call.tick_after(Duration::from_millis(100)).requests.len();
        }
        assert_eq!(asked, answered + 1, "within forty seconds");
        let left = call.send_payload(2, VP8_KEY_FRAME);
        assert_eq!(left.packets.len(), 1, "request {answered}");
    }
}

#[test]
fn nobody_is_asked_for_whom_nobody_waits() {
    type End = fn(&mut Call);
    let ends: [End; 4] = [
        |call| call.room.engine.pause_consumer(call.consumer).unwrap(),
        |call| call.room.engine.close_consumer(call.consumer).unwrap(),
        |call| call.room.engine.pause_producer(call.producer).unwrap(),
        |call| call.room.engine.close_transport(call.receiver).unwrap(),
    ];
    for end in ends {
        let mut call = Call::video();
        call.send_payload(1, VP8_DELTA_FRAME);
        assert_eq!(requests_until(&mut call, 2_500), [(1_001, PLI)]);
        end(&mut call);
        assert_eq!(requests_until(&mut call, 20_000), []);
    }
}

#[test]
fn the_intervals_are_those_of_the_builder() {
    let room = Room::with(|builder| {
        builder
            .key_frame_retry_interval(Duration::from_millis(200))
            .key_frame_retry_interval_max(Duration::from_millis(500))
    });
    let mut call = Call::inside(room, MediaKind::Video, vp8(SSRC));
    call.send_payload(1, VP8_DELTA_FRAME);
    let expected = [201, 601, 1_101, 1_601].map(|at| (at, PLI));
    assert_eq!(requests_until(&mut call, 2_000), expected);
}

#[test]
fn intervals_that_make_no_sense_are_refused_by_name() {
    let builder = || Engine::builder().backend(Loopback::new().0);
    let none = builder().key_frame_retry_interval(Duration::ZERO);
    let shrinking = builder().key_frame_retry_interval_max(Duration::from_millis(999));
    for (builder, name) in [
        (none, "key_frame_retry_interval is 0"),
        (shrinking, "key_frame_retry_interval_max is 999"),
    ] {
        let error = builder.build().err().expect("it is refused");
        assert!(error.to_string().starts_with(name), "{error}");
    }
}

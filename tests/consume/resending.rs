//! What a receiver misses is sent again: once a round trip, from one store for all consumers.

use std::time::Duration;

use flumen::components::wire::rtcp::write_nack;
use flumen::rtp_parameters::{MediaKind, RtpParameters};
use flumen::stats::RtpStats;
use flumen::trace::{TraceInfo, TraceType};
use flumen::{ConsumerId, ConsumerOptions, Event, Recipient, TransportId, Withheld};
use flumen_tests::{
    Call, ORIENTATION, Packet, RECEIVER, Room, SSRC, VP8_DELTA_FRAME, VP8_KEY_FRAME, address,
    encoding_of, opus, vp8, vp8_rtx,
};

/// What the receiver was told of its retransmissions: SSRC and payload type.
fn rtx(room: &Room, consumer: ConsumerId) -> (u32, u8) {
    let parameters = room.engine.consumer_parameters(consumer).unwrap();
    let mut codecs = parameters.codecs.iter();
    let codec = codecs.find(|codec| codec.mime_type == "video/rtx").unwrap();
    (
        parameters.encodings[0].rtx.unwrap().ssrc,
        codec.payload_type,
    )
}

fn ssrc_of(room: &Room, consumer: ConsumerId) -> u32 {
    let parameters = room.engine.consumer_parameters(consumer).unwrap();
    parameters.encodings[0].ssrc.unwrap()
}

/// What is traced of packets that a consumer sends: SSRC, payload type, number, bytes of the payload,
/// and whether it is a retransmission.
fn traced(call: &mut Call) -> Vec<(u32, u8, u16, usize, bool)> {
    let events = call.room.engine.drain_events();
    let traces = events.iter().filter_map(|event| match event {
        Event::Traced(traced) => Some(&traced.trace.info),
        _ => None,
    });
    let packets = traces.filter_map(|info| match info {
        TraceInfo::Packet(packet) => Some((
            packet.ssrc,
            packet.payload_type,
            packet.sequence_number,
            packet.payload_size as usize,
            packet.is_rtx,
        )),
        _ => None,
    });
    packets.collect()
}

#[test]
fn what_is_sent_again_is_traced_as_it_is_sent() {
    for (call, is_rtx) in [(Call::video(), true), (without_rtx(), false)] {
        let (mut call, got) = begun(call, &[frame(1), frame(2), frame(3)]);
        let all = [TraceType::Rtp, TraceType::Nack];
        call.room
            .engine
            .trace_consumer(call.consumer, &all)
            .unwrap();
        traced(&mut call);
        let again = ask(&mut call, &[got[1].sequence, got[2].sequence]);
        let of = |packet: &Packet| {
            let len = packet.payload.len();
            (
                packet.ssrc,
                packet.payload_type,
                packet.sequence,
                len,
                is_rtx,
            )
        };
        let sent: Vec<_> = again.iter().map(of).collect();
        assert_eq!(sent.len(), 2);
        assert_eq!(traced(&mut call), sent);
    }
}

/// Lets a receiver ask for packets.
fn nack(room: &mut Room, transport: TransportId, ssrc: u32, numbers: &[u16]) {
    let mut bytes = Vec::new();
    write_nack(&mut bytes, 1, ssrc, numbers.iter().copied());
    room.arrive_bytes(transport, &bytes);
}

/// The receiver asks for `numbers`; what it gets a millisecond later.
fn ask(call: &mut Call, numbers: &[u16]) -> Vec<Packet> {
    let ssrc = call.consumer_ssrc();
    nack(&mut call.room, call.receiver, ssrc, numbers);
    call.tick_after(Duration::from_millis(1)).packets
}

fn frame(sequence: u16) -> Packet {
    let payload = match sequence {
        1 => VP8_KEY_FRAME,
        _ => VP8_DELTA_FRAME,
    };
    Packet::new(
        96,
        sequence,
        SSRC,
        &[payload, &sequence.to_be_bytes()].concat(),
    )
}

/// A call, and what its receiver got of `packets`.
fn begun(mut call: Call, packets: &[Packet]) -> (Call, Vec<Packet>) {
    let got = call.send(packets).packets;
    (call, got)
}

/// A receiver that knows NACK, but not RFC 4588.
fn without_rtx() -> Call {
    let mut room = Room::new();
    let sender = room.plain(address(flumen_tests::SENDER));
    let producer = room.produce(sender, MediaKind::Video, vp8(SSRC));
    let receiver = room.plain(address(RECEIVER));
    let mut capabilities = room.capabilities();
    capabilities
        .codecs
        .retain(|codec| codec.mime_type != "video/rtx");
    let options = ConsumerOptions::new(producer, capabilities);
    let consumer = room.engine.consume(receiver, options).unwrap();
    Call {
        room,
        sender,
        producer,
        receiver,
        consumer,
    }
}

#[test]
fn what_is_sent_again_carries_the_whole_mid() {
    for mid in ["0", "sdparta_0", &"m".repeat(17), &"m".repeat(255)] {
        let mut call = Call::of(MediaKind::Video, vp8_rtx(vec![encoding_of(SSRC)]));
        let mut options = ConsumerOptions::new(call.producer, call.room.capabilities());
        options.mid = Some(mid.into());
        call.consumer = call.room.engine.consume(call.receiver, options).unwrap();
        let ssrc = call.consumer_ssrc();
        let sent = call.send(&[frame(1), frame(2)]).packets;
        let lost = sent.iter().rfind(|packet| packet.ssrc == ssrc).unwrap();
        let again = ask(&mut call, &[lost.sequence]);
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].payload[2..], lost.payload);
        assert_eq!(again[0].extension(1), Some(mid.as_bytes()));
    }
}

#[test]
fn padding_that_was_late_leaves_no_hole_for_ever() {
    for (call, is_rtx) in [(Call::video(), true), (without_rtx(), false)] {
        let (mut call, got) = begun(call, &[frame(1), frame(3)]);
        let missing = got[0].sequence.wrapping_add(1);
        assert_eq!(got[1].sequence, missing.wrapping_add(1));
        let padding = Packet {
            padding: 200,
            ..Packet::new(96, 2, SSRC, &[])
        };
        assert!(call.send(&[padding]).packets.is_empty());
        let again = ask(&mut call, &[missing]);
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].padding, 0);
        let expected = if is_rtx {
            missing.to_be_bytes().to_vec()
        } else {
            vec![]
        };
        assert_eq!(again[0].payload, expected);
    }
}

#[test]
fn a_lost_packet_comes_as_a_retransmission() {
    let frames = [
        frame(1),
        frame(2).marked().with_extension(ORIENTATION, &[9]),
        frame(3),
    ];
    let (mut call, got) = begun(Call::video(), &frames);
    let again = ask(&mut call, &[got[1].sequence]);
    let (ssrc, payload_type) = rtx(&call.room, call.consumer);
    let number = got[1].sequence.to_be_bytes();
    let payload = [&number[..], &got[1].payload].concat();
    // Only the time of leaving may differ in the extensions; a tick later it does.
    let extensions = again[0].extensions.clone();
    assert_eq!(extensions.len(), got[1].extensions.len());
    assert_eq!(again[0].extension(11), got[1].extension(11), "orientation");
    let expected = Packet {
        payload_type,
        ssrc,
        sequence: again[0].sequence,
        payload,
        extensions,
        ..got[1].clone()
    };
    assert_eq!(again, [expected]);
    let next = ask(&mut call, &[got[2].sequence]);
    assert_eq!(next[0].sequence, again[0].sequence.wrapping_add(1));
    let stats = call.outbound();
    assert_eq!((stats.nack_count, stats.nack_packet_count), (2, 2));
    assert_eq!(
        (stats.packets_retransmitted, stats.packets_repaired),
        (2, 2)
    );
    assert_eq!(
        stats.stream.packet_count, 3,
        "repetitions are no packets of the stream"
    );
}

#[test]
fn without_a_stream_of_retransmissions_the_packet_itself_comes_again() {
    let mut padded = frame(2);
    padded.padding = 5;
    let (mut call, got) = begun(without_rtx(), &[frame(1), padded, frame(3)]);
    let again = ask(&mut call, &[got[1].sequence]);
    let expected = Packet {
        extensions: again[0].extensions.clone(),
        ..got[1].clone()
    };
    assert_eq!(again, [expected]);
}

#[test]
fn a_retransmission_has_no_padding() {
    let mut padded = frame(2);
    padded.padding = 5;
    let (mut call, got) = begun(Call::video(), &[frame(1), padded]);
    assert_eq!(got[1].padding, 5);
    let again = ask(&mut call, &[got[1].sequence]);
    assert_eq!(
        (again[0].padding, again[0].payload.len()),
        (0, 2 + got[1].payload.len())
    );
}

#[test]
fn a_packet_is_sent_again_once_a_round_trip() {
    let (mut call, got) = begun(Call::video(), &[frame(1), frame(2)]);
    let lost = [got[1].sequence];
    let mut counts = Vec::new();
    for _ in 0..21 {
        counts.push(ask(&mut call, &lost).len());
        call.tick_after(Duration::from_millis(9));
    }
    // Every ten milliseconds; the round trip is not known and taken for 100.
    let sent: Vec<_> = (0..21).filter(|&index| counts[index] > 0).collect();
    assert_eq!(sent, [0, 10, 20]);
    let stats = call.outbound();
    assert_eq!((stats.nack_count, stats.packets_retransmitted), (21, 3));
    assert_eq!(
        stats.packets_repaired, 1,
        "the same packet is repaired once"
    );
}

#[test]
fn numbers_are_those_that_the_receiver_saw() {
    let mut padding = frame(3);
    padding.payload.clear();
    padding.padding = 9;
    let frames = [frame(1), frame(2), padding, frame(4), frame(6), frame(7)];
    let (mut call, got) = begun(Call::video(), &frames);
    let numbers: Vec<_> = (0..6).map(|step| got[0].sequence + step).collect();
    let payloads: Vec<_> = ask(&mut call, &numbers)
        .iter()
        .map(|packet| packet.payload[2..].to_vec())
        .collect();
    // 3 was taken out of the sequence; 5 has a number, and nobody has it.
    let expected: Vec<_> = [1, 2, 4, 6, 7]
        .map(|sequence| frame(sequence).payload)
        .into();
    assert_eq!(payloads, expected);
    assert_eq!(call.outbound().nack_packet_count, 6);
}

#[test]
fn what_arrived_more_than_two_seconds_before_the_newest_is_gone() {
    let (mut call, got) = begun(Call::video(), &[frame(1)]);
    let numbers = |got: &[Packet]| [got[0].sequence, got[0].sequence + 1];
    call.tick_after(Duration::from_millis(199));
    call.send(&[frame(2)]);
    call.tick_after(Duration::from_millis(1_799));
    call.send(&[frame(3)]);
    assert_eq!(
        ask(&mut call, &numbers(&got)).len(),
        2,
        "two seconds, not more"
    );
    call.tick_after(Duration::from_millis(198));
    call.send(&[frame(4)]);
    assert_eq!(ask(&mut call, &numbers(&got)).len(), 1);
}

#[test]
fn who_is_paused_gets_nothing_and_afterwards_nothing_from_before() {
    let pauses: [fn(&mut Call, bool); 2] = [
        |call, pause| {
            let (engine, consumer) = (&mut call.room.engine, call.consumer);
            match pause {
                true => engine.pause_consumer(consumer).unwrap(),
                false => engine.resume_consumer(consumer).unwrap(),
            }
        },
        |call, pause| {
            let (engine, producer) = (&mut call.room.engine, call.producer);
            match pause {
                true => engine.pause_producer(producer).unwrap(),
                false => engine.resume_producer(producer).unwrap(),
            }
        },
    ];
    for pause in pauses {
        let (mut call, got) = begun(Call::video(), &[frame(1), frame(2)]);
        let lost = [got[0].sequence, got[1].sequence];
        pause(&mut call, true);
        assert!(ask(&mut call, &lost).is_empty());
        assert_eq!(call.outbound().nack_count, 0);
        pause(&mut call, false);
        assert!(ask(&mut call, &lost).is_empty(), "nothing was sent since");
        let key_frame = Packet::new(96, 3, SSRC, VP8_KEY_FRAME);
        let after = call.send(&[key_frame]).packets;
        assert!(ask(&mut call, &lost).is_empty());
        assert_eq!(ask(&mut call, &[after[0].sequence]).len(), 1);
    }
}

#[test]
fn a_sender_that_begins_anew_ends_what_can_be_sent_again() {
    let (mut call, got) = begun(Call::video(), &[frame(1), frame(2)]);
    call.send(&[frame(20_000), frame(20_001)]);
    assert!(ask(&mut call, &[got[0].sequence, got[1].sequence]).is_empty());
    assert_eq!(ask(&mut call, &[got[1].sequence + 1]).len(), 1);
}

#[test]
fn each_consumer_gets_its_own_numbers_from_the_same_store() {
    let (mut call, _) = begun(Call::video(), &[frame(1), frame(2)]);
    let late = call.room.plain(address(6_001));
    let consumer = call.room.consume(late, call.producer);
    let mut key_frame = frame(3);
    key_frame.payload = VP8_KEY_FRAME.to_vec();
    call.room.arrive(call.sender, &key_frame);
    call.room.arrive(call.sender, &frame(4));
    call.room.tick();
    let got = call.room.rtp_to(address(6_001));
    let ssrc = ssrc_of(&call.room, consumer);
    // What came before it joined was never numbered for it.
    let numbers = [-2, -1, 0, 1].map(|step| got[0].sequence.wrapping_add_signed(step));
    nack(&mut call.room, late, ssrc, &numbers);
    call.room.tick();
    let again = call.room.rtp_to(address(6_001));
    let payloads: Vec<_> = again.iter().map(|packet| &packet.payload[2..]).collect();
    assert_eq!(payloads, [&got[0].payload, &got[1].payload]);
    assert_eq!(again[0].ssrc, rtx(&call.room, consumer).0);
}

#[test]
fn on_a_direct_transport_the_application_is_the_receiver() {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let producer = room.produce(sender, MediaKind::Video, vp8(SSRC));
    let receiver = room.direct();
    let consumer = room.consume(receiver, producer);
    let delivered = |room: &mut Room| {
        room.tick();
        let mut packets = Vec::new();
        room.engine.drain_deliveries(|delivery| {
            if delivery.to == Recipient::Rtp(consumer) {
                packets.push(Packet::parse(delivery.packet));
            }
        });
        packets
    };
    room.arrive(sender, &frame(1));
    let got = delivered(&mut room);
    let mut bytes = Vec::new();
    write_nack(&mut bytes, 1, ssrc_of(&room, consumer), [got[0].sequence]);
    room.engine.send_rtcp(receiver, &bytes).unwrap();
    let again = delivered(&mut room);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].payload[2..], got[0].payload);
}

#[test]
fn audio_is_not_sent_again_unless_that_was_asked_for() {
    let mut call = Call::audio();
    let got = call.send_payload(1, b"voice").packets;
    assert!(ask(&mut call, &[got[0].sequence]).is_empty());
    assert_eq!(call.outbound().nack_count, 0);
    let (mut call, got) = begun(resent_audio(), &[Packet::new(111, 1, SSRC, b"voice")]);
    let again = ask(&mut call, &[got[0].sequence]);
    let expected = Packet {
        extensions: again[0].extensions.clone(),
        ..got[0].clone()
    };
    assert_eq!(again, [expected], "audio has no stream of retransmissions");
}

/// Opus with NACK, in which the sender and the router agree.
fn resent_audio() -> Call {
    use flumen::rtp_parameters::RtcpFeedback;
    let nack = RtcpFeedback::new("nack", "");
    let mut codecs = flumen_tests::media_codecs();
    codecs[0].rtcp_feedback.push(nack.clone());
    let mut room = Room::new();
    room.router = room.engine.create_router(&codecs).unwrap();
    let sender = room.plain(address(flumen_tests::SENDER));
    let mut parameters: RtpParameters = opus(SSRC);
    parameters.codecs[0].rtcp_feedback.push(nack);
    let producer = room.produce(sender, MediaKind::Audio, parameters);
    let receiver = room.plain(address(RECEIVER));
    let mut options = ConsumerOptions::new(producer, room.capabilities());
    options.enable_rtx = Some(true);
    let consumer = room.engine.consume(receiver, options).unwrap();
    Call {
        room,
        sender,
        producer,
        receiver,
        consumer,
    }
}

#[test]
fn a_duplicate_is_forwarded_only_where_nothing_is_sent_again() {
    let (mut call, _) = begun(Call::video(), &[frame(1), frame(2), frame(2)]);
    assert_eq!(call.outbound().stream.packet_count, 2);
    assert!(call.send(&[frame(1)]).packets.is_empty());
    assert_eq!(call.room.engine.ledger().withheld[Withheld::Duplicate], 2);
    let mut call = Call::audio();
    let voice = Packet::new(111, 1, SSRC, b"voice");
    assert_eq!(call.send(&[voice.clone(), voice]).packets.len(), 2);
}

#[test]
fn a_duplicate_of_a_key_frame_begins_what_waits_for_one() {
    let mut key_frame = frame(1);
    let (mut call, _) = begun(Call::video(), &[key_frame.clone()]);
    let late = call.room.plain(address(6_001));
    call.room.consume(late, call.producer);
    key_frame.marker = true;
    call.room.arrive(call.sender, &key_frame);
    call.room.tick();
    assert_eq!(call.room.rtp_to(address(6_001)).len(), 1);
}

#[test]
fn what_overtook_a_key_frame_is_sent_right_behind_it() {
    let mut key_frame = frame(10);
    key_frame.payload = VP8_KEY_FRAME.to_vec();
    for separate in [false, true] {
        let mut call = Call::video();
        let overtaking = [frame(9), frame(11), frame(13)];
        let mut got = Vec::new();
        match separate {
            true => got.extend(call.send(&overtaking).packets),
            false => overtaking
                .iter()
                .for_each(|packet| call.room.arrive(call.sender, packet)),
        }
        got.extend(
            call.send(&[key_frame.clone(), frame(14), frame(12)])
                .packets,
        );
        let first = got[0].sequence;
        let seen: Vec<_> = got
            .iter()
            .map(|packet| (packet.sequence - first, packet.timestamp / 3_000))
            .collect();
        assert_eq!(
            seen,
            [(0, 10), (1, 11), (3, 13), (4, 14), (2, 12)],
            "{separate}"
        );
        assert_eq!(call.outbound().stream.packet_count, 5);
        let ledger = call.room.engine.ledger();
        // A request for a key frame is generated too.
        assert_eq!(ledger.withheld[Withheld::AwaitingKeyFrame], 3);
        assert_eq!(
            ask(&mut call, &[first + 3]).len(),
            1,
            "and can be sent again"
        );
    }
}

#[test]
fn at_most_thirty_packets_are_sent_behind_a_key_frame_that_they_overtook() {
    let mut call = Call::video();
    for number in 2..60 {
        call.send(&[frame(number)]);
    }
    let got = call.send(&[frame(1)]).packets;
    let timestamps: Vec<_> = got.iter().map(|packet| packet.timestamp / 3_000).collect();
    let expected: Vec<_> = std::iter::once(1).chain(30..60).collect();
    assert_eq!(timestamps, expected, "the newest");
    assert_eq!(
        got[1].sequence - got[0].sequence,
        29,
        "the others are missing"
    );
    assert_eq!(
        ask(&mut call, &[got[0].sequence + 1]).len(),
        1,
        "and can be asked for"
    );
}

#[test]
fn negative_acknowledgements_are_traced() {
    let (mut call, got) = begun(Call::video(), &[frame(1)]);
    let (engine, consumer) = (&mut call.room.engine, call.consumer);
    engine.trace_consumer(consumer, &[TraceType::Nack]).unwrap();
    engine.drain_events();
    ask(&mut call, &[got[0].sequence]);
    let events = call.room.engine.drain_events();
    let [event @ Event::Traced(_)] = events.as_slice() else {
        panic!("{events:?}");
    };
    let told = serde_json::to_value(event).unwrap();
    let timestamp = call.room.now.as_millis();
    let data =
        serde_json::json!({"type": "nack", "timestamp": timestamp, "direction": "in", "info": {}});
    let expected = serde_json::json!({"event": "trace", "consumerId": consumer, "data": data});
    assert_eq!(told, expected);
}

/// Frames of 1,000 bytes, all of them lost.
fn all_lost(call: &mut Call, count: u16) -> Vec<u16> {
    let mut numbers = Vec::new();
    for number in 1..=count {
        let mut packet = frame(number).at(u32::from(number));
        packet.payload.resize(1_000, 0);
        let got = call.send(&[packet]).packets;
        numbers.push(got[0].sequence);
    }
    numbers
}

#[test]
fn a_flood_of_requests_is_answered_once_a_round_trip_and_up_to_the_limit() {
    let mut call = Call::video();
    let numbers = all_lost(&mut call, 1_000);
    let ssrc = call.consumer_ssrc();
    let mut answered = 0;
    // Half a second: five round trips of 100 ms.
    for _ in 0..50 {
        for _ in 0..20 {
            nack(&mut call.room, call.receiver, ssrc, &numbers);
        }
        answered += call.tick_after(Duration::from_millis(10)).packets.len();
    }
    assert_eq!(answered, 5 * 256);
    let stats = call.outbound();
    assert_eq!(stats.nack_packet_count, 50 * 20 * 1_000);
    assert_eq!(stats.packets_retransmitted, 5 * 256);
    assert!(stats.rtx_packets_discarded > 900_000, "{stats:?}");
}

#[test]
fn the_limits_of_sending_again_can_be_set() {
    let room = Room::with(|builder| {
        builder
            .resent_packets_per_consumer(4)
            .retransmission_bytes_per_stream(16 << 10)
    });
    let mut call = Call::inside(room, MediaKind::Video, vp8(SSRC));
    let numbers = all_lost(&mut call, 100);
    assert!(ask(&mut call, &numbers[..80]).is_empty(), "sixteen KiB ago");
    assert_eq!(ask(&mut call, &numbers[90..]).len(), 4);
}

#[test]
fn requests_of_a_transport_are_looked_at_up_to_its_limit() {
    let mut room = Room::with(|builder| builder.nacked_packets_per_transport(10));
    let sender = room.plain(address(flumen_tests::SENDER));
    let producer = room.produce(sender, MediaKind::Video, vp8(SSRC));
    let receivers = [RECEIVER, RECEIVER + 1].map(|port| room.plain(address(port)));
    // Three consumers on the first transport, one on the second.
    let on = [0, 0, 0, 1].map(|index| receivers[index]);
    let consumers = on.map(|receiver| (receiver, room.consume(receiver, producer)));
    for number in 1..=8 {
        room.arrive(sender, &frame(number));
    }
    room.tick();
    let packets: Vec<_> = room.received();
    let of = |consumer| {
        let ssrc = ssrc_of(&room, consumer);
        let packets = packets.iter().map(|sent| Packet::parse(&sent.bytes));
        let mine = packets.filter(move |packet| packet.ssrc == ssrc);
        (ssrc, mine.map(|packet| packet.sequence).collect())
    };
    let lost: [(u32, Vec<u16>); 4] = consumers.map(|(_, consumer)| of(consumer));
    let ask = |room: &mut Room| {
        for ((receiver, _), (ssrc, numbers)) in consumers.iter().zip(&lost) {
            nack(room, *receiver, *ssrc, numbers);
        }
        room.tick();
        let again = [RECEIVER, RECEIVER + 1].map(address);
        let received = room.received();
        again.map(|to| flumen_tests::rtp_to(&received, to).len())
    };
    assert_eq!(ask(&mut room), [10, 8], "nobody pays for the other's flood");
    // What was not looked at can be asked for again; the first ten were just sent.
    assert_eq!(ask(&mut room), [0, 0]);
    room.tick_after(Duration::from_millis(100));
    assert_eq!(ask(&mut room), [10, 8]);
    let refused = consumers.map(|(_, consumer)| {
        let stats = room.engine.consumer_stats(consumer).unwrap();
        match &stats[0] {
            RtpStats::Outbound(stats) => stats.rtx_packets_discarded,
            other => panic!("{other:?} is not of a sent stream"),
        }
    });
    assert_eq!(refused, [0, 3 * 6, 3 * 8, 0]);
}

#[test]
fn a_receiver_may_ask_for_as_much_in_every_tick_although_no_media_comes() {
    let room = Room::with(|builder| builder.nacked_packets_per_tick(2));
    let mut call = Call::inside(room, MediaKind::Video, vp8(SSRC));
    let numbers = all_lost(&mut call, 8);
    for three in numbers[..6].chunks(3) {
        assert_eq!(ask(&mut call, three).len(), 2);
    }
}

#[test]
fn requests_for_ssrcs_of_nobody_and_of_retransmissions_are_not_answered() {
    let (mut call, got) = begun(Call::video(), &[frame(1)]);
    let strangers = [rtx(&call.room, call.consumer).0, SSRC, 0, 77];
    for ssrc in strangers {
        nack(&mut call.room, call.receiver, ssrc, &[got[0].sequence]);
    }
    // Nor is one that comes over another transport.
    let ssrc = call.consumer_ssrc();
    nack(&mut call.room, call.sender, ssrc, &[got[0].sequence]);
    assert!(call.tick_after(Duration::from_millis(1)).packets.is_empty());
    assert_eq!(call.outbound().nack_count, 0);
}

#[test]
fn nothing_is_kept_for_consumers_that_are_gone() {
    let (mut call, _) = begun(Call::video(), &[frame(1), frame(2)]);
    call.room.engine.close_consumer(call.consumer).unwrap();
    call.send(&[frame(3)]);
    let receiver = call.room.plain(address(6_001));
    call.consumer = call.room.consume(receiver, call.producer);
    call.receiver = receiver;
    // The duplicate of what was forgotten is none.
    let mut key_frame = frame(4);
    key_frame.payload = VP8_KEY_FRAME.to_vec();
    call.send(&[key_frame, frame(2)]);
    let ledger = call.room.engine.ledger();
    assert_eq!(ledger.withheld[Withheld::Duplicate], 0);
    let stats = call.room.engine.consumer_stats(call.consumer).unwrap();
    assert!(matches!(&stats[0], RtpStats::Outbound(stats) if stats.stream.packet_count == 1));
}

//! Statistics, counted by hand, under the names of the JavaScript API.

use std::time::Duration;

use flumen::rtp_parameters::MediaKind;
use flumen::rtp_parameters::RtpEncodingRtx;
use flumen_tests::{
    Call, Packet, RID, Room, SSRC, VP8_DELTA_FRAME, VP8_KEY_FRAME, address, encoding_named,
    encoding_of, vp8_rtx,
};
use serde_json::{Value, json};

fn producer_stats(call: &Call) -> Value {
    let stats = call.room.engine.producer_stats(call.producer).unwrap();
    serde_json::to_value(stats).unwrap()
}

fn consumer_stats(call: &Call) -> Value {
    let stats = call.room.engine.consumer_stats(call.consumer).unwrap();
    serde_json::to_value(stats).unwrap()
}

#[test]
fn a_producer_without_streams_has_no_statistics() {
    let call = Call::video();
    assert_eq!(producer_stats(&call), json!([]));
    let stats = consumer_stats(&call);
    assert_eq!(
        stats.as_array().unwrap().len(),
        1,
        "a consumer has its own alone"
    );
    assert_eq!(
        (&stats[0]["packetCount"], &stats[0]["bitrate"]),
        (&json!(0), &json!(0))
    );
}

#[test]
fn a_received_stream_tells_all_of_it() {
    let mut encoding = encoding_of(SSRC);
    encoding.rtx = Some(RtpEncodingRtx { ssrc: SSRC + 1 });
    let mut call = Call::of(MediaKind::Video, vp8_rtx(vec![encoding]));
    // 20 and 16 bytes, 30 bytes of padding alone, a stray, and a retransmission.
    call.send_payload(1, VP8_KEY_FRAME);
    call.send_payload(2, VP8_DELTA_FRAME);
    let mut padding = Packet::new(96, 3, SSRC, b"");
    padding.padding = 18;
    call.send(&[padding, Packet::new(96, 30_000, SSRC, VP8_DELTA_FRAME)]);
    call.send(&[Packet::new(97, 1, SSRC + 1, b"\0\x01x")]);
    let stats = producer_stats(&call);
    let stats = stats[0].as_object().unwrap();
    let expected = json!({
        "type": "inbound-rtp", "timestamp": 4, "ssrc": SSRC, "rtxSsrc": SSRC + 1,
        "kind": "video", "mimeType": "video/VP8", "packetCount": 3, "byteCount": 36,
        // 36 bytes in a window of 2.5 seconds: 36 x 8 / 2.5 = 115.2.
        "bitrate": 115, "pliCount": 0, "firCount": 0, "score": 10,
        "packetsDiscarded": 1, "packetsRetransmitted": 1, "packetsRepaired": 0,
        "rtxPacketsDiscarded": 0, "packetsLost": 0, "fractionLost": 0,
        // 1 ms (90 units) of time for 3,000 of media: 2,910 / 16 = 181.9, + (2,910 - 181.9) / 16.
        "jitter": 352,
        "nackCount": 0, "nackPacketCount": 0, "roundTripTime": 0.0, "bitrateByLayer": {},
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&stats[name], value, "{name}");
    }
    assert_eq!(
        stats.len(),
        expected.as_object().unwrap().len(),
        "no RID, as it has none"
    );
}

#[test]
fn streams_are_listed_in_the_order_of_their_discovery() {
    let rids = ["r0", "r1", "r2"];
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let parameters = vp8_rtx(rids.map(encoding_named).into());
    let producer = room.produce(sender, MediaKind::Video, parameters);
    for (ssrc, rid) in [(30, "r2"), (10, "r0"), (20, "r1")] {
        let packet = Packet::new(96, 1, ssrc, VP8_DELTA_FRAME);
        room.arrive(sender, &packet.with_extension(RID, rid.as_bytes()));
    }
    room.tick();
    let stats = room.engine.producer_stats(producer).unwrap();
    let stats = serde_json::to_value(stats).unwrap();
    let listed = [0, 1, 2].map(|index| stats[index]["rid"].as_str().unwrap());
    assert_eq!(listed, ["r2", "r0", "r1"]);
    let scores = room.engine.score(producer).unwrap();
    let scored: Vec<_> = scores.iter().map(|score| score.ssrc).collect();
    assert_eq!(scored, [10, 20, 30], "scores are in the order of encodings");
}

#[test]
fn jitter_is_in_units_of_the_clock() {
    let mut call = Call::audio();
    let packet = |sequence: u16, timestamp| Packet::new(111, sequence, SSRC, b"a").at(timestamp);
    // Two packets 20 ms (960 units) of media apart that arrive 60 ms apart: 1,920 late, and a
    // sixteenth of that is 120 (RFC 3550 section 6.4.1).
    call.send(&[packet(1, 0)]);
    call.tick_after(Duration::from_millis(59));
    call.send(&[packet(2, 960)]);
    assert_eq!(call.inbound().jitter, 120);
    // A pause forgets it.
    call.room.engine.pause_producer(call.producer).unwrap();
    assert_eq!(call.inbound().jitter, 0);
}

#[test]
fn a_consumer_tells_what_it_sends_and_then_what_its_producer_receives() {
    let mut call = Call::video();
    call.send_payload(1, VP8_DELTA_FRAME);
    let mut bytes = 0;
    for sequence in 2..5 {
        call.room
            .arrive(call.sender, &Packet::new(96, sequence, SSRC, VP8_KEY_FRAME));
        call.room.tick();
        let sent = call.room.received();
        bytes += sent
            .iter()
            .map(|datagram| datagram.bytes.len())
            .sum::<usize>();
    }
    let stats = consumer_stats(&call);
    let own = &stats[0];
    let rtx_ssrc = call
        .room
        .engine
        .consumer_parameters(call.consumer)
        .unwrap()
        .encodings[0]
        .rtx;
    assert_eq!(
        rtx_ssrc.map(|rtx| json!(rtx.ssrc)).as_ref(),
        own.get("rtxSsrc")
    );
    let expected = json!({
        "type": "outbound-rtp", "timestamp": 4, "ssrc": call.consumer_ssrc(), "kind": "video",
        "mimeType": "video/VP8", "packetCount": 3, "byteCount": bytes,
        "bitrate": (bytes as f64 * 8.0 / 2.5).round() as u64, "pliCount": 0, "firCount": 0,
        "score": 10, "packetsLost": 0, "fractionLost": 0, "jitter": 0, "packetsDiscarded": 0,
        "packetsRetransmitted": 0, "packetsRepaired": 0, "nackCount": 0, "nackPacketCount": 0,
        "roundTripTime": 0.0, "rtxPacketsDiscarded": 0,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&own[name], value, "{name}");
    }
    let names = own.as_object().unwrap().keys();
    let unnamed = names.filter(|&name| expected.get(name).is_none());
    assert_eq!(unnamed.collect::<Vec<_>>(), ["rtxSsrc"]);
    assert_eq!(stats[1], producer_stats(&call)[0]);
    assert_eq!(stats[1]["type"], "inbound-rtp");
    assert_eq!(
        (&stats[1]["pliCount"], &stats[1]["packetCount"]),
        (&json!(1), &json!(4))
    );
}

#[test]
fn a_bitrate_is_that_of_the_last_two_and_a_half_seconds() {
    let mut call = Call::audio();
    // 88 + 12 bytes every 20 ms: 40,000 bits a second.
    for sequence in 0..250 {
        call.send_payload(sequence, &[0; 88]);
        call.tick_after(Duration::from_millis(19));
    }
    let rate = call.inbound().stream.bitrate;
    assert!((39_600..=40_400).contains(&rate), "{rate}");
    call.tick_after(Duration::from_millis(1_250));
    let rate = call.inbound().stream.bitrate;
    assert!(
        (19_600..=20_400).contains(&rate),
        "{rate}: half the window is silent"
    );
    call.tick_after(Duration::from_millis(1_250));
    assert_eq!(call.inbound().stream.bitrate, 0);
    assert_eq!(call.inbound().stream.byte_count, 25_000);
}

#[test]
fn a_transport_tells_the_bytes_of_every_datagram() {
    let mut call = Call::audio();
    let fresh = call.room.engine.transport_stats(call.sender).unwrap();
    let tuple = call.room.engine.tuple(call.sender).unwrap().unwrap();
    let expected = json!({
        "type": "plain-rtp-transport", "transportId": call.sender, "timestamp": 0,
        "bytesReceived": 0, "recvBitrate": 0, "bytesSent": 0, "sendBitrate": 0,
        "rtpBytesReceived": 0, "rtpRecvBitrate": 0, "rtpBytesSent": 0, "rtpSendBitrate": 0,
        "rtxBytesReceived": 0, "rtxRecvBitrate": 0, "rtxBytesSent": 0, "rtxSendBitrate": 0,
        "probationBytesSent": 0, "probationSendBitrate": 0,
        "rtcpMux": true, "comedia": false,
        "tuple": {
            "localAddress": "127.0.0.1", "localPort": tuple.local_port,
            "remoteIp": "127.0.0.1", "remotePort": flumen_tests::SENDER, "protocol": "udp",
        },
    });
    assert_eq!(serde_json::to_value(fresh).unwrap(), expected);
    call.room
        .arrive(call.sender, &Packet::new(111, 1, SSRC, b"abc"));
    call.room.arrive_bytes(call.sender, b"junk");
    call.room.tick();
    let sent = call.room.received()[0].bytes.len() as u64;
    let stats = |transport| call.room.engine.transport_stats(transport).unwrap();
    let (sender, receiver) = (stats(call.sender), stats(call.receiver));
    assert_eq!((sender.bytes_received, sender.bytes_sent), (19, 0));
    assert_eq!((receiver.bytes_received, receiver.bytes_sent), (0, sent));
    let direct = call.room.direct();
    let direct = call.room.engine.transport_stats(direct).unwrap();
    assert_eq!(direct.type_, "direct-transport");
    let direct = serde_json::to_value(direct).unwrap();
    assert_eq!(direct.get("tuple"), None);
    assert_eq!(direct.get("rtcpMux"), None);
}

#[test]
fn a_transport_whose_rtcp_has_a_port_of_its_own_tells_its_addresses() {
    let mut room = Room::new();
    let split = room.split(address(5_100));
    let stats = room.engine.transport_stats(split).unwrap();
    let stats = serde_json::to_value(stats).unwrap();
    assert_eq!(stats["rtcpMux"], false);
    assert_eq!(stats["tuple"]["remotePort"], 5_100);
    assert_eq!(stats["rtcpTuple"]["remotePort"], 5_101);
}

fn bytes_to_receiver(call: &mut Call) -> u64 {
    let received = call.room.received();
    let sent = received
        .iter()
        .filter(|datagram| datagram.to == address(flumen_tests::RECEIVER));
    sent.map(|datagram| datagram.bytes.len() as u64).sum()
}

#[test]
fn a_transport_tells_media_and_retransmissions_apart() {
    let mut encoding = encoding_of(SSRC);
    encoding.rtx = Some(RtpEncodingRtx { ssrc: SSRC + 1 });
    let mut call = Call::of(MediaKind::Video, vp8_rtx(vec![encoding]));
    // 20 bytes of media; 15 of a retransmission that is of no use; 16 with a number that is
    // rejected; 16 of a codec and 16 of a stream that nobody knows.
    let packets = [
        Packet::new(96, 1, SSRC, VP8_KEY_FRAME),
        Packet::new(97, 1, SSRC + 1, b"\0\x01x"),
        Packet::new(96, 30_000, SSRC, VP8_DELTA_FRAME),
        Packet::new(100, 2, SSRC, VP8_DELTA_FRAME),
        Packet::new(96, 2, 9, VP8_DELTA_FRAME),
    ];
    for packet in &packets {
        call.room.arrive(call.sender, packet);
    }
    call.room.tick();
    let sent = bytes_to_receiver(&mut call);
    let stats = |transport| call.room.engine.transport_stats(transport).unwrap();
    let (sender, receiver) = (stats(call.sender), stats(call.receiver));
    assert_eq!(sender.bytes_received, 20 + 15 + 16 + 16 + 16);
    assert_eq!(
        (sender.rtp_bytes_received, sender.rtx_bytes_received),
        (36, 15)
    );
    // Over one second; over two and a half (36 x 8 / 2.5 = 115.2); over one.
    let rates = (
        sender.recv_bitrate,
        sender.rtp_recv_bitrate,
        sender.rtx_recv_bitrate,
    );
    assert_eq!(rates, (83 * 8, 115, 15 * 8));
    assert_eq!((receiver.rtp_bytes_sent, receiver.bytes_sent), (sent, sent));
    let rate = (sent as f64 * 8.0 / 2.5).round() as u64;
    assert_eq!(receiver.rtp_send_bitrate, rate);
    // The request for a key frame is no media.
    assert_eq!((sender.rtp_bytes_sent, sender.rtx_bytes_sent), (0, 0));
    // A second, and the fifteenth of it in which they came.
    call.tick_after(Duration::from_millis(1_067));
    let later = call.room.engine.transport_stats(call.sender).unwrap();
    assert_eq!(
        (
            later.recv_bitrate,
            later.rtp_recv_bitrate,
            later.rtx_recv_bitrate
        ),
        (0, 115, 0)
    );
}

#[test]
fn what_waited_for_a_blocked_socket_counts_as_sent_when_it_leaves() {
    let mut call = Call::video();
    let local = call.room.local(call.receiver);
    call.room.wire.block(local);
    call.send_payload(1, VP8_KEY_FRAME);
    let stats = |call: &Call| call.room.engine.transport_stats(call.receiver).unwrap();
    assert_eq!(
        (stats(&call).bytes_sent, stats(&call).rtp_bytes_sent),
        (0, 0)
    );
    call.room.wire.unblock(local);
    call.room.tick();
    let sent = bytes_to_receiver(&mut call);
    assert!(sent > 20, "{sent}");
    assert_eq!(
        (stats(&call).bytes_sent, stats(&call).rtp_bytes_sent),
        (sent, sent)
    );
}

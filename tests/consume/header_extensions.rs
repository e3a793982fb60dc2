//! Header extensions are rewritten: under the router's identifiers, for each consumer its own.

use flumen::components::wire::extension::abs_send_time;
use flumen::components::wire::ntp;
use flumen::rtp_parameters::{
    MediaKind, RtpCapabilities, RtpHeaderExtensionParameters, RtpParameters,
};
use flumen::{ConsumerId, ConsumerOptions};
use flumen_tests::{
    Call, MID, ORIENTATION, Packet, RECEIVER, RID, Room, SENDER, SSRC, VP8_DELTA_FRAME,
    VP8_KEY_FRAME, address, opus, vp8,
};
use rtp::packet::Packet as Oracle;
use webrtc_util::marshal::Unmarshal;

/// The identifiers that routers give to extensions.
mod router {
    pub(super) const MID: u8 = 1;
    pub(super) const ABS_SEND_TIME: u8 = 4;
    pub(super) const TRANSPORT_SEQUENCE: u8 = 5;
    pub(super) const AUDIO_LEVEL: u8 = 6;
    pub(super) const ORIENTATION: u8 = 8;
    pub(super) const TOFFSET: u8 = 9;
    pub(super) const PLAYOUT_DELAY: u8 = 11;
}

const TOFFSET: u8 = 5;
const PLAYOUT_DELAY: u8 = 6;

/// VP8 with every extension that is copied.
fn rich_vp8() -> RtpParameters {
    let mut parameters = vp8(SSRC);
    parameters.header_extensions.extend([
        RtpHeaderExtensionParameters::new("urn:ietf:params:rtp-hdrext:toffset", TOFFSET),
        RtpHeaderExtensionParameters::new(
            "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
            PLAYOUT_DELAY,
        ),
    ]);
    parameters
}

/// A packet that carries all of them, a RID, and one that nobody negotiated.
fn rich_packet(sequence: u16) -> Packet {
    Packet::new(96, sequence, SSRC, VP8_KEY_FRAME)
        .with_extension(MID, b"sender")
        .with_extension(RID, b"r")
        .with_extension(11, b"s")
        .with_extension(ORIENTATION, &[9])
        .with_extension(TOFFSET, &[1, 2, 3])
        .with_extension(PLAYOUT_DELAY, &[4, 5, 6])
        .with_extension(2, &[7, 7, 7])
        .with_extension(13, b"stranger")
}

/// A consumer on a transport of its own at `port`.
fn consume(call: &mut Call, port: u16, change: impl FnOnce(&mut ConsumerOptions)) -> ConsumerId {
    let transport = call.room.plain(address(port));
    let mut options = ConsumerOptions::new(call.producer, call.room.capabilities());
    change(&mut options);
    call.room.engine.consume(transport, options).unwrap()
}

fn keep_extensions(capabilities: &mut RtpCapabilities, uris: &[&str]) {
    capabilities
        .header_extensions
        .retain(|extension| uris.iter().any(|uri| extension.uri.ends_with(uri)));
}

fn sorted_ids(packet: &Packet) -> Vec<u8> {
    let mut ids: Vec<u8> = packet.extensions.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn what_a_video_consumer_negotiated_is_rewritten_and_the_rest_is_dropped() {
    let mut call = Call::of(MediaKind::Video, rich_vp8());
    let packet = call.send(&[rich_packet(1)]).packets.remove(0);
    use router::*;
    let ids = [
        MID,
        ABS_SEND_TIME,
        TRANSPORT_SEQUENCE,
        ORIENTATION,
        TOFFSET,
        PLAYOUT_DELAY,
    ];
    assert_eq!(sorted_ids(&packet), ids);
    assert_eq!(packet.extension(MID), Some(&b"0"[..]));
    assert_eq!(packet.extension(ORIENTATION), Some(&[9][..]));
    assert_eq!(packet.extension(TOFFSET), Some(&[1, 2, 3][..]));
    assert_eq!(packet.extension(PLAYOUT_DELAY), Some(&[4, 5, 6][..]));
    assert_eq!(packet.extension(TRANSPORT_SEQUENCE), Some(&[0, 0][..]));
    assert!(!packet.two_byte);
}

#[test]
fn the_audio_level_is_copied() {
    let mut call = Call::audio();
    let packet = Packet::new(111, 1, SSRC, b"a").with_extension(1, &[0x8a]);
    let sent = call.send(&[packet]).packets.remove(0);
    assert_eq!(sent.extension(router::AUDIO_LEVEL), Some(&[0x8a][..]));
    let sent = call
        .send(&[Packet::new(111, 2, SSRC, b"a")])
        .packets
        .remove(0);
    assert_eq!(
        sent.extension(router::AUDIO_LEVEL),
        None,
        "a packet without it gets none"
    );
}

#[test]
fn abs_send_time_is_the_time_of_leaving() {
    let mut call = Call::video();
    let packet = call.send(&[rich_packet(1)]).packets.remove(0);
    // The room's epoch is one second of NTP time; one millisecond has passed.
    let now = (1_u64 << 32) + ntp::from_nanos(1_000_000);
    let stamp = packet.extension(router::ABS_SEND_TIME).unwrap();
    assert_eq!(stamp, abs_send_time(now));
    let fraction = u32::from_be_bytes([0, stamp[0], stamp[1], stamp[2]]);
    let milliseconds = f64::from(fraction) * 1_000.0 / f64::from(1 << 18);
    assert!(
        (milliseconds - 1_001.0).abs() < 0.01,
        "{milliseconds} ms after the NTP era began"
    );
}

#[test]
fn transport_wide_sequence_numbers_count_across_the_consumers_of_a_transport() {
    let mut room = Room::new();
    let sender = room.plain(address(SENDER));
    let producers = [1, 2].map(|ssrc| room.produce(sender, MediaKind::Video, vp8(ssrc)));
    let receivers = [RECEIVER, RECEIVER + 1].map(|port| room.plain(address(port)));
    for producer in producers {
        room.consume(receivers[0], producer);
    }
    room.consume(receivers[1], producers[0]);
    let mut seen = [vec![], vec![]];
    for sequence in 0..3 {
        for ssrc in [1, 2] {
            room.arrive(sender, &Packet::new(96, sequence, ssrc, VP8_KEY_FRAME));
        }
        room.tick();
        let received = room.received();
        for (port, numbers) in (RECEIVER..).zip(&mut seen) {
            let packets = flumen_tests::rtp_to(&received, address(port));
            numbers.extend(packets.iter().map(|packet| {
                let number = packet.extension(router::TRANSPORT_SEQUENCE).unwrap();
                u16::from_be_bytes([number[0], number[1]])
            }));
        }
    }
    assert_eq!(seen[0], [0, 1, 2, 3, 4, 5]);
    assert_eq!(seen[1], [0, 1, 2]);
}

#[test]
fn a_mid_of_any_length_is_written_and_the_headers_of_a_run_are_of_one_length() {
    let mut call = Call::of(MediaKind::Video, rich_vp8());
    let mids: Vec<String> = (1..=255).map(|len| "m".repeat(len)).collect();
    for (port, mid) in (7_000..).zip(&mids) {
        consume(&mut call, port, |options| options.mid = Some(mid.clone()));
    }
    for sequence in 1..=4 {
        call.room.arrive(call.sender, &rich_packet(sequence));
    }
    call.room.tick();
    let received = call.room.received();
    for (port, mid) in (7_000..).zip(&mids) {
        let run = received.iter().filter(|one| one.to == address(port));
        let lengths: Vec<usize> = run.map(|datagram| datagram.bytes.len()).collect();
        assert_eq!(lengths, [lengths[0]; 4], "MID of {} bytes", mid.len());
        for packet in flumen_tests::rtp_to(&received, address(port)) {
            assert_eq!(packet.extension(router::MID), Some(mid.as_bytes()));
            assert_eq!(
                packet.extension(router::PLAYOUT_DELAY),
                Some(&[4, 5, 6][..])
            );
            let stamped = packet.extension(router::ABS_SEND_TIME);
            assert!(stamped.is_some_and(|stamp| stamp != [0; 3]));
            // RFC 8285 section 4.2: an element of the one-byte form has at most 16 bytes.
            assert_eq!(packet.two_byte, mid.len() > 16);
        }
    }
}

#[test]
fn mids_of_nearly_one_length_make_headers_of_one_length() {
    let mut call = Call::of(MediaKind::Video, rich_vp8());
    for (port, mid) in (7_000..).zip(["0", "10", "sdparta0"]) {
        consume(&mut call, port, |options| options.mid = Some(mid.into()));
    }
    call.room.arrive(call.sender, &rich_packet(1));
    call.room.tick();
    let received = call.room.received();
    let lengths: Vec<usize> = received.iter().map(|sent| sent.bytes.len()).collect();
    assert_eq!(lengths, [lengths[0]; 4]);
}

#[test]
fn one_byte_and_two_byte_forms_are_mixed_packet_by_packet() {
    let mut call = Call::of(MediaKind::Video, rich_vp8());
    let sent: Vec<Packet> = (1..=6)
        .flat_map(|sequence| {
            let mut packet = rich_packet(sequence);
            packet.two_byte = sequence % 2 == 0;
            call.send(&[packet]).packets
        })
        .collect();
    assert_eq!(sent.len(), 6);
    for packet in &sent {
        assert_eq!(packet.extension(router::ORIENTATION), Some(&[9][..]));
        assert_eq!(packet.extension(router::MID), Some(&b"0"[..]));
        assert_eq!(sorted_ids(packet), sorted_ids(&sent[0]));
    }
}

#[test]
fn a_value_that_does_not_fit_the_one_byte_form_is_sent_in_the_two_byte_form() {
    let mut call = Call::of(MediaKind::Video, rich_vp8());
    let long = [0x5a; 20];
    let mut packet = Packet::new(96, 1, SSRC, VP8_KEY_FRAME).with_extension(PLAYOUT_DELAY, &long);
    packet.two_byte = true;
    let sent = call.send(&[packet]).packets.remove(0);
    assert!(sent.two_byte);
    assert_eq!(sent.extension(router::PLAYOUT_DELAY), Some(&long[..]));
    assert_eq!(sent.extension(router::MID), Some(&b"0"[..]));
    let back = call.send(&[rich_packet(2)]).packets.remove(0);
    assert!(!back.two_byte);
}

#[test]
fn each_consumer_gets_what_it_negotiated() {
    let mut call = Call::of(MediaKind::Video, rich_vp8());
    let sets: [&[&str]; 4] = [
        &[],
        &["sdes:mid"],
        &["toffset", "abs-send-time"],
        &["orientation"],
    ];
    for (port, set) in (7_000..).zip(sets) {
        consume(&mut call, port, |options| {
            keep_extensions(&mut options.rtp_capabilities, set);
        });
    }
    call.room.arrive(call.sender, &rich_packet(1));
    call.room.tick();
    let received = call.room.received();
    let ids = |port| sorted_ids(&flumen_tests::rtp_to(&received, address(port))[0]);
    assert_eq!(ids(7_000), [0; 0]);
    assert_eq!(ids(7_001), [router::MID]);
    assert_eq!(ids(7_002), [router::ABS_SEND_TIME, router::TOFFSET]);
    assert_eq!(ids(7_003), [router::ORIENTATION]);
    let bare = received
        .iter()
        .find(|datagram| datagram.to == address(7_000))
        .unwrap();
    assert_eq!(
        bare.bytes[0] & 0x10,
        0,
        "no extension bit without extensions"
    );
    assert_eq!(bare.bytes.len(), 12 + VP8_KEY_FRAME.len());
}

#[test]
fn csrcs_marker_and_padding_are_kept() {
    let mut call = Call::of(MediaKind::Video, rich_vp8());
    let mut packet = rich_packet(1).marked();
    packet.csrcs = (1..=15).collect();
    packet.padding = 7;
    let sent = call.send(&[packet.clone()]).packets.remove(0);
    assert_eq!(sent.csrcs, packet.csrcs);
    assert_eq!((sent.marker, sent.padding), (true, 7));
    assert_eq!(sent.payload, packet.payload);
    assert_eq!(sent.extension(router::MID), Some(&b"0"[..]));
    let plain = call
        .send(&[Packet::new(96, 2, SSRC, VP8_DELTA_FRAME)])
        .packets
        .remove(0);
    assert_eq!(
        (plain.csrcs.len(), plain.marker, plain.padding),
        (0, false, 0)
    );
}

#[test]
fn a_repeated_extension_counts_once() {
    let mut call = Call::of(MediaKind::Video, rich_vp8());
    let packet = rich_packet(1)
        .with_extension(ORIENTATION, &[1])
        .with_extension(ORIENTATION, &[2]);
    let sent = call.send(&[packet]).packets.remove(0);
    assert_eq!(sent.extension(router::ORIENTATION), Some(&[9][..]));
    let count = sent
        .extensions
        .iter()
        .filter(|(id, _)| *id == router::ORIENTATION)
        .count();
    assert_eq!(count, 1);
}

#[test]
fn an_independent_parser_reads_the_same() {
    let mut call = Call::of(MediaKind::Video, rich_vp8());
    consume(&mut call, 7_000, |options| {
        options.mid = Some("longest8".into());
    });
    for sequence in 1..=40_u16 {
        let mut packet = rich_packet(sequence);
        packet.two_byte = sequence % 3 == 0;
        packet.csrcs = (0..u32::from(sequence % 16)).collect();
        packet.marker = sequence % 2 == 0;
        packet.extensions.truncate(usize::from(sequence % 9));
        call.room.arrive(call.sender, &packet);
        call.room.tick();
        for datagram in call.room.received() {
            let ours = Packet::parse(&datagram.bytes);
            let theirs = Oracle::unmarshal(&mut datagram.bytes.as_slice()).unwrap();
            let header = &theirs.header;
            assert_eq!(header.sequence_number, ours.sequence);
            assert_eq!(
                (header.ssrc, header.timestamp),
                (ours.ssrc, packet.timestamp)
            );
            assert_eq!(
                (header.marker, &header.csrc),
                (packet.marker, &packet.csrcs)
            );
            assert_eq!(theirs.payload, packet.payload);
            for (id, value) in &ours.extensions {
                assert_eq!(header.get_extension(*id).as_deref(), Some(value.as_slice()));
            }
            let ids = header.get_extension_ids();
            assert_eq!(ids.len(), ours.extensions.len(), "{ids:?}");
        }
    }
}

#[test]
fn the_mid_of_the_sender_never_reaches_a_receiver() {
    let mut parameters = opus(SSRC);
    parameters.mid = Some("sender".into());
    let mut call = Call::of(MediaKind::Audio, parameters);
    let packet = Packet::new(111, 1, SSRC, b"a").with_extension(4, b"sender");
    call.room.arrive(call.sender, &packet);
    call.room.tick();
    let bytes = &call.room.received()[0].bytes;
    assert!(!bytes.windows(6).any(|window| window == b"sender"));
}

#[test]
fn what_another_section_calls_the_same_is_not_mistaken() {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let video = room.produce(sender, MediaKind::Video, vp8(1_111));
    let mut audio = opus(2_222);
    // The identifier of the video's orientation.
    audio.header_extensions[0].id = 3;
    audio.header_extensions[1].id = 9;
    room.produce(sender, MediaKind::Audio, audio);
    let receiver = room.plain(address(6_000));
    room.consume(receiver, video);
    let packet = Packet::new(96, 1, 1_111, VP8_KEY_FRAME).with_extension(3, &[1]);
    room.arrive(sender, &packet);
    room.tick();
    assert_eq!(
        room.rtp_to(address(6_000))[0].extension(8),
        Some([1].as_slice())
    );
}

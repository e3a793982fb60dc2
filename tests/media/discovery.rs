//! Packets find their stream by SSRC, MID, RID or repaired RID, once, and by nothing else.

use flumen::rtp_parameters::{MediaKind, ProducerType, RtpEncodingRtx, RtpParameters};
use flumen::{Discard, ProducerId, Reason, TransportId};
use flumen_tests::{
    MID, Packet, REPAIRED_RID, RID, RTX, Room, SENDER, VP8_KEY_FRAME, address, encoding,
    encoding_named, encoding_of, opus, vp8, vp8_rtx,
};

/// A transport on which packets arrive.
struct Stage {
    room: Room,
    transport: TransportId,
    sequence: u16,
}

impl Stage {
    fn new() -> Self {
        let mut room = Room::new();
        let transport = room.plain(address(SENDER));
        Self {
            room,
            transport,
            sequence: 0,
        }
    }

    fn video(&mut self, parameters: RtpParameters) -> ProducerId {
        self.room
            .produce(self.transport, MediaKind::Video, parameters)
    }

    fn media(&mut self, ssrc: u32) -> Packet {
        self.sequence += 1;
        Packet::new(96, self.sequence, ssrc, VP8_KEY_FRAME)
    }

    /// Lets the packet arrive; the reason when it was discarded.
    fn arrive(&mut self, packet: &Packet) -> Option<Discard> {
        let before = self.room.engine.ledger().discarded.clone();
        self.room.arrive(self.transport, packet);
        self.room.tick();
        let after = &self.room.engine.ledger().discarded;
        Discard::ALL
            .iter()
            .copied()
            .find(|&reason| after[reason] > before[reason])
    }

    /// The SSRC and RID of each stream of a producer, in the order of its encodings.
    fn streams(&self, producer: ProducerId) -> Vec<(u32, Option<String>)> {
        let score = self.room.engine.score(producer).unwrap();
        score
            .into_iter()
            .map(|entry| (entry.ssrc, entry.rid))
            .collect()
    }
}

/// A producer known by its MID alone.
fn by_mid(mid: &str) -> RtpParameters {
    let mut parameters = vp8_rtx(vec![encoding()]);
    parameters.mid = Some(mid.into());
    parameters
}

/// A simulcast producer of three layers, known by their RIDs.
fn simulcast() -> RtpParameters {
    vp8_rtx(["q", "h", "f"].map(encoding_named).to_vec())
}

#[test]
fn an_ssrc_finds_its_producer() {
    let mut stage = Stage::new();
    let [first, second] = [1, 2].map(|ssrc| stage.video(vp8(ssrc)));
    let packet = stage.media(2);
    assert_eq!(stage.arrive(&packet), None);
    assert_eq!(stage.streams(first), []);
    assert_eq!(stage.streams(second), [(2, None)]);
    let stranger = stage.media(3);
    assert_eq!(stage.arrive(&stranger), Some(Discard::UnknownProducer));
}

#[test]
fn a_mid_finds_its_producer_among_several() {
    let mut stage = Stage::new();
    let [first, second] = ["a", "b"].map(|mid| stage.video(by_mid(mid)));
    let packet = stage.media(7).with_extension(MID, b"b");
    assert_eq!(stage.arrive(&packet), None);
    let packet = stage.media(8).with_extension(MID, b"a");
    assert_eq!(stage.arrive(&packet), None);
    assert_eq!(stage.streams(first), [(8, None)]);
    assert_eq!(stage.streams(second), [(7, None)]);
    let unknown = stage.media(9).with_extension(MID, b"c");
    assert_eq!(stage.arrive(&unknown), Some(Discard::UnknownProducer));
}

#[test]
fn a_mid_may_be_as_long_as_a_header_extension() {
    let mut stage = Stage::new();
    for len in [8, 9, 16, 17, 254, 255] {
        let mids = ["a", "b"].map(|end| "m".repeat(len - 1) + end);
        let producers = [0, 1].map(|index| stage.video(by_mid(&mids[index])));
        for (ssrc, mid) in [
            (1_000 + len as u32, &mids[0]),
            (2_000 + len as u32, &mids[1]),
        ] {
            let mut packet = stage.media(ssrc).with_extension(MID, mid.as_bytes());
            packet.two_byte = len > 16;
            assert_eq!(stage.arrive(&packet), None, "{len} bytes");
        }
        let ssrcs = producers.map(|producer| stage.streams(producer)[0].0);
        assert_eq!(ssrcs, [1_000 + len as u32, 2_000 + len as u32]);
    }
}

#[test]
fn what_the_first_packet_tells_is_latched() {
    let mut stage = Stage::new();
    let [first, _] = ["a", "b"].map(|mid| stage.video(by_mid(mid)));
    let bare = stage.media(7);
    assert_eq!(stage.arrive(&bare), Some(Discard::UnknownProducer));
    let named = stage.media(7).with_extension(MID, b"a");
    assert_eq!(stage.arrive(&named), None);
    let bare = stage.media(7);
    assert_eq!(stage.arrive(&bare), None);
    // An SSRC that is known counts for more than what the packet says later.
    let renamed = stage.media(7).with_extension(MID, b"b");
    assert_eq!(stage.arrive(&renamed), None);
    assert_eq!(stage.streams(first), [(7, None)]);
}

#[test]
fn rids_find_the_streams_of_a_simulcast_producer() {
    let mut stage = Stage::new();
    let producer = stage.video(simulcast());
    assert_eq!(
        stage.room.engine.producer_type(producer),
        Ok(ProducerType::Simulcast)
    );
    for (ssrc, rid) in [(30, "f"), (10, "q"), (20, "h")] {
        let packet = stage.media(ssrc).with_extension(RID, rid.as_bytes());
        assert_eq!(stage.arrive(&packet), None);
    }
    let streams = [(10, "q"), (20, "h"), (30, "f")].map(|(ssrc, rid)| (ssrc, Some(rid.to_owned())));
    assert_eq!(
        stage.streams(producer),
        streams,
        "in the order of the encodings"
    );
}

#[test]
fn a_rid_names_one_stream() {
    let mut stage = Stage::new();
    let producer = stage.video(simulcast());
    let packet = stage.media(10).with_extension(RID, b"q");
    assert_eq!(stage.arrive(&packet), None);
    let packet = stage.media(12).with_extension(RID, b"x");
    assert_eq!(stage.arrive(&packet), Some(Discard::UnknownProducer));
    let packet = stage.media(10);
    assert_eq!(stage.arrive(&packet), None, "latched");
    assert_eq!(stage.streams(producer), [(10, Some("q".into()))]);
}

#[test]
fn a_mid_and_a_rid_find_a_layer_of_one_of_several_producers() {
    let mut stage = Stage::new();
    let [first, second] = ["a", "b"].map(|mid| {
        let mut parameters = simulcast();
        parameters.mid = Some(mid.into());
        stage.video(parameters)
    });
    let packet = stage
        .media(10)
        .with_extension(MID, b"b")
        .with_extension(RID, b"h");
    assert_eq!(stage.arrive(&packet), None);
    assert_eq!(stage.streams(first), []);
    assert_eq!(stage.streams(second), [(10, Some("h".into()))]);
}

#[test]
fn with_an_unknown_mid_a_known_rid_does_not_count() {
    let mut stage = Stage::new();
    let producer = stage.video(simulcast());
    let packet = stage
        .media(10)
        .with_extension(MID, b"zz")
        .with_extension(RID, b"q");
    assert_eq!(stage.arrive(&packet), Some(Discard::UnknownProducer));
    let packet = stage.media(10).with_extension(RID, b"q");
    assert_eq!(stage.arrive(&packet), None);
    assert_eq!(stage.streams(producer).len(), 1);
}

#[test]
fn a_known_mid_with_the_rid_of_another_producer_finds_no_stream() {
    let mut stage = Stage::new();
    let mut named = simulcast();
    named.mid = Some("a".into());
    let first = stage.video(named);
    let mut other = vp8_rtx(vec![encoding_named("z")]);
    other.mid = Some("b".into());
    let second = stage.video(other);
    let packet = stage
        .media(10)
        .with_extension(MID, b"a")
        .with_extension(RID, b"z");
    assert_eq!(stage.arrive(&packet), Some(Discard::UnknownStream));
    assert_eq!(
        (stage.streams(first), stage.streams(second)),
        (vec![], vec![])
    );
}

#[test]
fn a_repaired_rid_finds_the_retransmissions_of_a_layer() {
    let mut stage = Stage::new();
    let producer = stage.video(simulcast());
    let repair = |ssrc, sequence, rid: &[u8]| {
        Packet::new(RTX, sequence, ssrc, b"\0\x01x").with_extension(REPAIRED_RID, rid)
    };
    let early = stage.arrive(&repair(110, 1, b"q"));
    assert_eq!(
        early,
        Some(Discard::UnknownStream),
        "its media has not begun"
    );
    let packet = stage.media(10).with_extension(RID, b"q");
    stage.arrive(&packet);
    let unrequested = Some(Discard::UnrequestedRetransmission);
    assert_eq!(
        stage.arrive(&repair(110, 2, b"q")),
        unrequested,
        "it was found"
    );
    assert_eq!(
        stage.arrive(&repair(111, 3, b"q")),
        unrequested,
        "another takes its place"
    );
    assert_eq!(
        stage.arrive(&Packet::new(RTX, 4, 111, b"\0\x01x")),
        unrequested,
        "latched"
    );
    let stats = stage.room.engine.producer_stats(producer).unwrap();
    let flumen::stats::RtpStats::Inbound(stats) = &stats[0] else {
        panic!("a producer receives");
    };
    assert_eq!(stats.stream.rtx_ssrc, Some(111));
    assert_eq!(
        (stats.stream.packet_count, stats.packets_retransmitted),
        (1, 3)
    );
}

#[test]
fn a_named_retransmission_ssrc_waits_for_its_media() {
    let mut stage = Stage::new();
    let mut encoding = encoding_of(10);
    encoding.rtx = Some(RtpEncodingRtx { ssrc: 11 });
    stage.video(vp8_rtx(vec![encoding]));
    let repair = Packet::new(RTX, 1, 11, b"\0\x01x");
    assert_eq!(stage.arrive(&repair), Some(Discard::UnknownStream));
    let packet = stage.media(10);
    assert_eq!(stage.arrive(&packet), None);
    assert_eq!(
        stage.arrive(&repair),
        Some(Discard::UnrequestedRetransmission)
    );
}

#[test]
fn the_payload_type_of_the_first_packet_must_be_that_of_the_media() {
    let mut stage = Stage::new();
    let producer = stage.video(vp8(10));
    let mut packet = stage.media(10);
    packet.payload_type = 100;
    assert_eq!(stage.arrive(&packet), Some(Discard::UnknownStream));
    let media = stage.media(10);
    assert_eq!(stage.arrive(&media), None);
    packet.sequence = media.sequence + 1;
    assert_eq!(stage.arrive(&packet), Some(Discard::UnknownPayloadType));
    assert_eq!(stage.streams(producer).len(), 1);
}

#[test]
fn an_empty_or_unreadable_name_is_no_name() {
    let mut stage = Stage::new();
    stage.video(by_mid("a"));
    let mut empty = stage.media(7).with_extension(MID, b"");
    empty.two_byte = true;
    assert_eq!(stage.arrive(&empty), Some(Discard::UnknownProducer));
    let unreadable = stage.media(7).with_extension(MID, &[0xff, 0xfe]);
    assert_eq!(stage.arrive(&unreadable), Some(Discard::UnknownProducer));
}

#[test]
fn the_names_of_a_closed_producer_find_nothing() {
    let mut stage = Stage::new();
    let producer = stage.video(by_mid("a"));
    let named = stage.media(7).with_extension(MID, b"a");
    stage.arrive(&named);
    stage.room.engine.close_producer(producer).unwrap();
    for packet in [stage.media(7), stage.media(7).with_extension(MID, b"a")] {
        assert_eq!(stage.arrive(&packet), Some(Discard::UnknownProducer));
    }
    let again = stage.video(by_mid("a"));
    let named = stage.media(7).with_extension(MID, b"a");
    assert_eq!(stage.arrive(&named), None);
    assert_eq!(stage.streams(again), [(7, None)]);
}

#[test]
fn packets_of_one_tick_that_begin_a_stream_are_one_stream() {
    let mut stage = Stage::new();
    let producer = stage.video(by_mid("a"));
    for _ in 0..3 {
        let packet = stage.media(7).with_extension(MID, b"a");
        stage.room.arrive(stage.transport, &packet);
    }
    stage.room.tick();
    assert_eq!(stage.streams(producer), [(7, None)]);
    assert_eq!(stage.room.engine.ledger().accepted, 3);
}

#[test]
fn audio_and_video_of_one_transport_are_told_apart() {
    let mut stage = Stage::new();
    let video = stage.video(vp8(1));
    let audio = stage
        .room
        .produce(stage.transport, MediaKind::Audio, opus(2));
    let packets = [stage.media(1), Packet::new(111, 5, 2, b"a")];
    for packet in &packets {
        assert_eq!(stage.arrive(packet), None);
    }
    assert_eq!(stage.streams(video), [(1, None)]);
    assert_eq!(stage.streams(audio), [(2, None)]);
}

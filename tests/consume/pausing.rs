//! What a pause stops, what it does not, and how media goes on after it.

use std::time::Duration;

use flumen::rtp_parameters::MediaKind;
use flumen::{ConsumerOptions, ProducerOptions, Withheld};
use flumen_tests::{
    Call, MID, Packet, Request, Room, SSRC, VP8_DELTA_FRAME, VP8_KEY_FRAME, address, encoding,
    opus, vp8, vp8_rtx,
};

fn pause_producer(call: &mut Call) {
    call.room.engine.pause_producer(call.producer).unwrap();
}

fn resume_producer(call: &mut Call) {
    call.room.engine.resume_producer(call.producer).unwrap();
}

fn withheld(call: &Call, reason: Withheld) -> u64 {
    call.room.engine.ledger().withheld[reason]
}

#[test]
fn a_paused_producer_forwards_nothing() {
    let mut call = Call::audio();
    assert_eq!(call.send_payload(1, b"a").packets.len(), 1);
    pause_producer(&mut call);
    assert!(call.send_payload(2, b"b").packets.is_empty());
    assert_eq!(withheld(&call, Withheld::ProducerPaused), 1);
    assert_eq!(call.room.engine.paused(call.producer), Ok(true));
    resume_producer(&mut call);
    assert_eq!(call.send_payload(3, b"c").packets.len(), 1);
    assert_eq!(call.room.engine.paused(call.producer), Ok(false));
}

#[test]
fn a_paused_producer_still_counts() {
    let mut call = Call::audio();
    pause_producer(&mut call);
    for sequence in [10, 11, 40_000] {
        call.send_payload(sequence, b"abc");
    }
    let stats = call.inbound();
    assert_eq!(stats.stream.packet_count, 2);
    assert_eq!(stats.stream.byte_count, 2 * 15);
    assert_eq!(stats.packets_discarded, 1);
    assert!(stats.stream.bitrate > 0);
    assert_eq!(call.outbound().stream.packet_count, 0);
}

#[test]
fn a_paused_producer_still_discovers_and_scores() {
    let mut parameters = vp8_rtx(vec![encoding()]);
    parameters.mid = Some("a".into());
    let mut call = Call::of(MediaKind::Video, parameters);
    pause_producer(&mut call);
    call.room.engine.drain_events();
    call.send(&[Packet::new(96, 1, 77, VP8_KEY_FRAME).with_extension(MID, b"a")]);
    assert_eq!(call.room.event_names(), ["score", "score"]);
    let score = call.room.engine.score(call.producer).unwrap();
    assert_eq!((score[0].ssrc, score[0].score), (77, 10));
    resume_producer(&mut call);
    let left = call.send(&[Packet::new(96, 2, 77, VP8_KEY_FRAME)]);
    assert_eq!(
        left.packets.len(),
        1,
        "the stream was latched during the pause"
    );
}

#[test]
fn a_pause_leaves_no_gap_in_what_a_consumer_gets() {
    let mut call = Call::audio();
    let first = call.send_payload(65_535, b"a").packets.remove(0);
    pause_producer(&mut call);
    for sequence in 0..5 {
        call.send_payload(sequence, b"b");
    }
    resume_producer(&mut call);
    let next = call.send_payload(5, b"c").packets.remove(0);
    assert_eq!(next.sequence, first.sequence + 1);
    call.room.engine.pause_consumer(call.consumer).unwrap();
    for sequence in 6..10 {
        assert!(call.send_payload(sequence, b"d").packets.is_empty());
    }
    assert_eq!(withheld(&call, Withheld::ConsumerPaused), 4);
    call.room.engine.resume_consumer(call.consumer).unwrap();
    let last = call.send_payload(10, b"e").packets.remove(0);
    assert_eq!(last.sequence, first.sequence + 2);
    assert_eq!(last.timestamp, 30_000, "timestamps are the producer's");
}

#[test]
fn a_late_packet_from_before_a_pause_takes_nobodys_number() {
    let mut call = Call::audio();
    let before = call.send(&[1, 2, 4].map(|n| Packet::new(111, n, SSRC, &[n as u8])));
    pause_producer(&mut call);
    call.send_payload(5, b"p");
    resume_producer(&mut call);
    let after = call.send(&[7, 3, 6, 8].map(|n| Packet::new(111, n, SSRC, &[n as u8])));
    let numbers: Vec<u16> = before
        .packets
        .iter()
        .chain(&after.packets)
        .map(|p| p.sequence)
        .collect();
    let mut unique = numbers.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(
        unique.len(),
        numbers.len(),
        "{numbers:?}: no number is given twice"
    );
    let payloads: Vec<u8> = after
        .packets
        .iter()
        .map(|packet| packet.payload[0])
        .collect();
    assert_eq!(payloads, [7, 8]);
    assert_eq!(withheld(&call, Withheld::TooLate), 2);
}

#[test]
fn media_does_not_go_on_with_a_packet_from_before_the_pause() {
    let mut call = Call::audio();
    let before = call.send(&[1, 3].map(|n| Packet::new(111, n, SSRC, b"a")));
    pause_producer(&mut call);
    resume_producer(&mut call);
    assert!(call.send_payload(2, b"b").packets.is_empty());
    let after = call.send_payload(4, b"c").packets.remove(0);
    assert_eq!(after.sequence, before.packets[1].sequence + 1);
}

#[test]
fn pausing_one_consumer_leaves_the_others_alone() {
    let mut call = Call::audio();
    let other = call.room.plain(address(6_001));
    call.room.consume(other, call.producer);
    call.room.engine.pause_consumer(call.consumer).unwrap();
    call.room
        .arrive(call.sender, &Packet::new(111, 1, SSRC, b"a"));
    call.room.tick();
    assert_eq!(call.room.rtp_to(address(6_001)).len(), 1);
    assert_eq!(call.outbound().stream.packet_count, 0);
}

#[test]
fn a_video_consumer_goes_on_with_a_key_frame() {
    for pause_producer_side in [true, false] {
        let mut call = Call::video();
        call.send_payload(1, VP8_KEY_FRAME);
        let engine = &mut call.room.engine;
        if pause_producer_side {
            engine.pause_producer(call.producer).unwrap();
            engine.resume_producer(call.producer).unwrap();
        } else {
            engine.pause_consumer(call.consumer).unwrap();
            engine.resume_consumer(call.consumer).unwrap();
        }
        assert!(call.send_payload(2, VP8_DELTA_FRAME).packets.is_empty());
        assert_eq!(withheld(&call, Withheld::AwaitingKeyFrame), 1);
        assert_eq!(call.send_payload(3, VP8_KEY_FRAME).packets.len(), 1);
        assert_eq!(call.send_payload(4, VP8_DELTA_FRAME).packets.len(), 1);
    }
}

#[test]
fn resuming_a_producer_asks_for_one_key_frame_even_if_one_is_awaited() {
    let mut call = Call::video();
    // The stream begins without a key frame, so one is asked for and not answered.
    assert_eq!(
        call.send_payload(1, VP8_DELTA_FRAME).requests,
        [Request::Pli(SSRC)]
    );
    pause_producer(&mut call);
    call.tick_after(Duration::from_millis(1));
    resume_producer(&mut call);
    let left = call.tick_after(Duration::from_millis(1));
    assert_eq!(left.requests, [Request::Pli(SSRC)]);
}

#[test]
fn resuming_a_producer_with_several_consumers_asks_once() {
    let mut call = Call::video();
    let other = call.room.plain(address(6_001));
    call.room.consume(other, call.producer);
    assert!(call.send_payload(1, VP8_KEY_FRAME).requests.is_empty());
    pause_producer(&mut call);
    resume_producer(&mut call);
    let left = call.tick_after(Duration::from_millis(1));
    assert_eq!(left.requests, [Request::Pli(SSRC)]);
}

#[test]
fn resuming_a_consumer_asks_for_a_key_frame() {
    let mut call = Call::video();
    call.send_payload(1, VP8_KEY_FRAME);
    call.room.engine.pause_consumer(call.consumer).unwrap();
    assert!(
        call.tick_after(Duration::from_millis(1))
            .requests
            .is_empty()
    );
    call.room.engine.resume_consumer(call.consumer).unwrap();
    let left = call.tick_after(Duration::from_millis(1));
    assert_eq!(left.requests, [Request::Pli(SSRC)]);
}

#[test]
fn a_producer_may_begin_paused() {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let mut options = ProducerOptions::new(MediaKind::Audio, opus(SSRC));
    options.paused = true;
    let producer = room.engine.produce(sender, options).unwrap();
    let receiver = room.plain(address(6_000));
    let consumer = room.consume(receiver, producer);
    assert_eq!(room.engine.paused(producer), Ok(true));
    assert_eq!(
        room.engine.paused(consumer),
        Ok(false),
        "its own pause is another matter"
    );
    room.arrive(sender, &Packet::new(111, 1, SSRC, b"a"));
    room.tick();
    assert!(room.rtp_to(address(6_000)).is_empty());
    room.engine.drain_events();
    room.engine.resume_producer(producer).unwrap();
    assert_eq!(room.event_names(), ["resume", "producerresume"]);
    room.arrive(sender, &Packet::new(111, 2, SSRC, b"a"));
    room.tick();
    assert_eq!(room.rtp_to(address(6_000)).len(), 1);
}

#[test]
fn a_consumer_may_begin_paused() {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let producer = room.produce(sender, MediaKind::Video, vp8(SSRC));
    let receiver = room.plain(address(6_000));
    let mut options = ConsumerOptions::new(producer, room.capabilities());
    options.paused = true;
    let consumer = room.engine.consume(receiver, options).unwrap();
    room.arrive(sender, &Packet::new(96, 1, SSRC, VP8_KEY_FRAME));
    room.tick();
    assert!(room.received().is_empty(), "neither media nor a request");
    room.engine.resume_consumer(consumer).unwrap();
    room.arrive(sender, &Packet::new(96, 2, SSRC, VP8_KEY_FRAME));
    room.tick();
    assert_eq!(room.rtp_to(address(6_000)).len(), 1);
}

#[test]
fn pausing_or_resuming_twice_is_doing_it_once() {
    let mut call = Call::audio();
    for _ in 0..2 {
        pause_producer(&mut call);
    }
    assert_eq!(call.room.event_names(), ["pause", "producerpause"]);
    for _ in 0..2 {
        resume_producer(&mut call);
    }
    assert_eq!(call.room.event_names(), ["resume", "producerresume"]);
    for _ in 0..2 {
        call.room.engine.pause_consumer(call.consumer).unwrap();
    }
    for _ in 0..2 {
        call.room.engine.resume_consumer(call.consumer).unwrap();
    }
    assert_eq!(call.room.event_names(), ["pause", "resume"]);
    // Resuming what was not paused does not break the run of a video.
    let mut call = Call::video();
    call.send_payload(1, VP8_KEY_FRAME);
    resume_producer(&mut call);
    call.room.engine.resume_consumer(call.consumer).unwrap();
    assert_eq!(call.send_payload(2, VP8_DELTA_FRAME).packets.len(), 1);
}

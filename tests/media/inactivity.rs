//! Senders of simulcast stop the encodings that they have no bandwidth for: those score nothing.

use std::time::Duration;

use flumen::components::wire::rtcp::{SenderInfo, write_sender_report};
use flumen::rtp_parameters::{MediaKind, RtpEncodingParameters, RtpParameters};
use flumen::{Engine, Event, ProducerId, Time, TransportId};
use flumen_tests::{Packet, RTX, Room, VP8_DELTA_FRAME, address, encoding_of, vp8_rtx};

const LOW: u32 = 1_000;
const HIGH: u32 = 2_000;

struct Simulcast {
    room: Room,
    sender: TransportId,
    producer: ProducerId,
    sequence: u16,
}

fn encoding(ssrc: u32) -> RtpEncodingParameters {
    let mut encoding = encoding_of(ssrc);
    encoding.rtx = Some(flumen::rtp_parameters::RtpEncodingRtx { ssrc: ssrc + 1 });
    encoding
}

impl Simulcast {
    fn new() -> Self {
        Self::of(vp8_rtx(vec![encoding(LOW), encoding(HIGH)]))
    }

    /// A producer whose streams have begun, at the first millisecond.
    fn of(parameters: RtpParameters) -> Self {
        let mut room = Room::new();
        let sender = room.plain(address(5_000));
        let ssrcs: Vec<_> = parameters
            .encodings
            .iter()
            .map(|e| e.ssrc.unwrap())
            .collect();
        let producer = room.produce(sender, MediaKind::Video, parameters);
        let mut simulcast = Self {
            room,
            sender,
            producer,
            sequence: 0,
        };
        for ssrc in ssrcs {
            simulcast.arrive(ssrc);
        }
        simulcast.room.tick();
        simulcast.room.engine.drain_events();
        simulcast
    }

    fn arrive(&mut self, ssrc: u32) {
        self.sequence += 1;
        let packet = Packet::new(96, self.sequence, ssrc, VP8_DELTA_FRAME);
        self.room.arrive(self.sender, &packet);
    }

    /// Ticks every 10 ms until `millis`, with a packet of each of `ssrcs` every 100 ms.
    fn run_until(&mut self, millis: u64, ssrcs: &[u32]) {
        while self.room.now < Time::from_millis(millis) {
            if self.room.now.as_millis() % 100 < 10 {
                for &ssrc in ssrcs {
                    self.arrive(ssrc);
                }
            }
            let next = Time::from_millis((self.room.now.as_millis() / 10 + 1) * 10);
            self.room
                .tick_after(next.min(Time::from_millis(millis)) - self.room.now);
        }
    }

    fn scores(&self) -> Vec<u8> {
        scores(&self.room.engine, self.producer)
    }

    /// The scores that events told since the last call.
    fn told(&mut self) -> Vec<Vec<u8>> {
        let events = self.room.engine.drain_events().into_iter();
        let score = |event| match event {
            Event::ScoreChanged(event) => Some(event.score.iter().map(|s| s.score).collect()),
            _ => None,
        };
        events.filter_map(score).collect()
    }
}

fn scores(engine: &Engine, producer: ProducerId) -> Vec<u8> {
    let scores = engine.score(producer).unwrap();
    scores.iter().map(|score| score.score).collect()
}

#[test]
fn a_stream_without_media_for_one_and_a_half_seconds_scores_nothing() {
    let mut simulcast = Simulcast::new();
    // The streams began at 1 ms.
    simulcast.run_until(1_500, &[LOW]);
    assert_eq!(
        (simulcast.told(), simulcast.scores()),
        (vec![], vec![10, 10])
    );
    simulcast.run_until(1_501, &[LOW]);
    assert_eq!(simulcast.told(), [[10, 0]]);
    simulcast.run_until(9_000, &[LOW]);
    assert_eq!(
        (simulcast.told(), simulcast.scores()),
        (vec![], vec![10, 0])
    );
}

#[test]
fn an_engine_that_sleeps_wakes_for_it() {
    let mut simulcast = Simulcast::new();
    let due = |simulcast: &Simulcast| simulcast.room.engine.next_deadline().unwrap();
    while simulcast.told().is_empty() {
        let next = due(&simulcast) - simulcast.room.now;
        simulcast.room.tick_after(next);
    }
    assert_eq!(simulcast.room.now, Time::from_millis(1_501));
    assert_eq!(simulcast.scores(), [0, 0]);
}

#[test]
fn the_next_media_brings_the_full_score_back() {
    let mut simulcast = Simulcast::new();
    simulcast.run_until(2_000, &[LOW]);
    simulcast.told();
    simulcast.arrive(HIGH);
    simulcast.room.tick();
    assert_eq!(simulcast.told(), [[10, 10]]);
    simulcast.run_until(3_501, &[LOW]);
    assert_eq!(simulcast.told(), [[10, 0]], "and it can be lost again");
}

#[test]
fn padding_alone_is_no_media() {
    let mut simulcast = Simulcast::new();
    let pad = |simulcast: &mut Simulcast| {
        let mut packet = Packet::new(96, simulcast.sequence + 1, HIGH, b"");
        packet.padding = 20;
        simulcast.sequence += 1;
        simulcast.room.arrive(simulcast.sender, &packet);
        simulcast.room.tick();
    };
    simulcast.run_until(1_000, &[LOW]);
    pad(&mut simulcast);
    simulcast.run_until(1_501, &[LOW]);
    assert_eq!(simulcast.scores(), [10, 0]);
    pad(&mut simulcast);
    assert_eq!(simulcast.scores(), [10, 0]);
}

#[test]
fn a_retransmission_that_repairs_is_media() {
    let mut simulcast = Simulcast::new();
    // The first packet of the high stream was number 2; now 3 is lost.
    let high = Packet::new(96, 4, HIGH, VP8_DELTA_FRAME);
    simulcast.room.arrive(simulcast.sender, &high);
    simulcast.run_until(500, &[]);
    let again = [&[0, 3], VP8_DELTA_FRAME].concat();
    let repair = |number| Packet::new(RTX, number, HIGH + 1, &again);
    simulcast.room.arrive(simulcast.sender, &repair(1));
    simulcast.run_until(1_000, &[]);
    // The same again repairs nothing.
    simulcast.room.arrive(simulcast.sender, &repair(2));
    simulcast.run_until(2_000, &[]);
    assert_eq!(simulcast.scores(), [0, 10]);
    simulcast.run_until(2_010, &[]);
    assert_eq!(simulcast.scores(), [0, 0]);
}

#[test]
fn samples_of_an_inactive_stream_change_nothing() {
    let mut simulcast = Simulcast::new();
    simulcast.run_until(2_000, &[LOW]);
    simulcast.told();
    let mut report = Vec::new();
    let info = SenderInfo {
        ssrc: HIGH,
        ntp: 1 << 32,
        rtp_timestamp: 0,
        packet_count: 1,
        octet_count: 1,
    };
    write_sender_report(&mut report, &info);
    simulcast.room.arrive_bytes(simulcast.sender, &report);
    simulcast.room.tick();
    assert_eq!(
        (simulcast.told(), simulcast.scores()),
        (vec![], vec![10, 0])
    );
}

#[test]
fn what_was_lost_before_a_silence_does_not_count_after_it() {
    let mut simulcast = Simulcast::new();
    let report = |simulcast: &mut Simulcast| {
        let mut report = Vec::new();
        let info = SenderInfo {
            ssrc: HIGH,
            ntp: 1 << 32,
            rtp_timestamp: 0,
            packet_count: 1,
            octet_count: 1,
        };
        write_sender_report(&mut report, &info);
        simulcast.room.arrive_bytes(simulcast.sender, &report);
        simulcast.room.tick();
    };
    let high = |number| Packet::new(96, number, HIGH, VP8_DELTA_FRAME);
    // Two of a hundred arrive: the sample, and the score, is 0.
    simulcast.room.arrive(simulcast.sender, &high(101));
    report(&mut simulcast);
    assert_eq!(simulcast.scores(), [10, 0]);
    simulcast.run_until(3_000, &[LOW]);
    simulcast.room.arrive(simulcast.sender, &high(102));
    simulcast.room.tick();
    assert_eq!(simulcast.scores(), [10, 10]);
    // A perfect sample: with the old one in mind the score would be 7.
    report(&mut simulcast);
    assert_eq!(simulcast.scores(), [10, 10]);
}

#[test]
fn a_paused_producer_waits_for_nothing_and_a_resumed_one_anew() {
    let mut simulcast = Simulcast::new();
    simulcast.run_until(1_000, &[]);
    simulcast
        .room
        .engine
        .pause_producer(simulcast.producer)
        .unwrap();
    simulcast.run_until(8_000, &[]);
    assert_eq!(simulcast.scores(), [10, 10]);
    simulcast
        .room
        .engine
        .resume_producer(simulcast.producer)
        .unwrap();
    // It is known to the tick at 8,010 ms.
    simulcast.run_until(9_500, &[]);
    assert_eq!(simulcast.scores(), [10, 10]);
    simulcast.run_until(9_510, &[]);
    assert_eq!(simulcast.scores(), [0, 0]);
}

#[test]
fn a_resumed_producer_is_given_its_time_after_a_long_sleep() {
    let mut simulcast = Simulcast::new();
    let (engine, producer) = (&mut simulcast.room.engine, simulcast.producer);
    engine.pause_producer(producer).unwrap();
    engine.resume_producer(producer).unwrap();
    engine.pause_producer(producer).unwrap();
    engine.resume_producer(producer).unwrap();
    simulcast.room.tick_after(Duration::from_secs(60));
    assert_eq!(simulcast.scores(), [10, 10]);
    simulcast.run_until(61_501, &[]);
    assert_eq!(simulcast.scores(), [0, 0]);
}

#[test]
fn an_inactive_stream_stays_so_through_a_pause_until_media_comes() {
    let mut simulcast = Simulcast::new();
    simulcast.run_until(2_000, &[LOW]);
    let producer = simulcast.producer;
    simulcast.told();
    simulcast.room.engine.pause_producer(producer).unwrap();
    simulcast.room.engine.resume_producer(producer).unwrap();
    simulcast.run_until(2_100, &[LOW]);
    assert_eq!(simulcast.scores(), [10, 0]);
    simulcast.room.engine.pause_producer(producer).unwrap();
    simulcast.arrive(HIGH);
    simulcast.room.tick();
    assert_eq!(simulcast.scores(), [10, 10], "media is heard while paused");
    assert_eq!(simulcast.told(), [[10, 10]]);
    // And having been heard once more, it is missed again.
    simulcast.run_until(4_000, &[LOW]);
    assert_eq!(simulcast.scores(), [10, 0]);
}

#[test]
fn with_dtx_it_takes_five_seconds() {
    let mut parameters = vp8_rtx(vec![encoding(LOW), encoding(HIGH)]);
    parameters.encodings[1].dtx = Some(true);
    let mut simulcast = Simulcast::of(parameters);
    simulcast.run_until(5_000, &[]);
    assert_eq!(simulcast.scores(), [0, 10]);
    simulcast.run_until(5_001, &[]);
    assert_eq!(simulcast.scores(), [0, 0]);
}

#[test]
fn a_lone_stream_keeps_its_score() {
    let mut simulcast = Simulcast::of(vp8_rtx(vec![encoding(LOW)]));
    simulcast.run_until(60_000, &[]);
    assert_eq!(simulcast.scores(), [10]);
}

//! Two futures of one snapshot, in the same engine and in another one: nothing tells them apart.

use std::time::Duration;

use flumen::components::wire::rtcp::write_nack;
use flumen::rtp_parameters::{MediaKind, RtpHeaderExtensionParameters};
use flumen::srtp::CryptoSuite;
use flumen::{ActiveSpeakerObserverOptions, AudioLevelObserverOptions, ConsumerOptions, Message};
use flumen_tests::layered::{LayeredCall, Path, Stacking, Wrapping};
use flumen_tests::meeting::{Encoding, Feedback, Meeting};
use flumen_tests::{
    Call, Downlink, Packet, RECEIVER, Room, SENDER, SSRC, VP8_DELTA_FRAME, VP8_KEY_FRAME, address,
    bottleneck, opus, vp8, with_retransmissions,
};

/// The payload type of Opus.
const OPUS: u8 = 111;
const LEVEL_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
const LEVEL: u8 = 12;

const THREE: [Encoding; 3] = [of(120_000), of(400_000), of(1_200_000)];

const fn of(bitrate: u64) -> Encoding {
    Encoding {
        bitrate,
        temporal: 3,
    }
}

/// What left behind a snapshot, and what events and figures say.
#[derive(Debug, PartialEq)]
struct Future {
    left: u64,
    events: Vec<String>,
    ledger: String,
}

impl Future {
    fn of(room: &mut Room) -> Self {
        room.on_the_wire();
        let events = room.engine.drain_events();
        let told = |event| serde_json::to_string(event).unwrap();
        Self {
            left: room.left.finish(),
            events: events.iter().map(told).collect(),
            ledger: format!("{:?}", room.engine.ledger()),
        }
    }
}

/// Runs the same with and without going on elsewhere.
#[track_caller]
fn same(run: impl Fn(bool) -> Future) {
    assert_eq!(run(false), run(true));
}

#[test]
fn a_meeting_behind_a_narrow_path() {
    for feedback in [Feedback::TransportCc, Feedback::Remb] {
        same(|elsewhere| {
            let mut meeting = Meeting::told_by(feedback, &THREE, bottleneck(900_000));
            meeting.run(Duration::from_secs(4));
            meeting.room.snapshot(elsewhere);
            meeting.run(Duration::from_secs(4));
            Future::of(&mut meeting.room)
        });
    }
}

#[test]
fn a_snapshot_at_any_moment() {
    for millis in (0..60).map(|moment| 700 + moment * 37) {
        same(|elsewhere| {
            let mut meeting = Meeting::of(2, &THREE, bottleneck(1_500_000));
            meeting.run(Duration::from_millis(millis));
            meeting.room.snapshot(elsewhere);
            meeting.run(Duration::from_millis(500));
            Future::of(&mut meeting.room)
        });
    }
}

#[test]
fn a_path_that_is_probed_and_paced() {
    same(|elsewhere| {
        let mut downlink = Downlink::new(bottleneck(3_000_000));
        downlink.run(Duration::from_secs(3), |_| 1_000_000);
        downlink.burst(80, 3);
        downlink.room.snapshot(elsewhere);
        downlink.run(Duration::from_secs(3), |_| 2_000_000);
        Future::of(&mut downlink.room)
    });
}

#[test]
fn layers_of_every_kind() {
    let calls: [fn(u64) -> LayeredCall; 3] = [
        |seed| LayeredCall::running(3, 3, seed),
        |seed| LayeredCall::svc(Wrapping::Av1, Stacking::Key, seed).begun(),
        |seed| LayeredCall::svc(Wrapping::H264, Stacking::Full, seed).begun(),
    ];
    for call in calls {
        for seed in 0..10 {
            same(|elsewhere| {
                let mut call = call(seed);
                for _ in 0..20 {
                    call.do_anything();
                    call.stir(Path::Lossy);
                }
                call.room.snapshot(elsewhere);
                for _ in 0..20 {
                    call.do_anything();
                    call.stir(Path::Lossy);
                }
                Future::of(&mut call.room)
            });
        }
    }
}

/// What was sent before is sent again, with the numbers of then.
#[test]
fn what_was_sent_before_is_sent_again() {
    for suite in [
        None,
        Some(CryptoSuite::AeadAes128Gcm),
        Some(CryptoSuite::AesCm128HmacSha1_80),
    ] {
        same(|elsewhere| {
            let mut room = Room::new();
            room.srtp = suite;
            let parameters = with_retransmissions(vp8(SSRC));
            let mut call = Call::inside(room, MediaKind::Video, parameters);
            let packet = |number: u16| {
                let payload = if number == 65_500 {
                    VP8_KEY_FRAME
                } else {
                    VP8_DELTA_FRAME
                };
                Packet::new(96, number, SSRC, payload)
            };
            for number in 65_500..=65_535 {
                call.send(&[packet(number)]);
            }
            call.room.snapshot(elsewhere);
            let mut got = Vec::new();
            for number in 0..20 {
                got.extend(call.send(&[packet(number)]).packets);
            }
            assert_eq!(got.len(), 20);
            let wanted = got[0].sequence.wrapping_sub(10);
            let mut nack = Vec::new();
            write_nack(&mut nack, 1, call.consumer_ssrc(), [wanted]);
            call.room.arrive_bytes(call.receiver, &nack);
            let again = call.tick_after(Duration::from_millis(1)).packets;
            assert_eq!(again.len(), 1);
            Future::of(&mut call.room)
        });
    }
}

#[test]
fn who_speaks_and_who_is_loud() {
    same(|elsewhere| {
        let mut room = Room::new();
        let (router, engine) = (room.router, &mut room.engine);
        let loud = AudioLevelObserverOptions::default();
        let loud = engine.create_audio_level_observer(router, loud);
        let speaks = ActiveSpeakerObserverOptions::default();
        let speaks = engine.create_active_speaker_observer(router, speaks);
        let observers = [loud.unwrap(), speaks.unwrap()];
        let mut people = Vec::new();
        for number in 0..3_u16 {
            let transport = room.plain(address(SENDER + number));
            let mut voice = opus(SSRC);
            let level = RtpHeaderExtensionParameters::new(LEVEL_URI, LEVEL);
            voice.header_extensions.push(level);
            let producer = room.produce(transport, MediaKind::Audio, voice);
            for observer in observers {
                room.engine.add_producer(observer, producer).unwrap();
            }
            people.push(transport);
        }
        let talk = |room: &mut Room, from: u16| {
            for number in from..from + 200 {
                for (person, &transport) in people.iter().enumerate() {
                    let speaks = usize::from(number / 50) % 3 == person;
                    let level = if speaks { 20 } else { 100 };
                    let packet = Packet::new(OPUS, number, SSRC, b"voice");
                    room.arrive(transport, &packet.with_extension(LEVEL, &[level]));
                }
                room.tick_after(Duration::from_millis(20));
            }
        };
        talk(&mut room, 0);
        room.snapshot(elsewhere);
        talk(&mut room, 230);
        let future = Future::of(&mut room);
        let is_told = |name| future.events.iter().any(|event| event.contains(name));
        assert!(
            is_told("dominantspeaker") && is_told("volumes"),
            "{:?}",
            future.events
        );
        future
    });
}

/// Ids go on: those that were closed stay closed, and no new one is the same as an old one.
#[test]
fn ids_go_on() {
    let run = |elsewhere| {
        let mut call = Call::audio();
        let closed = call.room.plain(address(7_000));
        call.room.engine.close_transport(closed).unwrap();
        call.room.snapshot(elsewhere);
        let engine = &mut call.room.engine;
        assert!(engine.closed(closed));
        assert!(!engine.closed(call.consumer));
        let options = ConsumerOptions::new(call.producer, call.room.capabilities());
        let consumer = call.room.engine.consume(call.receiver, options).unwrap();
        assert_ne!(consumer, call.consumer);
        let transport = call.room.plain(address(RECEIVER + 1));
        call.room.engine.close_producer(call.producer).unwrap();
        assert!(call.room.engine.closed(consumer));
        call.room.tick();
        (consumer, transport, Future::of(&mut call.room))
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn direct_transports_and_what_waits_there() {
    same(|elsewhere| {
        let mut room = Room::new();
        let (sender, receiver) = (room.direct(), room.direct());
        let producer = room.produce(sender, MediaKind::Audio, opus(SSRC));
        room.consume(receiver, producer);
        let data = room.produce_data(sender);
        room.consume_data(receiver, data, &[]);
        let send = |room: &mut Room, number| {
            let packet = Packet::new(OPUS, number, SSRC, b"opus");
            room.engine.send(producer, &packet.bytes()).unwrap();
            room.engine
                .send_message(data, &Message::text("text"))
                .unwrap();
        };
        send(&mut room, 1);
        room.tick();
        // Sent, and handled by the snapshot.
        send(&mut room, 2);
        room.snapshot(elsewhere);
        send(&mut room, 3);
        room.tick();
        let mut packets = Vec::new();
        room.engine
            .drain_deliveries(|delivery| packets.push(delivery.packet.to_vec()));
        assert_eq!(packets.len(), 3);
        assert_eq!(room.messages().len(), 3);
        Future::of(&mut room)
    });
}

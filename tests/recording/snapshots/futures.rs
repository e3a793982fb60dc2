//! Two futures of one snapshot, in the same engine and in another one: nothing tells them apart. Rooms
//! that are forked are in the tests of the simulator.

use std::time::Duration;

use flumen::components::wire::rtcp::write_nack;
use flumen::rtp_parameters::MediaKind;
use flumen::srtp::CryptoSuite;
use flumen::{ConsumerOptions, Message};
use flumen_tests::{
    Call, Downlink, Packet, RECEIVER, Room, SSRC, VP8_DELTA_FRAME, VP8_KEY_FRAME, address,
    bottleneck, opus, vp8, with_retransmissions,
};

/// The payload type of Opus.
const OPUS: u8 = 111;

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

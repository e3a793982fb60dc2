//! Nothing stays of those who have left, and nothing grows while others stay.
//!
//! A million joins, ten thousand with handshakes, and an hour of a room, on virtual time:
//!
//! ```text
//! FLUMEN_JOINS=1000000 FLUMEN_CALLS=10000 FLUMEN_MINUTES=60 \
//!     cargo test --release -p flumen-tests --test allocations growth
//! ```
//!
//! What the library behind keys and certificates has of the heap of C is not counted.

use std::time::Duration;

use flumen::components::wire::rtcp::write_pli;
use flumen::rtp_parameters::MediaKind;
use flumen::{ProducerId, SctpOptions, TransportId};
use flumen_sim::{Audio, Feedback, Link, Loss, Messages, Peer, Video};
use flumen_tests::{
    Channels, Packet, Room, VP8_KEY_FRAME, address, message, opus, vp8, with_retransmissions,
};

use crate::counting::bytes_kept;

/// How much of something is tried, unless somebody wants more.
fn wanted(name: &str, usual: u32) -> u32 {
    let more = std::env::var(name).ok();
    more.map_or(usual, |more| more.parse().expect("a number"))
}

/// Those who stay.
struct Hosts {
    room: Room,
    sender: TransportId,
    producer: ProducerId,
    number: u16,
}

impl Hosts {
    fn new() -> Self {
        let mut room = Room::new();
        room.wire.set_recording(false);
        let sender = room.plain(address(5_010));
        let producer = room.produce_video(sender, 2_222);
        let receiver = room.plain(address(5_012));
        room.consume(receiver, producer);
        Self {
            room,
            sender,
            producer,
            number: 0,
        }
    }

    /// Somebody comes, is heard and seen, and goes.
    fn visit(&mut self, kind: u32) {
        let guest = match kind % 4 {
            0 => self.room.webrtc(),
            1 => self.room.direct(),
            2 => self.room.plain_sctp(SctpOptions::default()),
            _ => self.room.plain(address(6_000)),
        };
        if kind % 4 == 2 {
            self.room.connect(guest);
        }
        self.room.consume(guest, self.producer);
        let video = with_retransmissions(vp8(3_333));
        let video = self.room.produce(guest, MediaKind::Video, video);
        self.room.produce(guest, MediaKind::Audio, opus(4_444));
        self.room.consume(self.sender, video);
        for _ in 0..2 {
            self.number = self.number.wrapping_add(1);
            let host = Packet::new(96, self.number, 2_222, VP8_KEY_FRAME);
            self.room.arrive(self.sender, &host);
            if kind % 4 > 1 {
                let seen = Packet::new(96, self.number, 3_333, VP8_KEY_FRAME);
                self.room.arrive(guest, &seen);
                let heard = Packet::new(111, self.number, 4_444, b"voice");
                self.room.arrive(guest, &heard);
            }
            self.room.tick();
        }
        self.leave(guest);
    }

    fn leave(&mut self, guest: TransportId) {
        self.room.engine.close_transport(guest).unwrap();
        self.room.tick();
        self.room.engine.drain_events();
        self.room.engine.drain_deliveries(|_| {});
    }

    /// Somebody comes as a browser does: finds the transport, shakes hands, associates, opens a channel
    /// and says something on it, sends media and reports on what it gets; and goes.
    fn call(mut self) -> Self {
        self.room.wire.set_recording(true);
        let accepted = self.room.engine.ledger().accepted;
        let messages = self.room.engine.data_ledger().received;
        let mut caller = Channels::inside(self.room);
        let guest = caller.transport;
        let gets = caller.room.consume(guest, self.producer);
        let gets = caller.room.engine.consumer_parameters(gets).unwrap();
        let video = with_retransmissions(vp8(3_333));
        let video = caller.room.produce(guest, MediaKind::Video, video);
        caller.room.consume(self.sender, video);
        caller.open(2, "chat");
        caller.send(&message(2, vec![7; 3_000]));
        for number in 1..=3 {
            self.number = self.number.wrapping_add(1);
            let host = Packet::new(96, self.number, 2_222, VP8_KEY_FRAME);
            caller.room.arrive(self.sender, &host);
            let seen = Packet::new(96, number, 3_333, VP8_KEY_FRAME);
            caller.peer.send(&caller.room, &seen);
            let mut bytes = Vec::new();
            write_pli(&mut bytes, 1, gets.encodings[0].ssrc.unwrap());
            caller.peer.send_rtcp(&caller.room, &bytes);
            caller.peer.turn(&mut caller.room);
        }
        assert_eq!(caller.peer.rtp.len(), 3);
        self.room = caller.room;
        assert_eq!(self.room.engine.ledger().accepted, accepted + 6);
        self.room.wire.set_recording(false);
        self.leave(guest);
        // What it said waited for a data producer until it went.
        assert_eq!(self.room.engine.data_ledger().received, messages + 1);
        self
    }
}

#[test]
fn those_who_come_and_go_leave_nothing_behind() {
    let mut hosts = Hosts::new();
    // The hosts' own histories reach their size, and numbers wrap once.
    for guest in 0..2_000 {
        hosts.visit(guest);
    }
    let (before, entities) = (
        bytes_kept(),
        hosts.room.engine.world().entities().count_spawned(),
    );
    let joins = wanted("FLUMEN_JOINS", 2_000);
    for guest in 0..joins {
        hosts.visit(guest);
    }
    let world = hosts.room.engine.world();
    assert_eq!(world.entities().count_spawned(), entities);
    let grown = bytes_kept() - before;
    assert!(grown < 16_384, "{grown} bytes after {joins} joins");
}

#[test]
fn those_who_shake_hands_and_go_leave_nothing_behind() {
    let mut hosts = Hosts::new();
    for _ in 0..60 {
        hosts = hosts.call();
    }
    let entities = |hosts: &Hosts| hosts.room.engine.world().entities().count_spawned();
    let before = (bytes_kept(), entities(&hosts));
    let calls = wanted("FLUMEN_CALLS", 60);
    for _ in 0..calls {
        hosts = hosts.call();
    }
    assert_eq!(entities(&hosts), before.1);
    let grown = bytes_kept() - before.0;
    assert!(grown < 16_384, "{grown} bytes after {calls} calls");
}

#[test]
fn a_room_that_goes_on_for_long_needs_no_more_than_after_a_while() {
    let lossy = Link::new()
        .latency(Duration::from_millis(30))
        .jitter(Duration::from_millis(5))
        .loss(Loss::bursts(3, 2));
    let peer = Peer::new()
        .audio(Audio::opus())
        .video(Video::vp8().simulcast(2).temporal_layers(3))
        .messages(Messages::every(Duration::from_millis(100), 300))
        .link(lossy);
    let mut room = flumen_sim::Room::new(1);
    for feedback in [Feedback::TransportCc, Feedback::Remb, Feedback::None] {
        room.join(peer.clone().feedback(feedback));
    }
    let minutes = wanted("FLUMEN_MINUTES", 1);
    let mut kept_after = |minutes| {
        for _ in 0..minutes {
            room.run_for(Duration::from_secs(60));
            room.take_events();
        }
        bytes_kept()
    };
    // Buffers of the engine and of its peers grow now and then when more comes at once than ever: by half a
    // megabyte in the first six minutes, by a quarter of one in the next fifty, and by 40 kB in a hundred
    // more.
    let before = kept_after(6);
    let grown = kept_after(minutes) - before;
    let most = 40_000 + 5_000 * i64::from(minutes.min(60));
    assert!(grown < most, "{grown} bytes after {minutes} minutes");
    room.close();
}

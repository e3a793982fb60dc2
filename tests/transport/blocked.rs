//! A socket that would block: what waits is bounded, keeps its order, and delays nobody else.

use std::net::SocketAddr;

use flumen::{Refusal, TransportId};
use flumen_tests::{Packet, Room, VP8_KEY_FRAME};

fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// One producer and two receivers, each on a socket of its own.
struct Pair {
    room: Room,
    sender: TransportId,
    slow: TransportId,
    sequence: u16,
}

const SLOW: u16 = 6_000;
const FAST: u16 = 6_001;

impl Pair {
    fn new(mut room: Room) -> Self {
        let sender = room.plain(address(5_000));
        let producer = room.produce_video(sender, 2_222);
        let [slow, _] = [SLOW, FAST].map(|port| {
            let transport = room.plain(address(port));
            room.consume(transport, producer);
            transport
        });
        Self {
            room,
            sender,
            slow,
            sequence: 10,
        }
    }

    /// Two packets arrive and a tick passes.
    fn step(&mut self) {
        for _ in 0..2 {
            let payload = [VP8_KEY_FRAME, &self.sequence.to_be_bytes()].concat();
            let packet = Packet::new(96, self.sequence, 2_222, &payload);
            self.room.arrive(self.sender, &packet);
            self.sequence += 1;
        }
        self.room.tick();
    }

    fn block(&self) {
        self.room.wire.block(self.room.local(self.slow));
    }

    fn unblock(&self) {
        self.room.wire.unblock(self.room.local(self.slow));
    }

    /// What the receiver at `port` got since the last call for any port.
    fn sent_to(&mut self, port: u16) -> Vec<Vec<u8>> {
        let received = self.room.received().into_iter();
        let mine = received.filter(|datagram| datagram.to == address(port));
        mine.map(|datagram| datagram.bytes).collect()
    }
}

#[test]
fn what_a_blocked_socket_does_not_take_leaves_later_in_order_and_unchanged() {
    let (mut free, mut blocked) = (Pair::new(Room::new()), Pair::new(Room::new()));
    for tick in 0..6 {
        if tick == 1 {
            blocked.block();
        }
        free.step();
        blocked.step();
    }
    assert_eq!(blocked.room.engine.waiting(), 10);
    blocked.unblock();
    free.step();
    blocked.step();
    assert_eq!(blocked.room.engine.waiting(), 0);
    assert_eq!(blocked.sent_to(SLOW), free.sent_to(SLOW));
}

#[test]
fn a_socket_that_takes_a_few_takes_the_oldest() {
    let (mut free, mut limited) = (Pair::new(Room::new()), Pair::new(Room::new()));
    let local = limited.room.local(limited.slow);
    for _ in 0..8 {
        limited.room.wire.block_after(local, 1);
        free.step();
        limited.step();
    }
    assert_eq!(limited.room.engine.waiting(), 8);
    limited.unblock();
    free.room.tick();
    limited.room.tick();
    assert_eq!(limited.sent_to(SLOW), free.sent_to(SLOW));
}

#[test]
fn datagrams_of_other_sockets_do_not_wait_with_it() {
    let (mut free, mut blocked) = (Pair::new(Room::new()), Pair::new(Room::new()));
    blocked.block();
    for _ in 0..4 {
        free.step();
        blocked.step();
        let fast = blocked.sent_to(FAST);
        assert_eq!(fast.len(), 2);
        assert_eq!(fast, free.sent_to(FAST));
    }
}

#[test]
fn no_more_waits_than_the_limit_and_what_waited_longest_is_kept() {
    let limit = |room: flumen::Builder| room.waiting_datagrams_per_transport(3);
    let (mut free, mut blocked) = (Pair::new(Room::new()), Pair::new(Room::with(limit)));
    blocked.block();
    for _ in 0..100 {
        free.step();
        blocked.step();
        assert!(blocked.room.engine.waiting() <= 3);
    }
    assert_eq!(
        blocked.room.engine.ledger().refused[Refusal::QueueFull],
        197
    );
    blocked.unblock();
    blocked.room.tick();
    assert_eq!(blocked.sent_to(SLOW), free.sent_to(SLOW)[..3]);
}

#[test]
fn a_transport_that_waits_leaves_room_for_another_on_the_same_socket() {
    let mut room = Room::with(|builder| builder.waiting_datagrams_per_transport(2));
    let sender = room.plain(address(5_000));
    let producer = room.produce_video(sender, 2_222);
    let socket = room.socket();
    let greedy = room.on_socket(socket, address(SLOW));
    let modest = room.on_socket(socket, address(FAST));
    for _ in 0..5 {
        room.consume(greedy, producer);
    }
    room.consume(modest, producer);
    room.wire.block(room.local(greedy));
    room.arrive(sender, &Packet::new(96, 10, 2_222, VP8_KEY_FRAME));
    room.tick();
    assert_eq!(room.engine.waiting(), 3);
    room.wire.unblock(room.local(greedy));
    room.tick();
    assert_eq!(room.rtp_to(address(FAST)).len(), 1);
}

#[test]
fn closing_a_transport_forgets_what_waits_for_it_and_only_that() {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let producer = room.produce_video(sender, 2_222);
    let socket = room.socket();
    let [leaving, staying] = [SLOW, FAST].map(|port| {
        let transport = room.on_socket(socket, address(port));
        room.consume(transport, producer);
        transport
    });
    room.wire.block(room.local(staying));
    for sequence in 10..15 {
        room.arrive(sender, &Packet::new(96, sequence, 2_222, VP8_KEY_FRAME));
        room.tick();
    }
    assert_eq!(room.engine.waiting(), 10);
    room.engine.close_transport(leaving).unwrap();
    assert_eq!(room.engine.waiting(), 5);
    room.wire.unblock(room.local(staying));
    room.tick();
    let received = room.received();
    let to = |port: u16| {
        let to = address(port);
        received.iter().filter(|sent| sent.to == to).count()
    };
    assert_eq!((to(SLOW), to(FAST)), (0, 5));
}

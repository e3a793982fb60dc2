//! What a consumer remembers of what it sent, and what answering its receiver asks of the heap.

use std::time::Duration;

use flumen::ConsumerId;
use flumen::components::wire::rtcp::write_nack;
use flumen::components::{Emission, Histogram, RemoteReception, Retransmission, find};
use flumen_tests::{Packet, Room, VP8_DELTA_FRAME, VP8_KEY_FRAME};

use crate::counting::{allocations, bytes_kept};
use crate::{WARM_UP, address};

const SSRC: u32 = 2_222;

/// One video for a number of receivers, each of which asks for packets in its turn.
struct Lossy {
    room: Room,
    sender: flumen::TransportId,
    receivers: Vec<(flumen::TransportId, u32, ConsumerId)>,
    number: u16,
    ticks: u32,
    nack: Vec<u8>,
}

impl Lossy {
    fn to(receivers: u16) -> Self {
        let mut room = Room::new();
        room.wire.set_recording(false);
        let sender = room.plain(address(5_000));
        let video = room.produce_video(sender, SSRC);
        let mut connect = |port| {
            let transport = room.plain(address(port));
            let consumer = room.consume(transport, video);
            let parameters = room.engine.consumer_parameters(consumer).unwrap();
            (transport, parameters.encodings[0].ssrc.unwrap(), consumer)
        };
        let receivers = (0..receivers).map(|index| connect(6_000 + index)).collect();
        Self {
            room,
            sender,
            receivers,
            number: 60_000,
            ticks: 0,
            nack: Vec::new(),
        }
    }

    /// A packet arrives; `padding` alone, or a frame. Ten packets a frame at 100 frames a second.
    fn inject(&mut self, padding: bool) {
        self.number = self.number.wrapping_add(1);
        self.ticks += 1;
        let payload = match self.ticks {
            1 => VP8_KEY_FRAME,
            _ => VP8_DELTA_FRAME,
        };
        let mut packet = Packet::new(96, self.number, SSRC, payload).at(self.ticks / 10 * 900);
        if padding {
            packet.payload.clear();
            packet.padding = 9;
        }
        self.room.arrive(self.sender, &packet);
    }

    /// One receiver asks for the packets up to `back` before the newest that it got.
    fn ask(&mut self, back: u16) {
        let turn = self.ticks as usize % self.receivers.len();
        let (transport, ssrc, consumer) = self.receivers[turn];
        let world = self.room.engine.world();
        let emission = world
            .get::<Emission>(find(world, consumer).unwrap())
            .unwrap();
        let newest = emission.sequence.max_output();
        self.nack.clear();
        let missing = (0..back).rev().map(|back| newest.wrapping_sub(back));
        write_nack(&mut self.nack, 1, ssrc, missing);
        self.room.arrive_bytes(transport, &self.nack);
    }

    /// Calls to the heap that a tick makes.
    fn step(&mut self, span: Duration) -> u64 {
        let now = self.room.now + span;
        self.room.now = now;
        let made = allocations(|| self.room.engine.tick(now).unwrap());
        self.room.engine.check_ledger().unwrap();
        made
    }
}

#[test]
fn a_tick_that_answers_receivers_allocates_nothing() {
    let mut lossy = Lossy::to(10);
    let mut step = |_| {
        lossy.inject(false);
        lossy.ask(3);
        lossy.step(Duration::from_millis(10))
    };
    // Each of the records gets its size: 256 packets that were sent again.
    let warm_up: u64 = (0..12 * WARM_UP).map(&mut step).sum();
    let made: u64 = (0..200).map(&mut step).sum();
    assert!(made == 0, "{made}, after {warm_up} while warming up");
    let sent = &lossy.room.engine.ledger();
    assert!(sent.generated > 3_000, "{} were sent again", sent.generated);
}

/// Bytes of a component, with what it has on the heap.
fn weight<T: Clone>(component: &T) -> usize {
    let before = bytes_kept();
    let copy = component.clone();
    let heap = bytes_kept() - before;
    drop(copy);
    heap as usize + size_of::<T>()
}

/// Ten seconds at a thousand packets a second, of which every `padding`th is withheld. Bytes that
/// the last consumer's state takes, and by how much the heap grew meanwhile.
fn after_ten_seconds(receivers: u16, padding: u32) -> (usize, i64) {
    let mut lossy = Lossy::to(receivers);
    let mut before = 0;
    for tick in 0..10_000 {
        lossy.inject(tick % padding == padding - 1);
        // More is asked for than is remembered.
        if tick % 5 == 0 {
            lossy.ask(300);
        }
        lossy.step(Duration::from_millis(1));
        if tick == 2 {
            before = bytes_kept();
        }
    }
    lossy.room.engine.drain_events();
    let grown = bytes_kept() - before;
    let world = lossy.room.engine.world();
    let (.., consumer) = *lossy.receivers.last().unwrap();
    let entity = world.entity(find(world, consumer).unwrap());
    let weights = [
        weight(entity.get::<Emission>().unwrap()),
        weight(entity.get::<Retransmission>().unwrap()),
        weight(entity.get::<RemoteReception>().unwrap()),
        weight(entity.get::<Histogram>().unwrap()),
    ];
    (weights.iter().sum(), grown)
}

#[test]
fn a_consumer_takes_at_most_four_kibibytes() {
    for padding in [2, 20_000] {
        let (_, shared) = after_ten_seconds(1, padding);
        let (weight, grown) = after_ten_seconds(41, padding);
        assert!(
            weight <= 4_096,
            "{weight} bytes, every {padding}th withheld"
        );
        let each = (grown - shared) / 40;
        // What it and its transport send a second is counted in what they take with it.
        assert!(
            each <= 5_120,
            "grew by {each} bytes, every {padding}th withheld"
        );
    }
}

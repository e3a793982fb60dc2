//! So many ticks without sockets, and nothing else: what `valgrind --tool=callgrind` and
//! `perf stat` count, which a busy machine does not change.
//!
//! `ticks rooms|fan_out COUNT PACKETS TICKS`: the difference of two runs is what ticks take.

#[allow(dead_code, reason = "the example `forwarder` needs more of it")]
#[path = "../examples/forwarder/layout.rs"]
mod layout;
#[allow(dead_code, reason = "the bench `rooms` needs more of it")]
#[path = "../examples/forwarder/packet.rs"]
mod packet;
#[allow(dead_code, reason = "the bench `rooms` needs more of it")]
#[path = "rooms/people.rs"]
mod people;
#[path = "../examples/forwarder/routed.rs"]
mod routed;

use std::time::Duration;

use flumen::{Engine, Loopback, Time};
use layout::{Layout, Sockets};
use people::People;

/// Participants of a room.
const PARTICIPANTS: u16 = 4;
/// Packets a second of each who sends.
const RATE: u32 = 50;
const FIRST_PORT: u16 = 10_000;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [kind, count, packets, ticks] = &words[..] else {
        panic!("ticks rooms|fan_out COUNT PACKETS TICKS");
    };
    let number = |word: &String| word.parse::<u32>().expect("it is a number");
    let count = count.parse().expect("it is a number of 16 bits");
    let layout = match kind.as_str() {
        "rooms" => Layout::rooms(count, PARTICIPANTS, FIRST_PORT),
        "fan_out" => Layout::fan_out(count, FIRST_PORT),
        _ => panic!("it is neither rooms nor fan_out"),
    };
    run(
        &layout.expect("it is not too much"),
        number(packets),
        number(ticks),
    );
}

fn run(layout: &Layout, packets: u32, ticks: u32) {
    let (backend, wire) = Loopback::new();
    wire.set_recording(false);
    let builder = Engine::builder().backend(backend).seed([1; 32]);
    let mut engine = builder.build().expect("the engine builds");
    let entrances = routed::open(&mut engine, layout, Sockets::Shared).expect("ports are free");
    let mut people = People::imaginary(layout);
    let span = Duration::from_secs(1) * packets / (RATE * layout.senders.len() as u32);
    let mut now = Time::ZERO;
    for _ in 0..ticks {
        for _ in 0..packets {
            let (sender, datagram) = people.next();
            wire.inject(entrances[sender], layout.address(sender as u16), datagram);
        }
        now += span;
        engine.tick(now).expect("the tick runs");
    }
    let copies = people.sent() * layout.copies() as u64;
    assert_eq!(engine.ledger().enqueued, copies, "all was forwarded");
}

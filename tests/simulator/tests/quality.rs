//! What loss and latency do to a video, as a table that is reviewed.

use std::fmt::Write;
use std::time::Duration;

use flumen::rtp_parameters::MediaKind;
use flumen_sim::{Link, Loss, Peer, Repair, Room, Video};

const GOLDEN: &str = include_str!("quality.md");
const LOSSES: [u32; 5] = [0, 1, 5, 10, 20];
const ROUND_TRIPS: [u64; 3] = [20, 100, 300];
const SPAN: Duration = Duration::from_secs(30);
const HEAD: &str = "\
| loss | round trip | score | repaired | frozen | recovery | score | repaired | frozen | recovery |
|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
| | | **RTX** | | | | **no RTX** | | | |
";

/// The columns of one way to repair: score, share repaired, share of time frozen, mean freeze.
fn columns(loss: u32, round_trip: u64, repair: Repair) -> String {
    let half = Link::new().latency(Duration::from_millis(round_trip / 2));
    let mut room = Room::new(20);
    let alice = room.join(Peer::new().video(Video::vp8()).link(Link::new()));
    let bob = Peer::new().up(half).down(half.loss(Loss::percent(loss)));
    let bob = room.join(bob.repair(repair));
    room.run_for(SPAN);
    let consumer = room.consumer(bob, alice, MediaKind::Video).unwrap();
    let score = room.engine().consumer_score(consumer).unwrap().score;
    let video = room.video(bob, alice);
    let frozen = video.frozen.as_millis() * 1_000 / SPAN.as_millis();
    format!(
        "{score} | {} % | {}.{} % | {} ms |",
        video.repaired_percent(),
        frozen / 10,
        frozen % 10,
        video.recovery().as_millis()
    )
}

fn table() -> String {
    let mut table = HEAD.to_owned();
    for loss in LOSSES {
        for round_trip in ROUND_TRIPS {
            let with = columns(loss, round_trip, Repair::Rtx);
            let without = columns(loss, round_trip, Repair::None);
            writeln!(table, "| {loss} % | {round_trip} ms | {with} {without}").unwrap();
        }
    }
    table
}

#[test]
fn what_loss_and_latency_do_is_as_it_was_reviewed() {
    let table = table();
    assert!(
        table == GOLDEN,
        "tests/simulator/tests/quality.md would be:\n{table}"
    );
}

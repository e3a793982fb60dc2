//! What loss and latency do to a video, as a table that is reviewed.

use std::fmt::Write;
use std::time::Duration;

use flumen::rtp_parameters::MediaKind;
use flumen_sim::{Link, Loss, Peer, Repair, Room, Video};

const GOLDEN: &str = include_str!("quality.md");
const README: &str = include_str!("../../../README.md");
const LOSSES: [u32; 5] = [0, 1, 5, 10, 20];
const ROUND_TRIPS: [u64; 3] = [20, 100, 300];
const SPAN: Duration = Duration::from_secs(30);
const SEEDS: std::ops::Range<u64> = 20..24;
const HEAD: &str = "\
| loss | round trip | score | repaired | waited | shown | frozen | recovery | score | repaired | waited | shown | frozen | recovery |
|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
| | | **RTX** | | | | | | **no RTX** | | | | | |
";

/// What the runs of a cell add up to.
#[derive(Default)]
struct Cell {
    score: u64,
    missing: u64,
    repaired: u64,
    waited: Duration,
    sent: u64,
    shown: u64,
    frozen: Duration,
    freezes: u64,
}

impl Cell {
    fn add(&mut self, seed: u64, (loss, round_trip): (u32, u64), repair: Repair) {
        let half = Link::new().latency(Duration::from_millis(round_trip / 2));
        let mut room = Room::new(seed);
        let alice = room.join(Peer::new().video(Video::vp8()).link(Link::new()));
        let bob = Peer::new().up(half).down(half.loss(Loss::percent(loss)));
        let bob = room.join(bob.repair(repair));
        room.run_for(SPAN);
        let consumer = room.consumer(bob, alice, MediaKind::Video).unwrap();
        self.score += u64::from(room.engine().consumer_score(consumer).unwrap().score);
        let video = room.video(bob, alice);
        self.missing += video.missing;
        self.repaired += video.repaired;
        self.waited += video.waited;
        self.sent += room.video_sent(alice).unwrap().frames;
        self.shown += video.frames;
        self.frozen += video.frozen;
        self.freezes += video.freezes;
    }

    /// Score, share repaired, time until the first picture, share of pictures shown, share of time
    /// frozen, mean freeze.
    fn columns(&self) -> String {
        let seeds = SEEDS.count() as u64;
        let repaired = (self.repaired * 100).checked_div(self.missing);
        let frozen = self.frozen.as_millis() * 1_000 / (SPAN * seeds as u32).as_millis();
        let recovery = self.frozen.checked_div(self.freezes as u32);
        format!(
            "{} | {} % | {} ms | {} % | {}.{} % | {} ms |",
            (self.score + seeds / 2) / seeds,
            repaired.unwrap_or(100),
            (self.waited / seeds as u32).as_millis(),
            (self.shown * 100 + self.sent / 2) / self.sent,
            frozen / 10,
            frozen % 10,
            recovery.unwrap_or_default().as_millis()
        )
    }
}

fn columns(path: (u32, u64), repair: Repair) -> String {
    let mut cell = Cell::default();
    SEEDS.for_each(|seed| cell.add(seed, path, repair));
    cell.columns()
}

fn table() -> String {
    let mut table = HEAD.to_owned();
    for loss in LOSSES {
        for round_trip in ROUND_TRIPS {
            let [with, without] =
                [Repair::Rtx, Repair::None].map(|repair| columns((loss, round_trip), repair));
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

#[test]
fn the_readme_tells_what_was_reviewed() {
    assert!(README.contains(GOLDEN), "it has another quality.md");
}

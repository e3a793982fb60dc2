//! Runs of which everything is drawn.

use flumen::Builder;
use flumen_sim::AnyRoom;
use flumen_tests::Noise;
use flumen_tests::any_input::{Call, made};
use flumen_tests::disk::{Disk, replay};

fn recorded(builder: Builder, disk: &Disk) -> Builder {
    builder.state_digest_ticks(50).record_to(disk.clone())
}

#[test]
fn any_room_replays() {
    for seed in 0..30 {
        let disk = Disk::default();
        let room = AnyRoom::with(seed, |builder| recorded(builder, &disk));
        room.play().unwrap();
        let replayed = replay(&disk.whole());
        replayed.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
}

/// Sequences of a run.
const SEQUENCES: u64 = 24;

#[test]
fn whatever_strangers_do_replays() {
    for run in 0..8 {
        let disk = Disk::default();
        let mut call = Call::with(|builder| recorded(builder, &disk));
        let seeds = made("room");
        for sequence in run * SEQUENCES..(run + 1) * SEQUENCES {
            let mut noise = Noise::new(sequence);
            call.renew();
            let mut bytes: Vec<u8> = (0..1_000).map(|_| noise.bits() as u8).collect();
            bytes.extend(&seeds[noise.below(seeds.len() as u64) as usize]);
            call.play(&bytes);
        }
        let ticks = call.engine_mut().ticks();
        let replayed = replay(&disk.finish(call.engine_mut()));
        assert_eq!(replayed.unwrap().len() as u64, ticks);
    }
}

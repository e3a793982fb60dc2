//! Components are compared, too: what differs is named, with whose it is.

use std::time::Duration;

use flumen::components::{Ledger, Score, find};
use flumen::ecs::prelude::{Query, ResMut};
use flumen::{Builder, Divergence, Engine, ReplayError, Setup, Slot, Stage};
use flumen_sim::Peer;
use flumen_tests::Room;
use flumen_tests::disk::{Disk, replay, replay_with};
use flumen_tests::victims::Victims;

use crate::rooms::{crowded, wish};

fn digested(builder: Builder, disk: &Disk) -> Builder {
    builder.state_digest_ticks(7).record_to(disk.clone())
}

fn talk(victims: &mut Victims, ticks: u32) {
    for _ in 0..ticks {
        victims.talk();
        victims.room.tick_after(Duration::from_millis(20));
    }
}

#[test]
fn components_are_the_same_in_a_replay() {
    for seed in 0..4 {
        let disk = Disk::default();
        let (mut room, crowd) = crowded(seed, |builder| digested(builder, &disk));
        wish(&mut room, crowd);
        replay(&disk.finish(room.engine_mut())).unwrap();
    }
}

/// Behind a snapshot entities have other names in the world, and are the same.
#[test]
fn components_are_the_same_behind_a_snapshot() {
    for seed in 0..4 {
        let (mut room, crowd) = crowded(seed, |builder| builder.state_digest_ticks(7));
        wish(&mut room, crowd);
        let mut other = room.fork(|builder| builder);
        assert_eq!(other.state_digest(), room.state_digest());
        let disk = Disk::default();
        room.engine_mut().record_to(disk.clone()).unwrap();
        room.join(Peer::new());
        wish(&mut room, crowd);
        replay(&disk.finish(room.engine_mut())).unwrap();
    }
}

/// A system that does in one run what it does not in the other, and nothing of it leaves.
fn meddling(meddles: bool) -> impl Fn(&mut Setup) {
    move |setup: &mut Setup| {
        let meddle = move |mut scores: Query<'_, '_, &mut Score>| {
            for mut score in &mut scores {
                if meddles {
                    *score = Score(3);
                }
            }
        };
        setup.add_systems(Stage::Emit, Slot::After, meddle);
    }
}

#[test]
fn the_first_component_that_differs_is_named_with_whose_it_is() {
    let disk = Disk::default();
    let mut victims = Victims::with(|builder| digested(builder.plugin(meddling(false)), &disk));
    talk(&mut victims, 100);
    let file = disk.finish(&mut victims.room.engine);
    replay_with(&file, |builder| builder.plugin(meddling(false))).unwrap();
    let error = replay_with(&file, |builder| builder.plugin(meddling(true))).unwrap_err();
    let ReplayError::Differs(difference) = &error else {
        panic!("{error}");
    };
    let Divergence::State { component, of } = &difference.what else {
        panic!("{error}");
    };
    assert_eq!(component, std::any::type_name::<Score>());
    let of = of.as_ref().unwrap();
    let (stream, producer) = of.split_once(" of producer ").unwrap();
    assert_eq!(stream, "stream 1111");
    let producer =
        find::<flumen::ProducerId>(victims.room.engine.world(), producer.parse().unwrap());
    assert!(producer.is_ok(), "{of}");
    assert_eq!(difference.tick % 7, 0, "{error}");
}

#[test]
fn a_resource_that_differs_is_named() {
    fn counting(more: u64) -> impl Fn(&mut Setup) {
        move |setup: &mut Setup| {
            let count = move |mut ledger: ResMut<'_, Ledger>| ledger.kernel_drops += more;
            setup.add_systems(Stage::Emit, Slot::After, count);
        }
    }
    let disk = Disk::default();
    let mut room = Room::with(|builder| digested(builder.plugin(counting(0)), &disk));
    for _ in 0..20 {
        room.tick();
    }
    let file = disk.finish(&mut room.engine);
    let error = replay_with(&file, |builder| builder.plugin(counting(1))).unwrap_err();
    let told = error.to_string();
    assert!(told.contains("behind tick 7"), "{told}");
    assert!(told.contains("Ledger had been another"), "{told}");
}

/// Without a recording there is nothing to write digests to, and none is made.
#[test]
fn an_engine_tells_what_its_state_is() {
    let state = |ticks| {
        let mut victims = Victims::with(|builder| builder.state_digest_ticks(1));
        talk(&mut victims, ticks);
        victims.room.engine.state_digest().unwrap()
    };
    assert_eq!(state(20), state(20));
    assert_ne!(state(20), state(21));
    let mut engine = Engine::builder().seed([1; 32]).ntp_epoch(1);
    engine = engine.backend(flumen::Loopback::new().0);
    assert!(engine.build().unwrap().state_digest().is_ok());
}

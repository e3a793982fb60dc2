//! The same seed gives the same run: every byte, to whom, and when.

use std::time::Duration;

use flumen::components::{Consumer, Now, Pacer, PausedByOwner};
use flumen::ecs::prelude::{Query, Res};
use flumen::rtp_parameters::MediaKind;
use flumen::{Setup, Slot, Stage};
use flumen_sim::{AnyRoom, Audio, Link, Loss, Messages, Peer, Room, Video};

/// Somebody who sends everything.
fn peer(link: Link) -> Peer {
    Peer::new()
        .audio(Audio::opus())
        .video(Video::vp8().simulcast(2).temporal_layers(3))
        .messages(Messages::every(Duration::from_millis(40), 400))
        .link(link)
}

/// A call of everything over links that do everything.
fn call(seed: u64) -> Room {
    let link = Link::new()
        .latency(Duration::from_millis(30))
        .jitter(Duration::from_millis(5))
        .loss(Loss::bursts(3, 2))
        .reordering(5_000, Duration::from_millis(20))
        .rate(2_000_000);
    let peer = peer(link);
    let mut room = Room::new(seed);
    for drift in [-30, 0, 60] {
        room.join(peer.clone().drift_ppm(drift));
        room.join(peer.clone().drift_ppm(drift).webrtc());
    }
    room.run_for(Duration::from_secs(5));
    room
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let [mut one, mut other] = [call(1), call(1)];
    assert_eq!(one.digest(), other.digest());
    let told = one.take_events();
    assert!(told.len() > 100, "{told:?}");
    assert_eq!(told, other.take_events());
    assert_eq!(one.engine().ledger(), other.engine().ledger());
    assert_ne!(one.digest(), call(2).digest());
}

#[test]
fn runs_are_the_same_on_every_machine_and_in_every_build() {
    let hex = |digest: u64| format!("{digest:016x}");
    let golden = GOLDEN.map(|(seed, digest, states)| (seed, hex(digest), states.map(hex)));
    let played = GOLDEN.map(|(seed, ..)| {
        let played = AnyRoom::new(seed).play().unwrap();
        (seed, hex(played.digest), played.states.map(hex))
    });
    assert_eq!(
        played, golden,
        "update them when what is sent or known is meant to change"
    );
}

/// Seeds, what their rooms put out, and what the engine knew in those without browsers.
const GOLDEN: [(u64, u64, Option<u64>); 6] = [
    (1, 0x27c2_d912_5b3f_35aa, None),
    (2, 0x9233_4cc8_433b_b8a2, None),
    (3, 0xf35e_2964_8e2b_0058, None),
    (4, 0x568d_e2c8_630b_9103, None),
    (6, 0xa525_9e57_e931_69a9, Some(0xe10d_01b1_71ab_6e26)),
    (8, 0x4308_becd_842e_8739, Some(0x7734_578b_c9e3_5956)),
];

/// A call on plain transports: nothing in it is drawn from the operating system.
fn plain_call(configure: fn(&mut Setup)) -> Room {
    let link = Link::new()
        .latency(Duration::from_millis(30))
        .loss(Loss::bursts(3, 2))
        .rate(2_000_000);
    let peer = peer(link);
    let mut room = Room::with(9, |builder| builder.plugin(configure));
    for drift in [-30, 0, 60] {
        room.join(peer.clone().drift_ppm(drift));
    }
    room.run_for(Duration::from_secs(5));
    room
}

/// Half of the time everybody gets what there is more slowly.
fn narrow(now: Res<'_, Now>, mut pacers: Query<'_, '_, &mut Pacer>) {
    let asked = [400_000, 4_000_000][(now.tick / 100 % 2) as usize];
    pacers
        .iter_mut()
        .for_each(|mut pacer| pacer.asked = Some(asked));
}

/// A third of the time nobody hears anybody.
fn hush(now: Res<'_, Now>, mut all: Query<'_, '_, (&Consumer, &mut PausedByOwner)>) {
    for (consumer, mut paused) in &mut all {
        paused.0 = consumer.kind == MediaKind::Audio && now.tick % 300 < 100;
    }
}

/// The engine's own systems are one chain, which leaves no freedom; systems of an application that
/// do not conflict may run in any order, whatever they change.
#[test]
fn components_are_the_same_in_every_build_and_in_every_legal_order_of_systems() {
    fn one_way(setup: &mut Setup) {
        setup.add_systems(Stage::Ingest, Slot::Before, (narrow, hush));
    }
    fn the_other(setup: &mut Setup) {
        setup.add_systems(Stage::Ingest, Slot::Before, (hush, narrow));
    }
    fn one_alone(setup: &mut Setup) {
        setup.add_systems(Stage::Ingest, Slot::Before, hush);
    }
    let (mut one, mut other) = (plain_call(one_way), plain_call(the_other));
    assert_ne!(one.engine().order(), other.engine().order());
    assert_eq!(one.digest(), other.digest());
    let states = [one.state_digest(), other.state_digest()];
    let golden = [GOLDEN_STATE; 2];
    assert_eq!(
        states.map(|state| format!("{state:016x}")),
        golden.map(|state| format!("{state:016x}")),
        "update it when what is known is meant to change"
    );
    let without = [plain_call(one_alone), plain_call(|_| ())].map(|room| room.digest());
    assert!(without[0] != one.digest() && without[1] != without[0]);
}

/// What the engine knows at the end of a call, in debug; the embedder's tests are run in release, too.
const GOLDEN_STATE: u64 = 0x4bfb_1cfb_f25e_01bb;

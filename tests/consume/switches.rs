//! However layers are switched, what a consumer sends can be decoded.
//!
//! `FLUMEN_SWITCHES=1000000 cargo test --release -p flumen-tests --test consume switches` does so
//! a million times for each codec; `FLUMEN_SEED=N` begins with call N, as one that failed.

use std::panic::{AssertUnwindSafe, catch_unwind};

use flumen_tests::layered::{LayeredCall, Path, Stacking, Vp9Mode, Wrapping, ignoring_descriptors};

/// How many times each test lets a consumer get other layers.
fn switches() -> usize {
    asked("FLUMEN_SWITCHES").unwrap_or(10_000)
}

fn asked(name: &str) -> Option<usize> {
    let count = std::env::var(name).ok()?;
    Some(count.parse().expect("a number"))
}

/// A call of so many wishes, each followed by a few pictures.
const WISHES_IN_A_CALL: u64 = 250;

/// Switches in calls of one kind until there were enough.
fn switch(path: Path, call: impl Fn(u64) -> LayeredCall) {
    let first = asked("FLUMEN_SEED").unwrap_or(0);
    let mut switched = 0;
    for seed in first.. {
        let in_this_call = catch_unwind(AssertUnwindSafe(|| wish(path, call(seed as u64))));
        switched += in_this_call.unwrap_or_else(|_| panic!("repeat it with FLUMEN_SEED={seed}"));
        assert!(
            switched > 10 * (seed - first),
            "{switched} switches up to {seed}"
        );
        if switched >= switches() {
            return;
        }
    }
}

/// Has many wishes in a call, and returns how many switches they led to.
fn wish(path: Path, mut call: LayeredCall) -> usize {
    call.repairs = path == Path::Repaired;
    for _ in 0..WISHES_IN_A_CALL {
        call.do_anything(path);
        for _ in 0..=call.below(4) {
            call.stir(path);
        }
        if path == Path::Lossy {
            call.ask_for_missing();
        }
    }
    // Until what is late has come, and a key frame with which to go on: that is asked for no more
    // often than once a second.
    call.calm();
    for _ in 0..60 {
        call.stir(Path::Clean);
    }
    for _ in 0..5 {
        let before = call.received();
        call.stir(Path::Clean);
        assert!(call.received() > before, "frozen");
    }
    call.repair();
    call.decoded(path);
    call.check_requests(path);
    call.told().len()
}

/// Of senders that tell how many layers there are and of such that do not, half of the calls each; and
/// of half of both one encoding has picture ids of seven bits.
fn vp8_simulcast(path: Path) {
    switch(path, |seed| {
        let mut call = match seed % 2 {
            0 => LayeredCall::new(3, 3, seed),
            _ => LayeredCall::undeclared(3, 3, seed),
        };
        if seed / 2 % 2 == 1 {
            call.sources[seed as usize / 4 % 3].shorten_ids();
        }
        call.begun()
    });
}

/// Full SVC and K-SVC, in flexible mode and without, a quarter of the calls each.
fn vp9(path: Path) {
    switch(path, |seed| {
        let stacking = [Stacking::Full, Stacking::Key][seed as usize % 2];
        LayeredCall::vp9(vp9_mode(stacking, seed / 2), seed).begun()
    });
}

/// In flexible mode and without, half of the seeds each.
fn vp9_mode(stacking: Stacking, seed: u64) -> Vp9Mode {
    Vp9Mode {
        stacking,
        is_flexible: seed % 2 == 1,
    }
}

fn vp9_simulcast(path: Path) {
    switch(path, |seed| {
        LayeredCall::vp9_simulcast(vp9_mode(Stacking::Full, seed), seed).begun()
    });
}

/// Spatial layers that stand alone, in flexible mode and without, half of the calls each.
fn vp9_alone(path: Path) {
    switch(path, |seed| {
        LayeredCall::vp9(vp9_mode(Stacking::Alone, seed), seed).begun()
    });
}

/// Two and three spatial layers in up to three temporal ones, stacked in every way, half of them with
/// picture ids of seven bits.
fn vp9_in_any_layers(path: Path) {
    switch(path, |seed| {
        let stacking = [Stacking::Full, Stacking::Key, Stacking::Alone][seed as usize % 3];
        let (mode, layers) = (vp9_mode(stacking, seed / 3), fewer_layers(seed / 6));
        let mut call = LayeredCall::vp9_in(mode, layers, seed);
        if seed / 30 % 2 == 1 {
            call.sources[0].shorten_ids();
        }
        call.begun()
    });
}

/// How many spatial and temporal layers there are, other than three of each.
fn fewer_layers(seed: u64) -> (u8, u8) {
    [(2, 1), (2, 2), (2, 3), (3, 1), (3, 2)][seed as usize % 5]
}

/// AV1 in full SVC and in K-SVC, half of the calls each.
fn av1(path: Path) {
    switch(path, |seed| {
        let stacking = [Stacking::Full, Stacking::Key][seed as usize % 2];
        LayeredCall::svc(Wrapping::Av1, stacking, seed).begun()
    });
}

/// Spatial layers that stand alone.
fn av1_alone(path: Path) {
    switch(path, |seed| {
        LayeredCall::svc(Wrapping::Av1, Stacking::Alone, seed).begun()
    });
}

/// K-SVC in which frames of a picture are of different temporal layers.
fn av1_shifted(path: Path) {
    switch(path, |seed| {
        LayeredCall::svc(Wrapping::Av1, Stacking::KeyShift, seed).begun()
    });
}

/// Two and three spatial layers in up to three temporal ones, stacked in every way.
fn av1_in_any_layers(path: Path) {
    switch(path, |seed| {
        let stacking = Stacking::ALL[seed as usize % 4];
        LayeredCall::svc_in(Wrapping::Av1, stacking, fewer_layers(seed / 4), seed).begun()
    });
}

/// One encoding in temporal layers alone: of VP8, VP9, and each codec that tells them in descriptors.
fn one_stream(path: Path) {
    switch(path, |seed| {
        let call = match seed % 6 {
            0 => LayeredCall::new(1, 3, seed),
            1 => LayeredCall::vp9_in(vp9_mode(Stacking::Full, seed / 6), (1, 3), seed),
            kind => {
                let wrapping = WRAPPINGS[kind as usize - 2];
                LayeredCall::temporal(wrapping, 1, seed, |options| options)
            }
        };
        call.begun()
    });
}

const WRAPPINGS: [Wrapping; 4] = [Wrapping::Av1, Wrapping::H264, Wrapping::H265, Wrapping::Vp8];

/// Senders that tell layers in descriptors, to a receiver that gets none: nothing but the numbers of
/// packets tells it what is missing.
fn descriptors_withheld(path: Path) {
    switch(path, |seed| {
        let wrapping = WRAPPINGS[seed as usize % 4];
        LayeredCall::temporal(wrapping, 3, seed, ignoring_descriptors).begun()
    });
}

/// Three encodings in temporal layers, of AV1, H.264, H.265 or VP8, which tells them in descriptors alone.
/// Each numbers its own frames, or all of them together, in half of the calls each.
fn with_descriptors(wrapping: Wrapping, path: Path) {
    switch(path, |seed| {
        let call = LayeredCall::temporal(wrapping, 3, seed, |options| options);
        match seed % 2 {
            0 => call.begun(),
            _ => call.numbered_together().begun(),
        }
    });
}

/// Three encodings of a sender that tells no layers, a third of the calls each AV1, H.264 and H.265.
fn without_descriptors(path: Path) {
    switch(path, |seed| {
        let wrapping = [Wrapping::Av1, Wrapping::H264, Wrapping::H265][seed as usize % 3];
        LayeredCall::mute(wrapping, 3, seed).begun()
    });
}

#[test]
fn vp8_simulcast_is_decodable() {
    vp8_simulcast(Path::Clean);
}

#[test]
fn vp8_simulcast_is_decodable_where_packets_are_lost_or_late() {
    vp8_simulcast(Path::Lossy);
}

#[test]
fn vp8_simulcast_is_decodable_where_packets_are_repaired() {
    vp8_simulcast(Path::Repaired);
}

#[test]
fn vp9_is_decodable() {
    vp9(Path::Clean);
}

#[test]
fn vp9_is_decodable_where_packets_are_lost_or_late() {
    vp9(Path::Lossy);
}

#[test]
fn vp9_is_decodable_where_packets_are_repaired() {
    vp9(Path::Repaired);
}

#[test]
fn vp9_simulcast_is_decodable() {
    vp9_simulcast(Path::Clean);
}

#[test]
fn vp9_simulcast_is_decodable_where_packets_are_lost_or_late() {
    vp9_simulcast(Path::Lossy);
}

#[test]
fn vp9_simulcast_is_decodable_where_packets_are_repaired() {
    vp9_simulcast(Path::Repaired);
}

#[test]
fn av1_svc_is_decodable() {
    av1(Path::Clean);
}

#[test]
fn av1_svc_is_decodable_where_packets_are_lost_or_late() {
    av1(Path::Lossy);
}

#[test]
fn av1_svc_is_decodable_where_packets_are_repaired() {
    av1(Path::Repaired);
}

#[test]
fn av1_simulcast_is_decodable() {
    with_descriptors(Wrapping::Av1, Path::Clean);
}

#[test]
fn av1_simulcast_is_decodable_where_packets_are_lost_or_late() {
    with_descriptors(Wrapping::Av1, Path::Lossy);
}

#[test]
fn av1_simulcast_is_decodable_where_packets_are_repaired() {
    with_descriptors(Wrapping::Av1, Path::Repaired);
}

#[test]
fn h264_simulcast_is_decodable() {
    with_descriptors(Wrapping::H264, Path::Clean);
}

#[test]
fn h264_simulcast_is_decodable_where_packets_are_lost_or_late() {
    with_descriptors(Wrapping::H264, Path::Lossy);
}

#[test]
fn h264_simulcast_is_decodable_where_packets_are_repaired() {
    with_descriptors(Wrapping::H264, Path::Repaired);
}

#[test]
fn h265_simulcast_is_decodable() {
    with_descriptors(Wrapping::H265, Path::Clean);
}

#[test]
fn h265_simulcast_is_decodable_where_packets_are_lost_or_late() {
    with_descriptors(Wrapping::H265, Path::Lossy);
}

#[test]
fn h265_simulcast_is_decodable_where_packets_are_repaired() {
    with_descriptors(Wrapping::H265, Path::Repaired);
}

#[test]
fn vp8_with_descriptors_is_decodable() {
    with_descriptors(Wrapping::Vp8, Path::Clean);
}

#[test]
fn vp8_with_descriptors_is_decodable_where_packets_are_lost_or_late() {
    with_descriptors(Wrapping::Vp8, Path::Lossy);
}

#[test]
fn vp8_with_descriptors_is_decodable_where_packets_are_repaired() {
    with_descriptors(Wrapping::Vp8, Path::Repaired);
}

#[test]
fn simulcast_without_descriptors_is_decodable() {
    without_descriptors(Path::Clean);
}

#[test]
fn simulcast_without_descriptors_is_decodable_where_packets_are_lost_or_late() {
    without_descriptors(Path::Lossy);
}

#[test]
fn simulcast_without_descriptors_is_decodable_where_packets_are_repaired() {
    without_descriptors(Path::Repaired);
}

#[test]
fn vp9_layers_that_stand_alone_are_decodable() {
    vp9_alone(Path::Clean);
}

#[test]
fn vp9_layers_that_stand_alone_are_decodable_where_packets_are_lost_or_late() {
    vp9_alone(Path::Lossy);
}

#[test]
fn vp9_layers_that_stand_alone_are_decodable_where_packets_are_repaired() {
    vp9_alone(Path::Repaired);
}

#[test]
fn vp9_in_any_layers_is_decodable() {
    vp9_in_any_layers(Path::Clean);
}

#[test]
fn vp9_in_any_layers_is_decodable_where_packets_are_lost_or_late() {
    vp9_in_any_layers(Path::Lossy);
}

#[test]
fn vp9_in_any_layers_is_decodable_where_packets_are_repaired() {
    vp9_in_any_layers(Path::Repaired);
}

#[test]
fn av1_layers_that_stand_alone_are_decodable() {
    av1_alone(Path::Clean);
}

#[test]
fn av1_layers_that_stand_alone_are_decodable_where_packets_are_lost_or_late() {
    av1_alone(Path::Lossy);
}

#[test]
fn av1_layers_that_stand_alone_are_decodable_where_packets_are_repaired() {
    av1_alone(Path::Repaired);
}

#[test]
fn av1_in_shifted_layers_is_decodable() {
    av1_shifted(Path::Clean);
}

#[test]
fn av1_in_shifted_layers_is_decodable_where_packets_are_lost_or_late() {
    av1_shifted(Path::Lossy);
}

#[test]
fn av1_in_shifted_layers_is_decodable_where_packets_are_repaired() {
    av1_shifted(Path::Repaired);
}

#[test]
fn av1_in_any_layers_is_decodable() {
    av1_in_any_layers(Path::Clean);
}

#[test]
fn av1_in_any_layers_is_decodable_where_packets_are_lost_or_late() {
    av1_in_any_layers(Path::Lossy);
}

#[test]
fn av1_in_any_layers_is_decodable_where_packets_are_repaired() {
    av1_in_any_layers(Path::Repaired);
}

#[test]
fn one_stream_in_temporal_layers_is_decodable() {
    one_stream(Path::Clean);
}

#[test]
fn one_stream_in_temporal_layers_is_decodable_where_packets_are_lost_or_late() {
    one_stream(Path::Lossy);
}

#[test]
fn one_stream_in_temporal_layers_is_decodable_where_packets_are_repaired() {
    one_stream(Path::Repaired);
}

#[test]
fn what_comes_without_its_descriptors_is_decodable() {
    descriptors_withheld(Path::Clean);
}

#[test]
fn what_comes_without_its_descriptors_is_decodable_where_packets_are_lost_or_late() {
    descriptors_withheld(Path::Lossy);
}

#[test]
fn what_comes_without_its_descriptors_is_decodable_where_packets_are_repaired() {
    descriptors_withheld(Path::Repaired);
}

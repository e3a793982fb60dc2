//! However layers are switched, what a consumer sends can be decoded.
//!
//! `FLUMEN_SWITCHES=1000000 cargo test --release -p flumen-tests --test consume switches` does so
//! a million times for each codec; `FLUMEN_SEED=N` begins with call N, as one that failed.

use std::panic::{AssertUnwindSafe, catch_unwind};

use flumen_tests::layered::{LayeredCall, Path, Stacking, Vp9Mode, Wrapping};

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
        call.do_anything();
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

/// Of senders that tell how many layers there are and of such that do not, half of the calls each.
fn vp8_simulcast(path: Path) {
    switch(path, |seed| match seed % 2 {
        0 => LayeredCall::running(3, 3, seed),
        _ => LayeredCall::undeclared(3, 3, seed).begun(),
    });
}

/// Full SVC and K-SVC, in flexible mode and without, a quarter of the calls each.
fn vp9(path: Path) {
    switch(path, |seed| {
        let mode = Vp9Mode {
            is_ksvc: seed % 2 == 1,
            is_flexible: seed % 4 > 1,
        };
        LayeredCall::vp9(mode, seed).begun()
    });
}

fn vp9_simulcast(path: Path) {
    switch(path, |seed| {
        let mode = Vp9Mode {
            is_ksvc: false,
            is_flexible: seed % 2 == 1,
        };
        LayeredCall::vp9_simulcast(mode, seed).begun()
    });
}

/// AV1 in full SVC and in K-SVC, half of the calls each.
fn av1(path: Path) {
    switch(path, |seed| {
        let stacking = [Stacking::Full, Stacking::Key][seed as usize % 2];
        LayeredCall::svc(Wrapping::Av1, stacking, seed).begun()
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

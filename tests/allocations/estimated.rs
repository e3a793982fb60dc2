//! What estimating the path to a receiver asks of the heap.

use std::cell::Cell;
use std::time::Duration;

use flumen_tests::{Bottleneck, Downlink, Room};

use crate::counting::allocations;

thread_local! {
    static MADE: Cell<u64> = const { Cell::new(0) };
}

/// Ticks a millisecond later and notes the calls to the heap.
fn tick(room: &mut Room) {
    room.now += Duration::from_millis(1);
    let now = room.now;
    let made = allocations(|| room.engine.tick(now).unwrap());
    MADE.set(MADE.get() + made);
    room.engine.check_ledger().unwrap();
}

#[test]
fn a_tick_in_which_a_path_is_estimated_and_probed_allocates_nothing() {
    let mut downlink = Downlink::new(Bottleneck::of(1_000_000));
    downlink.tick = tick;
    // More than the path carries: it is probed again and again.
    downlink.want(3_000_000);
    let elastic = |available: u64| available.min(3_000_000);
    downlink.run(Duration::from_secs(20), elastic);
    let (before, padding) = (MADE.get(), downlink.padding_bytes);
    downlink.run(Duration::from_secs(20), elastic);
    assert!(downlink.padding_bytes > padding, "it was probed");
    assert_eq!(MADE.get() - before, 0);
}

//! An allocator that counts what each thread asks of the heap.
#![allow(
    unsafe_code,
    reason = "an allocator that counts cannot be written without"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static ALLOCATED_BYTES: Cell<u64> = const { Cell::new(0) };
    static LIVE_BYTES: Cell<i64> = const { Cell::new(0) };
    static COPIED_BYTES: Cell<u64> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A thread that is ending has no counters any more, and nobody asks.
fn count(allocations: u64, bytes: i64) {
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + allocations));
    let _ = ALLOCATED_BYTES.try_with(|all| all.set(all.get() + bytes.max(0) as u64));
    let _ = LIVE_BYTES.try_with(|live| live.set(live.get() + bytes));
}

// SAFETY: every call is passed on unchanged; counting touches no heap.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as i64);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(0, -(layout.size() as i64));
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size as i64 - layout.size() as i64);
        let copied = layout.size().min(size) as u64;
        let _ = COPIED_BYTES.try_with(|all| all.set(all.get() + copied));
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// Calls to the heap that this thread has made since it began.
pub(crate) fn allocations_of_this_thread() -> u64 {
    ALLOCATIONS.get()
}

/// Calls to the heap that `act` makes on this thread.
pub(crate) fn allocations(act: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    act();
    ALLOCATIONS.get() - before
}

/// Bytes that this thread has asked of the heap since it began.
pub(crate) fn bytes_allocated() -> u64 {
    ALLOCATED_BYTES.get()
}

/// Those that it has not given back.
pub(crate) fn bytes_kept() -> i64 {
    LIVE_BYTES.get()
}

/// Those of what this thread had on the heap that growing may have copied.
pub(crate) fn bytes_copied() -> u64 {
    COPIED_BYTES.get()
}

//! What a tick on several threads asks of the heap.

use std::sync::{Barrier, Mutex};

use flumen::srtp::CryptoSuite;
use flumen::{Engine, Workers};
use flumen_tests::Room;

use crate::Traffic;
use crate::counting::allocations_of_this_thread;

/// What each of the engine's threads has asked of the heap since it began.
fn of_each_thread(engine: &Engine) -> Vec<u64> {
    let workers = engine.world().resource::<Workers>();
    let all_here = Barrier::new(workers.threads());
    let made = Mutex::new(Vec::with_capacity(workers.threads()));
    workers.share(workers.threads(), 0..workers.threads(), |_| {
        let so_far = allocations_of_this_thread();
        all_here.wait();
        made.lock().unwrap().push(so_far);
    });
    let mut made = made.into_inner().unwrap();
    made.sort_unstable();
    made
}

#[test]
fn a_tick_on_several_threads_allocates_nothing_on_any() {
    for threads in [2, 4] {
        let mut room = Room::with(|builder| builder.threads(threads).datagrams_per_thread(1));
        room.srtp = Some(CryptoSuite::AeadAes128Gcm);
        let mut traffic = Traffic::inside(room, 20);
        traffic.warm_up();
        // Parts fall to threads by chance, and lists grow to what they need.
        (0..500).for_each(|_| _ = traffic.step());
        of_each_thread(&traffic.room.engine);
        let before = of_each_thread(&traffic.room.engine);
        let made: u64 = (0..200).map(|_| traffic.step()).sum();
        let after = of_each_thread(&traffic.room.engine);
        assert_eq!(made, 0, "{threads} threads");
        assert_eq!(before.len(), threads);
        // Asking allocates here, and not on the others.
        let others = |all: &[u64]| all.iter().sum::<u64>() - all.iter().max().unwrap();
        assert_eq!(others(&after), others(&before), "{threads} threads");
    }
}

//! What leaves is the same on any number of threads.

use flumen::srtp::CryptoSuite;
use flumen::{BuildError, Engine, Refusal, Workers};

use crate::house::House;

/// All that can be told of a house from outside: every byte and when it left, every counter.
fn told(threads: usize, suite: Option<CryptoSuite>) -> (u64, String, Vec<String>) {
    let mut house = House::new(threads, suite);
    house.live();
    let engine = &house.room.engine;
    let ledger = engine.ledger();
    assert!(ledger.refused[Refusal::Unreachable] >= 8, "{ledger:?}");
    assert!(ledger.sent > 10_000 && ledger.generated > 100, "{ledger:?}");
    assert_eq!(engine.world().resource::<Workers>().threads(), threads);
    let stats = house.receivers().map(|receiver| {
        let stats = engine.transport_stats(receiver).unwrap();
        format!("{stats:?}")
    });
    (
        house.room.left.finish(),
        format!("{ledger:?}"),
        stats.collect(),
    )
}

fn same_on_any_number_of_threads(suite: Option<CryptoSuite>) {
    let alone = told(1, suite);
    for threads in [2, 4] {
        let together = told(threads, suite);
        assert_eq!(together, alone, "{threads} threads, {suite:?}");
    }
}

#[test]
fn a_house_without_srtp_is_the_same_on_any_number_of_threads() {
    same_on_any_number_of_threads(None);
}

#[test]
fn a_house_with_srtp_is_the_same_on_any_number_of_threads() {
    for suite in CryptoSuite::ALL {
        same_on_any_number_of_threads(Some(suite));
    }
}

/// Who may send with no more SSRCs than others is refused the same packets.
#[test]
fn what_is_not_sealed_is_refused_on_any_number_of_threads() {
    let refused = |threads| {
        let mut house = House::with(Some(CryptoSuite::AeadAes128Gcm), |builder| {
            crate::house::many(builder, threads).srtp_outbound_ssrcs(4)
        });
        house.live();
        let refused = house.room.engine.ledger().refused[Refusal::TooManySrtpSsrcs];
        (refused, house.room.left.finish())
    };
    let alone = refused(1);
    assert!(alone.0 > 1_000, "{}", alone.0);
    assert_eq!(refused(3), alone);
}

#[test]
fn an_engine_has_one_thread_or_some() {
    let build = |threads| Engine::builder().threads(threads).build();
    for threads in [0, 65] {
        let error = build(threads).err();
        assert!(
            matches!(error, Some(BuildError::Limit { name: "threads", value, .. }) if value == threads)
        );
    }
    let engine = Engine::builder().build().unwrap();
    assert_eq!(engine.world().resource::<Workers>().threads(), 1);
}

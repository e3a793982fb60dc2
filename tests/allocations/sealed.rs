//! What SRTP asks of the heap, beside what its ciphers do on their own.

use flumen::srtp::CryptoSuite;
use flumen::{Discard, Time};
use flumen_tests::{Packet, Room};

use crate::counting::bytes_kept;
use crate::{Traffic, address};

#[test]
fn a_tick_that_opens_and_seals_allocates_nothing() {
    for suite in CryptoSuite::ALL {
        let mut traffic = Traffic::inside(Room::sealed(suite), 20);
        traffic.warm_up();
        let local = traffic.room.local(traffic.sender);
        let forged = Packet::new(96, 1, 2_222, &[7; 200]).bytes();
        let mut run = |ticks: u32| -> u64 {
            let step = |_| {
                traffic.room.wire.inject(local, address(5_000), &forged);
                traffic.step()
            };
            (0..ticks).map(step).sum()
        };
        // The inbox has one more packet than before, and lists grow to what they need.
        run(1_000);
        let made = run(200);
        let ledger = traffic.room.engine.ledger();
        assert_eq!(ledger.discarded[Discard::ForgedSrtp], 1_200);
        assert!(ledger.sent > 20 * 200 * 4 && traffic.room.now > Time::from_secs(9));
        assert_eq!(made, 0, "{suite:?}");
    }
}

/// What nobody sealed leaves nothing behind, whatever SSRC it has.
#[test]
fn a_hundred_thousand_forged_ssrcs_leave_nothing_behind() {
    let mut traffic = Traffic::inside(Room::sealed(CryptoSuite::AeadAes128Gcm), 1);
    traffic.warm_up();
    let local = traffic.room.local(traffic.sender);
    let flood = |traffic: &mut Traffic, ssrcs: std::ops::Range<u32>| {
        for ssrc in ssrcs {
            let forged = Packet::new(96, 1, ssrc, &[7; 30]).bytes();
            traffic.room.wire.inject(local, address(5_000), &forged);
            if ssrc % 100 == 0 {
                traffic.room.tick();
            }
        }
        traffic.room.tick();
    };
    flood(&mut traffic, 10_000..11_000);
    let before = bytes_kept();
    flood(&mut traffic, 100_000..200_000);
    let forged = traffic.room.engine.ledger().discarded[Discard::ForgedSrtp];
    assert_eq!(forged, 101_000);
    assert_eq!(bytes_kept() - before, 0);
}

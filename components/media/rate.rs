//! How many bits a second, over a sliding window.

use crate::tick::time::Time;

/// Bits a second over the last `window`, in a ring of a hundred items.
///
/// Every packet of a tick has the same time, so one update with their sum gives the same rate as
/// one update each. What passes is added to the newest item alone; the ring is touched when another
/// item begins.
#[derive(Clone, Debug)]
pub struct Rate {
    window_ms: u64,
    item_ms: u64,
    /// Bytes of each item but the newest, whose place holds none.
    items: Box<[u32]>,
    newest: usize,
    newest_start_ms: Option<u64>,
    newest_bytes: u32,
    /// Bytes of all items but the newest.
    older_bytes: u64,
    /// When bytes came after a window without any.
    began_ms: u64,
}

crate::snapshot::state! {
    struct Rate {
        window_ms, item_ms, items, newest, newest_start_ms, newest_bytes, older_bytes, began_ms
    }
}

const ITEMS: u64 = 100;
const SPAN_MIN_MS: u64 = 500;

impl Rate {
    /// A rate over `window_ms` milliseconds.
    pub fn new(window_ms: u64) -> Self {
        let item_ms = window_ms.div_ceil(ITEMS);
        let items = vec![0; window_ms.div_ceil(item_ms) as usize].into();
        Self {
            window_ms,
            item_ms,
            items,
            newest: 0,
            newest_start_ms: None,
            newest_bytes: 0,
            older_bytes: 0,
            began_ms: 0,
        }
    }

    /// Adds `bytes` that passed at `now`. What passed before the newest item began counts for that
    /// one, or, if it had left the window by then, for none.
    #[inline]
    pub fn add(&mut self, bytes: u64, now: Time) {
        let now_ms = now.as_millis();
        if !self.is_of_newest(now_ms) {
            self.slide(now_ms);
            let newest = self.newest_start_ms.unwrap_or(now_ms);
            if newest.saturating_sub(now_ms) >= self.window_ms {
                return;
            }
        }
        // An item of 10 to 60 ms holds 4 GiB before it saturates.
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.newest_bytes = self.newest_bytes.saturating_add(bytes);
    }

    /// Bits a second at `now`, rounded.
    pub fn bits_per_second(&mut self, now: Time) -> u64 {
        self.slide(now.as_millis());
        let bytes = self.older_bytes + u64::from(self.newest_bytes);
        (bytes * 16_000 + self.window_ms) / (2 * self.window_ms)
    }

    fn is_of_newest(&self, now_ms: u64) -> bool {
        self.newest_start_ms
            .is_some_and(|start| now_ms.wrapping_sub(start) < self.item_ms)
    }

    /// Bits a second at `now` over the part of the window since anything came: what a young stream
    /// brings. Over less than half a second it is taken for that.
    pub fn recent_bits_per_second(&mut self, now: Time) -> u64 {
        let now_ms = now.as_millis();
        self.slide(now_ms);
        let span = (now_ms.saturating_sub(self.began_ms)).max(SPAN_MIN_MS);
        let bytes = self.older_bytes + u64::from(self.newest_bytes);
        bytes * 8_000 / span.min(self.window_ms)
    }

    /// Forgets what has left the window. Items start at whole multiples of their length after the
    /// first one.
    fn slide(&mut self, now_ms: u64) {
        let Some(start) = self.newest_start_ms else {
            (self.newest_start_ms, self.began_ms) = (Some(now_ms), now_ms);
            return;
        };
        let steps = now_ms.saturating_sub(start) / self.item_ms;
        if steps >= self.items.len() as u64 {
            self.items.fill(0);
            (self.newest_bytes, self.older_bytes) = (0, 0);
            (self.newest_start_ms, self.began_ms) = (Some(now_ms), now_ms);
            return;
        }
        for _ in 0..steps {
            self.begin_item();
        }
        self.newest_start_ms = Some(start + steps * self.item_ms);
    }

    fn begin_item(&mut self) {
        self.older_bytes += u64::from(self.newest_bytes);
        self.items[self.newest] = std::mem::take(&mut self.newest_bytes);
        self.newest += 1;
        if self.newest == self.items.len() {
            self.newest = 0;
        }
        self.older_bytes -= u64::from(std::mem::take(&mut self.items[self.newest]));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_full_window_gives_the_rate_and_an_empty_one_gives_zero() {
        let mut rate = Rate::new(1_000);
        for ms in 0..1_000 {
            rate.add(125, Time::from_millis(ms));
        }
        assert_eq!(rate.bits_per_second(Time::from_millis(999)), 1_000_000);
        assert_eq!(rate.bits_per_second(Time::from_millis(1_499)), 500_000);
        assert_eq!(rate.bits_per_second(Time::from_millis(3_000)), 0);
    }

    #[test]
    fn a_young_rate_is_that_of_its_own_span() {
        let mut rate = Rate::new(2_500);
        // (ms, bits a second after 125 bytes a millisecond from 1,000 on)
        let rows = [
            (1_249, 500_000),
            (1_499, 1_000_000),
            (1_999, 1_000_000),
            (4_999, 1_000_000),
        ];
        let mut now = 1_000;
        for (ms, expected) in rows {
            while now <= ms {
                rate.add(125, Time::from_millis(now));
                now += 1;
            }
            let told = rate.recent_bits_per_second(Time::from_millis(ms));
            assert!(told.abs_diff(expected) <= expected / 50, "{told} at {ms}");
        }
        // After a window without anything it is young again.
        rate.add(12_500, Time::from_millis(9_000));
        let told = rate.recent_bits_per_second(Time::from_millis(9_100));
        assert_eq!(told, 200_000);
    }

    #[test]
    fn the_rate_is_rounded_to_the_nearest_bit() {
        let mut rate = Rate::new(2_500);
        rate.add(1, Time::ZERO);
        // 8,000 / 2,500 = 3.2
        assert_eq!(rate.bits_per_second(Time::ZERO), 3);
    }

    #[test]
    fn an_item_is_forgotten_as_a_whole() {
        let mut rate = Rate::new(1_000);
        rate.add(100, Time::from_millis(0));
        rate.add(100, Time::from_millis(9));
        assert_eq!(rate.bits_per_second(Time::from_millis(999)), 1_600);
        assert_eq!(rate.bits_per_second(Time::from_millis(1_000)), 0);
    }

    /// Bytes in the window of `Rate::new(2_500)` after each row: items of 25 ms, a hundred of them.
    #[test]
    fn items_begin_at_multiples_of_their_length_after_the_first() {
        let mut rate = Rate::new(2_500);
        // (when in ms, bytes, bytes in the window then)
        let rows = [
            (1_010, 100, 100),
            // The first item lasts from 1,010 to 1,034, the second one to 1,059.
            (1_034, 10, 110),
            (1_035, 1_000, 1_110),
            (1_070, 0, 1_110),
            // Back in time, within the window: for the newest item, which began at 1,060.
            (1_000, 5, 1_115),
            // Item 99 began at 1,010 + 99 * 25 = 3,485: still a hundred items with the first.
            (3_509, 0, 1_115),
            (3_510, 0, 1_005),
            (3_534, 0, 1_005),
            (3_535, 0, 5),
            (3_560, 7, 7),
            // 2,500 ms before the newest item, which began at 3,560: out of the window; 2,499: in.
            (1_060, 900, 7),
            (1_061, 900, 907),
            // A whole window without anything: items begin anew, at 7,001.
            (7_001, 3, 3),
            (7_025, 0, 3),
            (9_500, 0, 3),
            (9_501, 0, 0),
        ];
        for (at, bytes, expected) in rows {
            let at = Time::from_millis(at);
            rate.add(bytes, at);
            // 8,000 / 2,500 = 3.2, rounded half up.
            let bits = (expected * 32 + 5) / 10;
            assert_eq!(rate.bits_per_second(at), bits, "at {at}");
        }
    }

    /// What a ring must tell, by remembering everything.
    struct Naive {
        window: u64,
        item: u64,
        /// When items began to be counted.
        origin: u64,
        newest: u64,
        entries: Vec<(u64, u64)>,
    }

    impl Naive {
        fn add(&mut self, at: u64, bytes: u64) {
            let items = self.window.div_ceil(self.item);
            if self.entries.is_empty() || at - self.newest >= items * self.item {
                (self.origin, self.newest) = (at, at);
                self.entries.clear();
            } else {
                self.newest = self.origin + (at - self.origin) / self.item * self.item;
            }
            self.entries.push((self.newest, bytes));
        }

        fn bits_per_second(&self) -> u64 {
            let items = self.window.div_ceil(self.item);
            let oldest = self.newest.saturating_sub((items - 1) * self.item);
            let kept = self.entries.iter().filter(|(item, _)| *item >= oldest);
            let bytes: u64 = kept.map(|(_, bytes)| bytes).sum();
            (bytes as f64 * 8_000.0 / self.window as f64 + 0.5) as u64
        }
    }

    proptest! {
        #[test]
        fn a_rate_is_what_a_full_memory_would_tell(
            window in prop::sample::select(vec![100, 150, 1_000, 2_500, 6_000]),
            start in 0..100_000u64,
            steps in prop::collection::vec((0..400u64, 0..2_000u64, 0..20u8), 1..300),
        ) {
            let mut rate = Rate::new(window);
            let item = window.div_ceil(100);
            let entries = Vec::new();
            let mut naive = Naive { window, item, origin: 0, newest: 0, entries };
            let mut at = start;
            for (span, bytes, pause) in steps {
                // One in twenty is a pause about as long as the window.
                at += if pause == 0 { window + span - 200.min(window) } else { span };
                rate.add(bytes, Time::from_millis(at));
                naive.add(at, bytes);
                let told = rate.bits_per_second(Time::from_millis(at));
                prop_assert_eq!(told, naive.bits_per_second());
            }
        }
    }

    #[test]
    fn an_absurd_amount_does_not_overflow() {
        let mut rate = Rate::new(1_000);
        rate.add(u64::MAX, Time::ZERO);
        rate.add(u64::MAX, Time::ZERO);
        assert_eq!(rate.bits_per_second(Time::from_secs(9)), 0);
    }
}

//! How many bits a second, over a sliding window.

use std::collections::VecDeque;

use crate::tick::time::Time;

/// Bits a second over the last `window`, counted in items of a hundredth of it.
///
/// Every packet of a tick has the same time, so one update with their sum gives the same rate as
/// one update each. What passes is added to a counter; when another item begins, that is noted
/// behind those before, and what they are together is worked out when somebody asks.
#[derive(Clone, Debug)]
pub struct Rate {
    newest_start_ms: Option<u64>,
    newest_bytes: u32,
    item_ms: u32,
    window_ms: u32,
    /// How many items ago the first of `older` began.
    span: u32,
    /// The items but the newest in which anything came, and some that have left the window.
    older: VecDeque<Item>,
    /// When bytes came after a window without any.
    began_ms: u64,
}

crate::snapshot::state! {
    struct Rate { newest_start_ms, newest_bytes, item_ms, window_ms, span, older, began_ms }
}

/// The bytes of an item in 24 bits, and how many items before the next one it began in 8: fewer
/// than a hundred, as what comes later finds an empty window.
#[derive(Clone, Copy, Debug)]
struct Item(u32);

crate::snapshot::state! { struct Item(it) }

/// More bytes than 10 Gbit/s bring in an item of 10 ms.
const ITEM_BYTES_MAX: u32 = (1 << 24) - 1;
const ITEMS: u32 = 100;
const SPAN_MIN_MS: u64 = 500;

impl Item {
    fn new(bytes: u32, ago: u32) -> Self {
        Self(bytes << 8 | ago)
    }

    fn bytes(self) -> u64 {
        (self.0 >> 8).into()
    }

    fn ago(self) -> u32 {
        self.0 & 0xff
    }
}

impl Rate {
    /// A rate over `window_ms` milliseconds, at most 2^32 - 1.
    pub fn new(window_ms: u64) -> Self {
        let window_ms = u32::try_from(window_ms).unwrap_or(u32::MAX);
        let item_ms = window_ms.div_ceil(ITEMS);
        Self {
            newest_start_ms: None,
            newest_bytes: 0,
            item_ms,
            window_ms,
            span: 0,
            older: VecDeque::new(),
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
            if newest.saturating_sub(now_ms) >= self.window_ms.into() {
                return;
            }
        }
        if self.newest_bytes == 0 && self.older().all(|bytes| bytes == 0) {
            self.began_ms = now_ms;
        }
        let bytes = bytes.min(ITEM_BYTES_MAX.into()) as u32;
        self.newest_bytes = (self.newest_bytes + bytes).min(ITEM_BYTES_MAX);
    }

    /// Bits a second at `now`, rounded.
    pub fn bits_per_second(&mut self, now: Time) -> u64 {
        self.slide(now.as_millis());
        let window_ms = u64::from(self.window_ms);
        (self.bytes() * 16_000 + window_ms) / (2 * window_ms)
    }

    #[inline]
    fn is_of_newest(&self, now_ms: u64) -> bool {
        self.newest_start_ms
            .is_some_and(|start| now_ms.wrapping_sub(start) < self.item_ms.into())
    }

    /// Bits a second at `now` over the part of the window since anything came: what a young stream
    /// brings. Over less than half a second it is taken for that.
    pub fn recent_bits_per_second(&mut self, now: Time) -> u64 {
        let now_ms = now.as_millis();
        self.slide(now_ms);
        let span = (now_ms.saturating_sub(self.began_ms)).max(SPAN_MIN_MS);
        self.bytes() * 8_000 / span.min(self.window_ms.into())
    }

    /// What came behind a window without anything began too short a while before `now` for what it
    /// brings to be known.
    pub fn is_young(&self, now: Time) -> bool {
        now.as_millis().saturating_sub(self.began_ms) < SPAN_MIN_MS
    }

    /// Bytes of the items in the window.
    fn bytes(&self) -> u64 {
        self.older().sum::<u64>() + u64::from(self.newest_bytes)
    }

    /// Bytes of each item in the window but the newest, the latest first.
    fn older(&self) -> impl Iterator<Item = u64> {
        let items = self.items();
        let mut ago = 0;
        let in_window = self.older.iter().rev().take_while(move |item| {
            ago += item.ago();
            ago < items
        });
        in_window.map(|item| item.bytes())
    }

    /// The items of a window.
    fn items(&self) -> u32 {
        self.window_ms.div_ceil(self.item_ms)
    }

    /// Begins the item of `now_ms` if it has not begun. Items start at whole multiples of their
    /// length after the first one.
    fn slide(&mut self, now_ms: u64) {
        let Some(start) = self.newest_start_ms else {
            self.newest_start_ms = Some(now_ms);
            return;
        };
        let steps = now_ms.saturating_sub(start) / u64::from(self.item_ms);
        if steps == 0 {
            return;
        }
        if steps >= self.items().into() {
            self.older.clear();
            (self.newest_bytes, self.span) = (0, 0);
            self.newest_start_ms = Some(now_ms);
            return;
        }
        self.begin_item(steps as u32);
        self.newest_start_ms = Some(start + steps * u64::from(self.item_ms));
    }

    fn begin_item(&mut self, steps: u32) {
        let items = self.items();
        if self.older.len() >= items as usize {
            self.forget_oldest(items);
        }
        // What never passes takes no memory; what does takes all it will need at once.
        if self.older.capacity() == 0 {
            self.older.reserve_exact(items as usize);
        }
        let bytes = std::mem::take(&mut self.newest_bytes);
        self.older.push_back(Item::new(bytes, steps));
        self.span += steps;
    }

    /// Forgets what has left the window: something has when as many items as it has are noted.
    fn forget_oldest(&mut self, items: u32) {
        while self.span >= items
            && let Some(item) = self.older.pop_front()
        {
            self.span -= item.ago();
        }
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
    fn what_comes_back_is_young_however_often_its_silence_was_looked_at() {
        // How long nothing had come, and for how much of that somebody looked every 100 ms, in ms.
        let rows = [(20_000, 20_000), (3_000, 1_500), (6_000, 1_500), (6_000, 0)];
        for (silence, looked) in rows {
            let mut rate = Rate::new(2_500);
            for ms in 0..3_000 {
                rate.add(125, Time::from_millis(ms));
            }
            for ms in (3_000..=3_000 + looked).step_by(100) {
                rate.recent_bits_per_second(Time::from_millis(ms));
            }
            let back = 3_000 + silence;
            for ms in back..back + 600 {
                let now = Time::from_millis(ms);
                rate.add(125, now);
                assert_eq!(
                    rate.is_young(now),
                    ms < back + 500,
                    "{silence} {looked} {ms}"
                );
            }
            let told = rate.recent_bits_per_second(Time::from_millis(back + 600));
            assert_eq!(told, 1_000_000, "{silence} {looked}");
        }
        // What never came is young when it does.
        let mut rate = Rate::new(2_500);
        for ms in (0..10_000).step_by(100) {
            rate.recent_bits_per_second(Time::from_millis(ms));
        }
        let now = Time::from_millis(10_000);
        rate.add(12_500, now);
        assert!(rate.is_young(now));
        assert_eq!(rate.recent_bits_per_second(now), 200_000);
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
    fn a_rate_takes_its_memory_with_the_first_items_and_no_more_after_them() {
        for rate in [2, 30, 100, 5_000] {
            let mut told = Rate::new(2_500);
            assert_eq!(told.older.capacity(), 0);
            for packet in 0..20 * rate {
                told.add(100, Time::from_nanos(packet * 1_000_000_000 / rate));
                assert!(told.older.capacity() <= ITEMS as usize, "{rate}");
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

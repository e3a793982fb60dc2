//! Bytes that pass, and how many bits of them a second.

use crate::tick::time::Time;

/// Bytes that flow one way, and how many bits of them a second over a sliding window.
///
/// What passes costs a counter. What that was is noted when each fifteenth of the window begins, in
/// memory that is taken with the first note; a rate is worked out when somebody asks, as if what
/// passed within a fifteenth had come evenly. So what flows steadily is told as it flows, from a
/// window after its beginning on.
#[derive(Clone, Debug)]
pub struct Flow {
    bytes: u64,
    /// When the next note is due; 0 before anything passed.
    next_ms: u64,
    window_ms: u32,
    notes: Option<Box<Notes>>,
}

crate::snapshot::state! { struct Flow { bytes, next_ms, window_ms, notes } }

/// What the counter was when the newest items began.
#[derive(Clone, Debug, Default)]
struct Notes {
    counters: [u64; NOTES],
    newest: u8,
}

crate::snapshot::state! { struct Notes { counters, newest } }

/// Items of a window.
const ITEMS: u32 = 15;
/// One more, so that a window always begins between two.
const NOTES: usize = ITEMS as usize + 1;

impl Flow {
    /// Nothing yet, with a rate over `window_ms` milliseconds.
    pub const fn over(window_ms: u32) -> Self {
        Self {
            bytes: 0,
            next_ms: 0,
            window_ms,
            notes: None,
        }
    }

    /// Adds `bytes` that passed at `now`.
    #[inline]
    pub fn add(&mut self, bytes: u64, now: Time) {
        if bytes == 0 {
            return;
        }
        let now_ms = now.as_millis();
        if now_ms >= self.next_ms {
            self.begin_item(now_ms);
        }
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Takes back `bytes` of what was added: they did not pass after all.
    pub fn take_back(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
        for counter in self.notes.iter_mut().flat_map(|notes| &mut notes.counters) {
            *counter = self.bytes.min(*counter);
        }
    }

    /// All bytes that have passed.
    #[inline]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bits a second at `now`, rounded.
    pub fn bits_per_second(&self, now: Time) -> u64 {
        let passed = self.bytes - self.bytes_before(now.as_millis());
        let window_ms = u64::from(self.window_ms);
        passed.saturating_mul(16_000).saturating_add(window_ms) / (2 * window_ms)
    }

    /// What had passed when the window of `now_ms` began.
    fn bytes_before(&self, now_ms: u64) -> u64 {
        let item_ms = self.item_ms();
        // The newest item has begun, and its end is that of all that passed.
        let since_newest = now_ms.saturating_sub(self.next_ms.saturating_sub(item_ms));
        let window_ms = u64::from(self.window_ms);
        if let Some(into) = since_newest.checked_sub(window_ms) {
            return self.between(self.counter(0), self.bytes, into);
        }
        let ago = window_ms - since_newest;
        let items = ago.div_ceil(item_ms);
        let into = items * item_ms - ago;
        match items {
            0 => self.counter(0),
            _ => self.between(self.counter(items), self.counter(items - 1), into),
        }
    }

    /// Between what the counter was when an item began and when it ended, `into_ms` into it.
    fn between(&self, began: u64, ended: u64, into_ms: u64) -> u64 {
        let item_ms = self.item_ms();
        let share = (ended - began).saturating_mul(into_ms.min(item_ms)) / item_ms;
        began + share.min(ended - began)
    }

    /// What the counter was when the item began that is so many before the newest one.
    fn counter(&self, items_ago: u64) -> u64 {
        self.notes.as_ref().map_or(0, |notes| {
            notes.counters[(usize::from(notes.newest) + NOTES - items_ago as usize) % NOTES]
        })
    }

    fn item_ms(&self) -> u64 {
        self.window_ms.div_ceil(ITEMS).into()
    }

    /// Notes what the counter is for all items that have begun. They begin at whole multiples of
    /// their length after the first one.
    #[cold]
    fn begin_item(&mut self, now_ms: u64) {
        let item_ms = self.item_ms();
        if self.next_ms == 0 {
            self.next_ms = now_ms + item_ms;
            return;
        }
        let begun = (now_ms - self.next_ms) / item_ms + 1;
        self.next_ms += begun * item_ms;
        let notes = self.notes.get_or_insert_default();
        for _ in 0..begun.min(NOTES as u64) {
            notes.newest = (notes.newest + 1) % NOTES as u8;
            notes.counters[usize::from(notes.newest)] = self.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_full_window_gives_the_rate_and_an_empty_one_gives_zero() {
        let mut flow = Flow::over(1_000);
        // (ms, bits a second of 125 bytes a millisecond from 0 to 1,999)
        let rows = [
            (499, 500_000),
            (999, 1_000_000),
            (1_700, 1_000_000),
            (1_999, 1_000_000),
            (2_499, 501_000),
            (3_010, 0),
            (90_000, 0),
        ];
        let mut passed = 0..2_000;
        for (ms, expected) in rows {
            for at in passed.by_ref().take_while(|&at| at < ms) {
                flow.add(125, Time::from_millis(at));
            }
            flow.add(if ms < 2_000 { 125 } else { 0 }, Time::from_millis(ms));
            let told = flow.bits_per_second(Time::from_millis(ms));
            // An item holds 67 ms of what flows, its last one less than it is taken for.
            assert!(told.abs_diff(expected) <= 2_000, "{told} at {ms}");
        }
        assert_eq!(flow.bytes(), 250_000);
    }

    #[test]
    fn the_rate_is_rounded_to_the_nearest_bit() {
        let mut flow = Flow::over(2_500);
        flow.add(1, Time::ZERO);
        // 8,000 / 2,500 = 3.2
        assert_eq!(flow.bits_per_second(Time::ZERO), 3);
    }

    #[test]
    fn what_is_taken_back_has_not_passed() {
        let mut flow = Flow::over(1_000);
        flow.add(1_000, Time::ZERO);
        flow.add(500, Time::from_millis(100));
        flow.take_back(600);
        assert_eq!(flow.bytes(), 900);
        assert_eq!(flow.bits_per_second(Time::from_millis(100)), 7_200);
        // A window after the first item none of it is left.
        assert_eq!(flow.bits_per_second(Time::from_millis(1_200)), 0);
    }

    #[test]
    fn what_never_passes_takes_no_memory() {
        let mut flow = Flow::over(1_000);
        flow.add(0, Time::from_secs(5));
        assert!(flow.notes.is_none() && flow.next_ms == 0);
    }

    #[test]
    fn an_absurd_amount_does_not_overflow() {
        let mut flow = Flow::over(1_000);
        flow.add(u64::MAX, Time::ZERO);
        flow.add(u64::MAX, Time::from_millis(70));
        assert!(flow.bits_per_second(Time::from_millis(70)) > 1 << 50);
        assert!(flow.bits_per_second(Time::from_millis(1_010)) < u64::MAX);
        assert_eq!(flow.bits_per_second(Time::from_secs(9)), 0);
    }

    proptest! {
        /// What passed within the window counts, and at most an item of it more or less.
        #[test]
        fn a_rate_is_what_a_full_memory_would_tell(
            window in prop::sample::select(vec![100, 150, 1_000, 2_500, 6_000]),
            start in 0..100_000_u64,
            steps in prop::collection::vec((0..400_u64, 0..2_000_u64, 0..20_u8), 1..300),
        ) {
            let mut flow = Flow::over(window);
            let mut passed = Vec::new();
            let mut now = start;
            let (window, item) = (u64::from(window), flow.item_ms());
            for (span, bytes, pause) in steps {
                // One in twenty is a pause about as long as the window.
                now += if pause == 0 { (window + span).saturating_sub(200) } else { span };
                flow.add(bytes, Time::from_millis(now));
                passed.push((now, bytes));
                let within = |span: u64| -> u64 {
                    let recent = passed.iter().rev().take_while(|(at, _)| now - at <= span);
                    recent.map(|(_, bytes)| bytes).sum()
                };
                let bytes = flow.bits_per_second(Time::from_millis(now)) * window / 8_000;
                prop_assert!(bytes + 1 >= within(window - item - 1), "{bytes} at {now}");
                prop_assert!(bytes <= within(window + item) + 1, "{bytes} at {now}");
            }
        }
    }
}

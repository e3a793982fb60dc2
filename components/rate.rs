//! How many bits a second, over a sliding window.

use crate::time::Time;

/// Bits a second over the last `window`, in a ring of a hundred items.
///
/// Every packet of a tick has the same time, so one update with their sum gives the same rate as
/// one update each.
#[derive(Clone, Debug)]
pub struct Rate {
    window_ms: u64,
    item_ms: u64,
    items: Box<[u32]>,
    newest: usize,
    newest_start_ms: Option<u64>,
    window_bytes: u64,
}

const ITEMS: u64 = 100;

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
            window_bytes: 0,
        }
    }

    /// Adds `bytes` that passed at `now`.
    pub fn add(&mut self, bytes: u64, now: Time) {
        self.slide(now.as_millis());
        let item = &mut self.items[self.newest];
        // An item of 10 to 60 ms holds 4 GiB before it saturates; what it refused must not be
        // subtracted later, so the sum takes what the item took.
        let before = *item;
        *item = item.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        self.window_bytes += u64::from(*item - before);
    }

    /// Bits a second at `now`, rounded.
    pub fn bits_per_second(&mut self, now: Time) -> u64 {
        self.slide(now.as_millis());
        (self.window_bytes * 16_000 + self.window_ms) / (2 * self.window_ms)
    }

    /// Forgets what has left the window. Items start at whole multiples of their length after the
    /// first one.
    fn slide(&mut self, now_ms: u64) {
        let Some(start) = self.newest_start_ms else {
            self.newest_start_ms = Some(now_ms);
            return;
        };
        let steps = now_ms.saturating_sub(start) / self.item_ms;
        if steps >= self.items.len() as u64 {
            self.items.fill(0);
            self.window_bytes = 0;
            self.newest_start_ms = Some(now_ms);
            return;
        }
        for _ in 0..steps {
            self.newest = (self.newest + 1) % self.items.len();
            self.window_bytes -= u64::from(std::mem::take(&mut self.items[self.newest]));
        }
        self.newest_start_ms = Some(start + steps * self.item_ms);
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn an_absurd_amount_does_not_overflow() {
        let mut rate = Rate::new(1_000);
        rate.add(u64::MAX, Time::ZERO);
        rate.add(u64::MAX, Time::ZERO);
        assert_eq!(rate.bits_per_second(Time::from_secs(9)), 0);
    }
}

//! Each consumer numbers its packets on by one, and each once.

use flumen::Engine;

use super::{Check, Sent, Stream, entry};
use crate::receiving::unwrap;
use crate::sending::Stamp;

/// Numbers that are told from each other: half of what there are.
const WINDOW: usize = 1 << 15;

#[derive(Clone, Default)]
pub(super) struct Numbering {
    streams: Vec<Numbers>,
    /// What was sent in this tick, and how many packets of it did not come as they should.
    touched: Vec<(Stream, u64)>,
}

#[derive(Clone, Default)]
struct Numbers {
    newest: Option<u64>,
    /// Numbers below the newest that were not sent.
    holes: u64,
    /// Packets with a number that was there already.
    repeated: u64,
    /// Which number each slot has seen.
    seen: Vec<u64>,
    /// The newest packet is of a key frame.
    is_key: bool,
}

impl Check for Numbering {
    fn name(&self) -> &'static str {
        "numbering"
    }

    fn fork(&self) -> Option<Box<dyn Check>> {
        Some(Box::new(self.clone()))
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Result<(), String> {
        let (Some(stream), Some(rtp)) = (sent.stream, sent.rtp) else {
            return Ok(());
        };
        let numbers = entry(&mut self.streams, stream.index);
        let is_key = Stamp::read(rtp.payload(sent.bytes)).is_some_and(|stamp| stamp.is_key);
        // Of many packets that overtook the beginning of a key frame the newest follow it; the others
        // can be asked for.
        let may_skip = numbers.is_key && sent.disturbed > 0;
        let number = numbers.take(rtp.sequence_number, may_skip) as u16;
        numbers.is_key = is_key;
        if numbers.repeated > sent.disturbed && !stream.repeats {
            return Err(format!("{} sends number {number} twice", stream.id));
        }
        // Within a tick, what overtook a key frame follows that.
        if !self.touched.iter().any(|it| it.0 == stream) {
            self.touched.push((stream, sent.disturbed));
        }
        Ok(())
    }

    fn ticked(&mut self, engine: &Engine) -> Result<(), String> {
        let ledger = engine.ledger();
        let (waiting, dropped) = (ledger.paced, ledger.refused.total());
        for (stream, disturbed) in self.touched.drain(..) {
            // Where packets come late, others wait behind them, and may be overtaken.
            let waiting = if disturbed > 0 { waiting } else { 0 };
            let allowed = disturbed.saturating_add(dropped + waiting);
            let holes = self.streams[stream.index].holes;
            if holes > allowed {
                return Err(format!(
                    "{} has left out {holes} numbers, where {allowed} packets are missing",
                    stream.id
                ));
            }
        }
        Ok(())
    }
}

impl Numbers {
    /// Takes in a number, and tells it counted on.
    fn take(&mut self, number: u16, may_skip: bool) -> u64 {
        if self.seen.is_empty() {
            self.seen = vec![0; WINDOW];
        }
        let before = 1 << 16 | u64::from(number.wrapping_sub(1));
        let newest = *self.newest.get_or_insert(before);
        let full = unwrap(number, newest);
        let slot = &mut self.seen[full as usize % WINDOW];
        if *slot == full {
            self.repeated += 1;
            return full;
        }
        *slot = full;
        if full > newest {
            let skipped = full - newest - 1;
            self.holes += if may_skip { 0 } else { skipped };
            self.newest = Some(full);
        } else {
            self.holes = self.holes.saturating_sub(1);
        }
        full
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_and_repetitions_are_counted_across_the_wrap() {
        let mut numbers = Numbers::default();
        let mut take = |number| {
            numbers.take(number, false);
            (numbers.holes, numbers.repeated)
        };
        assert_eq!([65_534, 65_535, 0].map(&mut take), [(0, 0); 3]);
        assert_eq!(take(3), (2, 0));
        assert_eq!(take(1), (1, 0));
        assert_eq!(take(1), (1, 1));
        assert_eq!(take(2), (0, 1));
    }
}

//! Each consumer numbers its packets on by one, and each once: those that peers of the room send, of
//! which is known what came.

use flumen::Engine;
use flumen::components::Refusal;

use super::supply::{Origin, Supply};
use super::{Check, Sent, Stream, entry};
use crate::receiving::unwrap;

/// The newest numbers, of which it is known what was sent with them.
const WINDOW: usize = 1 << 13;
/// Why a packet that has its number is not sent.
const REFUSED: [Refusal; 2] = [Refusal::PacerFull, Refusal::NotConnected];

#[derive(Clone, Default)]
pub(super) struct Numbering {
    streams: Vec<Numbers>,
    /// What left out numbers in this tick.
    touched: Vec<Stream>,
}

#[derive(Clone, Default)]
struct Numbers {
    newest: Option<u64>,
    /// The packet of the newest number.
    packet: Option<Origin>,
    /// Numbers below the newest that were not sent, though their packets had come.
    holes: u64,
    /// What was sent with the number of each slot.
    seen: Vec<Seen>,
}

/// What was sent with a number.
#[derive(Clone, Copy, Default)]
struct Seen {
    number: u64,
    packet: Option<Origin>,
    times: u64,
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
        if stream.repairs.is_none() && !stream.is_known(sent.supply) {
            return Ok(());
        }
        if stream.repeats && rtp.payload(sent.bytes).is_empty() {
            // It is asked for, and of what was withheld, or of what there is no bandwidth for any more.
            return Ok(());
        }
        // What is sent again in a stream of its own is numbered there by itself.
        let origin = sent.origin.filter(|_| stream.repairs.is_none());
        let numbers = entry(&mut self.streams, stream.index);
        let seen = numbers.take(rtp.sequence_number, origin, sent.supply);
        let came = origin.and_then(|origin| sent.supply.times(origin));
        let is_other = seen.packet != origin;
        if seen.times > 1 && (is_other || !stream.repeats && seen.times > came.unwrap_or(1)) {
            let number = seen.number as u16;
            return Err(format!("{} sends number {number} twice", stream.id));
        }
        // Within a tick, what overtook a key frame follows that.
        if numbers.holes > 0 && !self.touched.contains(&stream) {
            self.touched.push(stream);
        }
        Ok(())
    }

    fn ticked(&mut self, engine: &Engine) -> Result<(), String> {
        let touched = std::mem::take(&mut self.touched);
        let Some(stream) = touched.iter().find(|it| self.streams[it.index].holes > 0) else {
            return Ok(());
        };
        let refused = &engine.ledger().refused;
        let refused: u64 = REFUSED.iter().map(|reason| refused[*reason]).sum();
        let holes: u64 = self.streams.iter().map(|numbers| numbers.holes).sum();
        match holes > refused {
            true => Err(format!(
                "{} leaves out a number though its packet has come; of {holes} of all, {refused} were refused",
                stream.id
            )),
            false => Ok(()),
        }
    }
}

impl Numbers {
    /// Takes in a packet and its number: what was sent with that.
    fn take(&mut self, number: u16, packet: Option<Origin>, supply: &Supply) -> Seen {
        if self.seen.is_empty() {
            self.seen = vec![Seen::default(); WINDOW];
        }
        let before = 1 << 16 | u64::from(number.wrapping_sub(1));
        let newest = *self.newest.get_or_insert(before);
        let full = unwrap(number, newest);
        let slot = &mut self.seen[full as usize % WINDOW];
        if slot.number == full {
            slot.times += 1;
            return *slot;
        }
        *slot = Seen {
            number: full,
            packet,
            times: 1,
        };
        let seen = *slot;
        if full <= newest {
            self.holes = self.holes.saturating_sub(1);
            return seen;
        }
        let skipped = full - newest - 1;
        let between = self.packet.zip(packet);
        let missed = between.map_or(Some(0), |(from, to)| supply.missed(from, to));
        self.holes += missed.map_or(0, |missed| skipped.saturating_sub(missed));
        (self.newest, self.packet) = (Some(full), packet);
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_and_repetitions_are_counted_across_the_wrap() {
        let (mut numbers, supply) = (Numbers::default(), Supply::default());
        let mut take = |number| {
            let seen = numbers.take(number, None, &supply);
            (numbers.holes, seen.times)
        };
        assert_eq!([65_534, 65_535, 0].map(&mut take), [(0, 1); 3]);
        assert_eq!(take(3), (2, 1));
        assert_eq!(take(1), (1, 1));
        assert_eq!(take(1), (1, 2));
        assert_eq!(take(2), (0, 1));
    }
}

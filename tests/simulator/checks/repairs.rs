//! What is sent again was sent before, as it is.

use flumen::Engine;

use super::{Check, Sent, Stream, entry};
use crate::sending::Stamp;

#[derive(Clone, Default)]
pub(super) struct Repairs {
    streams: Vec<Sendings>,
    /// Packets that were let go of behind their numbers, as too many waited for their turn: they
    /// may be asked for.
    dropped: u64,
    /// Packets that waited for their turn when the last tick was over.
    waiting: u64,
}

/// What a stream has sent.
#[derive(Clone, Default)]
struct Sendings {
    known: Vec<Option<Kept>>,
    /// Numbers that were sent again and not sent yet.
    unsent: u64,
    /// The newest packet, if it is of a key frame.
    key: Option<u16>,
    /// Numbers left out behind a packet of a key frame, which others had overtaken.
    left_out: u64,
}

/// What is known of a packet: its number, how long it was, how it began and ended.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Kept {
    number: u16,
    len: usize,
    begin: [u8; 16],
    end: [u8; 32],
}

/// Packets of a stream that are known.
const KNOWN: usize = 1 << 13;

impl Sendings {
    fn known(&mut self) -> &mut Vec<Option<Kept>> {
        self.known.resize(KNOWN, None);
        &mut self.known
    }

    /// Whether what was sent with its number was the same, if anything was.
    fn has_sent(&mut self, kept: &Kept) -> Option<bool> {
        let known = self.known()[usize::from(kept.number) % KNOWN];
        let of_number = known.filter(|known| known.number == kept.number);
        of_number.map(|known| known == *kept)
    }

    fn send(&mut self, kept: Kept, is_key: bool) {
        let gap = self.key.map(|key| kept.number.wrapping_sub(key));
        if let Some(gap) = gap.filter(|gap| (2..0x8000).contains(gap)) {
            self.left_out += u64::from(gap) - 1;
        }
        if gap.is_none_or(|gap| gap < 0x8000) {
            self.key = is_key.then_some(kept.number);
        }
        let known = &mut self.known()[usize::from(kept.number) % KNOWN];
        let was_ahead = known.replace(kept) == Some(kept);
        self.unsent -= u64::from(was_ahead && self.unsent > 0);
    }
}

impl Kept {
    fn of(number: u16, payload: &[u8]) -> Self {
        let (mut begin, mut end) = ([0; 16], [0; 32]);
        let [first, last] = [begin.len(), end.len()].map(|len| len.min(payload.len()));
        begin[..first].copy_from_slice(&payload[..first]);
        end[..last].copy_from_slice(&payload[payload.len() - last..]);
        Self {
            number,
            len: payload.len(),
            begin,
            end,
        }
    }
}

fn again(stream: &Stream, kept: &Kept) -> String {
    format!(
        "{} sends number {} again, which it never sent so",
        stream.id, kept.number
    )
}

impl Check for Repairs {
    fn name(&self) -> &'static str {
        "repairs"
    }

    fn fork(&self) -> Option<Box<dyn Check>> {
        Some(Box::new(self.clone()))
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Result<(), String> {
        let (Some(stream), Some(rtp)) = (sent.stream, sent.rtp) else {
            return Ok(());
        };
        let payload = rtp.payload(sent.bytes);
        let Some(original) = stream.repairs else {
            let is_key = Stamp::read(payload).is_some_and(|stamp| stamp.is_key);
            let kept = Kept::of(rtp.sequence_number, payload);
            let sendings = entry(&mut self.streams, stream.index);
            return match sendings.has_sent(&kept).filter(|_| stream.repeats) {
                _ if stream.repeats && payload.is_empty() => Ok(()),
                Some(false) => Err(again(&stream, &kept)),
                _ => {
                    sendings.send(kept, is_key);
                    Ok(())
                }
            };
        };
        // Padding repeats nothing.
        let Some((number, payload)) = payload.split_first_chunk() else {
            return Ok(());
        };
        let kept = Kept::of(u16::from_be_bytes(*number), payload);
        let sendings = entry(&mut self.streams, original);
        let known = sendings.known()[usize::from(kept.number) % KNOWN];
        // Where packets come late, others wait behind them, and are overtaken when asked for.
        let waiting = self.waiting.max(sent.engine.ledger().paced);
        let in_turn = |origin| sent.supply.came_in_turn(origin);
        let late = match sent.origin.is_some_and(in_turn) {
            true => 0,
            false => waiting + sendings.left_out,
        };
        let allowed = self.dropped + late;
        let of_number = known.filter(|known| known.number == kept.number);
        if of_number == Some(kept) {
            return Ok(());
        }
        if payload.is_empty() {
            // What was withheld, and is asked for as others overtook it; or what there is no bandwidth
            // for any more.
            return Ok(());
        }
        if of_number.is_none() && sendings.unsent < allowed {
            sendings.known()[usize::from(kept.number) % KNOWN] = Some(kept);
            sendings.unsent += 1;
            return Ok(());
        }
        Err(again(&stream, &kept))
    }

    fn ticked(&mut self, engine: &Engine) -> Result<(), String> {
        let ledger = engine.ledger();
        self.dropped = ledger.refused.total();
        self.waiting = ledger.paced;
        Ok(())
    }
}

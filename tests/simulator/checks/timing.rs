//! RTP timestamps never go back, and go on as time does.

use flumen::Time;

use super::{Check, Sent, entry};

#[derive(Clone, Default)]
pub(super) struct Timing {
    streams: Vec<Option<Newest>>,
}

#[derive(Clone)]
struct Newest {
    number: u16,
    timestamp: u32,
    at: Time,
}

/// By so many seconds a packet may have come earlier or later than its time: what is lost again and
/// again on its way to the engine is repaired that late.
const SLACK_SECONDS: i64 = 4;

impl Check for Timing {
    fn name(&self) -> &'static str {
        "time"
    }

    fn fork(&self) -> Option<Box<dyn Check>> {
        Some(Box::new(self.clone()))
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Result<(), String> {
        let (Some(stream), Some(rtp)) = (sent.stream, sent.rtp) else {
            return Ok(());
        };
        // What is sent again has the time of what it repeats.
        if stream.repairs.is_some() {
            return Ok(());
        }
        let newest = entry(&mut self.streams, stream.index);
        let next = Newest {
            number: rtp.sequence_number,
            timestamp: rtp.timestamp,
            at: sent.at,
        };
        let Some(before) = newest else {
            *newest = Some(next);
            return Ok(());
        };
        if next.number.wrapping_sub(before.number).cast_signed() <= 0 {
            return Ok(());
        }
        let step = next.timestamp.wrapping_sub(before.timestamp).cast_signed();
        let rate = i64::from(stream.clock_rate);
        let elapsed = (next.at - before.at).as_millis() as i64 * rate / 1_000;
        *newest = Some(next);
        let is_wrong = step < 0 || (i64::from(step) - elapsed).abs() > SLACK_SECONDS * rate;
        match is_wrong {
            true => Err(format!(
                "the timestamp of {} goes on by {step} where {elapsed} have passed",
                stream.id
            )),
            false => Ok(()),
        }
    }
}

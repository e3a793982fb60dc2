//! When packets arrived, for who sends them (transport-wide feedback).

use std::time::Duration;

use flumen::Time;
use flumen::components::ArrivalHistory;
use flumen::components::wire::rtcp::{write_remb, write_transport_feedback};

use crate::peer::Feedback;

/// What a peer tells of all that arrives.
#[derive(Clone, Debug)]
pub(crate) struct Arrivals {
    feedback: Feedback,
    reporter: u32,
    history: ArrivalHistory,
    count: u8,
    bytes: u64,
    pub(crate) due: Time,
}

const WIDE_INTERVAL: Duration = Duration::from_millis(100);
const REMB_INTERVAL: Duration = Duration::from_secs(1);
/// Numbers that it remembers.
const REMEMBERED: usize = 8_192;

impl Arrivals {
    pub(crate) fn new(feedback: Feedback, reporter: u32) -> Self {
        Self {
            feedback,
            reporter,
            history: ArrivalHistory::new(REMEMBERED),
            count: 0,
            bytes: 0,
            due: match feedback {
                Feedback::None => Time::from_nanos(u64::MAX),
                _ => Time::ZERO,
            },
        }
    }

    /// Takes in a packet of `len` bytes with its transport-wide number.
    pub(crate) fn take(&mut self, wide: Option<u16>, len: usize, local: Time) {
        self.bytes += len as u64;
        if let Some(number) = wide {
            self.history.receive(number, local);
        }
    }

    /// Appends what is to be told of `ssrcs`, if it is time.
    pub(crate) fn act(&mut self, now: Time, local: Time, ssrcs: &[u32], out: &mut Vec<u8>) {
        if now < self.due {
            return;
        }
        match self.feedback {
            Feedback::TransportCc => self.tell_times(now, local, ssrcs, out),
            Feedback::Remb => {
                self.due = now + REMB_INTERVAL;
                let bytes = std::mem::take(&mut self.bytes);
                if bytes > 0 && !ssrcs.is_empty() {
                    write_remb(out, self.reporter, bytes * 8 * 3 / 2, ssrcs);
                }
            }
            Feedback::None => {}
        }
    }

    fn tell_times(&mut self, now: Time, local: Time, ssrcs: &[u32], out: &mut Vec<u8>) {
        self.due = now + WIDE_INTERVAL;
        let (true, Some(&ssrc)) = (self.history.has_news(), ssrcs.first()) else {
            return;
        };
        let mut arrivals = Vec::new();
        self.history.report(local, &mut arrivals);
        let mut rest = &arrivals[..];
        while !rest.is_empty() {
            let covered = write_transport_feedback(out, self.reporter, ssrc, self.count, rest);
            self.count = self.count.wrapping_add(1);
            rest = &rest[covered.max(1)..];
        }
    }
}

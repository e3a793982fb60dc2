//! Asking for a reset until it is answered, RFC 6525 section 5.1.

use std::time::Duration;

use flumen_wire::sctp::write_reset_request;

use crate::Time;

/// How long the first answer may take; each further one twice as long (RFC 6525 section 5.1.1
/// retransmits like DATA: RTO.Initial and RTO.Max of RFC 9260 section 16).
const PATIENCE: Duration = Duration::from_secs(1);
const LONGEST_PATIENCE: Duration = Duration::from_secs(60);
/// Association.Max.Retrans of RFC 9260 section 16.
const MAX_RETRANSMISSIONS: u32 = 10;

/// Where streams begin anew: behind the last number that their sender had assigned.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reset {
    pub(super) last_tsn: u32,
    /// None meaning all.
    pub(super) streams: Vec<u16>,
}

impl Reset {
    pub(super) fn concerns(&self, stream: u16) -> bool {
        self.streams.is_empty() || self.streams.contains(&stream)
    }
}

/// A request of this end that has not been answered for good.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) sequence: u32,
    pub(super) reset: Reset,
    pub(super) due: Time,
    retransmissions: u32,
    /// The peer has said that it is at it.
    pub(super) is_in_progress: bool,
}

impl Asked {
    /// Asks under the next number.
    pub(super) fn ask(now: Time, next: &mut u32, reset: Reset, out: &mut Vec<u8>) -> Self {
        let asked = Self {
            sequence: number(next),
            reset,
            due: now + PATIENCE,
            retransmissions: 0,
            is_in_progress: false,
        };
        asked.write(out);
        asked
    }

    /// The request again; what is in progress under the next number, since one stack repeats that
    /// answer to the old one for ever. `None` when it was never answered.
    pub(super) fn ask_again(&mut self, now: Time, next: &mut u32, out: &mut Vec<u8>) -> Option<()> {
        if std::mem::take(&mut self.is_in_progress) {
            self.sequence = number(next);
            self.retransmissions = 0;
        } else {
            self.retransmissions += 1;
        }
        if self.retransmissions > MAX_RETRANSMISSIONS {
            return None;
        }
        let patience = PATIENCE * (1 << self.retransmissions);
        self.due = now + patience.min(LONGEST_PATIENCE);
        self.write(out);
        Some(())
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_reset_request(out, self.sequence, self.reset.last_tsn, &self.reset.streams);
    }
}

/// The next number of a request.
fn number(next: &mut u32) -> u32 {
    let sequence = *next;
    *next = sequence.wrapping_add(1);
    sequence
}

//! When a transport sends reports, and as whom.

use std::collections::VecDeque;
use std::time::Duration;

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;

use crate::tick::deadline::{Deadlines, Due};
use crate::tick::limits::Limits;
use crate::tick::seed::Generator;
use crate::tick::time::Time;
use crate::wire::ntp;

/// The reporting of a transport (RFC 3550 section 6.2). Written by Receive and Feedback.
#[derive(Component, Clone)]
pub struct ReportSchedule {
    /// The SSRC with which the transport speaks RTCP.
    pub ssrc: u32,
    /// The canonical name of that SSRC.
    pub cname: String,
    /// The last reference time that a receiver told (RFC 3611 section 4.4): its SSRC, the middle
    /// bits of the time, and when they arrived.
    pub reference: Option<(u32, u32, Time)>,
    /// Middle bits of the reference times that senders were told, the latest first.
    told: [u32; REMEMBERED_REFERENCES],
    generator: Generator,
    armed: bool,
}

crate::snapshot::state! { struct ReportSchedule { ssrc, cname, reference, told, generator, armed } }

/// This many reference times may be answered: a transport with few streams tells one a second or
/// less, and one with thousands, whose reports are spread over ticks, one in each of these.
const REMEMBERED_REFERENCES: usize = 16;

impl ReportSchedule {
    /// How long after it has something to report a transport reports first.
    pub const FIRST: Duration = Duration::from_millis(500);

    /// The schedule of a transport that speaks as `ssrc`.
    pub fn new(ssrc: u32, cname: String, generator: Generator) -> Self {
        Self {
            ssrc,
            cname,
            reference: None,
            told: [0; REMEMBERED_REFERENCES],
            generator,
            armed: false,
        }
    }

    /// Takes note of a reference time that senders are told (RFC 3611 section 4.4), with the NTP
    /// time `ntp`. Those of one tick are one.
    pub fn tell_reference(&mut self, ntp: u64) {
        let middle = ntp::middle(ntp);
        if self.told[0] != middle {
            self.told.rotate_right(1);
            self.told[0] = middle;
        }
    }

    /// Whether senders were told the reference time with these middle bits lately: only the answer
    /// to one that was measures anything.
    pub fn has_told(&self, middle: u32) -> bool {
        self.told.contains(&middle)
    }

    /// There is something to report from now on: sets the first deadline, unless one is set.
    pub fn arm(&mut self, transport: Entity, now: Time, deadlines: &mut Deadlines) {
        if !std::mem::replace(&mut self.armed, true) {
            deadlines.set(now + Self::FIRST, transport, Due::Reports);
        }
    }

    /// There is nothing to report any more: the next deadline is not set.
    pub fn disarm(&mut self) {
        self.armed = false;
    }

    /// How long until the next reports: 1 to 1.5 seconds in steps of a tenth, so that transports
    /// created together part.
    pub fn interval(&mut self) -> Duration {
        Duration::from_millis(1_000 + 100 * u64::from(self.generator.within(0..=5)))
    }
}

/// Transports whose reports are due, and how far they have come: reports of thousands of streams
/// are spread over ticks.
#[derive(Debug, Default)]
pub struct ReportQueue(pub VecDeque<DueReports>);

crate::snapshot::state! { struct ReportQueue(it) }

/// A transport whose reports are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueReports {
    /// The transport.
    pub transport: Entity,
    /// The first consumer, by SSRC, that has not reported; none when all have.
    pub next_consumer: Option<u32>,
    /// The first stream, by SSRC, that was not reported; none when all were.
    pub next_stream: Option<u32>,
    /// What was found of that stream's consumers until the tick could look at no more of them.
    pub search: Option<LossSearch>,
}

crate::snapshot::state! { struct DueReports { transport, next_consumer, next_stream, search } }

impl DueReports {
    /// Nothing was reported yet.
    pub fn new(transport: Entity) -> Self {
        Self {
            transport,
            next_consumer: Some(0),
            next_stream: Some(0),
            search: None,
        }
    }
}

/// A search for the worst loss among the consumers of a stream, which may take several ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LossSearch {
    /// The stream's SSRC.
    pub ssrc: u32,
    /// The position of the first consumer that was not looked at.
    pub next: usize,
    /// The worst loss of these, in 1/256.
    pub worst: u8,
}

crate::snapshot::state! { struct LossSearch { ssrc, next, worst } }

impl LossSearch {
    /// No consumer of the stream was looked at yet.
    pub fn of(ssrc: u32) -> Self {
        Self {
            ssrc,
            next: 0,
            worst: 0,
        }
    }
}

/// How much more one tick may do about reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportBudget {
    reports: usize,
    checks: usize,
}

impl ReportBudget {
    /// What a tick may do.
    pub fn new(limits: &Limits) -> Self {
        Self {
            reports: limits.reports_per_tick,
            checks: limits.report_checks_per_tick,
        }
    }

    /// The next tick goes on.
    pub fn is_spent(&self) -> bool {
        self.reports == 0 || self.checks == 0
    }

    /// Takes out how many of `wanted` streams or consumers may still be looked at.
    pub fn take_checks(&mut self, wanted: usize) -> usize {
        let granted = wanted.min(self.checks);
        self.checks -= granted;
        granted
    }

    /// So many streams or consumers are looked at, whether or not there is anything to report.
    pub fn check(&mut self, count: usize) {
        self.checks = self.checks.saturating_sub(count);
    }

    /// A stream or consumer reports.
    pub fn report(&mut self) {
        self.reports = self.reports.saturating_sub(1);
    }
}

/// Streams of which a sender report arrived in this tick: their scores are sampled. Filled by
/// Receive, emptied by Score.
#[derive(Debug, Default)]
pub struct SenderReports(pub Vec<Entity>);

crate::snapshot::state! { struct SenderReports(it) }

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tick::seed::{Created, Purpose, Seed};

    #[test]
    fn the_latest_reference_times_are_remembered() {
        let generator = Seed([0; 32]).generator(Created(0), Purpose::Rtcp);
        let mut schedule = ReportSchedule::new(1, String::new(), generator);
        for second in 1..=20_u64 {
            // Several compounds of a tick tell the same time.
            schedule.tell_reference(second << 32);
            schedule.tell_reference(second << 32);
        }
        let told = |second: u32| schedule.has_told(second << 16);
        assert!((5..=20).all(told) && !told(4) && !told(21));
    }
}

//! What is made of a link.

use std::time::Duration;

use flumen::Time;
use flumen::components::{Limits, OutgoingEstimate};
use flumen_sim::Queue;
use flumen_tests::meeting::{Encoding, Feedback, Meeting, Tcp, Video};

use super::cases::{Case, Flow, encodings, priority};
use super::ideal::Ideal;
use super::outcome::Outcome;

/// Nothing is made of the beginning.
const BEGINS: u64 = 10_000;
const SETTLES: u64 = 2_000;
/// What is steady, and what is still after a step.
const STEADY: u64 = 10_000;
/// What is sent within half a second is what is sent at a time.
const SENT: u64 = 500;
const USED: u64 = 1_000;
const USED_PERCENT: u64 = 85;

/// A case that runs.
struct Run<'a> {
    case: &'a Case,
    meeting: Meeting,
    videos: usize,
    /// Bytes of media that came, and that were sent, up to each millisecond.
    came: Vec<u64>,
    sent: Vec<u64>,
    settled: Vec<u64>,
    /// What becomes of the same packets behind an ideal pacer, where the queue is shallow.
    ideal: Option<Ideal>,
}

/// Runs a case with so many videos for each receiver, with what chance makes of it for `seed`.
pub(super) fn run(case: &Case, videos: usize, seed: u64) -> Outcome {
    let mut run = Run::new(case, videos, seed);
    while let Some(rate) = rate_at(case.spans, run.ms() / 1_000) {
        run.step(rate);
    }
    run.outcome()
}

impl<'a> Run<'a> {
    fn new(case: &'a Case, videos: usize, seed: u64) -> Self {
        let mut meeting = Meeting::new();
        meeting.seed = seed;
        for _ in 0..videos {
            meeting.film(&encodings(videos));
        }
        let path = meeting.lay(case.link);
        let back = (!case.back.is_empty()).then(|| meeting.lay(case.link));
        for (index, work) in (0..).zip(case.tcp) {
            let noise = 100 + index + 1_000 * seed;
            let flow = Tcp::new(path, *work, case.link.latency, noise);
            meeting.flows.push(flow);
        }
        Self {
            case,
            meeting,
            videos,
            came: vec![0],
            sent: vec![0],
            settled: Vec::new(),
            ideal: matches!(case.link.queue, Queue::Packets(_)).then(|| Ideal::new(case.link)),
        }
        .with_back(path, back)
    }

    /// Whoever is on the way back gets media there, and tells of it on the way forth.
    fn with_back(mut self, path: usize, back: Option<usize>) -> Self {
        if let Some(back) = back {
            let ahead = self.join(path, &self.case.flows[0]);
            let behind = self.join(back, &self.case.flows[0]);
            self.meeting.viewers[ahead].path_back = Some(back);
            self.meeting.viewers[behind].path_back = Some(path);
        }
        self
    }

    fn join(&mut self, path: usize, flow: &Flow) -> usize {
        let further = Duration::from_millis(flow.further);
        let viewer = self.meeting.join(path, further, Feedback::TransportCc);
        for video in 0..self.videos {
            let consumer = self.meeting.watch(viewer, video);
            let engine = &mut self.meeting.room.engine;
            engine.set_priority(consumer, priority(video)).unwrap();
        }
        viewer
    }

    fn ms(&self) -> u64 {
        self.came.len() as u64 - 1
    }

    /// Whoever comes, pauses and goes on does so now, and then a millisecond passes.
    fn step(&mut self, rate: u64) {
        let ms = self.ms();
        if ms.is_multiple_of(1_000) {
            self.meeting.paths[0].change(|link| link.rate(rate));
            if let Some(rate) = rate_at(self.case.back, ms / 1_000) {
                self.meeting.paths[1].change(|link| link.rate(rate));
            }
            self.turn(ms / 1_000);
        }
        self.meeting.run(Duration::from_millis(1));
        let viewers = self
            .meeting
            .viewers
            .iter()
            .filter(|viewer| viewer.path == 0);
        self.came
            .push(viewers.map(|viewer| viewer.bytes - viewer.padding).sum());
        let path = &mut self.meeting.paths[0];
        self.sent.push(path.crossing().sent_bytes);
        let is_settled = self.changes().all(|at| ms < at || ms >= at + SETTLES);
        let path = &mut self.meeting.paths[0];
        if is_settled {
            self.settled.append(&mut path.queued_ms);
        }
        path.queued_ms.clear();
        self.pace_ideally(rate);
    }

    /// What was sent leaves at the engine's own rate, ideally.
    fn pace_ideally(&mut self, rate: u64) {
        let pace = self.pace();
        let path = &mut self.meeting.paths[0];
        if let Some(ideal) = &mut self.ideal {
            ideal.pass(&path.lengths, self.meeting.room.now, pace, rate);
        }
        path.lengths.clear();
    }

    /// Bits a second at which the engine paces the first of the receivers.
    fn pace(&self) -> Option<u64> {
        let engine = &self.meeting.room.engine;
        let transport = engine
            .entity(self.meeting.viewers.first()?.transport)
            .ok()?;
        let percent = engine.world().resource::<Limits>().pacing_percent;
        let estimate = engine.world().get::<OutgoingEstimate>(transport)?;
        estimate.pacing_rate(percent)
    }

    fn turn(&mut self, second: u64) {
        for (index, flow) in self.case.flows.iter().enumerate() {
            if self.case.back.is_empty() && flow.starts == second {
                self.join(0, flow);
            }
            let Some((pauses, goes_on)) = flow.pauses else {
                continue;
            };
            for video in 0..self.videos {
                let Some(viewer) = self.meeting.viewers.get(index) else {
                    continue;
                };
                let consumer = viewer.videos[video].consumer;
                let engine = &mut self.meeting.room.engine;
                if second == pauses {
                    engine.pause_consumer(consumer).unwrap();
                } else if second == goes_on {
                    engine.resume_consumer(consumer).unwrap();
                }
            }
        }
    }

    /// The milliseconds in which something changes.
    fn changes(&self) -> impl Iterator<Item = u64> {
        let flows = self.case.flows.iter();
        let pauses = flows.clone().filter_map(|flow| flow.pauses);
        let of_flows = flows.map(|flow| flow.starts);
        let of_pauses = pauses.flat_map(|(from, to)| [from, to]);
        let seconds = begins(self.case.spans).chain(begins(self.case.back));
        seconds
            .chain(of_flows)
            .chain(of_pauses)
            .map(|at| at * 1_000)
    }

    fn is_steady(&self, ms: u64) -> bool {
        self.changes().all(|at| ms < at || ms >= at + STEADY)
    }

    fn outcome(mut self) -> Outcome {
        self.settled.sort_unstable();
        let (lost, sent, bytes, padding) = self.totals();
        let steps: Vec<Step> = self.steps().collect();
        let downs = steps.iter().filter(|step| step.to < step.from);
        let ups = steps.iter().filter(|step| step.to > step.from);
        let frozen = steps.iter().map(|step| self.frozen(step.at)).sum::<u64>();
        let carried: u64 = self.per_ms(|rate| rate);
        let could: u64 = self.per_ms(|rate| self.best(rate));
        let came = self.came[self.ms() as usize] - self.came[BEGINS as usize];
        Outcome {
            used: came * 8_000 * 100 / carried,
            fits: could * 100 / carried,
            queue_ms: self.settled[self.settled.len() * 95 / 100],
            lost: lost * 10_000 / sent,
            ideal: self.ideal.as_ref().map(Ideal::lost),
            down_ms: downs.map(|step| self.down(step)).max(),
            up_ms: ups.map(|step| self.up(step)).max(),
            changes: self.changed(),
            frozen_ms: frozen.checked_div(steps.len() as u64),
            padding: padding * 100 / bytes,
        }
    }

    fn totals(&self) -> (u64, u64, u64, u64) {
        let viewers = self
            .meeting
            .viewers
            .iter()
            .filter(|viewer| viewer.path == 0);
        let of = |sum: (u64, u64, u64, u64), viewer: &flumen_tests::meeting::Viewer| {
            (
                sum.0 + viewer.overflowed,
                sum.1 + viewer.sent,
                sum.2 + viewer.bytes,
                sum.3 + viewer.padding,
            )
        };
        viewers.fold((0, 0, 0, 0), of)
    }

    /// The sum of `of` the rate in each millisecond that counts.
    fn per_ms(&self, of: impl Fn(u64) -> u64) -> u64 {
        let seconds = BEGINS / 1_000..self.ms() / 1_000;
        let rates = seconds.filter_map(|second| rate_at(self.case.spans, second));
        rates.map(|rate| 1_000 * of(rate)).sum()
    }

    /// Bits a second of the best choice of layers that `rate` carries.
    fn best(&self, rate: u64) -> u64 {
        let flows = self.case.flows.len().min(self.meeting.viewers.len());
        best(&encodings(self.videos), self.videos * flows, rate)
    }

    fn steps(&self) -> impl Iterator<Item = Step> {
        let rates = self
            .case
            .spans
            .windows(2)
            .map(|pair| (pair[0].1, pair[1].1));
        let steps = begins(self.case.spans).skip(1).zip(rates);
        steps.map(|(second, (from, to))| Step {
            at: second * 1_000,
            from,
            to,
        })
    }

    /// The first millisecond after a step from which on `holds`.
    fn first(&self, step: &Step, span: u64, holds: impl Fn(u64) -> bool) -> u64 {
        let last = self.ms() - span;
        let found = (step.at..=last).find(|&at| holds(at));
        found.unwrap_or(last) - step.at
    }

    fn down(&self, step: &Step) -> u64 {
        self.first(step, SENT, |at| {
            let sent = self.sent[(at + SENT) as usize] - self.sent[at as usize];
            sent * 8_000 <= step.to * SENT
        })
    }

    fn up(&self, step: &Step) -> u64 {
        let enough = self.best(step.to) * USED_PERCENT / 100;
        self.first(step, USED, |at| {
            let came = self.came[(at + USED) as usize] - self.came[at as usize];
            came * 8_000 >= enough * USED
        })
    }

    fn videos(&self) -> impl Iterator<Item = &Video> {
        let viewers = self
            .meeting
            .viewers
            .iter()
            .filter(|viewer| viewer.path == 0);
        viewers.flat_map(|viewer| &viewer.videos)
    }

    fn frozen(&self, from: u64) -> u64 {
        let (from, to) = (Time::from_millis(from), Time::from_millis(from + STEADY));
        let frozen = self.videos().map(|video| video.frozen_between(from, to));
        frozen.max().unwrap_or(0)
    }

    fn changed(&self) -> u64 {
        let is_steady = |at: &Time| self.is_steady(at.as_millis());
        let steady = (0..self.ms()).filter(|&ms| self.is_steady(ms)).count() as u64;
        let of = |video: &Video| {
            let spatial =
                |layers: Option<flumen::ConsumerLayers>| layers.map(|it| it.spatial_layer);
            let pairs = video.changes.windows(2);
            let changed = pairs
                .filter(|pair| spatial(pair[0].1) != spatial(pair[1].1) && is_steady(&pair[1].0));
            changed.count() as u64
        };
        self.videos().map(of).max().unwrap_or(0) * 600_000 / steady.max(1)
    }
}

/// A change of what the link carries.
struct Step {
    at: u64,
    from: u64,
    to: u64,
}

fn rate_at(spans: &[(u64, u64)], second: u64) -> Option<u64> {
    let mut end = 0;
    let span = spans.iter().find(|(seconds, _)| {
        end += seconds;
        second < end
    });
    span.map(|(_, rate)| *rate)
}

fn begins(spans: &'static [(u64, u64)]) -> impl Iterator<Item = u64> {
    spans.iter().scan(0, |end, (seconds, _)| {
        let begins = *end;
        *end += seconds;
        Some(begins)
    })
}

/// The most, at most `rate`, that so many videos with these encodings can have together: in steps
/// of 2 kbit/s.
fn best(encodings: &[Encoding; 3], videos: usize, rate: u64) -> u64 {
    const STEP: u64 = 2_000;
    // Of the three rates of an encoding the lowest takes 40 percent, and the second 25.
    let rungs = encodings
        .iter()
        .flat_map(|encoding| [40, 65, 100].map(|it| encoding.bitrate * it / 100));
    let rungs: Vec<usize> = rungs.map(|rung| rung.div_ceil(STEP) as usize).collect();
    let most = (rate / STEP) as usize;
    let mut sums = vec![false; most + 1];
    sums[0] = true;
    for _ in 0..videos {
        let mut next = vec![false; most + 1];
        for (sum, _) in sums.iter().enumerate().filter(|(_, is)| **is) {
            for rung in &rungs {
                if let Some(is) = next.get_mut(sum + rung) {
                    *is = true;
                }
            }
        }
        if !next.contains(&true) {
            break;
        }
        sums = next;
    }
    sums.iter().rposition(|is| *is).unwrap_or(0) as u64 * STEP
}

//! What is made of links that change: the cases of RFC 8867 that one receiver can show, and shallow
//! queues.

use std::time::Duration;

use flumen_sim::{Link, Queue};
use flumen_tests::{Downlink, bottleneck};

/// A link, and what it carries for how many seconds.
struct Case {
    name: &'static str,
    path: Link,
    spans: &'static [(u32, u64)],
}

/// What was made of it.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// Percent of the link that was used.
    used: u64,
    /// The 95th percentile of milliseconds in its queue, two seconds after each change.
    settled_queue_ms: u64,
    /// Packets in ten thousand that found its queue full.
    overflowed: u64,
    /// Percent of what was received that was padding.
    padding: u64,
}

/// More than any of the links carries.
const WANTED: u64 = 6_000_000;
const SETTLES: Duration = Duration::from_secs(2);

fn run(case: &Case) -> Outcome {
    let mut downlink = Downlink::new(case.path);
    downlink.want(WANTED);
    let elastic = |available: u64| available.min(WANTED);
    let (mut carried, mut queued) = (0, Vec::new());
    let mut sent = 0;
    for &(seconds, rate) in case.spans {
        downlink.path.change(|link| link.rate(rate));
        downlink.run(SETTLES, elastic);
        sent += downlink.path.queued_ms.len();
        downlink.path.queued_ms.clear();
        downlink.run(Duration::from_secs(seconds.into()) - SETTLES, elastic);
        sent += downlink.path.queued_ms.len();
        queued.append(&mut downlink.path.queued_ms);
        carried += u64::from(seconds) * rate / 8;
    }
    queued.sort_unstable();
    Outcome {
        used: downlink.received_bytes * 100 / carried,
        settled_queue_ms: queued[queued.len() * 95 / 100],
        overflowed: downlink.path.crossing().overflowed * 10_000 / sent as u64,
        padding: downlink.padding_bytes * 100 / downlink.received_bytes,
    }
}

fn shallow(rate: u64) -> Link {
    bottleneck(rate).queue(Queue::Packets(16))
}

#[test]
fn links_are_used_and_their_queues_stay_short() {
    let cases = [
        Case {
            name: "RFC 8867, 5.1",
            path: bottleneck(1_000_000),
            spans: &[
                (40, 1_000_000),
                (20, 2_500_000),
                (20, 600_000),
                (20, 1_000_000),
            ],
        },
        Case {
            name: "RFC 8867, 5.3 forward",
            path: bottleneck(2_000_000),
            spans: &[
                (20, 2_000_000),
                (20, 1_000_000),
                (20, 500_000),
                (40, 2_000_000),
            ],
        },
        Case {
            name: "16 packets of queue",
            path: shallow(3_000_000),
            spans: &[(60, 3_000_000)],
        },
        Case {
            name: "16 packets, ten percent up and down",
            path: shallow(1_200_000),
            spans: &[
                (20, 1_320_000),
                (20, 1_080_000),
                (20, 1_320_000),
                (20, 1_080_000),
            ],
        },
        Case {
            name: "a slide",
            path: bottleneck(3_000_000),
            spans: &[
                (20, 3_000_000),
                (10, 2_500_000),
                (10, 2_000_000),
                (10, 1_500_000),
                (10, 1_000_000),
                (20, 700_000),
            ],
        },
    ];
    for case in &cases {
        let outcome = run(case);
        assert!(outcome.used >= 85, "{}: {outcome:?}", case.name);
        assert!(
            outcome.settled_queue_ms <= 100,
            "{}: {outcome:?}",
            case.name
        );
        assert!(outcome.overflowed < 100, "{}: {outcome:?}", case.name);
        assert!(outcome.padding <= 15, "{}: {outcome:?}", case.name);
    }
}

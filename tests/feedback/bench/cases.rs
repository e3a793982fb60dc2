//! The links of the bench.

use std::time::Duration;

use flumen_sim::{Link, Queue};
use flumen_tests::bottleneck;
use flumen_tests::meeting::{Encoding, Work};

/// A link, what it carries for how long, and who shares it.
#[derive(Clone, Copy)]
pub(super) struct Case {
    /// As the table calls it.
    pub name: &'static str,
    /// What it is besides its rate.
    pub link: Link,
    /// Seconds, and bits a second.
    pub spans: &'static [(u64, u64)],
    /// The same of the link in the other direction, where media goes that way too.
    pub back: &'static [(u64, u64)],
    /// The receivers behind it.
    pub flows: &'static [Flow],
    /// What else goes through it.
    pub tcp: &'static [Work],
}

/// A receiver, in seconds.
#[derive(Clone, Copy)]
pub(super) struct Flow {
    /// When it comes.
    pub starts: u64,
    /// When its videos are paused, and when they go on.
    pub pauses: Option<(u64, u64)>,
    /// Milliseconds that it is further away than the link.
    pub further: u64,
}

const fn from(starts: u64) -> Flow {
    Flow {
        starts,
        pauses: None,
        further: 0,
    }
}

const fn at(further: u64, starts: u64) -> Flow {
    Flow {
        further,
        ..from(starts)
    }
}

/// What RFC 8867 has in common: 50 ms one way, jitter of up to 30 ms that reorders nothing, a queue
/// of 300 ms from which the end is dropped.
const RFC_8867: Link = bottleneck(0).jitter(Duration::from_millis(30));

/// A queue of 16 packets, and no jitter.
const SHALLOW: Link = bottleneck(0).queue(Queue::Packets(16));

const ONE: Case = Case {
    name: "",
    link: RFC_8867,
    spans: &[],
    back: &[],
    flows: &[from(0)],
    tcp: &[],
};

const FIFTEEN: Duration = Duration::from_secs(15);

/// Sections 5.1 to 5.8 of RFC 8867, and links that it does not have.
pub(super) const CASES: &[Case] = &[
    Case {
        name: "5.1 one flow",
        spans: &[
            (40, 1_000_000),
            (20, 2_500_000),
            (20, 600_000),
            (20, 1_000_000),
        ],
        ..ONE
    },
    Case {
        name: "5.2 two flows",
        spans: &[
            (25, 4_000_000),
            (25, 2_000_000),
            (25, 3_500_000),
            (25, 1_000_000),
            (25, 2_000_000),
        ],
        flows: &[from(0), from(0)],
        ..ONE
    },
    Case {
        name: "5.3 both ways",
        spans: &[
            (20, 2_000_000),
            (20, 1_000_000),
            (20, 500_000),
            (40, 2_000_000),
        ],
        back: &[(35, 2_000_000), (35, 800_000), (30, 2_000_000)],
        ..ONE
    },
    Case {
        name: "5.4 three flows",
        spans: &[(120, 3_500_000)],
        flows: &[from(0), from(20), from(40)],
        ..ONE
    },
    Case {
        name: "5.5 round trips",
        link: RFC_8867.latency(Duration::from_millis(10)),
        spans: &[(300, 4_000_000)],
        flows: &[at(0, 0), at(15, 10), at(40, 20), at(90, 30), at(140, 40)],
        ..ONE
    },
    Case {
        name: "5.6 long TCP",
        spans: &[(120, 2_000_000)],
        tcp: &[Work::Long(flumen::Time::ZERO)],
        ..ONE
    },
    Case {
        name: "5.6 with 1 s of queue",
        link: RFC_8867.queue(Queue::Delay(Duration::from_secs(1))),
        spans: &[(120, 2_000_000)],
        tcp: &[Work::Long(flumen::Time::ZERO)],
        ..ONE
    },
    Case {
        name: "5.7 short TCPs",
        spans: &[(300, 2_000_000)],
        flows: &[from(0), from(0)],
        tcp: &[Work::Short(200, FIFTEEN); 10],
        ..ONE
    },
    Case {
        name: "5.8 a pause",
        spans: &[(120, 3_500_000)],
        flows: &[
            from(0),
            from(0),
            Flow {
                pauses: Some((40, 60)),
                ..from(0)
            },
        ],
        ..ONE
    },
    Case {
        name: "steady",
        link: bottleneck(0),
        spans: &[(120, 3_000_000)],
        ..ONE
    },
    Case {
        name: "16 packets",
        link: SHALLOW,
        spans: &[(120, 3_000_000)],
        ..ONE
    },
    Case {
        name: "16 packets, ± 10 %",
        link: SHALLOW,
        spans: &[
            (20, 3_300_000),
            (20, 2_700_000),
            (20, 3_300_000),
            (20, 2_700_000),
        ],
        ..ONE
    },
    Case {
        name: "100 ms of jitter",
        link: bottleneck(0)
            .latency(Duration::ZERO)
            .reordering_jitter(Duration::from_millis(100)),
        spans: &[(120, 2_000_000)],
        ..ONE
    },
];

/// How many videos each receiver gets.
pub(super) const VIDEOS: [usize; 3] = [1, 5, 20];

/// What each of so many videos has: together more than any of the links carries, and less than each
/// of them at the lowest.
pub(super) fn encodings(videos: usize) -> [Encoding; 3] {
    let of = |bitrates: [u64; 3]| {
        bitrates.map(|bitrate| Encoding {
            bitrate,
            temporal: 3,
        })
    };
    of(match videos {
        1 => [200_000, 800_000, 4_000_000],
        5 => [120_000, 400_000, 1_200_000],
        _ => [40_000, 150_000, 500_000],
    })
}

/// Priorities in turn.
pub(super) fn priority(video: usize) -> u8 {
    [1, 2, 4, 8][video % 4]
}

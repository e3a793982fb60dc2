//! What it came to.

use std::time::Duration;

use serde::Serialize;

use crate::traffic::Traffic;

/// What it came to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    forwarded: u64,
    forwarded_per_second: f64,
    /// Of what should have come, in percent.
    lost_percent: f64,
    /// Processor time of the thread that forwards, for each packet that came.
    nanos_per_packet: f64,
    /// The share of a core that it took, in percent.
    load_percent: f64,
    /// How long packets were on their way, in microseconds.
    delay: Delay,
    /// How late the generator was at worst, in microseconds: delays do not count it.
    late: f64,
}

#[derive(Debug, Serialize)]
struct Delay {
    p50: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

impl Report {
    pub(crate) fn new(traffic: &Traffic, spent: Duration, copies: u64) -> Self {
        let mut delays = traffic.delays.clone();
        delays.sort_unstable();
        let at = |share: f64| {
            let index = (delays.len() as f64 * share) as usize;
            let nanos = delays.get(index.min(delays.len().saturating_sub(1)));
            micros(nanos.copied().unwrap_or_default())
        };
        let forwarded = delays.len() as u64;
        let meant = traffic.sent * copies;
        let span = traffic.span.as_secs_f64();
        Self {
            forwarded,
            forwarded_per_second: (forwarded as f64 / span).round(),
            lost_percent: 100.0 * (1.0 - forwarded as f64 / meant as f64),
            nanos_per_packet: (spent.as_nanos() as f64 / forwarded as f64).round(),
            load_percent: (100.0 * spent.as_secs_f64() / span).round(),
            delay: Delay {
                p50: at(0.5),
                p99: at(0.99),
                p999: at(0.999),
                max: at(1.0),
            },
            late: micros(traffic.late),
        }
    }
}

fn micros(nanos: u64) -> f64 {
    (nanos as f64 / 100.0).round() / 10.0
}

//! What an engine tells the recorder of the [`metrics`](https://docs.rs/metrics) facade.

use flumen_components::{Counts, Reason};
use flumen_systems::Stage;
use metrics::{Label, Unit};

use crate::engine::Engine;

/// Whose figures are told.
struct Teller<'a> {
    labels: &'a [(&'static str, &'a str)],
}

impl Teller<'_> {
    fn labels(&self, own: Option<(&'static str, &str)>) -> Vec<Label> {
        let all = self.labels.iter().copied().chain(own);
        all.map(|(name, value)| Label::new(name, value.to_owned()))
            .collect()
    }

    fn counter(&self, name: &'static str, own: Option<(&'static str, &str)>, count: u64) {
        metrics::counter!(name, self.labels(own)).absolute(count);
    }

    fn gauge(&self, name: &'static str, own: Option<(&'static str, &str)>, value: f64) {
        metrics::gauge!(name, self.labels(own)).set(value);
    }

    /// Those of the application's own are among them.
    fn reasons<R: Reason>(&self, name: &'static str, label: &'static str, counts: &Counts<R>) {
        for (reason, count) in counts.nonzero() {
            self.counter(name, Some((label, reason.name())), count);
        }
        for (veto, count) in counts.vetoes() {
            self.counter(name, Some((label, veto.name())), count);
        }
    }
}

/// Metrics, with the feature `metrics`.
impl Engine {
    /// Tells the recorder of the [`metrics`](https://docs.rs/metrics) facade, if one is installed,
    /// where the engine stands: call it when somebody looks, or now and then. Ticks themselves tell
    /// nothing, and cost the same with the feature and without.
    ///
    /// All names begin with `flumen_`; all have `labels`, which tell engines of one program apart.
    /// Reasons are told from the first time that they count.
    ///
    /// | counters | |
    /// |---|---|
    /// | `ticks_total`, `tick_nanoseconds_total` | ticks, and the time they took |
    /// | `tick_seconds_bucket{le}` | ticks that took at most `le` seconds, for `histogram_quantile` |
    /// | `stage_nanoseconds_total{stage}`, `stage_rows_total{stage}`, `stage_runs_total{stage}` | see [`Work`](crate::Work) |
    /// | `datagrams_received_total`, `datagrams_injected_total`, `datagrams_unwrapped_total`, `packets_accepted_total`, `datagrams_consumed_total{kind}`, `datagrams_discarded_total{reason}`, `rtcp_faults_total{fault}` | what came: see [`Ledger`](crate::Ledger) |
    /// | `packets_offered_total`, `packets_withheld_total{reason}`, `packets_enqueued_total`, `datagrams_generated_total`, `datagrams_sent_total`, `datagrams_refused_total{reason}` | what was to leave |
    /// | `kernel_drops_total`, `events_dropped_total` | what was never seen, by the engine and by the application |
    /// | `messages_received_total`, `messages_injected_total`, `messages_accepted_total`, `messages_discarded_total{reason}`, `messages_offered_total`, `messages_delivered_total`, `messages_withheld_total{reason}` | see [`DataLedger`](crate::DataLedger) |
    ///
    /// | gauges | |
    /// |---|---|
    /// | `queue_depth{queue}`, `queue_bytes{queue}` | see [`Queues`](crate::Queues) |
    /// | `gathering_seconds` | see [`gathering`](Self::gathering) |
    pub fn publish_metrics(&self, labels: &[(&'static str, &str)]) {
        let teller = Teller { labels };
        self.tell_work(&teller);
        self.tell_datagrams(&teller);
        self.tell_messages(&teller);
        self.tell_queues(&teller);
    }

    /// Tells the recorder what each metric means, for those who show it. Once is enough.
    pub fn describe_metrics() {
        for (name, what) in COUNTERS {
            metrics::describe_counter!(name, what);
        }
        metrics::describe_gauge!("flumen_queue_depth", "What waits, by queue");
        metrics::describe_gauge!(
            "flumen_queue_bytes",
            Unit::Bytes,
            "Bytes that wait, by queue"
        );
        let gathering = "For how long packets gather before a tick";
        metrics::describe_gauge!("flumen_gathering_seconds", Unit::Seconds, gathering);
    }

    fn tell_work(&self, teller: &Teller<'_>) {
        let (work, times) = (self.work(), self.work().tick_times());
        teller.counter("flumen_ticks_total", None, self.ticks());
        let nanoseconds = work.all_ticks().as_nanos() as u64;
        teller.counter("flumen_tick_nanoseconds_total", None, nanoseconds);
        let bucket = |bound: &str, ticks| {
            teller.counter("flumen_tick_seconds_bucket", Some(("le", bound)), ticks);
        };
        for (span, ticks) in times.at_most() {
            bucket(&span.as_secs_f64().to_string(), ticks);
        }
        bucket("+Inf", times.ticks());
        for stage in Stage::IN_ORDER {
            let (name, work) = (stage.to_string(), work.total(stage));
            let nanoseconds = work.time.as_nanos() as u64;
            let tell = |metric, count| teller.counter(metric, Some(("stage", &name)), count);
            tell("flumen_stage_nanoseconds_total", nanoseconds);
            tell("flumen_stage_rows_total", work.rows);
            tell("flumen_stage_runs_total", work.runs);
        }
    }

    fn tell_datagrams(&self, teller: &Teller<'_>) {
        let ledger = self.ledger();
        for (name, count) in [
            ("flumen_datagrams_received_total", ledger.received),
            ("flumen_datagrams_injected_total", ledger.injected),
            ("flumen_datagrams_unwrapped_total", ledger.unwrapped),
            ("flumen_packets_accepted_total", ledger.accepted),
            ("flumen_packets_offered_total", ledger.offered),
            ("flumen_packets_enqueued_total", ledger.enqueued),
            ("flumen_datagrams_generated_total", ledger.generated),
            ("flumen_datagrams_sent_total", ledger.sent),
            ("flumen_kernel_drops_total", ledger.kernel_drops),
            ("flumen_events_dropped_total", self.dropped_events()),
        ] {
            teller.counter(name, None, count);
        }
        teller.reasons("flumen_datagrams_consumed_total", "kind", &ledger.consumed);
        teller.reasons(
            "flumen_datagrams_discarded_total",
            "reason",
            &ledger.discarded,
        );
        teller.reasons("flumen_rtcp_faults_total", "fault", &ledger.rtcp_faults);
        teller.reasons("flumen_packets_withheld_total", "reason", &ledger.withheld);
        teller.reasons("flumen_datagrams_refused_total", "reason", &ledger.refused);
    }

    fn tell_messages(&self, teller: &Teller<'_>) {
        let ledger = self.data_ledger();
        for (name, count) in [
            ("flumen_messages_received_total", ledger.received),
            ("flumen_messages_injected_total", ledger.injected),
            ("flumen_messages_accepted_total", ledger.accepted),
            ("flumen_messages_offered_total", ledger.offered),
            ("flumen_messages_delivered_total", ledger.delivered),
        ] {
            teller.counter(name, None, count);
        }
        teller.reasons(
            "flumen_messages_discarded_total",
            "reason",
            &ledger.discarded,
        );
        teller.reasons("flumen_messages_withheld_total", "reason", &ledger.withheld);
    }

    fn tell_queues(&self, teller: &Teller<'_>) {
        let queues = self.queues();
        for (queue, depth) in [
            ("blocked", queues.blocked),
            ("paced", queues.paced),
            ("requests", queues.requests),
            ("events", queues.events),
            ("deliveries", queues.deliveries),
            ("messages", queues.messages),
        ] {
            teller.gauge("flumen_queue_depth", Some(("queue", queue)), depth as f64);
        }
        let bytes = queues.blocked_bytes as f64;
        teller.gauge("flumen_queue_bytes", Some(("queue", "blocked")), bytes);
        let gathering = self.gathering().as_secs_f64();
        teller.gauge("flumen_gathering_seconds", None, gathering);
    }
}

/// Every counter, and what it counts.
const COUNTERS: [(&str, &str); 28] = [
    ("flumen_ticks_total", "Ticks"),
    ("flumen_tick_nanoseconds_total", "Time that ticks took"),
    (
        "flumen_tick_seconds_bucket",
        "Ticks that took at most this long",
    ),
    ("flumen_stage_nanoseconds_total", "Time that a stage took"),
    ("flumen_stage_rows_total", "Rows that a stage handled"),
    ("flumen_stage_runs_total", "Runs of rows to one destination"),
    ("flumen_datagrams_received_total", "Datagrams that entered"),
    (
        "flumen_datagrams_injected_total",
        "Packets that systems of the application added",
    ),
    (
        "flumen_datagrams_unwrapped_total",
        "Packets that came inside others",
    ),
    (
        "flumen_packets_accepted_total",
        "Packets of media that a stream took",
    ),
    (
        "flumen_datagrams_consumed_total",
        "Datagrams of control, by kind",
    ),
    (
        "flumen_datagrams_discarded_total",
        "Datagrams that went no further, by reason",
    ),
    (
        "flumen_rtcp_faults_total",
        "Malformed RTCP packets, by fault",
    ),
    (
        "flumen_packets_offered_total",
        "Accepted packets times their consumers",
    ),
    (
        "flumen_packets_withheld_total",
        "Offered packets that were not forwarded, by reason",
    ),
    (
        "flumen_packets_enqueued_total",
        "Offered packets that were forwarded",
    ),
    (
        "flumen_datagrams_generated_total",
        "Datagrams that nobody offered",
    ),
    ("flumen_datagrams_sent_total", "Datagrams that left"),
    (
        "flumen_datagrams_refused_total",
        "Datagrams that could not be sent, by reason",
    ),
    (
        "flumen_kernel_drops_total",
        "Datagrams that the kernel dropped before the engine saw them",
    ),
    (
        "flumen_events_dropped_total",
        "Events dropped because nobody drained them",
    ),
    ("flumen_messages_received_total", "Messages that entered"),
    (
        "flumen_messages_injected_total",
        "Messages that systems of the application added",
    ),
    (
        "flumen_messages_accepted_total",
        "Messages that a data producer took",
    ),
    (
        "flumen_messages_discarded_total",
        "Messages that no data producer took, by reason",
    ),
    (
        "flumen_messages_offered_total",
        "Accepted messages times their data consumers",
    ),
    (
        "flumen_messages_delivered_total",
        "Messages that were handed over",
    ),
    (
        "flumen_messages_withheld_total",
        "Offered messages that were not delivered, by reason",
    ),
];

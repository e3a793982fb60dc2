//! Compares what was sent with what the ledger says, and that with what was received.

use flumen::Ledger;

use crate::player::Played;
use crate::summary::ReceiverReport;

/// What went wrong, a sentence each.
pub(crate) fn faults(ledger: &Ledger, played: Played, reports: &[ReceiverReport]) -> Vec<String> {
    let sum = |count: fn(&ReceiverReport) -> u64| reports.iter().map(count).sum::<u64>();
    let missing = |report: &ReceiverReport| {
        let streams = report.streams.iter();
        streams.map(|stream| stream.not_forwarded).sum()
    };
    let pairs = [
        (
            "datagrams played",
            played.sent,
            "received by the engine",
            ledger.received,
        ),
        (
            "packets forwarded",
            ledger.enqueued,
            "received",
            sum(|report| report.packets),
        ),
        (
            "packets withheld",
            ledger.withheld.total(),
            "missing",
            sum(missing),
        ),
        (
            "reports and requests generated",
            ledger.generated,
            "received",
            played.answers + sum(|report| report.reports),
        ),
        (
            "gaps in sequence numbers",
            sum(|report| report.gaps),
            "expected",
            0,
        ),
        (
            "packets not as recorded",
            sum(|report| report.wrong),
            "expected",
            0,
        ),
        ("datagrams refused", ledger.refused.total(), "expected", 0),
    ];
    let differ = pairs.into_iter().filter(|pair| pair.1 != pair.3);
    let mut faults: Vec<String> = differ
        .map(|(what, left, other, right)| format!("{left} {what}, but {right} {other}"))
        .collect();
    faults.extend(ledger.check().err().map(|imbalance| imbalance.to_string()));
    faults
}

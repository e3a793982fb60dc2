//! The table: what there is to see, as lines of text.

use std::time::Duration;

use flumen::rtp_parameters::MediaKind;
use flumen::{Counts, Ledger, Reason, VideoOrientation};

use crate::ink::Ink;
use crate::receiver::Tally;
use crate::snapshot::{ProducerView, Snapshot, StreamView, ViewerView};

/// What a table shows.
pub(crate) struct Frame<'a> {
    /// What goes on.
    pub(crate) status: String,
    /// The engine.
    pub(crate) snapshot: &'a Snapshot,
    /// The time that the longest tick took.
    pub(crate) worst_tick: Duration,
    /// What the receivers got, for those that are part of this program.
    pub(crate) tallies: Vec<&'a Tally>,
}

/// Draws a table.
pub(crate) fn lines(frame: &Frame<'_>, ink: Ink) -> Vec<String> {
    let snapshot = frame.snapshot;
    let mut lines = vec![
        String::new(),
        format!("  {}  {}", ink.bold("flumen relay"), frame.status),
        String::new(),
        ink.dim(
            "  PRODUCER    codec        ssrc   rid          score   kbit/s  packets  orientation",
        ),
    ];
    for producer in &snapshot.producers {
        lines.extend(producer_lines(producer, ink));
    }
    lines.extend([
        String::new(),
        ink.dim(&consumer_heading(!frame.tallies.is_empty())),
    ]);
    let tallies = frame.tallies.iter().map(|tally| Some(*tally));
    let tallies = tallies.chain(std::iter::repeat(None));
    for (viewer, tally) in snapshot.viewers.iter().zip(tallies) {
        lines.push(viewer_line(viewer, tally, ink));
    }
    lines.push(String::new());
    lines.extend(ledger_lines(&snapshot.ledger, ink));
    lines.push(tick_line(frame, ink));
    lines
}

fn producer_lines(producer: &ProducerView, ink: Ink) -> Vec<String> {
    let name = producer.kind.as_str();
    if producer.streams.is_empty() {
        return vec![format!("  {name:<10}  {}", ink.dim("nothing yet"))];
    }
    let orientation = producer.orientation.map_or("–".into(), degrees);
    let line = |stream: &StreamView| {
        let codec = stream.mime_type.split('/').next_back().unwrap_or_default();
        format!(
            "  {name:<10}  {codec:<5}  {ssrc:>10}  {rid:>4}  {score}  {rate:>7}  {packets:>7}  {orientation}",
            ssrc = stream.ssrc,
            rid = stream.rid.as_deref().unwrap_or("–"),
            score = score(stream.score, ink),
            rate = kilobits(stream.bitrate),
            packets = grouped(stream.packets),
        )
    };
    producer.streams.iter().map(line).collect()
}

fn degrees(orientation: VideoOrientation) -> String {
    let mirrored = if orientation.flip { " mirrored" } else { "" };
    format!("{}°{mirrored}", orientation.rotation)
}

/// Ten cells and a number.
fn score(score: u8, ink: Ink) -> String {
    let full = usize::from(score.min(10));
    let bar = "■".repeat(full);
    let bar = match score {
        8.. => ink.good(&bar),
        5.. => ink.fair(&bar),
        _ => ink.bad(&bar),
    };
    format!("{bar}{} {score:>2}", ink.dim(&"·".repeat(10 - full)))
}

fn consumer_heading(tallied: bool) -> String {
    let tally = if tallied {
        "  received  gaps  wrong"
    } else {
        ""
    };
    format!("  CONSUMER    socket            video    audio   kbit/s{tally}")
}

fn viewer_line(viewer: &ViewerView, tally: Option<&Tally>, ink: Ink) -> String {
    let forwarded = |kind: MediaKind| {
        let mut of_kind = viewer.forwarded.iter().filter(|entry| entry.0 == kind);
        of_kind.next().map_or("–".into(), |entry| grouped(entry.1))
    };
    let socket = match viewer.own_socket {
        true => format!(":{}", viewer.port),
        false => format!(":{} shared", viewer.port),
    };
    let line = format!(
        "  {:<10}  {socket:<13}  {:>7}  {:>7}  {:>7}",
        viewer.name,
        forwarded(MediaKind::Video),
        forwarded(MediaKind::Audio),
        kilobits(viewer.bitrate),
    );
    let Some(tally) = tally else {
        return line;
    };
    let (gaps, wrong) = (tally.gaps(), tally.wrong());
    format!(
        "{line}  {:>8}  {}  {}",
        grouped(tally.packets()),
        ink.fault(gaps, &format!("{gaps:>4}")),
        ink.fault(wrong, &format!("{wrong:>5}")),
    )
}

/// Both ledgers, each as the equation that must hold.
fn ledger_lines(ledger: &Ledger, ink: Ink) -> Vec<String> {
    let n = grouped;
    let equation = |name: &str, total: u64, verb: &str, parts: String| {
        let total = grouped(total);
        format!(
            "  {}  {total:>8} {verb:<9} = {parts}",
            ink.dim(&format!("{name:<10}"))
        )
    };
    let mut lines = vec![equation(
        "IN",
        ledger.received,
        "received",
        format!(
            "{} accepted + {} control + {} discarded",
            n(ledger.accepted),
            n(ledger.consumed.total()),
            n(ledger.discarded.total()),
        ),
    )];
    lines.extend(reasons(&ledger.discarded, ink));
    lines.push(equation(
        "FORWARD",
        ledger.offered,
        "offered",
        format!(
            "{} forwarded + {} withheld",
            n(ledger.enqueued),
            n(ledger.withheld.total()),
        ),
    ));
    lines.extend(reasons(&ledger.withheld, ink));
    lines.push(equation(
        "OUT",
        ledger.enqueued + ledger.generated,
        "to send",
        format!(
            "{} sent + {} refused + {} waiting",
            n(ledger.sent),
            n(ledger.refused.total()),
            n(ledger.waiting),
        ),
    ));
    lines.extend(reasons(&ledger.refused, ink));
    lines
}

/// A line for each reason that was counted.
fn reasons<R: Reason>(counts: &Counts<R>, ink: Ink) -> Vec<String> {
    let line = |(reason, count): (R, u64)| {
        let text = format!("{:23}{:>6} {}", "", grouped(count), reason.name());
        ink.dim(&text)
    };
    counts.nonzero().map(line).collect()
}

fn tick_line(frame: &Frame<'_>, ink: Ink) -> String {
    format!(
        "  {}  {:>8} ticks     {} mean, {} worst",
        ink.dim("TICK      "),
        grouped(frame.snapshot.ticks),
        microseconds(frame.snapshot.mean_tick()),
        microseconds(frame.worst_tick),
    )
}

/// "1,234,567".
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn kilobits(bits: u64) -> String {
    format!("{}.{}", grouped(bits / 1_000), bits % 1_000 / 100)
}

fn microseconds(span: Duration) -> String {
    format!("{:.1} µs", span.as_secs_f64() * 1e6)
}

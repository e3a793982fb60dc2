//! The terminal: a table that is drawn again in place, and once more at the end.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::Failure;
use crate::summary::Summary;

/// How often the table is drawn.
const REDRAW: Duration = Duration::from_millis(100);

/// Standard output.
pub(crate) struct Screen {
    json: bool,
    live: bool,
    /// Lines of the table that stands there now.
    drawn: usize,
    last: Option<Instant>,
}

impl Screen {
    /// Nothing but the summary is written with `json`.
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            live: io::stdout().is_terminal() && !json,
            drawn: 0,
            last: None,
        }
    }

    /// Draws a table over the last one when it is time, if standard output is a terminal.
    pub(crate) fn draw(&mut self, summary: &Summary) -> io::Result<()> {
        let is_time = self.last.is_none_or(|last| last.elapsed() >= REDRAW);
        if !self.live || !is_time {
            return Ok(());
        }
        self.write(summary)
    }

    /// Writes the summary.
    pub(crate) fn conclude(&mut self, summary: &Summary) -> Result<(), Failure> {
        if !self.json {
            return Ok(self.write(summary)?);
        }
        let mut stdout = io::stdout().lock();
        serde_json::to_writer_pretty(&mut stdout, summary)?;
        writeln!(stdout)?;
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "an application keeps real time")]
    fn write(&mut self, summary: &Summary) -> io::Result<()> {
        let lines = lines(summary);
        let mut text = String::new();
        if self.drawn > 0 {
            text.push_str(&format!("\x1b[{}A", self.drawn));
        }
        for line in &lines {
            text.push_str(line);
            text.push_str(if self.live { "\x1b[K\n" } else { "\n" });
        }
        self.drawn = if self.live { lines.len() } else { 0 };
        self.last = Some(Instant::now());
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }
}

fn lines(summary: &Summary) -> Vec<String> {
    let mut lines = vec![
        format!("flumen data room, {} ticks", summary.ticks),
        String::new(),
        format!("  {:<10}  {:>8}  {:>8}", "PUBLISHES", "sent", "routed"),
    ];
    for it in &summary.producers {
        lines.push(format!(
            "  {:<10}  {:>8}  {:>8}",
            it.name, it.sent, it.routed
        ));
    }
    let titles = ("LISTENS", "to", "meant", "delivered");
    lines.push(String::new());
    lines.push(format!(
        "  {:<10}  {:<8}  {:>8}  {:>9}  over",
        titles.0, titles.1, titles.2, titles.3
    ));
    for it in &summary.consumers {
        let subchannels = format!("{:?}", it.subchannels);
        let over = if it.over_sctp { summary.stack } else { "-" };
        lines.push(format!(
            "  {:<10}  {subchannels:<8}  {:>8}  {:>9}  {over}",
            it.name, it.meant, it.delivered
        ));
    }
    lines
}

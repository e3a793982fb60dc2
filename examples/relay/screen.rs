//! The terminal: a table that is drawn again in place, or printed once.

use std::io::{self, IsTerminal, Write};

use crate::ink::Ink;
use crate::table::{Frame, lines};

/// Standard output.
pub(crate) struct Screen {
    live: bool,
    quiet: bool,
    ink: Ink,
    /// Lines of the table that stands there now.
    drawn: usize,
}

impl Screen {
    /// Looks at what standard output is. When `quiet`, nothing is drawn.
    pub(crate) fn new(quiet: bool) -> Self {
        let live = io::stdout().is_terminal() && !quiet;
        let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            live,
            quiet,
            ink: Ink(live && colours),
            drawn: 0,
        }
    }

    /// Says something before the first table; to standard error when the output is for a program.
    pub(crate) fn say(&self, text: &str) -> io::Result<()> {
        match self.quiet {
            true => writeln!(io::stderr(), "{text}"),
            false => writeln!(io::stdout(), "{text}"),
        }
    }

    /// Draws a table over the last one, when standard output is a terminal.
    pub(crate) fn draw(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        match self.live {
            true => self.write(&lines(frame, self.ink)),
            false => Ok(()),
        }
    }

    /// Draws the last table, and a verdict under it, wherever standard output goes.
    pub(crate) fn conclude(&mut self, frame: &Frame<'_>, faults: &[String]) -> io::Result<()> {
        if self.quiet {
            return Ok(());
        }
        let mut lines = lines(frame, self.ink);
        lines.push(String::new());
        if faults.is_empty() {
            let verdict = self.ink.good("every packet is accounted for");
            lines.push(format!("  {verdict}"));
        }
        for fault in faults {
            lines.push(format!("  {}", self.ink.bad(fault)));
        }
        lines.push(String::new());
        self.write(&lines)
    }

    /// One write for the whole table, so that it does not flicker; lines that are too long are cut
    /// (`?7l`), as the next table goes as many lines up as this one has.
    fn write(&mut self, lines: &[String]) -> io::Result<()> {
        let mut text = String::new();
        if self.drawn > 0 {
            text.push_str(&format!("\x1b[{}A", self.drawn));
        }
        let (begin, end) = match self.live {
            true => ("\x1b[?7l", "\x1b[K\x1b[?7h\n"),
            false => ("", "\n"),
        };
        for line in lines {
            text.push_str(begin);
            text.push_str(line);
            text.push_str(end);
        }
        self.drawn = if self.live { lines.len() } else { 0 };
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }
}

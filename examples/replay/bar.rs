//! How far a replay is.

use std::io::{self, IsTerminal, Write};

use flumen::Tick;

/// A line of a terminal that is drawn again and again; nothing where there is none.
#[derive(Default)]
pub(crate) struct Bar {
    drawn: Option<u64>,
}

/// As many characters show all of it.
const WIDTH: u64 = 40;

impl Bar {
    /// Draws `read` bytes of all, if that has changed the bar.
    pub(crate) fn draw(&mut self, (read, all): (u64, Option<u64>), tick: &Tick) -> io::Result<()> {
        let all = all.unwrap_or(read).max(1);
        let thousandth = read * 1_000 / all;
        if self.drawn == Some(thousandth) || !io::stderr().is_terminal() {
            return Ok(());
        }
        self.drawn = Some(thousandth);
        let full = (read * WIDTH / all) as usize;
        let (done, rest) = ("=".repeat(full), " ".repeat(WIDTH as usize - full));
        let at = tick.at.as_millis() as f64 / 1_000.0;
        let percent = thousandth as f64 / 10.0;
        write!(
            io::stderr(),
            "\r[{done}{rest}] {percent:5.1} %  tick {}, {at:.3} s",
            tick.number
        )
    }

    /// Leaves the line as it was.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        match self.drawn.take() {
            Some(_) => write!(io::stderr(), "\r\x1b[2K"),
            None => Ok(()),
        }
    }
}

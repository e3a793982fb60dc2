//! The lines of a session description.

use std::fmt::{Arguments, Write};

use crate::error::SdpError;

/// Lines, as they are written. What peers and applications say goes into them, so that each is looked
/// at: none may begin another.
#[derive(Debug, Default)]
pub(crate) struct Lines(String);

impl Lines {
    /// Writes a line.
    pub(crate) fn write(&mut self, line: Arguments<'_>) -> Result<(), SdpError> {
        let begin = self.0.len();
        // Writing to a string does not fail.
        let _ = self.0.write_fmt(line);
        if let Some(line) = self.0.get(begin..).filter(|line| breaks(line)) {
            return Err(SdpError::Line(line.into()));
        }
        self.0.push_str("\r\n");
        Ok(())
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// Whether some reader would take a line for several, or for less than it is.
pub(crate) fn breaks(line: &str) -> bool {
    line.contains(['\r', '\n', '\0'])
}

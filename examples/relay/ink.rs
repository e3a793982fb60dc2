//! Colours of a terminal, or none.

/// Writes with colours when it is on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ink(pub(crate) bool);

impl Ink {
    /// For headings.
    pub(crate) fn bold(self, text: &str) -> String {
        self.style("1", text)
    }

    /// For what is there to be read second.
    pub(crate) fn dim(self, text: &str) -> String {
        self.style("2", text)
    }

    /// For what is well.
    pub(crate) fn good(self, text: &str) -> String {
        self.style("32", text)
    }

    /// For what is not quite well.
    pub(crate) fn fair(self, text: &str) -> String {
        self.style("33", text)
    }

    /// For what is wrong.
    pub(crate) fn bad(self, text: &str) -> String {
        self.style("31", text)
    }

    /// For a count of what must not happen: silent when it did not.
    pub(crate) fn fault(self, count: u64, text: &str) -> String {
        match count {
            0 => self.dim(text),
            _ => self.bad(text),
        }
    }

    fn style(self, code: &str, text: &str) -> String {
        match self.0 {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.into(),
        }
    }
}

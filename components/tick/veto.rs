//! Why a system of the application lets something go no further.

/// A reason of the application's own, registered while an engine is built. Ledgers count it under
/// its name, beside the reasons of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Veto(&'static str);

/// How many reasons of its own an application can register.
pub const VETOES_MAX: usize = 32;

impl Veto {
    pub(super) fn named(name: &'static str) -> Self {
        Self(name)
    }

    /// The name under which it is counted.
    pub fn name(self) -> &'static str {
        self.0
    }
}

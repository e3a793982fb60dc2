//! How far a library is from beginning anew.

/// How far the library behind a gate is from beginning anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// There is time.
    #[default]
    Steady,
    /// What was sent is to be acknowledged.
    Draining,
    /// It is; the message that arrives is to end.
    Drained,
    /// It has ended with this number, behind which everything waits.
    Fenced(u32),
}

//! The threads of an engine besides the one that it is on.

use std::io;

use flumen_components::{Limits, Workers};
use flumen_net::Crew;

/// So many threads in all, which end with the last clone.
///
/// # Errors
///
/// The system gives no more threads.
pub(crate) fn workers(threads: usize, limits: &Limits) -> io::Result<Workers> {
    if threads <= 1 {
        return Ok(Workers::default());
    }
    let crew = Crew::start(threads - 1)?;
    let run = move |others: usize, task: &(dyn Fn() + Sync)| crew.run(others, task);
    Ok(Workers::new(threads, limits.datagrams_per_thread, run))
}

//! When ticks run: a loop of one's own, or the engine's.

use std::time::Duration;

use flumen_components::{Inbox, Messages, Time};

use crate::engine::{Engine, TickError};
use crate::shutdown::Remains;

/// Running.
impl Engine {
    /// Runs until a [`Handle`](crate::Handle) asks for
    /// [`shutdown`](crate::Handle::shutdown), or all handles that there were are gone; then shuts
    /// down. Without a handle it runs for as long as the program does.
    ///
    /// It blocks its thread, and sleeps while nothing is to do. Events and deliveries that nobody
    /// drains are kept up to their limits; see [`run_with`](Self::run_with).
    ///
    /// # Errors
    ///
    /// See [`TickError`]. Whoever waits for an answer is told too.
    pub fn run(self) -> Result<Remains, TickError> {
        self.run_with(|_| {})
    }

    /// Runs like [`run`](Self::run), and calls `behind` after every tick, on this thread: the place
    /// to drain events, deliveries and messages, and to hand them to whom they concern.
    ///
    /// # Errors
    ///
    /// See [`TickError`].
    pub fn run_with(mut self, mut behind: impl FnMut(&mut Self)) -> Result<Remains, TickError> {
        loop {
            if let Some(patience) = self.shutdown_asked() {
                return self.shutdown(patience);
            }
            self.turn(None)?;
            behind(&mut self);
        }
    }

    /// A handle asked for [`shutdown`](crate::Handle::shutdown), or the last one is gone: for how
    /// long what waits to be sent may be waited for. [`run`](Self::run) does so; a loop around
    /// [`turn`](Self::turn) may.
    pub fn shutdown_asked(&self) -> Option<Duration> {
        self.requests.shutdown_asked()
    }

    /// Waits until there is something to do, and ticks: the body of a run loop.
    ///
    /// There is something to do when a datagram arrives, a deadline is due, the application asked
    /// for something, or a [`Handle`](crate::Handle) wakes the engine; at the latest after
    /// `patience` (`None`: no limit). Under load it first lets packets gather for a short span; see
    /// [`Builder::gather_up_to`](crate::Builder::gather_up_to).
    ///
    /// # Errors
    ///
    /// See [`TickError`].
    pub fn turn(&mut self, patience: Option<Duration>) -> Result<(), TickError> {
        self.check_poison()?;
        let now = match self.wants_tick() {
            true => self.go_on(),
            false => self.rest(patience)?,
        };
        self.on_the_clock = true;
        self.run_tick(now)
    }

    /// What the application sent acts before what it asks for now: a tick is run for it, which
    /// takes in nothing else.
    pub(crate) fn settle(&mut self) {
        let is_settled = self.world.resource::<Inbox>().datagrams().is_empty()
            && self.world.resource::<Messages>().rows().is_empty();
        if is_settled || self.poison.is_some() {
            return;
        }
        if self.on_the_clock {
            self.advance(self.clock());
        }
        // A system that fails is told of by the next tick.
        let _ = self.pass(false);
    }

    /// A rest of no length; the time then.
    fn go_on(&mut self) -> Time {
        let now = self.clock();
        self.gathering.slept(now, now);
        now
    }

    /// Sleeps until the last tick is long enough ago, then until something is to do; the time then.
    /// Under load only the first takes time, and with little to do only the second.
    fn rest(&mut self, patience: Option<Duration>) -> Result<Time, TickError> {
        let begun = self.clock();
        let span = self.gathering.span();
        // An application that ticks itself may count time from elsewhere.
        let rest = (self.last_tick + span).since(begun).min(span);
        let gathered = rest.min(patience.unwrap_or(span));
        if !gathered.is_zero() {
            gather(gathered);
        }
        let due = self.next_deadline().map(|due| due.since(begun));
        let timeout = [due, patience].into_iter().flatten().min();
        let timeout = timeout.map(|span| span.saturating_sub(gathered));
        self.network.backend.wait(timeout)?;
        let now = self.clock();
        self.gathering.slept(begun, now);
        Ok(now)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "what arrives does not end it, as it would a wait of the backend"
)]
fn gather(span: Duration) {
    std::thread::sleep(span);
}

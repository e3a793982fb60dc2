//! Destinations to which the kernel cuts no runs up.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Destinations to which the kernel cut no run up of late: their paths have a smaller MTU, or their
/// routes encrypt or compute no checksums. A path may change, so each is tried again after a while.
#[derive(Debug, Default)]
pub(super) struct Uncut {
    until: BTreeMap<SocketAddr, Instant>,
    /// The time of what is being sent; read only while a destination is remembered.
    now: Option<Instant>,
}

/// For how long no run is tried again.
const SPAN: Duration = Duration::from_secs(10);
/// Destinations that are remembered. Where there are more, it is the machine that does not cut: until
/// some are forgotten, nothing is tried at all.
const MOST: usize = 256;

impl Uncut {
    /// Something is about to be sent.
    pub(super) fn begin(&mut self) {
        if !self.until.is_empty() {
            self.begin_at(read_clock());
        }
    }

    fn begin_at(&mut self, now: Instant) {
        self.until.retain(|_, until| now < *until);
        self.now = Some(now);
    }

    /// Runs to this destination may be tried.
    pub(super) fn tries(&self, to: SocketAddr) -> bool {
        self.until.is_empty() || self.until.len() < MOST && !self.until.contains_key(&to)
    }

    /// A run to this destination was not cut up.
    pub(super) fn remember(&mut self, to: SocketAddr) {
        if self.until.is_empty() {
            self.now = Some(read_clock());
        }
        if let Some(now) = self.now
            && self.until.len() < MOST
        {
            self.until.insert(to, now + SPAN);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it decides in how many calls datagrams leave, not which or when"
)]
fn read_clock() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    #[test]
    fn a_destination_is_tried_again_after_a_while_and_others_at_once() {
        let mut uncut = Uncut::default();
        assert!(uncut.tries(to(1)));
        uncut.remember(to(1));
        assert!(!uncut.tries(to(1)) && uncut.tries(to(2)));
        let began = uncut.now.unwrap();
        uncut.begin_at(began + SPAN - Duration::from_millis(1));
        assert!(!uncut.tries(to(1)));
        uncut.begin_at(began + SPAN);
        assert!(uncut.tries(to(1)));
    }

    #[test]
    fn so_many_are_remembered_and_beyond_that_nothing_is_tried() {
        let mut uncut = Uncut::default();
        (0..1000).for_each(|port| uncut.remember(to(port)));
        assert_eq!(uncut.until.len(), MOST);
        assert!(!uncut.tries(to(5000)));
        uncut.begin_at(uncut.now.unwrap() + SPAN);
        assert!(uncut.until.is_empty() && uncut.tries(to(5000)));
    }
}

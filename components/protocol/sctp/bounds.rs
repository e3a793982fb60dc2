//! How much a peer can make an association hold.

use super::Failure;
use super::gate::Gate;

/// Chunks in datagrams that the library may refer to, for each KiB of the receive window: a
/// window full of fragments of 256 bytes.
const PARTS_PER_KIB: usize = 4;
/// Datagrams may take twice the window: chunks have headers, and share a datagram with others.
const BYTES_PER_WINDOW: usize = 2;
/// Room for handshakes whatever the window is.
const SPARE: usize = 1_024;
/// Shorter fragments are rare: a sender cuts a message where a datagram ends, and every path
/// carries more than twice as much.
const SHORT_FRAGMENT: usize = 256;
/// Fragments that are allowed for however short messages are.
const FEWEST_FRAGMENTS: usize = 1_024;

impl Gate {
    /// Whether a fragment that is `ahead` of what was acknowledged is not to be taken, and left to
    /// be sent again.
    ///
    /// `rtc-sctp` looks through all fragments of a stream for each that comes, so that who never
    /// completes a message would stall ticks. The message that comes next has room always, so
    /// that what is held is completed in the end.
    pub(super) fn is_too_far(&self, ahead: u32) -> bool {
        let longest = self.fragments_of_longest();
        self.held.fragments() >= longest && ahead as usize > longest
    }

    /// Whether what is complete should be told before more is taken in.
    pub(super) fn is_crowded(&self) -> bool {
        self.held.fragments() >= self.fragments_of_longest()
            || self.held.parts() > self.most_parts() / 2
    }

    /// Fragments that are never completed stay in the library; the window does not count what
    /// they cost.
    ///
    /// Of fragments there may be three times as many as the longest message has: what has begun to
    /// arrive in order, what comes next, and what was taken of the messages behind.
    pub(super) fn check_bounds(&mut self) {
        let window = self.config.receive_window as usize;
        let is_flooded = self.held.bytes() > window * BYTES_PER_WINDOW + SPARE * SPARE
            || self.held.parts() > self.most_parts()
            || self.held.fragments() > self.fragments_of_longest() * 3;
        if is_flooded {
            self.fail(Failure::Flooded);
        }
    }

    /// How many chunks, and bytes of them, may wait at the gate.
    pub(super) fn most_deferred(&self) -> [usize; 2] {
        [self.most_parts(), self.config.receive_window as usize]
    }

    fn most_parts(&self) -> usize {
        self.config.receive_window as usize / 1_024 * PARTS_PER_KIB + SPARE
    }

    /// How many fragments the longest message may arrive in.
    fn fragments_of_longest(&self) -> usize {
        let longest = self.config.max_receive_message_size as usize;
        (longest / SHORT_FRAGMENT).max(FEWEST_FRAGMENTS)
    }
}

//! Snapshots: an engine in the middle of a call, to go on in another process.

mod error;
mod file;
mod head;
mod kinds;
mod own;
mod restore;
mod state_digest;
mod survey;
mod take;

use std::fmt;

use flumen_components::Time;
use zeroize::Zeroizing;

use crate::engine::Engine;

pub use error::{RestoreError, SnapshotError};
pub(crate) use own::Own;
pub(crate) use state_digest::{Cell, StateDigest};

/// All that an engine knows at one moment: [`Engine::snapshot`] takes it, and
/// [`Builder::restore`](crate::Builder::restore) goes on with it, in this process or another one.
///
/// ```
/// use flumen::{Engine, Loopback, Snapshot, Time};
///
/// let (backend, _wire) = Loopback::new();
/// let mut engine = Engine::builder().backend(backend).build()?;
/// let router = engine.create_router(&[])?;
/// engine.tick(Time::from_millis(20))?;
///
/// let bytes = engine.snapshot()?.to_bytes();
/// drop(engine);
///
/// let (backend, _wire) = Loopback::new();
/// let snapshot = Snapshot::from_bytes(&bytes)?;
/// let engine = Engine::builder().backend(backend).restore(&snapshot)?;
/// assert!(!engine.closed(router));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What goes on
///
/// Sequence numbers, timestamps, SSRCs, SRTP keys with their rollover counters and replay windows,
/// the ways of ICE, packets that are kept to be sent again (as many as
/// [`retransmission_bytes_per_stream`](crate::Builder::retransmission_bytes_per_stream) allows),
/// packets that wait, statistics, estimates, layers, deadlines, randomness, ids, time. An engine
/// that is given the same afterwards sends the same, byte for byte.
///
/// # What does not
///
/// - **SCTP associations** that were begun come back closed, with their
///   [`SctpStateChanged`](crate::event::SctpStateChanged).
/// - **DTLS**: a connection that was made stays connected for SRTP, without a handshake, but carries
///   no data any more and does not hear a goodbye. A handshake that was under way begins anew.
/// - **TCP connections** are gone: their ways end as if the peer had closed them.
/// - **Events and traces** that were not drained, observers, requests of handles and
///   [`AppData`](crate::AppData) stay with the engine that the snapshot is of. So do components of
///   the application, but those that [`Builder::keep`](crate::Builder::keep) was told of: see
///   [`left_out`](Self::left_out).
/// - **A bandwidth estimator of the application's own** begins anew with the latest estimate, unless
///   it implements [`save`](flumen_components::BandwidthEstimator::save).
/// - Plugins, and what only they put into the world when it was built, are the builder's.
///
/// # Secrets
///
/// **It holds the keys of every call, the private key of the certificate and the seed of all
/// randomness.** It is wiped when it is dropped; what [`to_bytes`](Self::to_bytes) gives is too.
/// Bytes are checked against accidents, not against forgery: restore those of your own alone. And
/// two engines that go on from one snapshot seal different packets with the same keys, which
/// reveals both (RFC 3711 section 9.1): stop one before the other sends to real peers. One that went
/// on after its snapshot was taken, and crashed, is such another one: restore after a crash for what
/// has no keys, as plain transports without SRTP, and have browsers join anew. Those would besides
/// take reports and requests for replayed ones until their numbers have caught up.
pub struct Snapshot {
    body: Zeroizing<Vec<u8>>,
    at: Time,
    left_out: Vec<String>,
}

impl Snapshot {
    /// The time of the engine when it was taken.
    pub fn at(&self) -> Time {
        self.at
    }

    /// The types of components and resources of the application's that are in the world and not in
    /// here.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }
}

/// Keys are nobody's to see.
impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("at", &self.at)
            .field("bytes", &self.body.len())
            .field("left_out", &self.left_out)
            .finish_non_exhaustive()
    }
}

/// Snapshots.
impl Engine {
    /// Takes a snapshot. What was sent or happened since the last tick is handled first, in a tick
    /// that takes in nothing else; the engine goes on.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`].
    pub fn snapshot(&mut self) -> Result<Snapshot, SnapshotError> {
        take::take(self)
    }
}

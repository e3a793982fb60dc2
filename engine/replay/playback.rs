//! The backend of a replay: it answers as the outside did.

use std::collections::VecDeque;
use std::io;
use std::iter;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flumen_components::{Inbox, Origin, SocketKey};

use crate::backend::{Backend, BindRequest, Bound, Flight, Outcome, ReceiveLimits, Wake};
use crate::recording::Arrivals;

/// What the outside answers in one pass or command.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// Nothing was laid out yet: the sockets of a snapshot are bound where they were.
    begins: bool,
    pub(super) arrivals: Option<Arrivals>,
    pub(super) bounds: VecDeque<Option<Bound>>,
    pub(super) flights: VecDeque<Vec<(usize, Outcome)>>,
    kernel_drops: u64,
    /// What was asked for that is not in the script.
    oddity: Option<&'static str>,
}

/// The end that lays out what the other answers.
pub(super) struct Playback(Arc<Mutex<Script>>);

struct Answering(Arc<Mutex<Script>>);

/// A backend, and what it plays.
pub(super) fn new() -> (impl Backend, Playback) {
    let script = Script {
        begins: true,
        ..Script::default()
    };
    let script = Arc::new(Mutex::new(script));
    (Answering(script.clone()), Playback(script))
}

impl Playback {
    pub(super) fn lay_out(&self, script: Script) {
        let mut current = lock(&self.0);
        let kernel_drops = current.kernel_drops;
        *current = Script {
            kernel_drops,
            ..script
        };
    }

    /// What the engine asked for and had not then, or the other way round.
    pub(super) fn oddity(&self) -> Option<&'static str> {
        let script = lock(&self.0);
        let is_left = !script.flights.is_empty() || !script.bounds.is_empty();
        let left = is_left.then_some("the engine had asked more of its sockets");
        script.oddity.or(left)
    }
}

impl Backend for Answering {
    fn bind(&mut self, _: SocketKey, request: &BindRequest) -> io::Result<Bound> {
        let mut script = lock(&self.0);
        if script.begins {
            return Ok(Bound {
                local: request.address,
                send_buffer_bytes: 0,
                receive_buffer_bytes: 0,
            });
        }
        match script.bounds.pop_front() {
            Some(Some(bound)) => Ok(bound),
            Some(None) => Err(io::ErrorKind::AddrInUse.into()),
            None => {
                script.oddity = Some("the engine had bound no socket, and now does");
                Err(io::ErrorKind::Unsupported.into())
            }
        }
    }

    fn close(&mut self, _: SocketKey) {}

    fn hang_up(&mut self, _: SocketKey, _: SocketAddr) {}

    fn receive(&mut self, inbox: &mut Inbox, _: &ReceiveLimits) -> bool {
        let mut script = lock(&self.0);
        let Some(arrivals) = script.arrivals.take() else {
            return false;
        };
        script.kernel_drops = arrivals.kernel_drops;
        for row in &arrivals.rows {
            let bytes = &arrivals.bytes[row.range.clone()];
            let start = inbox.cursor();
            inbox.reserve(bytes.len()).copy_from_slice(bytes);
            let origin = Origin::Network {
                socket: row.socket,
                source: row.source,
            };
            inbox.commit(origin, start..start + bytes.len(), row.truncated);
        }
        for change in arrivals.changes {
            inbox.note_connection(change);
        }
        false
    }

    fn send(&mut self, flight: &Flight<'_>, outcomes: &mut Vec<Outcome>) {
        let mut script = lock(&self.0);
        let recorded = script.flights.pop_front().unwrap_or_default();
        let tried: usize = recorded.iter().map(|(run, _)| run).sum();
        if tried != flight.len() {
            script.oddity = Some("the engine had tried to send another number of datagrams");
        }
        let each = recorded.into_iter();
        let each = each.flat_map(|(run, outcome)| iter::repeat_n(outcome, run));
        outcomes.extend(each.chain(iter::repeat(Outcome::Sent)).take(flight.len()));
    }

    fn wait(&mut self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn waker(&self) -> Arc<dyn Wake> {
        Arc::new(Nobody)
    }

    fn kernel_drops(&self) -> u64 {
        lock(&self.0).kernel_drops
    }
}

/// Nobody waits for a replay.
struct Nobody;

impl Wake for Nobody {
    fn wake(&self) {}
}

/// Nothing panics half way through a change.
fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

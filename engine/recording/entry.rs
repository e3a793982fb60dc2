//! What a recording consists of, and how each kind is written.

use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;

use flumen_components::{ConnectionChange, Datagram, IceTuple, Origin, Reason, Refusal, SocketKey};

use flumen_protocol::dtls::Tape;

use super::bytes::{Unread, put, put_address, put_bytes};
use super::outputs::Outputs;
use crate::backend::{Bound, Outcome};
use crate::snapshot::{Cell, StateDigest};

/// One entry.
///
/// A pass through the stages is `Began`, what the outside answered in it (`Received`, `Flew`, `Taped`), and
/// `Ended`; so is a command, with `Commanded`, `Bound`, `Flew` and `Taped`. All else stands alone.
#[derive(Debug)]
pub(crate) enum Entry {
    /// Time goes on.
    Advanced(i64),
    /// A pass begins.
    Began {
        /// It takes in what has arrived.
        takes_in: bool,
    },
    /// What has arrived.
    Received(Arrivals),
    /// What the system made of a socket; none where the address was in use.
    Bound(Option<Bound>),
    /// What became of the datagrams of a flight: of so many alike.
    Flew(Vec<(usize, Outcome)>),
    /// What the DTLS connection of the transport that was created with this number yielded.
    Taped(u64, Tape),
    /// The application changed something.
    Commanded(Command),
    /// Events of the tick before ended.
    Expired,
    /// The application collected what was there for it.
    Drained(Drain, u64),
    /// The application was lent the world, and did there what is not recorded.
    Touched,
    /// What all components were behind a pass.
    Digested(StateDigest),
    /// The end of a pass or a command, and what left in it.
    Ended(Outputs),
    /// A system failed, or what a request did.
    Failed {
        /// The name of the system.
        system: String,
        /// What it said.
        message: String,
    },
    /// The end of the recording, with the engine or because it could not go on.
    Closed {
        /// The engine ended, or its recording was asked to.
        complete: bool,
    },
}

/// What an application collects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drain {
    Events,
    Packets,
    Messages,
}

/// Datagrams that arrived.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    /// Drops in the kernel since the recording began.
    pub(crate) kernel_drops: u64,
    pub(crate) rows: Vec<Arrival>,
    pub(crate) bytes: Vec<u8>,
    /// Connections that came and went.
    pub(crate) changes: Vec<ConnectionChange>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) socket: SocketKey,
    pub(crate) source: SocketAddr,
    pub(crate) truncated: bool,
    pub(crate) range: Range<usize>,
}

/// A change that an application asked for: the method, its arguments as JSON, and bytes that would
/// be too long in JSON. Keys may be among them.
pub(crate) struct Command {
    pub(crate) verb: String,
    pub(crate) arguments: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

impl fmt::Debug for Command {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_tuple("Command").field(&self.verb).finish()
    }
}

/// The first byte of each kind.
mod tag {
    pub(super) const ADVANCED: u8 = 1;
    pub(super) const BEGAN: u8 = 2;
    pub(super) const BEGAN_ALONE: u8 = 3;
    pub(super) const RECEIVED: u8 = 4;
    pub(super) const BOUND: u8 = 5;
    pub(super) const TAKEN: u8 = 6;
    pub(super) const FLEW: u8 = 7;
    pub(super) const COMMANDED: u8 = 8;
    pub(super) const EXPIRED: u8 = 9;
    pub(super) const DRAINED: u8 = 10;
    pub(super) const TOUCHED: u8 = 11;
    pub(super) const ENDED: u8 = 12;
    pub(super) const FAILED: u8 = 13;
    pub(super) const CLOSED: u8 = 14;
    pub(super) const TAPED: u8 = 15;
    pub(super) const DIGESTED: u8 = 16;
}

const SENT: u64 = 0;
const BLOCKED: u64 = 1;
const REFUSED: u64 = 2;

pub(super) fn advanced(to: &mut Vec<u8>, by: i64) {
    to.push(tag::ADVANCED);
    super::bytes::put_signed(to, by);
}

pub(super) fn began(to: &mut Vec<u8>, takes_in: bool) {
    to.push(if takes_in {
        tag::BEGAN
    } else {
        tag::BEGAN_ALONE
    });
}

/// Writes datagrams that have arrived, and connections that came and went.
pub(super) fn received(
    to: &mut Vec<u8>,
    (rows, bytes, changes): (&[Datagram], &[u8], &[ConnectionChange]),
    kernel_drops: u64,
) {
    to.push(tag::RECEIVED);
    put(to, kernel_drops);
    put(to, rows.len() as u64);
    for row in rows {
        // A backend brings nothing else.
        let Origin::Network { socket, source } = row.origin else {
            continue;
        };
        put(to, u64::from(socket.0) << 1 | u64::from(row.truncated));
        put_address(to, source);
        put_bytes(to, &bytes[row.range()]);
    }
    put(to, changes.len() as u64);
    for change in changes {
        let (tuple, ended) = match change {
            ConnectionChange::Opened(tuple) => (tuple, false),
            ConnectionChange::Ended(tuple) => (tuple, true),
        };
        put(to, u64::from(tuple.socket.0) << 1 | u64::from(ended));
        put_address(to, tuple.remote);
    }
}

pub(super) fn bound(to: &mut Vec<u8>, bound: Option<&Bound>) {
    let Some(bound) = bound else {
        return to.push(tag::TAKEN);
    };
    to.push(tag::BOUND);
    put_address(to, bound.local);
    put(to, bound.send_buffer_bytes.into());
    put(to, bound.receive_buffer_bytes.into());
}

/// Writes outcomes by runs of equal ones: a single one where all has left.
pub(super) fn flew(to: &mut Vec<u8>, outcomes: &[Outcome], has_all_left: bool) {
    to.push(tag::FLEW);
    put(to, outcomes.len() as u64);
    if has_all_left && !outcomes.is_empty() {
        put(to, outcomes.len() as u64);
        return put(to, SENT);
    }
    for run in outcomes.chunk_by(|one, other| one == other) {
        put(to, run.len() as u64);
        match run[0] {
            Outcome::Sent => put(to, SENT),
            Outcome::Blocked => put(to, BLOCKED),
            Outcome::Refused(refusal) => {
                put(to, REFUSED);
                put_bytes(to, refusal.name().as_bytes());
            }
        }
    }
}

/// Writes a command; its arguments are written behind it by the caller.
pub(super) fn commanded(to: &mut Vec<u8>, verb: &str, arguments: &[u8], payload: &[u8]) {
    to.push(tag::COMMANDED);
    put_bytes(to, verb.as_bytes());
    put_bytes(to, arguments);
    put_bytes(to, payload);
}

/// Writes what a connection yielded, which is bytes and no text for the most part.
///
/// # Errors
///
/// Its serialisation failed.
pub(super) fn taped(to: &mut Vec<u8>, number: u64, tape: &Tape) -> postcard::Result<()> {
    let bytes = postcard::to_allocvec(tape)?;
    to.push(tag::TAPED);
    put(to, number);
    put_bytes(to, &bytes);
    Ok(())
}

/// Writes the hashes of components; numbers of entities only grow.
pub(super) fn digested(to: &mut Vec<u8>, states: &StateDigest) {
    to.push(tag::DIGESTED);
    put(to, states.kinds.len() as u64);
    for cells in &states.kinds {
        put(to, cells.len() as u64);
        let mut last = 0;
        for cell in cells {
            put(to, (cell.number - last).into());
            to.extend(cell.hash.to_le_bytes());
            last = cell.number;
        }
    }
}

pub(super) fn expired(to: &mut Vec<u8>) {
    to.push(tag::EXPIRED);
}

pub(super) fn drained(to: &mut Vec<u8>, what: Drain, digest: u64) {
    to.extend([tag::DRAINED, what as u8]);
    put(to, digest);
}

pub(super) fn touched(to: &mut Vec<u8>) {
    to.push(tag::TOUCHED);
}

pub(super) fn ended(to: &mut Vec<u8>, outputs: &Outputs) {
    to.push(tag::ENDED);
    put(to, outputs.datagrams);
    if outputs.datagrams > 0 {
        put(to, outputs.bytes);
        to.extend(outputs.digest.to_le_bytes());
    }
}

pub(super) fn failed(to: &mut Vec<u8>, system: &str, message: &str) {
    to.push(tag::FAILED);
    put_bytes(to, system.as_bytes());
    put_bytes(to, message.as_bytes());
}

pub(super) fn closed(to: &mut Vec<u8>, complete: bool) {
    to.extend([tag::CLOSED, u8::from(complete)]);
}

/// Reads an entry; nothing if it is none.
pub(super) fn read(from: &mut Unread<'_>) -> Option<Entry> {
    Some(match from.byte()? {
        tag::ADVANCED => Entry::Advanced(from.signed()?),
        tag::BEGAN => Entry::Began { takes_in: true },
        tag::BEGAN_ALONE => Entry::Began { takes_in: false },
        tag::RECEIVED => Entry::Received(read_arrivals(from)?),
        tag::BOUND => Entry::Bound(Some(Bound {
            local: from.address()?,
            send_buffer_bytes: from.number()?.try_into().ok()?,
            receive_buffer_bytes: from.number()?.try_into().ok()?,
        })),
        tag::TAKEN => Entry::Bound(None),
        tag::FLEW => Entry::Flew(read_outcomes(from)?),
        tag::COMMANDED => Entry::Commanded(Command {
            verb: from.text()?.into(),
            arguments: from.bytes()?.into(),
            payload: from.bytes()?.into(),
        }),
        tag::TAPED => Entry::Taped(from.number()?, postcard::from_bytes(from.bytes()?).ok()?),
        tag::EXPIRED => Entry::Expired,
        tag::DIGESTED => Entry::Digested(read_states(from)?),
        tag::DRAINED => Entry::Drained(read_drain(from)?, from.number()?),
        tag::TOUCHED => Entry::Touched,
        tag::ENDED => Entry::Ended(read_outputs(from)?),
        tag::FAILED => Entry::Failed {
            system: from.text()?.into(),
            message: from.text()?.into(),
        },
        tag::CLOSED => Entry::Closed {
            complete: from.byte()? == 1,
        },
        _ => return None,
    })
}

fn read_arrivals(from: &mut Unread<'_>) -> Option<Arrivals> {
    let mut arrivals = Arrivals {
        kernel_drops: from.number()?,
        ..Arrivals::default()
    };
    for _ in 0..from.number()? {
        let socket = from.number()?;
        let source = from.address()?;
        let start = arrivals.bytes.len();
        arrivals.bytes.extend_from_slice(from.bytes()?);
        arrivals.rows.push(Arrival {
            socket: SocketKey((socket >> 1).try_into().ok()?),
            source,
            truncated: socket & 1 == 1,
            range: start..arrivals.bytes.len(),
        });
    }
    for _ in 0..from.number()? {
        let socket = from.number()?;
        let tuple = IceTuple {
            socket: SocketKey((socket >> 1).try_into().ok()?),
            remote: from.address()?,
        };
        arrivals.changes.push(match socket & 1 {
            0 => ConnectionChange::Opened(tuple),
            _ => ConnectionChange::Ended(tuple),
        });
    }
    Some(arrivals)
}

/// Runs, however many datagrams they are said to have: so these take no memory.
fn read_outcomes(from: &mut Unread<'_>) -> Option<Vec<(usize, Outcome)>> {
    let mut left = usize::try_from(from.number()?).ok()?;
    let mut runs = Vec::new();
    while left > 0 {
        let run = usize::try_from(from.number()?).ok()?;
        let outcome = match from.number()? {
            SENT => Outcome::Sent,
            BLOCKED => Outcome::Blocked,
            REFUSED => {
                let name = from.text()?;
                let mut all = Refusal::ALL.iter();
                Outcome::Refused(*all.find(|refusal| refusal.name() == name)?)
            }
            _ => return None,
        };
        if run == 0 || run > left {
            return None;
        }
        left -= run;
        runs.push((run, outcome));
    }
    Some(runs)
}

fn read_states(from: &mut Unread<'_>) -> Option<StateDigest> {
    let mut states = StateDigest::default();
    for _ in 0..from.number()? {
        let mut cells = Vec::new();
        let mut number = 0_u32;
        for _ in 0..from.number()? {
            number = number.checked_add(from.number()?.try_into().ok()?)?;
            let hash = u32::from_le_bytes(from.array()?);
            cells.push(Cell { number, hash });
        }
        states.kinds.push(cells);
    }
    Some(states)
}

fn read_drain(from: &mut Unread<'_>) -> Option<Drain> {
    const ALL: [Drain; 3] = [Drain::Events, Drain::Packets, Drain::Messages];
    ALL.get(usize::from(from.byte()?)).copied()
}

fn read_outputs(from: &mut Unread<'_>) -> Option<Outputs> {
    match from.number()? {
        0 => Some(Outputs::default()),
        datagrams => Some(Outputs {
            datagrams,
            bytes: from.number()?,
            digest: u64::from_le_bytes(from.array()?),
        }),
    }
}

//! One end of a conversation.

use std::collections::BTreeSet;
use std::io;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flumen::Time;
use flumen::sctp::{Association, AssociationEvent, OutgoingMessage, Output, SendRefused, State};
use serde_json::{Value, json};

use crate::messages::{Judge, Maker, Tallies};
use crate::steps::{Kind, Step};

/// Datagrams that are taken in, and messages that are handed over, before the other is looked
/// after.
const TURN: usize = 64;
/// Below the default of Linux for what a socket takes, so that a burst is not lost in it.
const BUFFERED: usize = 150_000;

/// An association on its socket, and how far it is.
pub(crate) struct Talk {
    socket: UdpSocket,
    association: Association,
    started: Instant,
    steps: Vec<Step>,
    at: usize,
    maker: Maker,
    waiting: Option<OutgoingMessage>,
    judge: Judge,
    wrong: u64,
    sent: Tallies,
    received: Tallies,
    reset_done: BTreeSet<u16>,
    reset_by_peer: BTreeSet<u16>,
    has_connected: bool,
    output: Output,
}

impl Talk {
    pub(crate) fn new(
        socket: UdpSocket,
        association: Association,
        started: Instant,
        steps: Vec<Step>,
    ) -> Self {
        Self {
            socket,
            association,
            started,
            steps,
            at: 0,
            maker: Maker::new(),
            waiting: None,
            judge: Judge::default(),
            wrong: 0,
            sent: Tallies::default(),
            received: Tallies::default(),
            reset_done: BTreeSet::new(),
            reset_by_peer: BTreeSet::new(),
            has_connected: false,
            output: Output::default(),
        }
    }

    fn now(&self) -> Time {
        Time::ZERO + self.started.elapsed()
    }

    /// Takes its steps until it is told to end.
    pub(crate) fn go_on(&mut self, connects: bool, is_over: &AtomicBool) -> io::Result<()> {
        if connects {
            self.association.connect(self.now());
        }
        let mut buffer = [0; 65_536];
        while !is_over.load(Ordering::Acquire) {
            self.receive(&mut buffer)?;
            let now = self.now();
            let due = self.association.next_timeout();
            if due.is_some_and(|due| due <= now) {
                self.association.advance(now);
            }
            if self.association.state() == State::Connected {
                self.take_steps(now);
            }
            self.poll(now);
        }
        Ok(())
    }

    /// Waits a moment for datagrams, and takes in what there is.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let wait = Duration::from_millis(1);
        self.socket.set_read_timeout(Some(wait))?;
        for turn in 0..TURN {
            // An error is silence, or nobody listens over there yet.
            let Ok(length) = self.socket.recv(buffer) else {
                break;
            };
            let now = self.now();
            // What is refused is the other one's mistake, and shows in the end.
            let _ = self.association.receive(now, &buffer[..length]);
            if turn == 0 {
                self.socket.set_nonblocking(true)?;
            }
        }
        self.socket.set_nonblocking(false)
    }

    fn take_steps(&mut self, now: Time) {
        while let Some(mut step) = self.steps.get(self.at).cloned() {
            let is_done = self.take(&mut step, now);
            if !is_done {
                self.steps[self.at] = step;
                return;
            }
            self.done(&step);
        }
    }

    fn done(&mut self, step: &Step) {
        println!("{}", json!({ "done": step.text }));
        self.at += 1;
    }

    /// Goes on with a step; true when it is done.
    fn take(&mut self, step: &mut Step, now: Time) -> bool {
        let stream = step.number as u16;
        let is_first = !std::mem::replace(&mut step.has_begun, true);
        match step.kind {
            Kind::Seed => self.maker.seed(step.number),
            Kind::Longest => self.maker.longest = step.number as u32,
            Kind::Streams => self.maker.streams = step.number as u32,
            Kind::Queue => return self.hand_over(step, now),
            Kind::Send => return self.hand_over(step, now) && self.association.buffered() == 0,
            Kind::Receive => return self.received.messages() >= step.number,
            Kind::Reset if is_first => {
                self.association.reset_stream(stream);
                return false;
            }
            Kind::Reset => return self.reset_done.contains(&stream),
            Kind::ResetBy => return self.reset_by_peer.contains(&stream),
            Kind::Shutdown if is_first => {
                self.association.shut_down(now);
                return false;
            }
            Kind::Shutdown | Kind::Closed => return false,
            Kind::Abort => self.association.abort(now),
        }
        true
    }

    /// Sends some of a step's messages; true when all of them were taken.
    fn hand_over(&mut self, step: &mut Step, now: Time) -> bool {
        for _ in 0..TURN {
            if step.number == 0 || self.association.buffered() > BUFFERED {
                break;
            }
            let message = match self.waiting.take() {
                Some(waiting) => waiting,
                None => self.maker.make(&self.sent),
            };
            match self.association.send(now, &message) {
                Ok(_) => {
                    let OutgoingMessage { stream, ppid, .. } = message;
                    self.sent.count(stream, ppid, &message.payload);
                    step.number -= 1;
                }
                Err(SendRefused::BufferFull | SendRefused::StreamFull(_)) => {
                    self.waiting = Some(message);
                    break;
                }
                Err(error) => panic!("a message was refused: {error}"),
            }
        }
        step.number == 0
    }

    fn poll(&mut self, now: Time) {
        self.output.clear();
        self.association.poll(now, &mut self.output);
        for datagram in self.output.datagrams() {
            // A full queue drops it, as a wire would.
            let _ = self.socket.send(datagram);
        }
        for message in &self.output.messages {
            self.wrong += u64::from(!self.judge.is_right(message));
            self.received
                .count(message.stream, message.ppid, &message.payload);
        }
        for event in std::mem::take(&mut self.output.events) {
            self.note(event);
        }
    }

    fn note(&mut self, event: AssociationEvent) {
        match event {
            AssociationEvent::ResetByPeer { stream } => {
                self.reset_by_peer.insert(stream);
            }
            AssociationEvent::ResetDone { stream } => {
                self.reset_done.insert(stream);
            }
            AssociationEvent::Streams { outbound, inbound } => {
                self.has_connected = true;
                let streams = json!({ "outgoingStreams": outbound, "incomingStreams": inbound });
                println!("{}", json!({ "connected": streams }));
            }
            AssociationEvent::StateChanged(State::Closed | State::Failed) => self.note_end(),
            _ => {}
        }
    }

    /// The steps that wait for the end are done.
    fn note_end(&mut self) {
        println!("{}", json!({ "ended": self.state() }));
        while let Some(step) = self.steps.get(self.at).cloned() {
            if !matches!(step.kind, Kind::Shutdown | Kind::Closed) {
                return;
            }
            self.done(&step);
        }
    }

    /// The state of the association, as it is printed.
    fn state(&self) -> &'static str {
        match self.association.state() {
            State::New | State::Connecting => "waiting",
            State::Connected => "up",
            State::Closed => "shutDown",
            State::Failed if self.has_connected => "lost",
            State::Failed => "refused",
        }
    }

    /// What came of it.
    pub(crate) fn result(&self) -> Value {
        let mut result = json!({
            "state": self.state(),
            "wrong": self.wrong,
            "badChecksums": 0,
            "resetByPeer": self.reset_by_peer,
            "sent": self.sent.report(),
            "received": self.received.report(),
        });
        if let Some(undone) = self.steps.get(self.at) {
            result["undone"] = json!(undone.text);
        }
        json!({ "result": result })
    }
}

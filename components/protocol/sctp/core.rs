//! One association of a library, behind its gate.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flumen_wire::sctp::{seal, write_header, write_heartbeat};
use flumen_wire::{dcep, ppid};

use super::gate::{Drawn, End, Gate};
use super::heartbeat::Beat;
use super::held::{Content, Held};
use super::identifiers;
use super::library::{Library, Occurrence, Side};
use super::phase::Phase;
use super::successor::Successor;
use super::waiting::{Step, Waiting};
use super::{
    AssociationEvent, Config, Epoch, Failure, OutgoingMessage, Output, PORT, SendRefused,
    UserMessage,
};
use crate::Time;

/// How long a shutdown may take before it is cut short: RTO.Max of RFC 9260 section 16, below the
/// five times that its section 9.2 would allow.
pub(super) const SHUTDOWN: Duration = Duration::from_secs(60);

const ONE_MESSAGE: Content = Content {
    parts: 1,
    fragments: 0,
};

/// One association of the library `L`, behind its gate.
pub(super) struct Core<L> {
    pub(super) library: L,
    pub(super) gate: Gate,
    pub(super) epoch: Epoch,
    side: Side,
    /// The library that is to go on.
    pub(super) successor: Option<Successor<L>>,
    /// Messages that wait for an acknowledgement, or to be sent.
    queued: Arc<Held>,
    /// Those that are not the library's yet.
    pub(super) waiting: Waiting,
    /// Streams of which something was released, and bytes.
    released: Vec<(u16, usize)>,
}

impl<L: Library> Core<L> {
    /// With what was `drawn` for it.
    pub(super) fn open(
        config: &Config,
        epoch: &Epoch,
        side: Side,
        drawn: Drawn,
        now: Time,
    ) -> Self {
        Self {
            library: L::open(config, epoch, side, now),
            gate: Gate::new(config, drawn, now),
            epoch: epoch.clone(),
            side,
            successor: None,
            queued: Arc::default(),
            waiting: Waiting::default(),
            released: Vec::new(),
        }
    }

    /// Takes in a well-formed packet that is for this association.
    pub(super) fn receive(&mut self, now: Time, packet: &[u8], out: &mut Output) {
        // What is complete is held until it is told, and must not count as if it were not.
        if self.gate.is_crowded() {
            self.tell(out);
        }
        if let Some(packet) = self.gate.admit(now, packet, out) {
            self.library.input(now, packet);
        }
    }

    /// Hands a message to the library, within the limits; what is buffered on its stream then.
    pub(super) fn send(
        &mut self,
        now: Time,
        message: &OutgoingMessage,
    ) -> Result<usize, SendRefused> {
        self.may_send(message)?;
        let payload = identifiers::enter(message.ppid, message.payload.clone());
        let length = payload.len();
        let counted = OutgoingMessage {
            payload: self.queued.wrap(payload, ONE_MESSAGE),
            ..*message
        };
        if self.must_wait(message.stream) {
            self.waiting.send(counted);
        } else {
            let written = self.library.write(now, &counted);
            written.ok_or(SendRefused::Failed)?;
        }
        let outbound = &mut self.gate.outbound;
        outbound.add(message.stream, length);
        Ok(outbound.buffered(message.stream))
    }

    /// Whether messages on `stream` wait: until it, or the library, has begun anew, and behind
    /// those that do.
    fn must_wait(&self, stream: u16) -> bool {
        self.is_held(stream) || self.waiting.is_on(stream)
    }

    fn is_held(&self, stream: u16) -> bool {
        self.gate.phase != Phase::Steady || self.gate.resets.is_resetting(stream)
    }

    /// `stream` is to begin anew behind what was sent on it, if the peer knows how. If not, its
    /// numbers go on.
    pub(super) fn reset(&mut self, stream: u16) {
        if !self.gate.peer_resets {
            return;
        }
        match self.waiting.is_on(stream) {
            true => self.waiting.reset(stream),
            false => self.gate.resets.want(stream),
        }
    }

    fn may_send(&self, message: &OutgoingMessage) -> Result<(), SendRefused> {
        let OutgoingMessage { stream, ppid, .. } = *message;
        let gate = &self.gate;
        let limit = longest::<L>(ppid, &gate.config);
        let length = message.payload.len();
        let streams = gate.outbound_streams;
        let verdict = match () {
            () if !gate.is_connected => Some(SendRefused::NotConnected),
            () if gate.closing.is_some() => Some(SendRefused::ShuttingDown),
            () if length == 0 => Some(SendRefused::Empty),
            () if length > limit => Some(SendRefused::TooLong { length, limit }),
            () if stream >= streams => Some(SendRefused::NoStream { stream, streams }),
            // A channel that a peer opens does not wait for others.
            () if ppid == ppid::DCEP && message.payload[..] == dcep::ACK => None,
            () => self.is_full(stream),
        };
        verdict.map_or(Ok(()), Err)
    }

    fn is_full(&self, stream: u16) -> Option<SendRefused> {
        let Gate {
            config, outbound, ..
        } = &self.gate;
        if outbound.buffered(stream) >= config.per_stream_send_queue_limit as usize {
            return Some(SendRefused::StreamFull(stream));
        }
        let is_full = outbound.total() >= config.send_buffer_size as usize
            || self.queued.parts() >= config.send_queue_messages as usize;
        is_full.then_some(SendRefused::BufferFull)
    }

    /// Fires what is due.
    pub(super) fn advance(&mut self, now: Time) {
        self.library.advance(now);
        let gate = &mut self.gate;
        if gate.closing.is_some_and(|until| until <= now) {
            gate.end.get_or_insert(End::Closed);
        }
        if !gate.is_connected {
            return;
        }
        match gate.heartbeat.beat(now, self.library.timeouts()) {
            Beat::Rest => {}
            Beat::Ask => write_heartbeat(&mut gate.control, &now.as_nanos().to_be_bytes()),
            Beat::Unreachable => gate.fail(Failure::Unreachable),
        }
    }

    /// When to fire next.
    pub(super) fn next_timeout(&self) -> Option<Time> {
        let gate = &self.gate;
        let due = [
            self.library.next_timeout(),
            self.successor.as_ref().and_then(Successor::next_timeout),
            gate.is_connected.then(|| gate.heartbeat.due()),
            gate.resets.due(),
            gate.closing,
        ];
        due.into_iter().flatten().min()
    }

    /// Takes out everything there is.
    pub(super) fn drain(&mut self, now: Time, out: &mut Output) {
        self.exchange(now, out);
        if let Some(duplicate) = self.gate.duplicate() {
            self.library.input(now, duplicate);
            self.exchange(now, out);
        }
        self.reset_streams(now, out);
        if self.renew(now) | self.go_on(now, out) {
            self.exchange(now, out);
        }
        let Self { library, gate, .. } = self;
        gate.transmit_control(out);
        if gate.is_connected && library.is_closed() {
            gate.end.get_or_insert(match gate.closing {
                Some(_) => End::Closed,
                None => End::Failed(Failure::Protocol),
            });
        }
    }

    /// Takes out what the library has.
    ///
    /// `webrtc-sctp` works while it transmits, so there is more to tell behind that. Told later, it
    /// would wait for the next timer, and be lost if the association ended before.
    fn exchange(&mut self, now: Time, out: &mut Output) {
        self.tell(out);
        self.begin_shutdown(now);
        let Self { library, gate, .. } = self;
        library.transmit(now, &mut |packet| gate.leave(packet, out));
        self.tell(out);
        if std::mem::take(&mut self.gate.is_late) {
            self.library = self.open_again(now);
            self.exchange(now, out);
        }
    }

    /// Another library in the place of one whose numbers begin too late: one in two does.
    fn open_again(&self, now: Time) -> L {
        let Self { gate, epoch, .. } = self;
        let mut library = L::open(&gate.config, epoch, self.side, now);
        if let (Side::Server, Some(init)) = (self.side, gate.peer_init()) {
            library.input(now, init);
        }
        library
    }

    /// Performs what the peer has asked for, and asks for what is wanted here.
    fn reset_streams(&mut self, now: Time, out: &mut Output) {
        let Self { gate, waiting, .. } = self;
        let Gate {
            resets,
            control,
            outbound,
            ..
        } = gate;
        if let Some(streams) = resets.performable(gate.cumulative, control) {
            let reset = gate.inbound.reset(&streams);
            let told = reset
                .iter()
                .map(|&stream| AssociationEvent::ResetByPeer { stream });
            out.events.extend(told);
        }
        let is_empty = |stream| outbound.buffered(stream) == waiting.bytes(stream);
        let asked = resets.ask(now, gate.last_tsn, is_empty, control);
        if asked.is_none() {
            gate.fail(Failure::Unreachable);
        }
    }

    /// Hands over what need not wait any more; whether there was anything.
    fn go_on(&mut self, now: Time, out: &mut Output) -> bool {
        let mut has_gone_on = false;
        for packet in self.gate.resumed() {
            if let Some(packet) = self.gate.admit(now, &packet, out) {
                self.library.input(now, packet);
                has_gone_on = true;
            }
        }
        for stream in self.waiting.streams() {
            has_gone_on |= self.go_on_with(stream, now, out);
        }
        has_gone_on
    }

    fn go_on_with(&mut self, stream: u16, now: Time, out: &mut Output) -> bool {
        let mut has_gone_on = false;
        while !self.is_held(stream)
            && let Some(step) = self.waiting.next(stream)
        {
            match step {
                Step::Reset => self.gate.resets.want(stream),
                Step::Send(message) => {
                    has_gone_on = true;
                    if self.library.write(now, &message).is_none() {
                        self.gate.release(stream, message.payload.len(), out);
                    }
                }
            }
        }
        has_gone_on
    }

    /// The libraries tell what an acknowledgement releases in the order of a hash.
    fn tell(&mut self, out: &mut Output) {
        while let Some(occurrence) = self.library.poll() {
            match occurrence {
                Occurrence::Connected => self.gate.is_connected = true,
                Occurrence::HandshakeFailed => self.gate.fail(Failure::Handshake),
                Occurrence::Message {
                    stream,
                    ppid,
                    payload,
                } => {
                    let message = identifiers::leave(ppid, payload);
                    self.gate.take(stream, message, out);
                }
                Occurrence::TooLong { stream } => {
                    out.events.push(AssociationEvent::TooLong { stream });
                }
                Occurrence::Released { stream, bytes } => self.released.push((stream, bytes)),
            }
        }
        self.released.sort_by_key(|&(stream, _)| stream);
        for (stream, bytes) in self.released.drain(..) {
            self.gate.release(stream, bytes, out);
        }
    }

    /// Everything that was taken is delivered first, whoever shuts down.
    fn begin_shutdown(&mut self, now: Time) {
        let Self { library, gate, .. } = self;
        let is_ready = gate.phase == Phase::Steady && gate.outbound.total() == 0;
        if gate.closing.is_none() || !is_ready {
            return;
        }
        if std::mem::take(&mut gate.is_shut_down) {
            library.input(now, gate.peer_shutdown());
        } else if !gate.has_shut_down {
            library.shut_down(now);
        }
        gate.has_shut_down = true;
    }
}

/// The longest message with this identifier that the library can send, in bytes.
fn longest<L: Library>(ppid: u32, config: &Config) -> usize {
    let room = match identifiers::is_known(ppid) {
        true => L::LONGEST as usize,
        false => L::LONGEST as usize - identifiers::LEN,
    };
    room.min(config.max_send_message_size as usize)
}

impl Gate {
    fn release(&mut self, stream: u16, bytes: usize, out: &mut Output) {
        if let Some(buffered) = self.outbound.release(stream, bytes) {
            out.events
                .push(AssociationEvent::BufferedAmountLow { stream, buffered });
        }
    }

    fn take(&self, stream: u16, (ppid, payload): (u32, Bytes), out: &mut Output) {
        if payload.len() > self.config.max_receive_message_size as usize {
            out.events.push(AssociationEvent::TooLong { stream });
            return;
        }
        out.messages.push(UserMessage {
            stream,
            ppid,
            payload,
        });
    }

    fn transmit_control(&mut self, out: &mut Output) {
        if self.control.is_empty() {
            return;
        }
        out.datagram(|bytes| {
            let start = bytes.len();
            write_header(bytes, PORT, PORT, self.peer.tag);
            bytes.extend(&self.control);
            seal(&mut bytes[start..]);
        });
        self.control.clear();
    }
}

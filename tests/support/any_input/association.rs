//! SCTP associations whose peer says what it likes.

use std::collections::BTreeSet;
use std::ops::AddAssign;
use std::time::Duration;

use flumen::Time;
use flumen::components::Generator;
use flumen::components::wire::sctp::{check, chunks, kind};
use flumen::sctp::{
    Association, AssociationEvent, Config, Failure, OutgoingMessage, Output, Reliability,
    SendRefused, State,
};

use super::impostor::Impostor;
use super::input::Input;
use crate::ends::{Stack, message, start};

/// An association over `rtc-sctp` and what happens to it: datagrams, commands, time. It never
/// panics, says only what is well-formed, and keeps to its limits.
pub fn association(bytes: &[u8]) {
    reached(bytes);
}

/// The same, and tells what was reached.
pub fn reached(bytes: &[u8]) -> Reached {
    Conversation::of(Stack::Rtc, &mut Input::new(bytes))
}

/// The same over `webrtc-sctp`.
#[cfg(feature = "webrtc-sctp")]
pub fn webrtc_association(bytes: &[u8]) {
    Conversation::of(Stack::WebRtc, &mut Input::new(bytes));
}

/// What a peer brought about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reached {
    /// DATA chunks that came when the association was connected.
    pub data: u64,
    /// SACK chunks.
    pub sacks: u64,
    /// FORWARD TSN chunks.
    pub forwards: u64,
    /// Messages that arrived whole.
    pub messages: u64,
    /// Bytes of messages that were acknowledged, or given up.
    pub acknowledged: u64,
    /// Streams that the peer reset.
    pub reset_by_peer: u64,
    /// Streams that were reset from here.
    pub resets_done: u64,
}

impl AddAssign for Reached {
    fn add_assign(&mut self, more: Self) {
        self.data += more.data;
        self.sacks += more.sacks;
        self.forwards += more.forwards;
        self.messages += more.messages;
        self.acknowledged += more.acknowledged;
        self.reset_by_peer += more.reset_by_peer;
        self.resets_done += more.resets_done;
    }
}

impl Reached {
    fn count(&mut self, datagram: &[u8]) {
        for chunk in chunks(datagram) {
            match chunk.kind {
                kind::DATA => self.data += 1,
                kind::SACK => self.sacks += 1,
                kind::FORWARD_TSN => self.forwards += 1,
                _ => {}
            }
        }
    }

    fn hear(&mut self, event: AssociationEvent) {
        match event {
            AssociationEvent::ResetByPeer { .. } => self.reset_by_peer += 1,
            AssociationEvent::ResetDone { .. } => self.resets_done += 1,
            _ => {}
        }
    }
}

/// Sizes that can be filled within one input.
fn small() -> Config {
    Config {
        max_send_message_size: 20_000,
        max_receive_message_size: 5_000,
        send_buffer_size: 50_000,
        per_stream_send_queue_limit: 30_000,
        send_queue_messages: 64,
        receive_window: 65_536,
        inbound_streams: 6,
        outbound_streams: 100,
        renew_after: 100,
        mtu: 1_191,
    }
}

struct Conversation {
    association: Association,
    impostor: Impostor,
    config: Config,
    now: Time,
    out: Output,
    /// Streams that something was sent on.
    used: BTreeSet<u16>,
    /// Chunks that may be under way at most.
    parts: usize,
    /// Bytes that had not been acknowledged at the last look.
    buffered: usize,
    reached: Reached,
}

impl Conversation {
    fn of(stack: Stack, input: &mut Input<'_>) -> Reached {
        let config = small();
        let association = stack.associate(config.clone(), start());
        let mut conversation = Self {
            // The same input does the same in every run.
            association: association.drawing_from(Generator::new([7; 32], 0)),
            impostor: Impostor::default(),
            config,
            now: Time::ZERO,
            out: Output::default(),
            used: BTreeSet::new(),
            parts: 0,
            buffered: 0,
            reached: Reached::default(),
        };
        conversation.begin(input.byte());
        while !input.is_empty() {
            conversation.go_on(input);
        }
        conversation.end();
        conversation.reached
    }

    /// It may be asked, ask, or be left alone.
    fn begin(&mut self, how: u8) {
        if how & 1 != 0 {
            self.association.connect(self.now);
            self.poll();
        }
        if how & 2 == 0 {
            let init = self.impostor.init();
            self.receive(&init);
            self.poll();
            let echo = self.impostor.echo();
            self.receive(&echo);
            self.poll();
        }
    }

    fn go_on(&mut self, input: &mut Input<'_>) {
        let now = self.now;
        match input.byte() {
            0..=127 => {
                let datagram = self.impostor.say(input);
                self.receive(&datagram);
            }
            choice @ 128..=175 => self.send(choice, input),
            choice @ 176..=223 => {
                let unit = [1, 20, 1_000, 60_000][usize::from(choice % 4)];
                self.wait(Duration::from_millis(unit * u64::from(input.byte())));
            }
            224..=231 => self.association.reset_stream(input.short() % 8),
            232..=239 => {
                let threshold = usize::from(input.short());
                self.association.set_low_threshold(0, threshold);
            }
            240..=247 => self.association.connect(now),
            248..=251 => self.association.shut_down(now),
            252 => self.association.abort(now),
            // Several things happen before the next poll.
            _ => return,
        }
        self.poll();
    }

    fn receive(&mut self, datagram: &[u8]) {
        let before = self.association.state();
        let received = self.association.receive(self.now, datagram);
        // What is refused changes nothing.
        assert!(received.is_ok() || self.association.state() == before);
        if received.is_ok() && before == State::Connected {
            self.reached.count(datagram);
        }
    }

    fn send(&mut self, choice: u8, input: &mut Input<'_>) {
        let stream = u16::from(input.byte() % 4);
        let length = usize::from(input.byte()) * [1, 100][usize::from(choice & 1)];
        let reliability = match choice >> 2 & 3 {
            0 => Reliability::Lifetime(input.byte().into()),
            1 => Reliability::Retransmits(input.byte().into()),
            _ => Reliability::Reliable,
        };
        let outgoing = OutgoingMessage {
            ordered: choice & 2 != 0,
            ppid: input.byte().into(),
            reliability,
            ..message(stream, vec![7; length])
        };
        let before = self.association.buffered_on(stream);
        let longest = self.config.max_send_message_size as usize;
        match self.association.send(self.now, &outgoing) {
            Ok(buffered) => {
                assert!(buffered > before && length > 0 && length <= longest);
                self.buffered = self.association.buffered();
                self.used.insert(stream);
                self.parts += 2 + length / 1_000;
            }
            Err(SendRefused::TooLong { .. }) => assert!(length > longest),
            Err(SendRefused::NotConnected) => {
                assert_ne!(self.association.state(), State::Connected);
            }
            Err(_) => {}
        }
    }

    /// Time passes; what is due by then is done when it is due, as far as a thousand times reach.
    fn wait(&mut self, span: Duration) {
        let until = self.now + span;
        for _ in 0..1_000 {
            let Some(due) = self.association.next_timeout().filter(|due| *due <= until) else {
                break;
            };
            self.now = due.max(self.now);
            self.association.advance(self.now);
            self.poll();
        }
        self.now = until;
        self.association.advance(self.now);
    }

    fn poll(&mut self) {
        let before = self.association.state();
        self.out.clear();
        self.association.poll(self.now, &mut self.out);
        let count = self.out.datagrams().len();
        // What is under way once more, and an answer to each of a few chunks.
        assert!(count <= 2 * self.parts + 64, "{count} datagrams in a poll");
        for datagram in self.out.datagrams() {
            assert_eq!(check(datagram).map(drop), Ok(()), "{datagram:02x?}");
            assert!(datagram.len() <= self.config.mtu.into());
            self.impostor.hear(datagram);
        }
        for message in &self.out.messages {
            assert!(message.payload.len() <= self.config.max_receive_message_size as usize);
        }
        let buffered = self.association.buffered();
        if self.association.state() == State::Connected {
            self.reached.acknowledged += self.buffered.saturating_sub(buffered) as u64;
        }
        self.buffered = buffered;
        self.reached.messages += self.out.messages.len() as u64;
        self.out
            .events
            .iter()
            .for_each(|event| self.reached.hear(*event));
        let panicked = AssociationEvent::Failed(Failure::Panicked);
        assert!(!self.out.events.contains(&panicked), "the library panicked");
        self.check_state(before);
    }

    fn check_state(&self, before: State) {
        let state = self.association.state();
        let over = [State::Failed, State::Closed];
        assert!(!over.contains(&before) || state == before, "it is over");
        let streams = self.used.iter();
        let on_streams: usize = streams.map(|&it| self.association.buffered_on(it)).sum();
        let buffered = self.association.buffered();
        assert_eq!(buffered, on_streams);
        let most = self.config.send_buffer_size + self.config.max_send_message_size;
        assert!(buffered <= most as usize, "{buffered} bytes are buffered");
        assert!(state == State::Connected || buffered == 0);
    }

    /// It can be left alone, and closed.
    fn end(&mut self) {
        self.poll();
        self.wait(Duration::from_secs(5));
        self.association.shut_down(self.now);
        self.poll();
        self.wait(Duration::from_secs(100));
        self.poll();
        let over = [State::Failed, State::Closed];
        assert!(over.contains(&self.association.state()), "it ends");
    }
}

//! Two SCTP associations and the link between them, on virtual time.

use std::time::{Duration, Instant};

use bytes::Bytes;
use flumen::Time;
use flumen::sctp::{
    Association, AssociationEvent, Config, Epoch, OutgoingMessage, Output, Reliability, State,
    UserMessage,
};
use flumen_sim::Loss;

use crate::ways::{GOOD, Ways};

/// An implementation behind the seam.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// The default, `rtc-sctp`.
    Rtc,
    /// `webrtc-sctp`.
    #[cfg(feature = "webrtc-sctp")]
    WebRtc,
}

impl Stack {
    /// Every implementation against itself, and against every other.
    pub const PAIRS: &[[Self; 2]] = &[
        [Self::Rtc, Self::Rtc],
        #[cfg(feature = "webrtc-sctp")]
        [Self::WebRtc, Self::WebRtc],
        #[cfg(feature = "webrtc-sctp")]
        [Self::Rtc, Self::WebRtc],
        #[cfg(feature = "webrtc-sctp")]
        [Self::WebRtc, Self::Rtc],
    ];

    /// An association over it.
    pub fn associate(self, config: Config, epoch: Epoch) -> Association {
        match self {
            Self::Rtc => Association::new(config, epoch),
            #[cfg(feature = "webrtc-sctp")]
            Self::WebRtc => Association::webrtc(config, epoch),
        }
    }
}

/// A moment to reckon from; which one it is shows nowhere.
#[expect(
    clippy::disallowed_methods,
    reason = "an instant can be had from the clock alone"
)]
pub fn start() -> Epoch {
    Epoch::new(Instant::now())
}

/// A reliable, ordered message.
pub fn message(stream: u16, payload: impl Into<Bytes>) -> OutgoingMessage {
    OutgoingMessage {
        stream,
        ppid: 53,
        ordered: true,
        reliability: Reliability::Reliable,
        payload: payload.into(),
    }
}

/// What one end has got from the other.
#[derive(Debug, Default)]
pub struct Yielded {
    /// Messages, and when.
    pub messages: Vec<(Time, UserMessage)>,
    /// What happened, and when.
    pub events: Vec<(Time, AssociationEvent)>,
    /// What it sent: when, and the datagram.
    pub datagrams: Vec<(Time, Vec<u8>)>,
}

/// Two associations, and a link.
pub struct Ends {
    /// The associations.
    pub ends: [Association; 2],
    /// What they got.
    pub got: [Yielded; 2],
    /// What is between them.
    pub ways: Ways,
    /// The time.
    pub now: Time,
    /// Keeps the datagrams in [`Yielded::datagrams`].
    pub keeps_datagrams: bool,
    out: Output,
}

impl Ends {
    /// Two associations over `stacks`, with `config`, over a good link.
    pub fn with(stacks: [Stack; 2], config: &Config) -> Self {
        let epoch = start();
        Self::new(stacks.map(|stack| stack.associate(config.clone(), epoch.clone())))
    }

    /// Two associations over a good link.
    pub fn new(ends: [Association; 2]) -> Self {
        Self::over(Ways::new(GOOD, 1), ends)
    }

    /// Two associations over `ways`.
    pub fn over(ways: Ways, ends: [Association; 2]) -> Self {
        Self {
            ends,
            got: [Yielded::default(), Yielded::default()],
            ways,
            now: Time::ZERO,
            keeps_datagrams: false,
            out: Output::default(),
        }
    }

    /// The first end asks; runs until both are connected.
    pub fn connect(&mut self) {
        self.ends[0].connect(self.now);
        self.run_until(|ends| ends.are(State::Connected));
    }

    /// Whether both are in `state`.
    pub fn are(&self, state: State) -> bool {
        self.ends.iter().all(|end| end.state() == state)
    }

    /// Sends a message from end `from`.
    pub fn send(&mut self, from: usize, message: &OutgoingMessage) {
        self.ends[from]
            .send(self.now, message)
            .expect("there is room for it");
    }

    /// The payloads that end `at` got.
    pub fn payloads(&self, at: usize) -> Vec<&[u8]> {
        let messages = self.got[at].messages.iter();
        messages.map(|(_, message)| &message.payload[..]).collect()
    }

    /// Whether `event` happened to end `at`.
    pub fn has_seen(&self, at: usize, event: AssociationEvent) -> bool {
        self.got[at].events.iter().any(|(_, seen)| *seen == event)
    }

    /// From now on a good link loses so much.
    pub fn lose(&mut self, percent: u32) {
        self.ways.set_link(GOOD.loss(Loss::percent(percent)));
    }

    /// Runs for `span`.
    pub fn run_for(&mut self, span: Duration) {
        let until = self.now + span;
        while self.step(until) {}
    }

    /// Runs until `is_done`, ten minutes of virtual time at most.
    pub fn run_until(&mut self, is_done: impl Fn(&Self) -> bool) {
        let until = self.now + Duration::from_secs(600);
        while !is_done(self) {
            let goes_on = self.step(until);
            assert!(
                goes_on || is_done(self),
                "nothing comes of it by {}",
                self.now
            );
        }
    }

    /// Lets both ends say what they have to say, then goes to the next moment at which something
    /// is due; `false` once that is `until`.
    fn step(&mut self, until: Time) -> bool {
        self.poll();
        let due = self.ends.iter().filter_map(Association::next_timeout);
        let next = due.chain(self.ways.next_arrival()).min();
        let next = next.unwrap_or(until).max(self.now);
        if next >= until {
            self.now = until;
            return false;
        }
        self.now = next;
        while let Some((to, datagram)) = self.ways.arrival(self.now) {
            // Refused or not: the link does not care.
            let _ = self.ends[to].receive(self.now, &datagram);
        }
        for end in &mut self.ends {
            if end.next_timeout().is_some_and(|due| due <= self.now) {
                end.advance(self.now);
            }
        }
        true
    }

    /// Takes out what both ends have.
    pub fn poll(&mut self) {
        for (at, end) in self.ends.iter_mut().enumerate() {
            self.out.clear();
            end.poll(self.now, &mut self.out);
            for datagram in self.out.datagrams() {
                self.ways.send(self.now, 1 - at, datagram);
                if self.keeps_datagrams {
                    self.got[at].datagrams.push((self.now, datagram.to_vec()));
                }
            }
            let now = self.now;
            let messages = self.out.messages.drain(..);
            self.got[at].messages.extend(messages.map(|it| (now, it)));
            let events = self.out.events.drain(..);
            self.got[at].events.extend(events.map(|it| (now, it)));
        }
    }
}

//! Two connections and the path between them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use flumen_protocol::dtls::{
    Config, Connection, Event, Failure, Identity, Output, Parameters, Role, SrtpKeys, State,
};
use flumen_protocol::{Generator, Time};

/// An instant can only be had from the clock; which one it is changes nothing.
#[expect(clippy::disallowed_methods, reason = "no input of what is tested")]
pub(crate) fn epoch() -> Instant {
    Instant::now()
}

/// One end.
pub(crate) struct End {
    pub(crate) identity: Identity,
    pub(crate) connection: Connection,
    pub(crate) events: Vec<Event>,
    pub(crate) payloads: Vec<Vec<u8>>,
    /// What it sent, all of it.
    pub(crate) sent: Vec<Vec<u8>>,
    inbox: VecDeque<(Time, Vec<u8>)>,
    turns: Vec<(Time, Vec<Vec<u8>>)>,
    introduced: Option<Parameters>,
}

impl End {
    pub(crate) fn new(config: &Config, seed: u8) -> Self {
        let identity = Identity::generate().unwrap();
        let generator = Generator::new([seed; 32], 0);
        Self {
            connection: Connection::new(config, &identity, epoch(), generator),
            identity,
            events: Vec::new(),
            payloads: Vec::new(),
            sent: Vec::new(),
            inbox: VecDeque::new(),
            turns: Vec::new(),
            introduced: None,
        }
    }

    /// What signalling tells of it.
    pub(crate) fn parameters(&self, role: Role) -> Parameters {
        Parameters {
            role,
            fingerprints: self.identity.fingerprints().to_vec(),
        }
    }

    pub(crate) fn keys(&self) -> Option<&SrtpKeys> {
        self.events.iter().find_map(|event| match event {
            Event::Connected(keys) => keys.as_ref(),
            _ => None,
        })
    }

    pub(crate) fn failure(&self) -> Option<&Failure> {
        self.events.iter().find_map(|event| match event {
            Event::Failed(failure) => Some(failure),
            _ => None,
        })
    }

    pub(crate) fn state(&self) -> State {
        self.connection.state()
    }

    /// Tells it of the other end, and that there is a path.
    pub(crate) fn introduce(&mut self, now: Time, other: &Parameters) {
        self.connection.connect(now, other).unwrap();
        self.connection.start(now);
        self.introduced = Some(other.clone());
    }

    /// Takes in what has arrived, does what is due, and gives what leaves.
    pub(crate) fn turn(&mut self, now: Time) -> Vec<Vec<u8>> {
        let mut heard = Vec::new();
        while self.inbox.front().is_some_and(|(at, _)| *at <= now) {
            heard.extend(self.inbox.pop_front().map(|(_, datagram)| datagram));
        }
        let out = drive(&mut self.connection, now, &heard);
        self.turns.push((now, heard));
        let left: Vec<_> = out.datagrams().map(<[u8]>::to_vec).collect();
        self.take(out);
        left
    }

    fn take(&mut self, out: Output) {
        self.sent.extend(out.datagrams().map(<[u8]>::to_vec));
        self.payloads.extend(out.payloads().map(<[u8]>::to_vec));
        self.events.extend(out.events);
    }

    /// Has `connection` live through what this end lived through, without what it was asked to
    /// send.
    pub(crate) fn repeat(&self, connection: Connection) -> Self {
        let mut again = Self {
            connection,
            identity: self.identity.clone(),
            events: Vec::new(),
            payloads: Vec::new(),
            sent: Vec::new(),
            inbox: VecDeque::new(),
            turns: Vec::new(),
            introduced: None,
        };
        if let Some(other) = &self.introduced {
            again.introduce(Time::ZERO, other);
        }
        for (now, heard) in &self.turns {
            let out = drive(&mut again.connection, *now, heard);
            again.take(out);
        }
        again
    }
}

fn drive(connection: &mut Connection, now: Time, heard: &[Vec<u8>]) -> Output {
    // Timers first, as in a tick.
    if connection.next_timeout().is_some_and(|at| at <= now) {
        connection.advance(now);
    }
    for datagram in heard {
        // A refusal is what a test is about, or of the peer's retransmission.
        let _ = connection.receive(now, datagram);
    }
    let mut out = Output::default();
    connection.poll(now, &mut out);
    out
}

/// What becomes of a datagram: delays after which copies of it arrive.
pub(crate) type Path = Box<dyn FnMut(&[u8]) -> Vec<Duration>>;

/// What arrives in place of a datagram.
pub(crate) type Change = Box<dyn FnMut(&[u8]) -> Vec<Vec<u8>>>;

/// A client and a server.
pub(crate) struct Pair {
    pub(crate) client: End,
    pub(crate) server: End,
    pub(crate) now: Time,
    pub(crate) path: Path,
    /// What arrives in place of a datagram.
    pub(crate) change: Option<Change>,
}

const LATENCY: Duration = Duration::from_millis(10);

impl Pair {
    pub(crate) fn new(client: Config, server: Config) -> Self {
        Self {
            client: End::new(&client, 1),
            server: End::new(&server, 2),
            now: Time::ZERO,
            path: Box::new(|_| vec![LATENCY]),
            change: None,
        }
    }

    /// Tells each end of the other, and that there is a path.
    pub(crate) fn introduce(&mut self) {
        let (client, server) = (
            self.client.parameters(Role::Client),
            self.server.parameters(Role::Server),
        );
        self.client.introduce(self.now, &server);
        self.server.introduce(self.now, &client);
    }

    /// Lets `span` pass, in milliseconds.
    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.now < end {
            self.turn();
            self.now += Duration::from_millis(1);
        }
    }

    fn turn(&mut self) {
        let Self {
            client,
            server,
            path,
            change,
            now,
        } = self;
        let mut deliver = |from: &mut End, to: &mut End| {
            for datagram in from.turn(*now) {
                let changed = change.as_mut().map(|change| change(&datagram));
                for datagram in changed.unwrap_or_else(|| vec![datagram]) {
                    let copies = path(&datagram).into_iter();
                    to.inbox
                        .extend(copies.map(|delay| (*now + delay, datagram.clone())));
                }
            }
            to.inbox.make_contiguous().sort_by_key(|(at, _)| *at);
        };
        deliver(client, server);
        deliver(server, client);
    }

    /// Hands `datagram` to the server as if it came from the client.
    pub(crate) fn inject_to_server(&mut self, datagram: &[u8]) {
        self.server.inbox.push_front((self.now, datagram.to_vec()));
    }

    /// Hands `datagram` to the client as if it came from the server.
    pub(crate) fn inject_to_client(&mut self, datagram: &[u8]) {
        self.client.inbox.push_front((self.now, datagram.to_vec()));
    }

    /// Both connected, with each other's keys.
    pub(crate) fn assert_connected(&self) {
        assert_eq!(
            self.client.state(),
            State::Connected,
            "{:?}",
            self.client.events
        );
        assert_eq!(
            self.server.state(),
            State::Connected,
            "{:?}",
            self.server.events
        );
        let (client, server) = (self.client.keys().unwrap(), self.server.keys().unwrap());
        assert_eq!(client.local, server.remote);
        assert_eq!(client.remote, server.local);
        assert_ne!(client.local, client.remote);
    }
}

/// `seconds` of them.
pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

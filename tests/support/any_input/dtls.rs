//! DTLS connections.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use flumen::Time;
use flumen::components::Generator;
use flumen::dtls::{
    Config, Connection, Event, Identity, Output, Parameters, Role, SrtpKeys, State, Versions,
};

use super::input::Input;

/// Two connections whose datagrams arrive, get lost, change or come again, with others between
/// them: who is connected shares keys with the other, and hears what the other said.
pub fn dtls(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut talk = Talk::new(&mut input);
    while !input.is_empty() {
        talk.go_on(&mut input);
    }
    talk.check();
}

const SAID: &[u8] = b"what was said";

struct Talk {
    now: Time,
    ends: [End; 2],
}

struct End {
    connection: Connection,
    keys: Option<SrtpKeys>,
    /// On its way to the other.
    sent: Vec<Vec<u8>>,
}

impl Talk {
    fn new(input: &mut Input<'_>) -> Self {
        let versions = [Versions::CheapestSrtp, Versions::Newest, Versions::Only1_2];
        let config = Config {
            versions: input.one_of(&versions),
            ..Config::default()
        };
        let identities = identities();
        let ends = [0, 1].map(|side| End::new(&config, &identities[side], side as u8));
        let mut talk = Self {
            now: Time::ZERO,
            ends,
        };
        for (side, role) in [(0, Role::Server), (1, Role::Client)] {
            let remote = Parameters {
                role,
                fingerprints: identities[1 - side].fingerprints().to_vec(),
            };
            let end = &mut talk.ends[side].connection;
            end.connect(talk.now, &remote)
                .expect("fingerprints of ours");
            end.start(talk.now);
        }
        if input.byte() & 1 == 1 {
            talk.ask_in_1_3();
        }
        talk
    }

    /// Has the client ask in 1.3, as one does whose server speaks no other version.
    fn ask_in_1_3(&mut self) {
        let client = &mut self.ends[0];
        client.turn(self.now);
        client.sent.clear();
        client.hear(
            self.now,
            &[21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 70],
        );
        self.now += Duration::from_millis(500);
        client.turn(self.now);
    }

    fn go_on(&mut self, input: &mut Input<'_>) {
        let choice = input.byte();
        let to = usize::from(choice & 1);
        match choice >> 1 & 15 {
            0..=7 => self.arrive(to, input),
            8 => self.ends[to].hear(self.now, input.block()),
            9 => self.ends[1 - to].lose(),
            10 => self.hear_record(to, input),
            11 => drop(self.ends[to].connection.send(self.now, SAID)),
            12 if input.byte() == 0 => self.ends[to].connection.close(self.now),
            _ => self.now += Duration::from_millis(input.short().into()),
        }
        for end in &mut self.ends {
            end.turn(self.now);
        }
    }

    /// The oldest datagram arrives, perhaps changed, perhaps to come again.
    fn arrive(&mut self, to: usize, input: &mut Input<'_>) {
        let how = input.byte();
        let Some(datagram) = self.ends[1 - to].sent.first().cloned() else {
            return;
        };
        if how & 3 != 3 {
            self.ends[1 - to].sent.remove(0);
        }
        let mut heard = datagram;
        let at = usize::from(input.short()) % heard.len().max(1);
        match how >> 2 {
            0..=47 => {}
            48..=55 => heard[at] ^= input.byte(),
            56..=59 => heard.truncate(at),
            _ => heard.extend_from_within(at..),
        }
        self.ends[to].hear(self.now, &heard);
    }

    /// A record of any kind without protection.
    fn hear_record(&mut self, to: usize, input: &mut Input<'_>) {
        let mut record = vec![
            input.byte(),
            0xfe,
            0xfd,
            0,
            input.byte() & 1,
            0,
            0,
            0,
            0,
            0,
            0,
        ];
        record[10] = input.byte();
        let body = input.block();
        record.extend((body.len() as u16).to_be_bytes());
        record.extend(body);
        self.ends[to].hear(self.now, &record);
    }

    fn check(&self) {
        let [client, server] = &self.ends;
        if let (Some(ours), Some(theirs)) = (&client.keys, &server.keys) {
            assert_eq!(ours.local, theirs.remote);
            assert_eq!(ours.remote, theirs.local);
        }
    }
}

impl End {
    fn new(config: &Config, identity: &Identity, side: u8) -> Self {
        let generator = Generator::new([side; 32], 0);
        Self {
            connection: Connection::new(config, identity, epoch(), generator),
            keys: None,
            sent: Vec::new(),
        }
    }

    fn hear(&mut self, now: Time, datagram: &[u8]) {
        let _ = self.connection.receive(now, datagram);
    }

    fn lose(&mut self) {
        if !self.sent.is_empty() {
            self.sent.remove(0);
        }
    }

    fn turn(&mut self, now: Time) {
        if self.connection.next_timeout().is_some_and(|at| at <= now) {
            self.connection.advance(now);
        }
        let mut out = Output::default();
        self.connection.poll(now, &mut out);
        assert!(out.payloads().all(|payload| payload == SAID));
        self.sent.extend(out.datagrams().map(<[u8]>::to_vec));
        for event in out.events {
            if let Event::Connected(keys) = event {
                assert_eq!(self.connection.state(), State::Connected);
                self.keys = keys;
            }
        }
    }
}

fn identities() -> &'static [Identity; 2] {
    static IDENTITIES: OnceLock<[Identity; 2]> = OnceLock::new();
    let generate = || Identity::generate().expect("random numbers");
    IDENTITIES.get_or_init(|| [(); 2].map(|()| generate()))
}

/// A moment to reckon from; which one it is shows nowhere.
#[expect(
    clippy::disallowed_methods,
    reason = "an instant can be had from the clock alone"
)]
fn epoch() -> Instant {
    Instant::now()
}

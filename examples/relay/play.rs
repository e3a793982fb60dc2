//! Plays a recorded browser through the engine, and checks every packet on the other side.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use flumen::{
    Builder, ConsumerId, Engine, Event, Listen, ListenInfo, PlainTransportOptions, ProducerId,
};

use crate::player::{self, Played, Player};
use crate::receiver::{self, Expected, Receiver};
use crate::recordings::Recording;
use crate::room::{LOCAL, Room, anywhere};
use crate::running::{Failure, Running};
use crate::screen::Screen;
use crate::snapshot::Snapshot;
use crate::summary::{ReceiverReport, Summary};
use crate::table::Frame;
use crate::verdict::faults;

/// How many consume each producer: half of them from sockets of their own, half from a shared one.
const VIEWERS: usize = 4;
/// When the last of them mutes the sound, and when it listens again.
const MUTED: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(2));
/// How often the table is drawn.
const REDRAW: Duration = Duration::from_millis(250);
/// How long the last packets may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Plays everything and sums up.
pub(crate) fn play(builder: Builder, screen: &mut Screen) -> Result<Summary, Failure> {
    let recordings = [Recording::video()?, Recording::audio()?];
    let mut engine = builder.build()?;
    let mut room = Room::open(&mut engine)?;
    let ingresses = produce(&mut engine, &mut room, &recordings)?;
    let receivers = admit(&mut engine, &mut room, &recordings)?;
    let mut show = Show {
        running: Running::start(engine),
        room,
        receivers,
        events: Vec::new(),
        length: length(&recordings),
        muted: false,
    };
    let shown = show.run(&recordings, &ingresses, screen);
    show.conclude(shown, screen)
}

fn produce(
    engine: &mut Engine,
    room: &mut Room,
    recordings: &[Recording],
) -> Result<Vec<SocketAddr>, Failure> {
    let produce = |recording: &Recording| {
        let options = PlainTransportOptions::new(anywhere());
        room.produce(
            engine,
            options,
            recording.kind,
            recording.parameters.clone(),
        )
    };
    recordings.iter().map(produce).collect()
}

fn admit(
    engine: &mut Engine,
    room: &mut Room,
    recordings: &[Recording],
) -> Result<Vec<Receiver>, Failure> {
    let shared = engine.open_socket(&ListenInfo::new(LOCAL))?;
    let producers: Vec<ProducerId> = room.producers.clone();
    let mut receivers = Vec::new();
    for index in 0..VIEWERS {
        let (socket, address) = receiver::socket()?;
        let listen = match index < VIEWERS / 2 {
            true => anywhere(),
            false => Listen::Shared(shared),
        };
        let name = format!("viewer {}", index + 1);
        let viewer = room.admit(engine, name, listen, address, &producers)?;
        let consumers = viewer.consumers.iter().zip(recordings);
        let expected = consumers
            .map(|(&consumer, recording)| expect(engine, consumer, recording))
            .collect::<Result<_, _>>()?;
        receivers.push(Receiver::start(socket, expected));
    }
    Ok(receivers)
}

fn expect(
    engine: &Engine,
    consumer: ConsumerId,
    recording: &Recording,
) -> Result<Expected, Failure> {
    let parameters = engine.consumer_parameters(consumer)?;
    Ok(Expected {
        kind: recording.kind,
        ssrc: parameters.encodings[0]
            .ssrc
            .ok_or("a consumer has an SSRC")?,
        payload_type: parameters.codecs[0].payload_type,
        media: recording.media(),
    })
}

fn length(recordings: &[Recording]) -> Duration {
    let lengths = recordings
        .iter()
        .map(|recording| player::duration(&recording.packets));
    lengths.max().unwrap_or_default()
}

/// Everything that is at work while recordings play.
struct Show {
    running: Running,
    room: Room,
    receivers: Vec<Receiver>,
    events: Vec<Event>,
    length: Duration,
    muted: bool,
}

/// How a show went, before the engine is shut down.
struct Shown {
    last: Snapshot,
    players: Vec<Player>,
}

impl Show {
    #[expect(
        clippy::disallowed_methods,
        reason = "this thread keeps real time; the engine has its own"
    )]
    fn run(
        &mut self,
        recordings: &[Recording],
        ingresses: &[SocketAddr],
        screen: &mut Screen,
    ) -> Result<Shown, Failure> {
        let start = Instant::now();
        let players = recordings.iter().zip(ingresses);
        let players: Vec<Player> = players
            .map(|(recording, &to)| Player::start(recording.packets.clone(), to))
            .collect::<Result<_, _>>()?;
        let mut played = None;
        loop {
            let elapsed = start.elapsed();
            self.mute(elapsed)?;
            let snapshot = self.look()?;
            screen.draw(&self.frame(&snapshot, self.status(elapsed)))?;
            if players.iter().all(Player::is_finished) {
                let end = *played.get_or_insert(elapsed);
                if self.is_over(&snapshot, recordings) || elapsed - end > PATIENCE {
                    return Ok(Shown {
                        last: snapshot,
                        players,
                    });
                }
                thread::sleep(Duration::from_millis(10));
            } else {
                thread::sleep(REDRAW);
            }
        }
    }

    /// The last viewer takes a break from the sound: its sequence numbers must have no gap.
    fn mute(&mut self, elapsed: Duration) -> Result<(), Failure> {
        let muted = (MUTED.0..MUTED.1).contains(&elapsed);
        if muted == self.muted {
            return Ok(());
        }
        self.muted = muted;
        let viewer = self.room.viewers.last().ok_or("nobody is there")?;
        let consumer = *viewer.consumers.last().ok_or("nothing is consumed")?;
        self.running.ask(move |engine| match muted {
            true => engine.pause_consumer(consumer),
            false => engine.resume_consumer(consumer),
        })??;
        Ok(())
    }

    fn look(&mut self) -> Result<Snapshot, Failure> {
        let room = self.room.clone();
        let mut snapshot = self
            .running
            .ask(move |engine| Snapshot::of(engine, &room))??;
        self.events.append(&mut snapshot.events);
        Ok(snapshot)
    }

    fn frame<'a>(&'a self, snapshot: &'a Snapshot, status: String) -> Frame<'a> {
        Frame {
            status,
            snapshot,
            worst_tick: self.running.worst_tick(),
            tallies: self
                .receivers
                .iter()
                .map(|receiver| &*receiver.tally)
                .collect(),
        }
    }

    fn status(&self, elapsed: Duration) -> String {
        let length = self.length.as_secs_f64();
        let played = elapsed.min(self.length).as_secs_f64();
        let muted = match self.muted {
            true => ", the last viewer has muted the sound",
            false => "",
        };
        format!("playing {played:.1} s of {length:.1} s{muted}")
    }

    /// Everything that was sent has arrived, here and there.
    fn is_over(&self, snapshot: &Snapshot, recordings: &[Recording]) -> bool {
        let sent: usize = recordings
            .iter()
            .map(|recording| recording.packets.len())
            .sum();
        let received: u64 = self
            .receivers
            .iter()
            .map(|receiver| receiver.tally.packets())
            .sum();
        snapshot.ledger.received == sent as u64 && snapshot.ledger.enqueued == received
    }

    fn conclude(
        self,
        shown: Result<Shown, Failure>,
        screen: &mut Screen,
    ) -> Result<Summary, Failure> {
        // Why the engine ended is told before what followed from it.
        let (remains, worst_tick) = self.running.stop(PATIENCE)?;
        let Shown { mut last, players } = shown?;
        last.ledger = remains.ledger.clone();
        let mut played = Played::default();
        for player in players {
            let one = player.finish()?;
            played.sent += one.sent;
            played.answers += one.answers;
        }
        let tallies: Vec<_> = self.receivers.iter().map(|one| one.tally.clone()).collect();
        let mut reports = Vec::new();
        for (receiver, viewer) in self.receivers.into_iter().zip(&self.room.viewers) {
            reports.push(ReceiverReport::new(&viewer.name, receiver)?);
        }
        let faults = faults(&remains.ledger, played, &reports);
        let frame = Frame {
            status: "recording played to its end".into(),
            snapshot: &last,
            worst_tick,
            tallies: tallies.iter().map(|tally| &**tally).collect(),
        };
        screen.conclude(&frame, &faults)?;
        let mut events = self.events;
        events.extend(remains.events);
        Ok(Summary::new(&last, worst_tick, remains.ledger)
            .receivers(reports)
            .events(events)
            .faults(faults))
    }
}

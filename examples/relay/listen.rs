//! Waits for a real sender, and sends on to fixed ports what it gets.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use flumen::rtp_parameters::{
    MediaKind, RtcpFeedback, RtpCodecParameters, RtpEncodingParameters, RtpParameters,
};
use flumen::{Builder, Event, Listen, ListenInfo, PlainTransportOptions};

use crate::arguments::Listening;
use crate::commands::{self, Ports};
use crate::room::{LOCAL, Room, anywhere};
use crate::running::{Failure, Running};
use crate::screen::Screen;
use crate::snapshot::Snapshot;
use crate::summary::Summary;
use crate::table::Frame;

/// How long a sender must have been silent before another may take its place.
const FOLLOW_AFTER: Duration = Duration::from_secs(1);
/// How often the table is drawn.
const REDRAW: Duration = Duration::from_millis(250);

/// Relays until it is time, and sums up.
pub(crate) fn listen(
    builder: Builder,
    Listening { port, patience }: Listening,
    screen: &mut Screen,
) -> Result<Summary, Failure> {
    let ports = Ports { first: port };
    let mut engine = builder.build()?;
    let mut room = Room::open(&mut engine)?;
    for (kind, parameters) in [(MediaKind::Video, vp8()), (MediaKind::Audio, opus())] {
        room.produce(&mut engine, ingress(ports, kind), kind, parameters)?;
        let remote = SocketAddr::new(LOCAL, ports.to_receiver(kind));
        let producer = room.producers[room.producers.len() - 1];
        let name = format!("to :{}", remote.port());
        room.admit(&mut engine, name, anywhere(), remote, &[producer])?;
    }
    screen.say(&commands::of(&engine, &room, ports)?)?;
    let running = Running::start(engine);
    let mut events = Vec::new();
    let watched = watch(&running, &room, patience, screen, &mut events);
    conclude(running, watched, events, screen)
}

/// RTP and RTCP on ports of their own, as most senders want it.
fn ingress(ports: Ports, kind: MediaKind) -> PlainTransportOptions {
    let at = |port| Listen::Own(ListenInfo::at(SocketAddr::new(LOCAL, port)));
    PlainTransportOptions {
        rtcp_mux: false,
        follow_after: Some(FOLLOW_AFTER),
        rtcp_listen: Some(at(ports.rtcp(kind))),
        ..PlainTransportOptions::new(at(ports.rtp(kind)))
    }
}

fn vp8() -> RtpParameters {
    let codec = RtpCodecParameters {
        mime_type: "video/VP8".into(),
        payload_type: commands::VP8_PAYLOAD_TYPE,
        clock_rate: 90_000,
        rtcp_feedback: vec![RtcpFeedback::new("nack", "pli")],
        ..RtpCodecParameters::default()
    };
    with_ssrc(codec, commands::VIDEO_SSRC)
}

fn opus() -> RtpParameters {
    let codec = RtpCodecParameters {
        mime_type: "audio/opus".into(),
        payload_type: commands::OPUS_PAYLOAD_TYPE,
        clock_rate: 48_000,
        channels: Some(2),
        ..RtpCodecParameters::default()
    };
    with_ssrc(codec, commands::AUDIO_SSRC)
}

fn with_ssrc(codec: RtpCodecParameters, ssrc: u32) -> RtpParameters {
    let encoding = RtpEncodingParameters {
        ssrc: Some(ssrc),
        ..RtpEncodingParameters::default()
    };
    RtpParameters {
        codecs: vec![codec],
        encodings: vec![encoding],
        ..RtpParameters::default()
    }
}

/// Draws until it is time; the last look at the engine.
#[expect(
    clippy::disallowed_methods,
    reason = "this thread keeps real time; the engine has its own"
)]
fn watch(
    running: &Running,
    room: &Room,
    patience: Option<Duration>,
    screen: &mut Screen,
    events: &mut Vec<Event>,
) -> Result<Snapshot, Failure> {
    let start = Instant::now();
    let entered = enter_is_pressed();
    loop {
        let shown = room.clone();
        let mut snapshot = running.ask(move |engine| Snapshot::of(engine, &shown))??;
        events.append(&mut snapshot.events);
        let elapsed = start.elapsed();
        let status = format!("listening, {:.0} s; Enter ends", elapsed.as_secs_f64());
        screen.draw(&Frame {
            status,
            snapshot: &snapshot,
            worst_tick: running.worst_tick(),
            tallies: Vec::new(),
        })?;
        let is_late = patience.is_some_and(|patience| elapsed >= patience);
        if is_late || entered.load(Ordering::Relaxed) {
            return Ok(snapshot);
        }
        let rest = patience.map_or(REDRAW, |patience| patience - elapsed);
        thread::sleep(rest.min(REDRAW));
    }
}

/// Becomes true with the first line of standard input.
#[expect(
    clippy::disallowed_methods,
    reason = "std can only wait for input on a thread of its own"
)]
fn enter_is_pressed() -> Arc<AtomicBool> {
    let entered = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&entered);
    thread::spawn(move || {
        let read = io::stdin().read_line(&mut String::new());
        // The end of the input is no wish: there may never have been any.
        told.store(read.is_ok_and(|bytes| bytes > 0), Ordering::Relaxed);
    });
    entered
}

fn conclude(
    running: Running,
    watched: Result<Snapshot, Failure>,
    mut events: Vec<Event>,
    screen: &mut Screen,
) -> Result<Summary, Failure> {
    // Why the engine ended is told before what followed from it.
    let (remains, worst_tick) = running.stop(Duration::from_secs(1))?;
    let mut last = watched?;
    last.ledger = remains.ledger.clone();
    let imbalance = remains.ledger.check().err();
    let faults: Vec<String> = imbalance.iter().map(ToString::to_string).collect();
    let frame = Frame {
        status: "ended".into(),
        snapshot: &last,
        worst_tick,
        tallies: Vec::new(),
    };
    screen.conclude(&frame, &faults)?;
    events.extend(remains.events);
    Ok(Summary::new(&last, worst_tick, remains.ledger)
        .events(events)
        .faults(faults))
}

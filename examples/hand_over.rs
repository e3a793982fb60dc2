//! A server that ends and goes on in another process, in the middle of its calls.
//!
//! A line of standard input makes it write a snapshot and end; a second process, which waits for that,
//! binds the same ports and goes on. In a shell, where Enter is that line, and `cat` keeps the input of
//! the second open when the first has ended:
//!
//! ```text
//! { hand_over begin call.flumen; cat; } | hand_over go-on call.flumen
//! ```
//!
//! Who sends and who receives need not know: numbers, timestamps and keys go on.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use flumen::rtp_parameters::{
    MediaKind, RtpCodecCapability, RtpCodecParameters, RtpEncodingParameters, RtpParameters,
};
use flumen::{
    Builder, ConnectOptions, ConsumerOptions, Engine, Handle, Listen, ListenInfo,
    PlainTransportOptions, ProducerOptions, Snapshot,
};

type Failure = Box<dyn Error + Send + Sync>;

const USAGE: &str = "\
usage: hand_over begin FILE [--port N] [--record RUN]
       hand_over go-on FILE [--record RUN]
       hand_over --help

  begin      relay VP8 (payload type 96, SSRC 1111) from port N to port N + 4, and Opus (111, 2222)
             from N + 2 to N + 6, with RTCP at the ports behind (default 5004)
  go-on      wait for a line of standard input, then go on from the snapshot in FILE, which is
             removed: nobody is to go on from it twice
  FILE       where the snapshot is written; it holds secrets, and its owner alone can read it
  RUN        where to record the run, to be run again by the example replay; it holds secrets, too

  A line of standard input makes either write its snapshot, print a line, and end; the end of standard
  input makes it end for good. So Enter hands over from the first to the second, and Ctrl-D ends it:

    { hand_over begin FILE; cat; } | hand_over go-on FILE";

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// How long what waits to be sent has to leave when it ends for good, and a recording to be written.
const PATIENCE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nothing is left to be done when standard error is gone.
            let _ = tell(&format!("hand_over: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<(), Failure> {
    let [verb, file, ref options @ ..] = *words else {
        return match *words {
            ["--help"] => Ok(writeln!(io::stdout(), "{USAGE}")?),
            _ => Err(USAGE.into()),
        };
    };
    let mut builder = Engine::builder();
    let mut port = 5004;
    for option in options.chunks(2) {
        match *option {
            ["--record", run] => builder = builder.record(run),
            ["--port", first] if verb == "begin" => port = first.parse()?,
            _ => return Err(USAGE.into()),
        }
    }
    match verb {
        "begin" => serve(begin(builder, port)?, file),
        "go-on" => match go_on(builder, file)? {
            Some(engine) => serve(engine, file),
            None => Ok(()),
        },
        _ => Err(USAGE.into()),
    }
}

/// Standard output is for the line that the next process waits for.
fn tell(text: &str) -> io::Result<()> {
    writeln!(io::stderr(), "{text}")
}

/// A relay of pictures and sound.
fn begin(builder: Builder, first: u16) -> Result<Engine, Failure> {
    let mut engine = builder.build()?;
    for (number, media) in [(0, vp8()), (1, opus())] {
        let port = |offset: u16| {
            let port = first.checked_add(offset + 2 * number);
            port.ok_or("there are not that many ports")
        };
        relay(&mut engine, media, [port(0)?, port(1)?, port(4)?, port(8)?])?;
    }
    tell(&format!("relaying from port {first}"))?;
    Ok(engine)
}

/// Relays what arrives at the first two ports, RTP and RTCP, to the third one, from the fourth.
fn relay(
    engine: &mut Engine,
    (capability, parameters): (RtpCodecCapability, RtpParameters),
    [rtp, rtcp, to, from]: [u16; 4],
) -> Result<(), Failure> {
    let at = |port| Listen::Own(ListenInfo::at(SocketAddr::new(LOCAL, port)));
    let kind = capability.kind;
    let router = engine.create_router(&[capability])?;
    let options = PlainTransportOptions {
        rtcp_mux: false,
        comedia: true,
        rtcp_listen: Some(at(rtcp)),
        ..PlainTransportOptions::new(at(rtp))
    };
    let sender = engine.create_plain_transport(router, options)?;
    let producer = engine.produce(sender, ProducerOptions::new(kind, parameters))?;
    let options = PlainTransportOptions::new(at(from));
    let receiver = engine.create_plain_transport(router, options)?;
    let remote = ConnectOptions::from(SocketAddr::new(LOCAL, to));
    engine.connect(receiver, &remote)?;
    let mut capabilities = engine.rtp_capabilities(router)?.clone();
    // Players of RTP tell nothing of the path to them.
    capabilities.header_extensions.clear();
    engine.consume(receiver, ConsumerOptions::new(producer, capabilities))?;
    Ok(())
}

fn vp8() -> (RtpCodecCapability, RtpParameters) {
    let codec = RtpCodecParameters {
        mime_type: "video/VP8".into(),
        payload_type: 96,
        clock_rate: 90_000,
        ..RtpCodecParameters::default()
    };
    let mut capability = RtpCodecCapability::new(MediaKind::Video, "video/VP8", 90_000);
    capability.preferred_payload_type = Some(codec.payload_type);
    (capability, with_ssrc(codec, 1111))
}

fn opus() -> (RtpCodecCapability, RtpParameters) {
    let codec = RtpCodecParameters {
        mime_type: "audio/opus".into(),
        payload_type: 111,
        clock_rate: 48_000,
        channels: Some(2),
        ..RtpCodecParameters::default()
    };
    let mut capability = RtpCodecCapability::new(MediaKind::Audio, "audio/opus", 48_000);
    capability.channels = codec.channels;
    capability.preferred_payload_type = Some(codec.payload_type);
    (capability, with_ssrc(codec, 2222))
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

/// The engine of the process before, once that has handed over; none if it never does.
fn go_on(builder: Builder, file: &str) -> Result<Option<Engine>, Failure> {
    if io::stdin().read_line(&mut String::new())? == 0 {
        return Ok(None);
    }
    let snapshot = Snapshot::read(file)?;
    let engine = builder.restore(&snapshot)?;
    let gap = engine.clock().since(snapshot.at());
    fs::remove_file(file)?;
    tell(&format!("went on after {:.1} ms", gap.as_secs_f64() * 1e3))?;
    Ok(Some(engine))
}

/// Runs until standard input has a line, or ends.
fn serve(mut engine: Engine, file: &str) -> Result<(), Failure> {
    let asked = asked(engine.handle());
    loop {
        engine.turn(None)?;
        engine.drain_events();
        if asked.try_recv().is_ok() {
            match write(&mut engine, file) {
                Ok(()) => return hand_over(engine),
                // Who calls is not to lose the call for that.
                Err(failure) => tell(&format!("not handed over: {failure}"))?,
            }
        }
        if let Some(patience) = engine.shutdown_asked() {
            let remains = engine.shutdown(patience)?;
            return Ok(remains.ledger.check()?);
        }
    }
}

fn write(engine: &mut Engine, file: &str) -> Result<(), Failure> {
    Ok(engine.snapshot()?.write(file)?)
}

/// Leaves the ports to who goes on.
fn hand_over(mut engine: Engine) -> Result<(), Failure> {
    engine.finish_recording(PATIENCE);
    drop(engine);
    writeln!(io::stdout(), "handed over")?;
    Ok(())
}

/// Tells of the lines of standard input; its end shuts the engine down.
#[expect(
    clippy::disallowed_methods,
    reason = "std can only wait for input on a thread of its own"
)]
fn asked(handle: Handle) -> Receiver<()> {
    let (ask, asked) = mpsc::channel();
    thread::spawn(move || {
        // All of it fails if the engine has ended, which needs nothing more.
        for _ in io::stdin().lines().map_while(Result::ok) {
            let _ = ask.send(());
            let _ = handle.request(|_| ());
        }
        let _ = handle.shutdown(PATIENCE);
    });
    asked
}

//! Runs the engine on real sockets, from a JSON configuration, for software that nobody here wrote.
//!
//! `interop-gateway config.json` opens a plain transport for each producer and consumer. It prints
//! JSON, one object a line: `{"ready": [...]}` with what each consumer sends once all sockets are
//! bound, `{"joined": [...]}`, the same again, whenever a late consumer has joined,
//! `{"key": {...}}` with what each transport with SRTP seals with, as it is opened,
//! `{"sctpState": [exchange, state]}` whenever an association has another state, and
//! `{"summary": {...}}` at the end: when standard input ends, and after `seconds` at the latest. It
//! fails when a ledger does not close after any tick.
//!
//! Standard input may say, one a line: `{"closeStream": [exchange, stream]}` and
//! `{"closeTransport": exchange}`.
//!
//! `interop-gateway --play capture.pcap parameters.json` plays a recording on virtual time instead,
//! and prints an object for each media packet that the engine accepted, as the engine saw it.
//!
//! `interop-gateway --forward capture.pcap parameters.json spatial temporal` plays it to a consumer
//! that wishes for these layers, and prints each packet that left for it in hexadecimal digits.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "standard output is the interface of this program"
)]

mod exchange;
mod messages;

use std::error::Error;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::time::Duration;

use flumen::rtp_parameters::{MediaKind, RtpCodecCapability, RtpParameters};
use flumen::trace::TraceType;
use flumen::{
    ConnectOptions, ConsumerId, ConsumerOptions, Engine, Event, Handle, Listen, ListenInfo,
    PlainTransportOptions, PreferredLayers, ProducerId, ProducerOptions, RouterId, SctpOptions,
    SrtpParameters, Time, TransportId,
};
use flumen_tests::Recording;
use serde::Deserialize;
use serde_json::json;

use exchange::{Exchange, ExchangeConfig};

type Failure = Box<dyn Error>;

/// Longest sleep between two looks at whether to stop.
const PATIENCE: Duration = Duration::from_millis(20);

/// What to run.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Config {
    /// Seconds after which it ends in any case.
    seconds: f64,
    /// The codecs of the router.
    media_codecs: Vec<RtpCodecCapability>,
    producers: Vec<ProducerConfig>,
    consumers: Vec<ConsumerConfig>,
    #[serde(default)]
    peers: Vec<PeerConfig>,
}

/// What is asked for on standard input.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Command {
    CloseStream(usize, u16),
    CloseTransport(usize),
}

/// Who speaks SCTP.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PeerConfig {
    transport: TransportConfig,
    sctp: SctpOptions,
    exchange: ExchangeConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ProducerConfig {
    transport: TransportConfig,
    kind: MediaKind,
    rtp_parameters: RtpParameters,
    /// Bits a second that its sender is told to keep to.
    max_incoming_bitrate: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConsumerConfig {
    transport: TransportConfig,
    /// The index of the producer it consumes.
    producer: usize,
    /// Seconds after the first accepted packet at which it joins; before any packet when missing.
    after_seconds: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TransportConfig {
    listen: ListenInfo,
    /// Where RTCP is received; on the socket of RTP when missing.
    rtcp_listen: Option<ListenInfo>,
    /// The other side; learnt from its first packet when missing.
    remote: Option<RemoteConfig>,
    /// What the other side seals with; what it sends is not sealed when missing.
    srtp: Option<SrtpParameters>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RemoteConfig {
    ip: IpAddr,
    port: u16,
    rtcp_port: Option<u16>,
}

/// The engine, and what was made in it.
struct Gateway {
    engine: Engine,
    router: RouterId,
    producers: Vec<ProducerId>,
    consumers: Vec<ConsumerId>,
    exchanges: Vec<Exchange>,
    /// Consumers that have not joined, with the span after the first packet at which they do.
    late: Vec<(Duration, ConsumerConfig)>,
    /// When the first packet was accepted.
    began: Option<Time>,
    events: Vec<Event>,
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let done = match arguments.as_slice() {
        [mode, capture, parameters] if mode == "--play" => play(capture, parameters),
        [mode, capture, parameters, spatial, temporal] if mode == "--forward" => {
            layers(spatial, temporal).and_then(|layers| forward(capture, parameters, layers))
        }
        [config] => configuration(config).and_then(run),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("interop-gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

const USAGE: &str = "usage: interop-gateway config.json | --play capture.pcap parameters.json | \
                     --forward capture.pcap parameters.json spatial temporal";

fn configuration(path: &OsStr) -> Result<Config, Failure> {
    Ok(serde_json::from_reader(BufReader::new(File::open(path)?))?)
}

/// Tells of each packet of a recording what the engine knows of it.
fn play(capture: &OsStr, parameters: &OsStr) -> Result<(), Failure> {
    let (file, parameters) = (fs::read(capture)?, fs::read_to_string(parameters)?);
    for packet in Recording::new(&file, &parameters)?.play().seen {
        println!(
            "{}",
            json!({
                "ssrc": packet.ssrc, "sequence": packet.sequence, "keyFrame": packet.key_frame,
                "spatialLayer": packet.spatial_layer, "temporalLayer": packet.temporal_layer,
            })
        );
    }
    Ok(())
}

fn layers(spatial: &OsStr, temporal: &OsStr) -> Result<PreferredLayers, Failure> {
    let layer = |given: &OsStr| {
        given
            .to_str()
            .ok_or(USAGE)?
            .parse::<u8>()
            .map_err(|_| USAGE)
    };
    Ok(PreferredLayers {
        spatial_layer: layer(spatial)?,
        temporal_layer: Some(layer(temporal)?),
    })
}

/// Prints what a consumer of a recording with a wish for these layers gets.
fn forward(capture: &OsStr, parameters: &OsStr, layers: PreferredLayers) -> Result<(), Failure> {
    let (file, parameters) = (fs::read(capture)?, fs::read_to_string(parameters)?);
    for packet in Recording::new(&file, &parameters)?.play_to(layers).sent {
        let digits = packet.bytes().into_iter();
        println!(
            "{}",
            digits.map(|byte| format!("{byte:02x}")).collect::<String>()
        );
    }
    Ok(())
}

fn run(config: Config) -> Result<(), Failure> {
    let limit = Duration::try_from_secs_f64(config.seconds)?;
    let mut gateway = Gateway::open(config)?;
    gateway.report("ready")?;
    let commands = read_commands(gateway.engine.handle());
    let end = gateway.engine.clock() + limit;
    while gateway.obey(&commands)? && gateway.engine.clock() < end {
        gateway.turn()?;
    }
    gateway.close()
}

/// What standard input asks for, until it ends: whoever holds the pipe open keeps the gateway up.
#[expect(
    clippy::disallowed_methods,
    reason = "a thread of the application, which talks to the engine through a handle"
)]
fn read_commands(handle: Handle) -> Receiver<Result<Command, serde_json::Error>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            // Who does not listen any more is about to end, as is an engine that is gone.
            let _ = sender.send(serde_json::from_str(&line));
            let _ = handle.wake();
        }
        drop(sender);
        let _ = handle.wake();
    });
    receiver
}

impl Gateway {
    fn open(config: Config) -> Result<Self, Failure> {
        let mut engine = Engine::builder().build()?;
        let router = engine.create_router(&config.media_codecs)?;
        let mut gateway = Self {
            engine,
            router,
            producers: Vec::new(),
            consumers: Vec::new(),
            exchanges: Vec::new(),
            late: Vec::new(),
            began: None,
            events: Vec::new(),
        };
        for producer in config.producers {
            gateway.produce(producer)?;
        }
        for peer in config.peers {
            gateway.exchange(peer)?;
        }
        for consumer in config.consumers {
            match consumer.after_seconds {
                None => gateway.consume(consumer)?,
                Some(after) => {
                    let after = Duration::try_from_secs_f64(after)?;
                    gateway.late.push((after, consumer));
                }
            }
        }
        Ok(gateway)
    }

    fn produce(&mut self, config: ProducerConfig) -> Result<(), Failure> {
        let transport = self.transport(config.transport)?;
        if let Some(bitrate) = config.max_incoming_bitrate {
            self.engine.set_max_incoming_bitrate(transport, bitrate)?;
        }
        let options = ProducerOptions::new(config.kind, config.rtp_parameters);
        self.producers
            .push(self.engine.produce(transport, options)?);
        Ok(())
    }

    fn exchange(&mut self, config: PeerConfig) -> Result<(), Failure> {
        let transport = self.transport_with(config.transport, Some(config.sctp))?;
        let exchange = Exchange::open(&mut self.engine, self.router, transport, config.exchange)?;
        self.exchanges.push(exchange);
        Ok(())
    }

    /// Makes a consumer for a receiver that takes everything the router can route.
    fn consume(&mut self, config: ConsumerConfig) -> Result<(), Failure> {
        let producer = self.producers.get(config.producer);
        let producer = *producer.ok_or("a consumer names a producer that there is not")?;
        let transport = self.transport(config.transport)?;
        let capabilities = self.engine.rtp_capabilities(self.router)?.clone();
        let options = ConsumerOptions::new(producer, capabilities);
        self.engine.trace_transport(transport, &[TraceType::Bwe])?;
        self.consumers
            .push(self.engine.consume(transport, options)?);
        Ok(())
    }

    fn transport(&mut self, config: TransportConfig) -> Result<TransportId, Failure> {
        self.transport_with(config, None)
    }

    fn transport_with(
        &mut self,
        config: TransportConfig,
        sctp: Option<SctpOptions>,
    ) -> Result<TransportId, Failure> {
        let mut options = PlainTransportOptions::new(Listen::Own(config.listen));
        options.sctp = sctp;
        options.rtcp_mux = config.rtcp_listen.is_none();
        options.rtcp_listen = config.rtcp_listen.map(Listen::Own);
        options.comedia = config.remote.is_none();
        options.enable_srtp = config.srtp.is_some();
        let transport = self.engine.create_plain_transport(self.router, options)?;
        let remote = config.remote;
        let to = ConnectOptions {
            ip: remote.map(|remote| remote.ip),
            port: remote.map(|remote| remote.port),
            rtcp_port: remote.and_then(|remote| remote.rtcp_port),
            srtp_parameters: config.srtp,
        };
        if remote.is_some() || to.srtp_parameters.is_some() {
            self.engine.connect(transport, &to)?;
        }
        if let Some(key) = self.engine.srtp_parameters(transport)? {
            println!("{}", json!({ "key": key }));
        }
        Ok(transport)
    }

    /// Does what was asked for; false once nothing more can be.
    fn obey(
        &mut self,
        commands: &Receiver<Result<Command, serde_json::Error>>,
    ) -> Result<bool, Failure> {
        loop {
            match commands.try_recv() {
                Ok(command) => self.act(command?)?,
                Err(TryRecvError::Empty) => return Ok(true),
                Err(TryRecvError::Disconnected) => return Ok(false),
            }
        }
    }

    fn act(&mut self, command: Command) -> Result<(), Failure> {
        let (Command::CloseStream(at, _) | Command::CloseTransport(at)) = command;
        let exchange = self
            .exchanges
            .get_mut(at)
            .ok_or("there is no such exchange")?;
        match command {
            Command::CloseStream(_, stream) => exchange.close_stream(&mut self.engine, stream),
            Command::CloseTransport(_) => exchange.close(&mut self.engine),
        }
    }

    /// One turn of the run loop.
    fn turn(&mut self) -> Result<(), Failure> {
        self.engine.turn(Some(PATIENCE))?;
        self.engine.check_ledger()?;
        let exchanges = &mut self.exchanges;
        self.engine.drain_messages(|message| {
            exchanges
                .iter_mut()
                .for_each(|exchange| exchange.take(message));
        });
        for (at, exchange) in self.exchanges.iter_mut().enumerate() {
            if let Some(state) = exchange.turn(&mut self.engine)? {
                println!("{}", json!({ "sctpState": [at, state] }));
            }
        }
        for event in self.engine.drain_events() {
            match event {
                // Why a receiver gets what it gets.
                Event::Traced(_) => println!("{}", json!({ "estimate": event })),
                Event::LayersChanged(_) => println!("{}", json!({ "layers": event })),
                _ => {}
            }
            self.events.push(event);
        }
        if self.began.is_none() && self.engine.ledger().accepted > 0 {
            self.began = Some(self.engine.now());
        }
        self.admit()
    }

    /// Lets those in who are late enough.
    fn admit(&mut self) -> Result<(), Failure> {
        let Some(began) = self.began else {
            return Ok(());
        };
        let now = self.engine.now();
        let due = self
            .late
            .extract_if(.., |&mut (after, _)| began + after <= now);
        for (_, consumer) in due.collect::<Vec<_>>() {
            self.consume(consumer)?;
            self.report("joined")?;
        }
        Ok(())
    }

    /// Prints what the consumers send, in the order in which they joined.
    fn report(&self, occasion: &str) -> Result<(), Failure> {
        let parameters = self
            .consumers
            .iter()
            .map(|&consumer| self.engine.consumer_parameters(consumer))
            .collect::<Result<Vec<_>, _>>()?;
        println!("{}", json!({ occasion: parameters }));
        Ok(())
    }

    /// Closes everything and prints the summary.
    fn close(mut self) -> Result<(), Failure> {
        let producers = self
            .producers
            .iter()
            .map(|&producer| self.engine.producer_stats(producer))
            .collect::<Result<Vec<_>, _>>()?;
        let consumers = self
            .consumers
            .iter()
            .map(|&consumer| self.engine.consumer_stats(consumer))
            .collect::<Result<Vec<_>, _>>()?;
        let exchanges: Vec<_> = self.exchanges.iter().map(Exchange::report).collect();
        let ticks = self.engine.ticks();
        let remains = self.engine.shutdown(Duration::from_secs(1))?;
        self.events.extend(remains.events);
        let summary = json!({
            "ticks": ticks,
            "ledger": remains.ledger,
            "producers": producers,
            "consumers": consumers,
            "exchanges": exchanges,
            "events": self.events,
        });
        println!("{}", json!({ "summary": summary }));
        remains.ledger.check()?;
        Ok(())
    }
}

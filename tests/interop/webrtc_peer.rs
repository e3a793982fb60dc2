//! A peer made of `webrtc-sctp` and `tokio`, beside the one in `sctp_peer.c`.
//!
//! `interop-webrtc-peer connect|listen LOCAL_PORT REMOTE_PORT STEP...` takes the steps that are
//! described there and prints the same lines, within what that library can do: it has no abort, it
//! does not tell whether the other side agreed to a reset or counts damaged packets, and a message
//! above 131,072 bytes that is sent while nothing else is never leaves.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "standard output is the interface of this program"
)]

mod messages;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
use socket2::{Domain, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use webrtc_sctp::association::{Association, Config};
use webrtc_sctp::chunk::chunk_payload_data::PayloadProtocolIdentifier;
use webrtc_sctp::stream::{ReliabilityType, Stream};

use messages::{Incoming, Outgoing, Tally, is_ordered};

type Failure = Box<dyn Error>;

const PORT: u16 = 5_000;
const LONGEST: u32 = 131_072;
const BUFFER: usize = 4 << 20;
/// Between two looks at whether a step is done.
const PATIENCE: Duration = Duration::from_millis(5);

/// What has arrived.
#[derive(Default)]
struct Received {
    streams: BTreeMap<u16, Incoming>,
    messages: u64,
    reset_by_peer: BTreeSet<u16>,
    /// From here on, streams end because everything does.
    ending: bool,
}

struct Peer {
    association: Association,
    outgoing: Outgoing,
    streams: Vec<Arc<Stream>>,
    received: Arc<Mutex<Received>>,
    seed: u64,
    longest: u32,
    undone: Option<String>,
}

/// What is told in the end.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    state: &'static str,
    undone: Option<String>,
    wrong: u64,
    bad_checksums: u64,
    reset_by_peer: BTreeSet<u16>,
    sent: BTreeMap<usize, Tally>,
    received: BTreeMap<u16, Tally>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("interop-webrtc-peer: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(words: Vec<String>) -> Result<(), Failure> {
    let [role, local, remote, steps @ ..] = words.as_slice() else {
        return Err(
            "usage: interop-webrtc-peer connect|listen LOCAL_PORT REMOTE_PORT STEP...".into(),
        );
    };
    let socket = open_socket(local.parse()?, remote.parse()?)?;
    println!("{}", json!({ "ready": true }));
    let mut input = watch_input();
    let config = Config {
        net_conn: Arc::new(socket),
        max_receive_buffer_size: BUFFER as u32,
        max_message_size: LONGEST,
        mtu: 0,
        name: role.clone(),
        remote_port: PORT,
        local_port: PORT,
    };
    let association = match role.as_str() {
        "connect" => Association::client(config).await?,
        "listen" => Association::server(config).await?,
        _ => return Err(format!("{role} is no role").into()),
    };
    println!("{}", json!({ "connected": {} }));
    let mut peer = Peer::new(association);
    let ended = tokio::select! {
        taken = peer.take_steps(steps) => taken.map(|()| false)?,
        _ = &mut input => true,
    };
    if !ended {
        // It ends without a word when the input does.
        let _ = input.await;
    }
    println!("{}", json!({ "result": peer.report() }));
    Ok(())
}

fn open_socket(local: u16, remote: u16) -> Result<UdpSocket, Failure> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into();
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.set_recv_buffer_size(BUFFER)?;
    socket.set_nonblocking(true)?;
    socket.bind(&at(local))?;
    socket.connect(&at(remote))?;
    Ok(UdpSocket::from_std(socket.into())?)
}

/// Comes when standard input has ended.
#[expect(
    clippy::disallowed_methods,
    reason = "std can only wait for input on a thread of its own"
)]
fn watch_input() -> oneshot::Receiver<()> {
    let (ended, end) = oneshot::channel();
    std::thread::spawn(move || {
        // What is read does not matter, nor why it ends, nor whether anybody still listens.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = ended.send(());
    });
    end
}

impl Peer {
    fn new(association: Association) -> Self {
        Self {
            association,
            outgoing: Outgoing::new(1, LONGEST, 0),
            streams: Vec::new(),
            received: Arc::default(),
            seed: 1,
            longest: LONGEST,
            undone: None,
        }
    }

    async fn take_steps(&mut self, steps: &[String]) -> Result<(), Failure> {
        for step in steps {
            self.undone = Some(step.clone());
            let (name, number) = step.split_once('=').unwrap_or((step, "0"));
            self.take_step(name, number.parse()?).await?;
            println!("{}", json!({ "done": step }));
        }
        self.undone = None;
        Ok(())
    }

    async fn take_step(&mut self, name: &str, number: u64) -> Result<(), Failure> {
        match name {
            "seed" => self.seed = number,
            "longest" => self.longest = number.try_into()?,
            "streams" => self.open_streams(number.try_into()?).await?,
            "queue" => self.send(number).await?,
            "send" => {
                self.send(number).await?;
                self.until(|peer| peer.streams.iter().all(|at| at.buffered_amount() == 0))
                    .await;
            }
            "receive" => {
                self.until(|peer| peer.received(|all| all.messages) >= number)
                    .await;
            }
            "reset" => {
                let stream = self.streams.get(number as usize).ok_or("no such stream")?;
                stream.shutdown(Shutdown::Both).await?;
            }
            "reset-by" => {
                let stream = number.try_into()?;
                self.until(|peer| peer.received(|all| all.reset_by_peer.contains(&stream)))
                    .await;
            }
            "shutdown" => {
                self.received(|all| all.ending = true);
                self.association.shutdown().await?;
            }
            _ => return Err(format!("there is no step {name}").into()),
        }
        Ok(())
    }

    /// Opens streams in both directions.
    async fn open_streams(&mut self, count: u16) -> Result<(), Failure> {
        self.outgoing = Outgoing::new(self.seed, self.longest, count);
        let mut accepted = BTreeMap::new();
        for id in 0..count {
            let stream = self.open_stream(id, &mut accepted).await?;
            stream.set_reliability_params(!is_ordered(id), ReliabilityType::Reliable, 0);
            tokio::spawn(read(Arc::clone(&stream), Arc::clone(&self.received)));
            self.streams.push(stream);
        }
        Ok(())
    }

    /// Opens a stream, or accepts it if the other side was first.
    async fn open_stream(
        &self,
        id: u16,
        accepted: &mut BTreeMap<u16, Arc<Stream>>,
    ) -> Result<Arc<Stream>, Failure> {
        let unknown = PayloadProtocolIdentifier::Unknown;
        if let Ok(stream) = self.association.open_stream(id, unknown).await {
            return Ok(stream);
        }
        loop {
            if let Some(stream) = accepted.remove(&id) {
                return Ok(stream);
            }
            let stream = self.association.accept_stream().await;
            let stream = stream.ok_or("the association has ended")?;
            accepted.insert(stream.stream_identifier(), stream);
        }
    }

    async fn send(&mut self, count: u64) -> Result<(), Failure> {
        for _ in 0..count {
            let (stream, ppid, payload) = self.outgoing.make();
            let payload = Bytes::copy_from_slice(payload);
            let stream = &self.streams[usize::from(stream)];
            stream.write_sctp(&payload, ppid.into()).await?;
        }
        Ok(())
    }

    async fn until(&self, condition: impl Fn(&Self) -> bool) {
        while !condition(self) {
            tokio::time::sleep(PATIENCE).await;
        }
    }

    fn received<T>(&self, look: impl FnOnce(&mut Received) -> T) -> T {
        look(&mut self.received.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn report(self) -> Report {
        let sent = self.outgoing.tallies.into_iter().enumerate();
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        Report {
            state: if received.ending { "shutDown" } else { "up" },
            undone: self.undone,
            wrong: received.streams.values().map(|stream| stream.wrong).sum(),
            bad_checksums: 0,
            reset_by_peer: received.reset_by_peer.clone(),
            sent: sent.filter(|(_, tally)| tally.messages > 0).collect(),
            received: received
                .streams
                .iter()
                .map(|(&id, stream)| (id, stream.tally))
                .collect(),
        }
    }
}

/// Takes in what comes on a stream until that is reset, or until there is no association.
async fn read(stream: Arc<Stream>, received: Arc<Mutex<Received>>) {
    let mut buffer = vec![0; LONGEST as usize];
    let id = stream.stream_identifier();
    while let Ok((length, ppid)) = stream.read_sctp(&mut buffer).await {
        let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
        if length == 0 {
            if !received.ending {
                received.reset_by_peer.insert(id);
            }
            return;
        }
        received.messages += 1;
        let incoming = received.streams.entry(id).or_default();
        incoming.take(id, ppid as u32, &buffer[..length]);
    }
}

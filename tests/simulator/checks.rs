//! What is checked after every tick, and rules of one's own.
//!
//! | rule | what it holds |
//! |---|---|
//! | ledgers | no datagram and no message vanishes: [`Engine::check_ledger`] |
//! | numbering | each consumer numbers its packets on by one, and each once. Between two packets of one SSRC of its producer it leaves out no more numbers than packets between them that did not reach the engine between them; where another SSRC takes its place, no more than packets behind the last that others overtook, or that are lost. What a full queue refused is counted off once, in all streams together. A number is sent again only as often as its packet reached the engine, or as is asked for |
//! | time | RTP timestamps, counted on beyond 32 bits, never go back, and go on as time does |
//! | strangers | a peer gets packets and reports of its own consumers and producers alone, and names of no others |
//! | pauses | nothing is sent by a consumer that is paused, or whose producer is, but for what waited for its turn by then |
//! | frames | video begins, and changes its encoding, with a key frame; what a frame refers to was sent before, where all packets of that had reached the engine when the frame did, and none before the beginning of its key frame |
//! | descriptors | what they say of a frame is so: its layers, where the frames are that it refers to, and which layers are active, where the templates had reached the engine before any of the frame |
//! | repairs | what is sent again was sent before, as it is, but for packets that overtook others on their way to the engine or were overtaken, or that were too much for the queue of a receiver |
//! | sealing | what reaches a peer it can open, unless that overtook the end of the handshake or the link doubled it, and knows what it is of; of DTLS only that it is well-formed |
//! | afterlife | nothing is told of what was closed, and nothing is sent by it, but for what waited by then |
//! | bounds | of each transport no more waits for its turn, or for its socket, than may, and no event was dropped |
//! | standstill | time goes on: there are not 10,000 ticks at one time |
//! | baseline | when everybody has left, nothing is left of them |
//!
//! What is lost, late or double on its way to the engine is known packet by packet: it excuses what comes
//! of that packet and nothing else.

mod afterlife;
mod bounds;
mod descriptors;
mod frames;
mod ledgers;
mod leftovers;
mod numbering;
mod pauses;
mod repairs;
mod strangers;
mod streams;
mod supply;
mod timing;

use std::net::SocketAddr;

use flumen::components::wire::classify::{PacketKind, classify};
use flumen::components::wire::rtp::RtpHeader;
use flumen::{Engine, Event, Time};
use thiserror::Error;

use crate::peer_id::PeerId;

pub use streams::Stream;
pub(crate) use streams::Streams;
pub(crate) use supply::{Origin, Supply};

/// A rule was broken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("seed {seed} at {at}: {check}: {what}")]
pub struct Broken {
    /// Which rule.
    pub check: &'static str,
    /// What happened.
    pub what: String,
    /// When.
    pub at: Time,
    /// The seed of the room.
    pub seed: u64,
}

/// A rule that every tick is held against.
///
/// ```
/// use std::time::Duration;
/// use flumen_sim::checks::{Check, Sent};
/// use flumen_sim::{Audio, Peer, Room};
///
/// struct Small;
///
/// impl Check for Small {
///     fn name(&self) -> &'static str {
///         "small packets"
///     }
///
///     fn sent(&mut self, sent: &Sent<'_>) -> Result<(), String> {
///         match sent.bytes.len() {
///             0..=200 => Ok(()),
///             len => Err(format!("{len} bytes to {}", sent.to)),
///         }
///     }
/// }
///
/// let mut room = Room::new(1);
/// room.check(Small);
/// room.join(Peer::new().audio(Audio::opus()));
/// room.join(Peer::new());
/// room.run_for(Duration::from_secs(1));
/// ```
pub trait Check {
    /// What it is called where it was broken.
    fn name(&self) -> &'static str;

    /// The application was told of an event; called before what the same tick sent.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn told(&mut self, event: &Event) -> Result<(), String> {
        let _ = event;
        Ok(())
    }

    /// The engine has sent a datagram to a peer.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn sent(&mut self, sent: &Sent<'_>) -> Result<(), String> {
        let _ = sent;
        Ok(())
    }

    /// The same rule for a [fork](crate::Room::fork) of the room, with what it knows. One that gives
    /// none, as by default, is not held there.
    fn fork(&self) -> Option<Box<dyn Check>> {
        None
    }

    /// A tick is over.
    ///
    /// # Errors
    ///
    /// What is wrong with the world that it left.
    fn ticked(&mut self, engine: &Engine) -> Result<(), String> {
        let _ = engine;
        Ok(())
    }
}

/// A datagram that the engine has sent to a peer.
pub struct Sent<'a> {
    /// The engine that sent it.
    pub engine: &'a Engine,
    /// When.
    pub at: Time,
    /// Who gets it.
    pub to: PeerId,
    /// The datagram.
    pub bytes: &'a [u8],
    /// RTP, RTCP or something else.
    pub kind: Option<PacketKind>,
    /// The header of RTP.
    pub rtp: Option<RtpHeader>,
    /// The consumer of that peer whose packet it is, if its SSRC is of one.
    pub stream: Option<Stream>,
    /// Which packet of a peer it is, if it tells that.
    pub(crate) origin: Option<Origin>,
    /// Of RTCP: an SSRC that it reports as a sender, though it is of no consumer of that peer.
    pub(crate) foreign: Option<u32>,
    /// How packets of peers reached the engine.
    pub(crate) supply: &'a Supply,
}

/// All rules.
pub(crate) struct Checks {
    all: Vec<Box<dyn Check>>,
    pub(crate) streams: Streams,
    pub(crate) supply: Supply,
}

type Checked = Result<(), (&'static str, String)>;

impl Checks {
    pub(crate) fn all() -> Self {
        Self {
            all: vec![
                Box::new(ledgers::Ledgers),
                Box::new(strangers::Strangers),
                Box::<afterlife::Afterlife>::default(),
                Box::<pauses::Pauses>::default(),
                Box::<numbering::Numbering>::default(),
                Box::<timing::Timing>::default(),
                Box::<frames::Frames>::default(),
                Box::<descriptors::Descriptors>::default(),
                Box::<repairs::Repairs>::default(),
                Box::new(bounds::Bounds),
            ],
            streams: Streams::default(),
            supply: Supply::default(),
        }
    }

    /// The rules of a fork, whose engine goes on from a snapshot of `here`.
    pub(crate) fn fork(&self, here: &Engine, there: &Engine) -> Self {
        Self {
            all: self.all.iter().filter_map(|check| check.fork()).collect(),
            streams: self.streams.fork(here.world(), there.world()),
            supply: self.supply.clone(),
        }
    }

    pub(crate) fn add(&mut self, check: impl Check + 'static) {
        self.all.push(Box::new(check));
    }

    pub(crate) fn told(&mut self, event: &Event) -> Checked {
        each(&mut self.all, |check| check.told(event))
    }

    pub(crate) fn ticked(&mut self, engine: &Engine) -> Checked {
        each(&mut self.all, |check| check.ticked(engine))
    }

    pub(crate) fn sent(
        &mut self,
        engine: &Engine,
        at: Time,
        (address, peer): (SocketAddr, Option<PeerId>),
        bytes: &[u8],
    ) -> Checked {
        let Some(to) = peer else { return Ok(()) };
        let kind = classify(bytes);
        let is_rtp = kind == Some(PacketKind::Rtp);
        let rtp = is_rtp.then(|| RtpHeader::parse(bytes).ok()).flatten();
        let stream = rtp.and_then(|rtp| self.streams.find(engine, address, rtp.ssrc));
        let origin = stream.zip(rtp);
        let origin = origin.and_then(|(stream, rtp)| stream.origin(rtp.payload(bytes)));
        let is_foreign = |ssrc: &u32| self.streams.find(engine, address, *ssrc).is_none();
        let foreign = match kind {
            Some(PacketKind::Rtcp) => strangers::senders(bytes).into_iter().find(is_foreign),
            _ => None,
        };
        let sent = Sent {
            engine,
            at,
            to,
            bytes,
            kind,
            rtp,
            stream,
            origin,
            foreign,
            supply: &self.supply,
        };
        each(&mut self.all, |check| check.sent(&sent))
    }
}

fn each(
    all: &mut [Box<dyn Check>],
    mut check: impl FnMut(&mut dyn Check) -> Result<(), String>,
) -> Checked {
    for one in all {
        let checked = check(one.as_mut());
        checked.map_err(|what| (one.name(), what))?;
    }
    Ok(())
}

/// When everybody has left, as many entities are there as before they came.
pub(crate) fn baseline(before: u32, after: u32) -> Result<(), String> {
    match after == before {
        true => Ok(()),
        false => Err(format!(
            "{after} entities when everybody has left, {before} before"
        )),
    }
}

/// The element of a list that grows as far as it is asked for.
fn entry<T: Default>(all: &mut Vec<T>, index: usize) -> &mut T {
    if all.len() <= index {
        all.resize_with(index + 1, T::default);
    }
    &mut all[index]
}

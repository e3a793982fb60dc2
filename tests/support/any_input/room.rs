//! A whole engine, and strangers who send what they like to transports of every kind.

use std::cell::RefCell;
use std::sync::OnceLock;
use std::time::Duration;

use flumen::components::wire::rtcp::{RtcpPacket, packets};
use flumen::components::wire::sctp::check;
use flumen::components::wire::stun::Message as Stun;
use flumen::components::wire::{PacketKind, RtpHeader, classify};
use flumen::dtls::Identity;
use flumen::rtp_parameters::{RtpHeaderExtensionParameters, RtpParameters};
use flumen::{Builder, Engine, Event, Ledger};

use super::caller::Caller;
use super::impostor::Impostor;
use super::input::Input;
use super::opener::Opener;
use super::stranger::{FIRST, SSRC, Stranger};
use crate::parameters::{
    encoding_named, opus, video, vp8, vp8_rtx, with_remb, with_retransmissions, with_transport_cc,
};
use crate::room::{Received, address};
use crate::victims::Victims;

/// A call goes on beside strangers who send what they like: no ledger is left open, what leaves is
/// well-formed, and those in the call, whose video strangers get as well, get what they get without
/// them.
///
/// Most of what a short input would cost is an engine and its handshakes, so a number of inputs share
/// a call, one after the other.
pub fn room(bytes: &[u8]) {
    thread_local! {
        static SHARED: RefCell<Option<Call>> = const { RefCell::new(None) };
    }
    // One that failed is not played again: it is not put back.
    let call = SHARED.take().filter(|call| call.sequences < SEQUENCES);
    let mut call = call.unwrap_or_default();
    call.renew();
    call.play(bytes);
    if call.sequences.is_multiple_of(RESTS_EACH) {
        call.rest();
    }
    SHARED.set(Some(call));
}

/// Sequences that share an engine in [`room`].
const SEQUENCES: usize = 32;
/// Inputs after which every timer fires, which takes longer than most inputs do. Those before are in the
/// midst of something when the next one begins.
const RESTS_EACH: usize = 8;
/// Milliseconds from tick to tick: bursts, round trips, and waits that let every timer fire.
const SPANS: [u64; 20] = [
    1, 1, 1, 20, 1, 60, 1, 110, 1, 30, 250, 1, 1, 100, 600, 1, 1_100, 1, 2_500, 6_000,
];
fn span(tick: usize) -> Duration {
    Duration::from_millis(SPANS[tick % SPANS.len()])
}

/// Datagrams that arrive in a tick at most, below what the engine takes in one.
const PER_TICK: usize = 40;
/// Who speaks ICE, among strangers.
const CALLER: usize = 6;

/// A call beside which sequences of operations are played: one after the other on one engine, whose
/// clock goes on.
pub struct Call {
    strangers: Strangers,
    ticks: usize,
    sequences: usize,
}

impl Default for Call {
    fn default() -> Self {
        Self::with(|builder| builder)
    }
}

impl Call {
    /// One whose engine is built with more.
    pub fn with(configure: impl FnOnce(Builder) -> Builder) -> Self {
        Self {
            strangers: Strangers::with(configure),
            ticks: 0,
            sequences: 0,
        }
    }

    /// The next sequence begins: who may have come to an end goes, and another comes.
    pub fn renew(&mut self) {
        self.sequences += 1;
        self.strangers.renew();
    }

    /// Plays a sequence, or more of it; returns how many operations it had.
    ///
    /// # Panics
    ///
    /// When a claim does not hold.
    pub fn play(&mut self, bytes: &[u8]) -> usize {
        let mut input = Input::new(bytes);
        let mut operations = 0;
        while !input.is_empty() {
            operations += self.strangers.act_some(&mut input);
            self.tick();
        }
        operations
    }

    /// Every timer fires.
    fn rest(&mut self) {
        SPANS.iter().for_each(|_| self.tick());
    }

    fn tick(&mut self) {
        let attacked = self.strangers.tick(span(self.ticks));
        let is_calm = Calm::with(|calm| attacked == calm.at(self.ticks));
        assert!(is_calm, "a stranger changed what others get");
        self.ticks += 1;
    }

    /// Its engine.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.strangers.victims.room.engine
    }

    /// Data channels that were opened so far.
    pub fn channels(&self) -> u64 {
        self.strangers.channels
    }

    /// Where everything went that was sent so far.
    pub fn ledger(&self) -> &Ledger {
        self.strangers.victims.room.engine.ledger()
    }
}

/// What those in the call get while strangers say nothing, tick by tick: the same in every call.
struct Calm {
    strangers: Strangers,
    received: Vec<Vec<Received>>,
}

impl Calm {
    fn with<T>(look: impl FnOnce(&mut Self) -> T) -> T {
        thread_local! {
            static CALM: RefCell<Calm> = RefCell::new(Calm {
                strangers: Strangers::with(|builder| builder),
                received: Vec::new(),
            });
        }
        CALM.with_borrow_mut(look)
    }

    fn at(&mut self, tick: usize) -> &[Received] {
        while self.received.len() <= tick {
            let span = span(self.received.len());
            self.received.push(self.strangers.tick(span));
        }
        &self.received[tick]
    }
}

struct Strangers {
    victims: Victims,
    media: Vec<Stranger>,
    /// Speaks SCTP.
    talker: Stranger,
    impostor: Impostor,
    /// Speaks ICE.
    caller: Caller,
    /// Opens data channels.
    opener: Opener,
    /// Of which so many were opened.
    channels: u64,
    /// Something was said to or by them.
    is_touched: Touched,
}

#[derive(Clone, Copy, Debug, Default)]
struct Touched {
    talker: bool,
    caller: bool,
}

impl Strangers {
    fn with(configure: impl FnOnce(Builder) -> Builder) -> Self {
        // Making a certificate takes longer than all that is asked of it here.
        static IDENTITY: OnceLock<Identity> = OnceLock::new();
        let identity = IDENTITY.get_or_init(|| Identity::generate().expect("keys can be made"));
        let configure = |builder: Builder| configure(builder.dtls_identity(identity.clone()));
        let mut victims = Victims::with(configure);
        let room = &mut victims.room;
        let media = [
            with_transport_cc(with_retransmissions(vp8(SSRC))),
            with_remb(video("VP9", SSRC + 10)),
            with_dependencies(video("AV1", SSRC + 20)),
            with_dependencies(with_retransmissions(video("H264", SSRC + 30))),
            vp8_rtx(["a", "b", "c"].map(encoding_named).to_vec()),
            opus(SSRC + 50),
        ];
        let strangers = (0..).zip(media);
        let media = strangers.map(|(at, it)| {
            let mut stranger = Stranger::of_media(room, at, it);
            stranger.watch(room, victims.video);
            stranger
        });
        let media = media.collect();
        let talker = Stranger::of_messages(room);
        let caller = Caller::new(room, address(FIRST + 200), SSRC + 60);
        let opener = Opener::new(room, address(FIRST + 300));
        room.engine.drain_events();
        Self {
            victims,
            media,
            talker,
            impostor: Impostor::default(),
            caller,
            opener,
            channels: 0,
            is_touched: Touched::default(),
        }
    }

    /// Associations and ways that were found can be ended: those of others begin.
    fn renew(&mut self) {
        let room = &mut self.victims.room;
        let touched = std::mem::take(&mut self.is_touched);
        if touched.talker {
            self.talker.leave(room);
            self.talker = Stranger::of_messages(room);
            self.impostor = Impostor::default();
        }
        if touched.caller {
            self.caller.leave(room);
            self.caller = Caller::new(room, address(FIRST + 200), SSRC + 60);
        }
    }

    /// Does what is for one tick; returns how many operations that was.
    fn act_some(&mut self, input: &mut Input<'_>) -> usize {
        let mut acts = 0;
        while acts < PER_TICK && !input.is_empty() && self.act(input) {
            acts += 1;
        }
        acts
    }

    /// Somebody sends something, or the application does something with what a stranger has; or it
    /// is time for a tick.
    fn act(&mut self, input: &mut Input<'_>) -> bool {
        let choice = input.byte();
        let who = usize::from(choice & 7);
        if who == CALLER {
            self.is_touched.caller = true;
            self.caller.act(&mut self.victims.room, input);
            return true;
        }
        let Some(stranger) = self.media.get_mut(who) else {
            let datagram = match choice >> 3 & 7 {
                0 => self.impostor.init(),
                1 => self.impostor.echo(),
                2 => return false,
                3 => {
                    let media = usize::from(input.byte()) % self.media.len();
                    self.media[media].steer(&mut self.victims.room, input);
                    return true;
                }
                7 if choice & 0xc0 == 0xc0 => {
                    self.opener.act(&self.victims.room, input);
                    return true;
                }
                _ => self.impostor.say(input),
            };
            self.is_touched.talker = true;
            // Now and then it is said where nobody speaks SCTP.
            let whose = match choice & 0xc0 {
                0xc0 => &self.media[0],
                _ => &self.talker,
            };
            let wire = &self.victims.room.wire;
            wire.inject(whose.server, whose.address, &datagram);
            return true;
        };
        let datagram = match choice >> 3 & 7 {
            0 => input.block().repeat(1 + usize::from(input.byte() >> 4)),
            1 => return false,
            2..=4 => stranger.media(input),
            _ => stranger.compound(input),
        };
        // What has another's keys is sealed, but for what is any bytes.
        let peers = &mut self.victims.room.peers;
        let datagram = match peers.get_mut(&stranger.address) {
            Some(peer) if choice >> 3 & 7 != 0 => peer.seal(&datagram),
            _ => datagram,
        };
        let wire = &self.victims.room.wire;
        wire.inject(stranger.server, stranger.address, &datagram);
        true
    }

    /// Ticks, checks what strangers get, and returns what others get, who talk on.
    fn tick(&mut self, span: Duration) -> Vec<Received> {
        self.victims.talk();
        let room = &mut self.victims.room;
        room.tick_after(span);
        let received = room.received();
        room.messages();
        let events = room.engine.drain_events();
        assert!(events.len() < 2_000, "{} events", events.len());
        let opened = |event: &&Event| matches!(event, Event::DataChannelOpened(_));
        self.channels += events.iter().filter(opened).count() as u64;
        for datagram in &received {
            well_formed(&datagram.bytes);
            if datagram.to == self.talker.address {
                self.impostor.hear(&datagram.bytes);
            }
            if datagram.to == self.opener.address() {
                self.opener.hear(room, &datagram.bytes);
            }
        }
        self.opener.tick(room);
        let others = |datagram: &Received| datagram.to.port() < FIRST && !asks(&datagram.bytes);
        received.into_iter().filter(others).collect()
    }
}

/// Whether it is nothing but a request for key frames: strangers may ask for those of what they watch.
fn asks(datagram: &[u8]) -> bool {
    let is_request = |packet| matches!(packet, Ok(RtcpPacket::Pli(_) | RtcpPacket::Fir(_)));
    classify(datagram) == Some(PacketKind::Rtcp) && packets(datagram).all(is_request)
}

fn well_formed(datagram: &[u8]) {
    match classify(datagram) {
        Some(PacketKind::Rtp) => assert!(RtpHeader::parse(datagram).is_ok()),
        Some(PacketKind::Rtcp) => assert!(packets(datagram).all(|packet| packet.is_ok())),
        Some(PacketKind::Sctp) => assert!(check(datagram).is_ok()),
        Some(PacketKind::Stun) => assert!(Stun::parse(datagram).is_ok()),
        Some(PacketKind::Dtls) => {}
        other => panic!("{other:?} was sent"),
    }
}

/// The identifier of the dependency descriptor.
const DEPENDENCIES: u8 = 13;

fn with_dependencies(mut parameters: RtpParameters) -> RtpParameters {
    let uri =
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
    let extension = RtpHeaderExtensionParameters::new(uri, DEPENDENCIES);
    parameters.header_extensions.push(extension);
    parameters
}

//! What an attacker does changes nothing of what the others get of each other: not a byte, and not a
//! moment, compared with one who says as much that means nothing (`Manner::Calm`) or is not there at all
//! (`Manner::Silent`); and it makes no more work than what is sent.
//!
//! What may differ is said where it does: which of two who speak at the same moment comes first, by how
//! much of a gather a tick is later, and what is asked of a camera that the attacker watches.

mod churn;
mod heard;
mod lying_media;
mod outsider;
mod oversized;
mod spoofed;
mod taking_part;
mod windows;

use std::net::SocketAddr;
use std::time::Duration;

use flumen::components::wire::rtcp::{RtcpPacket, packets};
use flumen::components::wire::{PacketKind, classify};
use flumen::rtp_parameters::MediaKind;
use flumen::{ConsumerId, Stage};
use flumen_sim::{Audio, MessageReception, Messages, Noise, Peer, PeerId, Room, Video};

use self::heard::{Got, Heard, What, assert_same};

/// A call, and somebody with a transport of its own.
struct Call {
    room: Room,
    victims: [PeerId; VICTIMS],
    attacker: PeerId,
    noise: Noise,
    manner: Manner,
    heard: Heard,
    /// Datagrams that the attacker sent beside those of a true peer, and all that is named in them:
    /// packets, reports, numbers.
    items: u64,
}

/// What an attacker does of what it could do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Nothing.
    Silent,
    /// It says nothing that means anything, when and where it would.
    Calm,
    Attacks,
}

/// What came of a call.
struct Outcome {
    /// What each victim got of the others.
    got: [Vec<Got>; VICTIMS],
    /// Of all that each victim got.
    digests: [u64; VICTIMS],
    /// Of what the attacker got.
    answers: u64,
    /// Pictures that each victim saw of each other.
    pictures: Vec<u64>,
    /// Of messages.
    messages: Vec<MessageReception>,
    /// Datagrams that were sent to nobody who is in the room.
    elsewhere: u64,
    /// Rows that the stages handled.
    rows: u64,
    items: u64,
}

/// Those who are not to notice.
const VICTIMS: usize = 3;

const STEP: Duration = Duration::from_millis(5);
const STEPS: u32 = 1_000;

/// Rows of all stages that a datagram of an attacker, or what it names, may cost beyond those of a
/// datagram that means nothing: as many as coming, going on, and leaving. A packet that two others get
/// costs nine.
const ROWS_AN_ITEM: u64 = 4;

impl Call {
    /// With a deaf attacker.
    fn new(manner: Manner) -> Self {
        Self::with(manner, Peer::new().deaf())
    }

    fn with(manner: Manner, attacker: Peer) -> Self {
        Self::of(manner, victim(camera()), attacker)
    }

    fn of(manner: Manner, victim: Peer, attacker: Peer) -> Self {
        let mut room = Room::new(30);
        // A tick for each arrival, so that those of the attacker delay nobody's.
        room.set_gather(Duration::ZERO);
        let victims = [(); VICTIMS].map(|()| room.join(victim.clone()));
        let heard = Heard::of(consumers(&room, &victims), room.engine());
        room.check(heard.clone());
        let attacker = room.join(attacker);
        Self {
            room,
            victims,
            attacker,
            noise: Noise::new(5),
            manner,
            heard,
            items: 0,
        }
    }

    /// What comes of it when the attacker does `act` again and again.
    fn play(mut self, mut act: impl FnMut(&mut Self)) -> Outcome {
        for _ in 0..STEPS {
            self.room.run_for(STEP);
            act(&mut self);
        }
        let pictures = self.pictures();
        assert!(pictures.iter().all(|frames| *frames > 100), "{pictures:?}");
        let messages = self.messages();
        let came = |it: &MessageReception| it.messages > 100;
        assert!(messages.iter().all(came), "{messages:?}");
        let sent = self.room.engine().ledger().sent;
        let work = self.room.engine().work();
        let rows = Stage::IN_ORDER.iter().map(|&stage| work.total(stage).rows);
        Outcome {
            got: self.got(),
            digests: self.victims.map(|victim| self.room.digest_of(victim)),
            answers: self.room.digest_of(self.attacker),
            pictures,
            messages,
            elsewhere: sent - self.heard.datagrams(),
            rows: rows.sum(),
            items: self.items,
        }
    }

    fn pictures(&self) -> Vec<u64> {
        let pairs = pairs(&self.victims);
        pairs
            .map(|(to, from)| self.room.video(to, from).frames)
            .collect()
    }

    fn messages(&self) -> Vec<MessageReception> {
        let pairs = pairs(&self.victims);
        pairs
            .map(|(to, from)| self.room.messages(to, from))
            .collect()
    }

    /// What each victim got of the others.
    fn got(&self) -> [Vec<Got>; VICTIMS] {
        let mut all = self.heard.take();
        for (to, got) in self.victims.iter().zip(&mut all) {
            let streams: Vec<u16> = self
                .victims
                .iter()
                .filter_map(|from| {
                    let consumer = self.room.data_consumer(*to, *from)?;
                    let parameters = self.room.engine().data_consumer_parameters(consumer);
                    let stream = parameters.unwrap().sctp_stream_parameters;
                    Some(stream.unwrap().stream_id)
                })
                .collect();
            got.retain(|it| !matches!(it.what, What::Message(it) if !streams.contains(&it)));
        }
        all
    }

    /// Sends from the attacker's own transport.
    fn say(&mut self, datagram: &[u8]) {
        self.send(self.attacker.address(), self.attacker, datagram);
    }

    fn send(&mut self, source: SocketAddr, toward: PeerId, datagram: &[u8]) {
        let datagram = match self.manner {
            Manner::Silent => return,
            Manner::Calm => &[0xff],
            Manner::Attacks => datagram,
        };
        self.items += 1 + named(datagram);
        self.room.forge(source, toward, datagram);
    }

    fn victim(&mut self) -> PeerId {
        self.victims[self.noise.below(3) as usize]
    }

    /// The SSRC that somebody gets the video of a victim with.
    fn consumer_ssrc(&self, of: PeerId) -> u32 {
        let consumer = self.room.consumer(of, self.victims[1], MediaKind::Video);
        let consumer = consumer.unwrap();
        let parameters = self.room.engine().consumer_parameters(consumer).unwrap();
        parameters.encodings[0].ssrc.unwrap()
    }
}

fn camera() -> Video {
    Video::vp8().simulcast(2).temporal_layers(3)
}

fn victim(camera: Video) -> Peer {
    Peer::new()
        .audio(Audio::opus())
        .video(camera)
        .messages(Messages::every(Duration::from_millis(30), 500))
}

/// Each of these with each other.
fn pairs(peers: &[PeerId]) -> impl Iterator<Item = (PeerId, PeerId)> {
    let pairs = peers
        .iter()
        .flat_map(move |to| peers.iter().map(move |from| (*to, *from)));
    pairs.filter(|(to, from)| to != from)
}

/// How these get each other.
fn consumers(room: &Room, peers: &[PeerId]) -> Vec<ConsumerId> {
    let kinds = [MediaKind::Audio, MediaKind::Video];
    pairs(peers)
        .flat_map(|(to, from)| kinds.map(|kind| room.consumer(to, from, kind)))
        .flatten()
        .collect()
}

/// What a compound names: its packets, and what they report, ask for or tell of.
fn named(datagram: &[u8]) -> u64 {
    if classify(datagram) != Some(PacketKind::Rtcp) {
        return 0;
    }
    let named = packets(datagram).flatten().map(|packet| match packet {
        RtcpPacket::Nack(nack) => nack.sequence_numbers().count(),
        RtcpPacket::Fir(fir) => fir.entries().count(),
        RtcpPacket::ReceiverReport(report) => report.blocks().count(),
        RtcpPacket::TransportFeedback(feedback) => feedback.status_count.into(),
        _ => 0,
    });
    named.map(|named| 1 + named as u64).sum()
}

fn compare(calm: &Outcome, attacked: &Outcome) {
    assert_same(&calm.got, &attacked.got, Duration::ZERO);
    assert_eq!(attacked.digests, calm.digests);
    assert_eq!(attacked.messages, calm.messages);
    is_little_work(calm, attacked);
}

/// Asserts that an attacker makes little work, and that nobody else is answered.
fn is_little_work(calm: &Outcome, attacked: &Outcome) {
    assert_eq!([calm.elsewhere, attacked.elsewhere], [0, 0]);
    let most = calm.rows + ROWS_AN_ITEM * attacked.items;
    assert!(
        attacked.rows <= most,
        "{} rows, {} in peace, for {} items",
        attacked.rows,
        calm.rows,
        attacked.items
    );
}

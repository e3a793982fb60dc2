//! A peer at work: what it sends and gets, behind its link.

use std::net::SocketAddr;
use std::time::Duration;

use flumen::components::wire::classify::{PacketKind, classify};
use flumen::components::wire::rtcp::{RtcpPacket, packets};
use flumen::rtp_parameters::MediaKind;
use flumen::{Digest, ProducerId, Time, TransportId};

use crate::clock::Clock;
use crate::direction::Direction;
use crate::messenger::Messenger;
use crate::noise::Noise;
use crate::peer::{Media, Peer};
use crate::peer_id::PeerId;
use crate::receiving::Receiver;
use crate::sending::{Camera, Microphone, Out};
use crate::session::Session;

/// A peer in a room.
pub(crate) struct Station {
    pub(crate) id: PeerId,
    pub(crate) peer: Peer,
    pub(crate) transport: TransportId,
    /// Where the engine is reached.
    pub(crate) server: SocketAddr,
    pub(crate) up: Direction,
    pub(crate) down: Direction,
    pub(crate) producers: Vec<ProducerId>,
    pub(crate) sources: Vec<Source>,
    pub(crate) receiver: Receiver,
    pub(crate) messenger: Option<Messenger>,
    /// What protects all that, if anything does.
    pub(crate) session: Option<Session>,
    pub(crate) has_left: bool,
    /// Of what the engine sent to it.
    pub(crate) digest: Digest,
    /// It has nothing to do before.
    pub(crate) due: Time,
    clock: Clock,
    noise: Noise,
    next_report: Time,
}

/// What sends a medium.
#[derive(Clone)]
pub(crate) enum Source {
    Microphone(Microphone),
    Camera(Box<Camera>),
}

/// On average between two receiver reports.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

impl Station {
    pub(crate) fn new(
        id: PeerId,
        peer: Peer,
        (transport, server): (TransportId, SocketAddr),
        seed: u64,
        now: Time,
    ) -> Self {
        let noise = |purpose| Noise::of(seed, id.0 as u64, purpose);
        let clock = Clock {
            drift_ppm: peer.drift_ppm,
        };
        let begin = clock.local(now);
        let source = |(index, media): (usize, &Media)| {
            let noise = noise(16 + index as u64);
            match *media {
                Media::Audio(audio) => {
                    Source::Microphone(Microphone::new(audio, id.ssrc(index), noise, begin))
                }
                Media::Video(video) => {
                    Source::Camera(Box::new(Camera::new(video, id.ssrc(index), noise, begin)))
                }
            }
        };
        Self {
            id,
            transport,
            server,
            up: Direction::new(peer.up, noise(1)),
            down: Direction::new(peer.down, noise(2)),
            producers: Vec::new(),
            sources: peer.media.iter().enumerate().map(source).collect(),
            receiver: Receiver::new(peer.repair, peer.feedback, id.reporter()),
            messenger: None,
            session: None,
            has_left: false,
            digest: Digest::default(),
            due: now,
            clock,
            noise: noise(3),
            next_report: now + REPORT_INTERVAL,
            peer,
        }
    }

    /// The same peer in a fork of its room.
    pub(crate) fn fork(&self, now: Time) -> Self {
        Self {
            id: self.id,
            peer: self.peer.clone(),
            transport: self.transport,
            server: self.server,
            up: self.up.clone(),
            down: self.down.clone(),
            producers: self.producers.clone(),
            sources: self.sources.clone(),
            receiver: self.receiver.clone(),
            messenger: self.messenger.as_ref().map(Messenger::fork),
            session: self.session.as_ref().map(|session| session.fork(now)),
            has_left: self.has_left,
            digest: self.digest.clone(),
            due: self.due,
            clock: self.clock,
            noise: self.noise.clone(),
            next_report: self.next_report,
        }
    }

    /// Which kind of medium a producer of it is.
    pub(crate) fn kind_of(&self, index: usize) -> MediaKind {
        match self.peer.media[index] {
            Media::Audio(_) => MediaKind::Audio,
            Media::Video(_) => MediaKind::Video,
        }
    }

    /// Takes in a datagram, which may have come before when the link doubled it. What it can make
    /// nothing of is an error.
    pub(crate) fn receive(
        &mut self,
        now: Time,
        (datagram, is_double): (&[u8], bool),
        out: &mut Out,
    ) -> Result<(), String> {
        if self.has_left {
            return Ok(());
        }
        let Some(mut session) = self.session.take() else {
            return self.take_in(now, datagram, out);
        };
        let opened = session.receive(now, (datagram, is_double), out);
        if opened.is_new {
            self.begin(now);
        }
        let mut plain = Out::new();
        let mut inner = opened.inner.iter();
        let taken = inner.try_for_each(|inner| self.take_in(now, inner, &mut plain));
        session.seal(now, plain, out);
        self.due = self.due.min(session.due());
        self.session = Some(session);
        opened.error.map_or(taken, Err)
    }

    /// From now on it sends: it has found its way in.
    fn begin(&mut self, now: Time) {
        let local = self.clock.local(now);
        for source in &mut self.sources {
            match source {
                Source::Microphone(microphone) => microphone.hold(local),
                Source::Camera(camera) => camera.hold(local),
            }
        }
        if let Some(messenger) = &mut self.messenger {
            messenger.connect(now);
        }
        self.due = now;
    }

    fn take_in(&mut self, now: Time, datagram: &[u8], out: &mut Out) -> Result<(), String> {
        let due = match classify(datagram) {
            Some(PacketKind::Rtp) => self.receiver.take(now, datagram, self.clock)?,
            Some(PacketKind::Rtcp) => {
                self.hear(now, datagram, out)?;
                None
            }
            _ => self.messenger.as_mut().and_then(|messenger| {
                messenger.receive(now, datagram, out);
                messenger.due()
            }),
        };
        self.due = due.map_or(self.due, |due| due.min(self.due));
        Ok(())
    }

    fn hear(&mut self, now: Time, datagram: &[u8], out: &mut Out) -> Result<(), String> {
        for packet in packets(datagram) {
            let packet = packet.map_err(|_| "malformed RTCP")?;
            if let RtcpPacket::SenderReport(report) = packet {
                self.receiver.hear(&report.info, now);
            }
            for source in &mut self.sources {
                if let Source::Camera(camera) = source {
                    camera.hear(&packet, (now, self.clock), out);
                }
            }
        }
        Ok(())
    }

    /// Does what is due at `now`.
    pub(crate) fn act(&mut self, now: Time, out: &mut Out) {
        if self.has_left {
            self.due = Time::from_nanos(u64::MAX);
            return;
        }
        let Some(mut session) = self.session.take() else {
            self.speak(now, out);
            self.due = self.next_due().max(now);
            return;
        };
        session.act(now, out);
        if session.is_open() {
            let mut plain = Out::new();
            self.speak(now, &mut plain);
            session.seal(now, plain, out);
            self.due = self.next_due().min(session.due()).max(now);
        } else {
            self.due = session.due().max(now);
        }
        self.session = Some(session);
    }

    /// Sends what is due, as it is before it is protected.
    fn speak(&mut self, now: Time, out: &mut Out) {
        for source in &mut self.sources {
            match source {
                Source::Microphone(microphone) => microphone.act(now, self.clock, out),
                Source::Camera(camera) => camera.act(now, self.clock, out),
            }
        }
        self.report(now, out);
        if let Some(messenger) = &mut self.messenger {
            messenger.act(now, out);
        }
    }

    /// What it says of what it gets, in one datagram.
    fn report(&mut self, now: Time, out: &mut Out) {
        let mut bytes = Vec::new();
        if self.next_report <= now {
            self.receiver.write_reports(now, &mut bytes);
            // RFC 3550 section 6.2: from half to one and a half of the interval.
            let span = REPORT_INTERVAL.as_nanos() as u64;
            let span = span / 2 + self.noise.below(span);
            self.next_report = now + Duration::from_nanos(span);
        }
        self.receiver.act(now, self.clock, &mut bytes);
        if !bytes.is_empty() {
            out.push(bytes.into());
        }
    }

    fn next_due(&self) -> Time {
        let sources = self.sources.iter().map(|source| match source {
            Source::Microphone(microphone) => microphone.due(self.clock),
            Source::Camera(camera) => camera.due(self.clock),
        });
        let messages = self.messenger.as_ref().and_then(Messenger::due);
        let reports = [self.next_report, self.receiver.due()];
        let due = sources.chain(messages).chain(reports).min();
        due.unwrap_or(self.next_report)
    }
}

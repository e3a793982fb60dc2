//! A peer at work: what it sends and gets, behind its link.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use flumen::components::wire::classify::{PacketKind, classify};
use flumen::components::wire::rtcp::{ReportBlock, RtcpPacket, packets, write_receiver_report};
use flumen::components::wire::rtp::RtpHeader;
use flumen::rtp_parameters::{MediaKind, RtpParameters};
use flumen::{ConsumerId, Digest, ProducerId, Time, TransportId};

use crate::clock::Clock;
use crate::direction::Direction;
use crate::messenger::Messenger;
use crate::noise::Noise;
use crate::peer::{Media, Peer};
use crate::peer_id::PeerId;
use crate::receiving::{Arrivals, Sound, View};
use crate::sending::{Camera, Microphone, Out};
use crate::session::Session;
use crate::video::Video;

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
    pub(crate) sounds: Vec<Sound>,
    pub(crate) views: Vec<View>,
    pub(crate) messenger: Option<Messenger>,
    /// What protects all that, if anything does.
    pub(crate) session: Option<Session>,
    pub(crate) has_left: bool,
    /// Of what the engine sent to it.
    pub(crate) digest: Digest,
    /// It has nothing to do before.
    pub(crate) due: Time,
    sinks: BTreeMap<u32, Sink>,
    wide: Option<u8>,
    arrivals: Arrivals,
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

/// What an SSRC that comes is of.
#[derive(Clone, Copy, Debug)]
enum Sink {
    Sound(usize),
    View(usize),
    /// What was sent again of it.
    Again(usize),
}

/// On average between two receiver reports.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Blocks of one report, RFC 3550 section 6.4.2.
const BLOCKS_MAX: usize = 31;

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
            sounds: Vec::new(),
            views: Vec::new(),
            messenger: None,
            session: None,
            has_left: false,
            digest: Digest::default(),
            due: now,
            sinks: BTreeMap::new(),
            wide: None,
            arrivals: Arrivals::new(peer.feedback, id.reporter()),
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
            sounds: self.sounds.clone(),
            views: self.views.clone(),
            messenger: self.messenger.as_ref().map(Messenger::fork),
            session: self.session.as_ref().map(|session| session.fork(now)),
            has_left: self.has_left,
            digest: self.digest.clone(),
            due: self.due,
            sinks: self.sinks.clone(),
            wide: self.wide,
            arrivals: self.arrivals.clone(),
            clock: self.clock,
            noise: self.noise.clone(),
            next_report: self.next_report,
        }
    }

    /// It is to get a producer as `consumer`, with these parameters.
    pub(crate) fn listen(
        &mut self,
        ids: (ProducerId, ConsumerId),
        parameters: &RtpParameters,
        media: &Media,
    ) {
        let Some(encoding) = parameters.encodings.first() else {
            return;
        };
        let Some(ssrc) = encoding.ssrc else { return };
        let rtx = encoding.rtx.as_ref().map(|rtx| rtx.ssrc);
        let is_wide = |uri: &str| uri.contains("transport-wide");
        let extensions = &parameters.header_extensions;
        let wide = extensions.iter().find(|extension| is_wide(&extension.uri));
        self.wide = wide.map(|extension| extension.id).or(self.wide);
        match media {
            Media::Audio(_) => {
                self.sinks.insert(ssrc, Sink::Sound(self.sounds.len()));
                self.sounds.push(Sound::new(ids, ssrc));
            }
            Media::Video(video) => self.watch(ids, (ssrc, rtx), video),
        }
    }

    fn watch(&mut self, ids: (ProducerId, ConsumerId), ssrcs: (u32, Option<u32>), video: &Video) {
        let index = self.views.len();
        self.sinks.insert(ssrcs.0, Sink::View(index));
        if let Some(rtx) = ssrcs.1 {
            self.sinks.insert(rtx, Sink::Again(index));
        }
        self.views
            .push(View::new(ids, ssrcs, self.peer.repair, video));
    }

    /// Which kind of medium a producer of it is.
    pub(crate) fn kind_of(&self, index: usize) -> MediaKind {
        match self.peer.media[index] {
            Media::Audio(_) => MediaKind::Audio,
            Media::Video(_) => MediaKind::Video,
        }
    }

    /// Takes in a datagram.
    pub(crate) fn receive(&mut self, now: Time, datagram: &[u8], out: &mut Out) {
        if self.has_left {
            return;
        }
        let Some(mut session) = self.session.take() else {
            return self.take_in(now, datagram, out);
        };
        let opened = session.receive(now, datagram, out);
        if opened.is_new {
            self.begin(now);
        }
        let mut plain = Out::new();
        for inner in opened.inner {
            self.take_in(now, &inner, &mut plain);
        }
        session.seal(now, plain, out);
        self.due = self.due.min(session.due());
        self.session = Some(session);
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

    fn take_in(&mut self, now: Time, datagram: &[u8], out: &mut Out) {
        match classify(datagram) {
            Some(PacketKind::Rtp) => self.take(now, datagram),
            Some(PacketKind::Rtcp) => self.hear(now, datagram, out),
            _ => {
                if let Some(messenger) = &mut self.messenger {
                    messenger.receive(now, datagram, out);
                    self.due = messenger.due().map_or(self.due, |due| due.min(self.due));
                }
            }
        }
    }

    fn take(&mut self, now: Time, datagram: &[u8]) {
        let Ok(header) = RtpHeader::parse(datagram) else {
            return;
        };
        let wide = self.wide.and_then(|id| header.extension(datagram, id));
        let wide = wide
            .and_then(<[u8]>::first_chunk)
            .map(|wide| u16::from_be_bytes(*wide));
        let local = self.clock.local(now);
        self.arrivals.take(wide, datagram.len(), local);
        let payload = header.payload(datagram);
        let due = match self.sinks.get(&header.ssrc) {
            Some(&Sink::Sound(index)) => {
                let sound = &mut self.sounds[index];
                sound.got.bytes += datagram.len() as u64;
                let (number, timestamp) = (header.sequence_number, header.timestamp);
                sound.take(number, timestamp, payload, now, self.clock);
                None
            }
            Some(&Sink::View(index)) => {
                let view = &mut self.views[index];
                view.got.bytes += datagram.len() as u64;
                view.take(&header, payload, now, self.clock);
                view.due()
            }
            Some(&Sink::Again(index)) => {
                let view = &mut self.views[index];
                view.got.bytes += datagram.len() as u64;
                view.take_again(header.marker, payload, now);
                view.due()
            }
            None => None,
        };
        self.due = due.map_or(self.due, |due| due.min(self.due));
    }

    fn hear(&mut self, now: Time, datagram: &[u8], out: &mut Out) {
        for packet in packets(datagram).flatten() {
            if let RtcpPacket::SenderReport(report) = packet {
                let info = &report.info;
                let of = |ssrc: u32| ssrc == info.ssrc;
                let views = self.views.iter_mut().map(|view| &mut view.stream);
                let sounds = self.sounds.iter_mut().map(|sound| &mut sound.stream);
                let stream = views.chain(sounds).find(|stream| of(stream.ssrc));
                if let Some(stream) = stream {
                    stream.hear(info, now);
                }
            }
            for source in &mut self.sources {
                if let Source::Camera(camera) = source {
                    camera.hear(&packet, (now, self.clock), out);
                }
            }
        }
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
        let (mut bytes, reporter) = (Vec::new(), self.id.reporter());
        if self.next_report <= now {
            self.write_reports(now, &mut bytes);
            // RFC 3550 section 6.2: from half to one and a half of the interval.
            let span = REPORT_INTERVAL.as_nanos() as u64;
            let span = span / 2 + self.noise.below(span);
            self.next_report = now + Duration::from_nanos(span);
        }
        if self.arrivals.due <= now {
            let ssrcs: Vec<u32> = self.views.iter().map(|view| view.stream.ssrc).collect();
            let local = self.clock.local(now);
            self.arrivals.act(now, local, &ssrcs, &mut bytes);
        }
        for view in &mut self.views {
            view.act(now, reporter, &mut bytes);
        }
        if !bytes.is_empty() {
            out.push(bytes.into());
        }
    }

    fn write_reports(&mut self, now: Time, bytes: &mut Vec<u8>) {
        let views = self.views.iter_mut().map(|view| &mut view.stream);
        let sounds = self.sounds.iter_mut().map(|sound| &mut sound.stream);
        let blocks = views.chain(sounds).filter_map(|stream| stream.block(now));
        let blocks: Vec<ReportBlock> = blocks.collect();
        for blocks in blocks.chunks(BLOCKS_MAX) {
            write_receiver_report(bytes, self.id.reporter(), blocks);
        }
    }

    fn next_due(&self) -> Time {
        let sources = self.sources.iter().map(|source| match source {
            Source::Microphone(microphone) => microphone.due(self.clock),
            Source::Camera(camera) => camera.due(self.clock),
        });
        let views = self.views.iter().filter_map(View::due);
        let messages = self.messenger.as_ref().and_then(Messenger::due);
        let due = sources.chain(views).chain(messages);
        let reports = [self.next_report, self.arrivals.due];
        due.chain(reports).min().unwrap_or(self.next_report)
    }

    /// A consumer of it is closed.
    pub(crate) fn forget(&mut self, consumer: ConsumerId) {
        let sound = self.sounds.iter().find(|sound| sound.consumer == consumer);
        let view = self.views.iter().find(|view| view.consumer == consumer);
        let ssrc = sound.map(|sound| sound.stream.ssrc);
        let ssrc = ssrc.or(view.map(|view| view.stream.ssrc));
        let again = view.and_then(|view| view.rtx_ssrc);
        for ssrc in ssrc.into_iter().chain(again) {
            self.sinks.remove(&ssrc);
        }
    }
}

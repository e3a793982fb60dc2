//! Who is in a room.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use flumen::components::{Consumer, Generator, PausedByOwner, find};
use flumen::rtp_parameters::MediaKind;
use flumen::{
    ConnectOptions, ConsumerId, ConsumerOptions, DataConsumerOptions, DataProducerOptions, Event,
    Listen, ListenInfo, PlainTransportOptions, ProducerOptions, SctpOptions, SctpState,
    SctpStreamParameters, Subject, TransportId, WebRtcListen, WebRtcTransportOptions,
};

use super::{Room, engine_seed};
use crate::messenger::{MessageReception, Messenger, STREAM, Source};
use crate::parameters;
use crate::peer::{Media, Peer, Repair};
use crate::peer_id::PeerId;
use crate::session::Session;
use crate::station::Station;

/// Where the engine is.
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

impl Room {
    /// Lets a peer join: from now on it sends, and everybody who listens gets it; it gets all
    /// others.
    ///
    /// # Panics
    ///
    /// When the engine refuses one of the things that belong to it, which only limits of one's own
    /// can bring about.
    pub fn join(&mut self, peer: Peer) -> PeerId {
        let id = PeerId(self.stations.len());
        let (transport, server) = self.connect(id, &peer);
        let mut station = Station::new(id, peer, (transport, server), self.seed, self.now);
        if let Some(messages) = station.peer.messages {
            station.messenger = Some(Messenger::new(messages, self.generator(id, 0x5c7b)));
        }
        if station.peer.webrtc {
            station.session = Some(self.invite(id, transport));
        } else if let Some(messenger) = &mut station.messenger {
            messenger.connect(self.now);
        }
        for (index, media) in station.peer.media.clone().iter().enumerate() {
            let kind = station.kind_of(index);
            let parameters = match media {
                Media::Audio(_) => parameters::audio(id.ssrc(index)),
                Media::Video(video) => parameters::video(video, id.ssrc(index)),
            };
            let produced = self
                .engine
                .produce(transport, ProducerOptions::new(kind, parameters));
            station.producers.push(produced.expect("it can produce"));
        }
        self.stations.push(station);
        for other in (0..id.0).map(PeerId) {
            self.introduce(other, id);
            self.introduce(id, other);
        }
        id
    }

    fn connect(&mut self, id: PeerId, peer: &Peer) -> (TransportId, SocketAddr) {
        let (transport, server) = match peer.webrtc {
            true => self.open_webrtc(peer),
            false => self.open_plain(id, peer),
        };
        let entity = find(self.engine.world(), transport).expect("it is open");
        self.checks.streams.reach(id.address(), entity);
        (transport, server)
    }

    fn open_webrtc(&mut self, peer: &Peer) -> (TransportId, SocketAddr) {
        let listen = WebRtcListen::Own(vec![ListenInfo::new(SERVER)]);
        let options = WebRtcTransportOptions {
            sctp: peer.messages.map(|_| SctpOptions::default()),
            ..WebRtcTransportOptions::new(listen)
        };
        let transport = self.engine.create_webrtc_transport(self.router, options);
        let transport = transport.expect("a port is free");
        let candidates = self.engine.ice_candidates(transport);
        let port = candidates.expect("it is open")[0].port;
        (transport, SocketAddr::new(SERVER, port))
    }

    /// Signalling: both sides are told of each other.
    fn invite(&mut self, id: PeerId, transport: TransportId) -> Session {
        let ice = self.engine.ice_parameters(transport).expect("it is open");
        let dtls = self.engine.dtls_parameters(transport).expect("it is open");
        let generators = [0xd715, 0x1ce].map(|purpose| self.generator(id, purpose));
        let session = Session::new(&ice, &dtls, generators, self.now);
        let told = session.dtls_parameters();
        let connected = self.engine.connect_webrtc(transport, &told);
        connected.expect("its fingerprints are valid");
        session
    }

    /// What a peer draws from for a purpose.
    fn generator(&self, id: PeerId, purpose: u64) -> Generator {
        Generator::new(engine_seed(self.seed ^ purpose), id.0 as u64)
    }

    fn open_plain(&mut self, id: PeerId, peer: &Peer) -> (TransportId, SocketAddr) {
        let options = PlainTransportOptions {
            sctp: peer.messages.map(|_| SctpOptions::default()),
            ..PlainTransportOptions::new(Listen::Own(ListenInfo::new(SERVER)))
        };
        let transport = self.engine.create_plain_transport(self.router, options);
        let transport = transport.expect("a port is free");
        let address = id.address();
        let to = ConnectOptions {
            ip: Some(address.ip()),
            port: Some(address.port()),
            ..ConnectOptions::default()
        };
        self.engine.connect(transport, &to).expect("it connects");
        let tuple = self.engine.tuple(transport).expect("it is open");
        let port = tuple.expect("it is connected").local_port;
        (transport, SocketAddr::new(SERVER, port))
    }

    /// Lets `listener` get what `speaker` sends.
    fn introduce(&mut self, listener: PeerId, speaker: PeerId) {
        let (to, from) = (&self.stations[listener.0], &self.stations[speaker.0]);
        if !to.peer.listens || to.has_left || from.has_left {
            return;
        }
        let all = self.engine.rtp_capabilities(self.router);
        let all = all.expect("the router is open").clone();
        let capabilities = parameters::capabilities(all, to.peer.repair, to.peer.feedback);
        let media = from.peer.media.iter().copied();
        let media: Vec<_> = media.zip(from.producers.iter().copied()).collect();
        for (media, producer) in media {
            let to = &mut self.stations[listener.0];
            let options = ConsumerOptions {
                // By default sound is not sent again.
                enable_rtx: (to.peer.repair == Repair::SameStream).then_some(true),
                ..ConsumerOptions::new(producer, capabilities.clone())
            };
            let consumer = self.engine.consume(to.transport, options);
            let consumer = consumer.expect("it can be consumed");
            let parameters = self.engine.consumer_parameters(consumer);
            let parameters = parameters.expect("it is open");
            to.receiver
                .listen((producer, consumer), &parameters, (&media, self.now));
            self.follow_pause(listener, consumer);
        }
    }

    /// Lets a peer leave: its transport closes, with everything on it.
    ///
    /// What it got, and what others got of it, can still be asked for.
    pub fn leave(&mut self, peer: PeerId) {
        let station = &mut self.stations[peer.0];
        if std::mem::replace(&mut station.has_left, true) {
            return;
        }
        station.receiver.end(self.now);
        // It may be closed already, by the application.
        let _ = self.engine.close_transport(station.transport);
        let producers = station.producers.clone();
        for station in &mut self.stations {
            let all = station.receiver.consumers();
            let gone = all.filter(|it| producers.contains(&it.0));
            let gone: Vec<_> = gone.map(|(_, consumer)| consumer).collect();
            gone.into_iter()
                .for_each(|consumer| station.receiver.forget(consumer, self.now));
        }
    }

    /// Lets everybody leave, and checks that nothing is left of them.
    ///
    /// # Panics
    ///
    /// When there is.
    pub fn close(mut self) {
        if let Err(broken) = self.try_close() {
            panic!("{broken}");
        }
    }

    /// The same, and tells instead of panicking.
    ///
    /// # Errors
    ///
    /// What is left, or the rule that was broken before.
    pub fn try_close(&mut self) -> Result<(), crate::Broken> {
        for peer in 0..self.stations.len() {
            self.leave(PeerId(peer));
        }
        self.settle();
        self.verdict()?;
        let entities = self.engine.world().entities().count_spawned();
        let check = crate::checks::baseline(self.baseline, entities);
        check.map_err(|what| self.broken_by("baseline", what))
    }

    /// An association of a peer is connected: messages flow between it and all others.
    pub(super) fn hear_of_association(&mut self, event: &Event) {
        let Event::SctpStateChanged(changed) = event else {
            return;
        };
        let is_it = |station: &Station| Subject::Transport(station.transport) == changed.subject;
        let Some(index) = self.stations.iter().position(is_it) else {
            return;
        };
        if changed.state != SctpState::Connected || self.stations[index].has_left {
            return;
        }
        self.open_messages(PeerId(index));
        for other in (0..self.stations.len()).filter(|other| *other != index) {
            self.pass_messages(PeerId(index), PeerId(other));
            self.pass_messages(PeerId(other), PeerId(index));
        }
    }

    /// What the application has a peer consume by itself comes to that peer, which makes nothing of it.
    pub(super) fn hear_of_consumer(&mut self, event: &Event) {
        let (Event::ConsumerCreated(created), Subject::Transport(transport)) =
            (event, event.subject())
        else {
            return;
        };
        let Ok(parameters) = self.engine.consumer_parameters(created.consumer) else {
            return;
        };
        let encodings = parameters.encodings.iter();
        let ssrcs = encodings.flat_map(|one| [one.ssrc, one.rtx.map(|rtx| rtx.ssrc)]);
        let its = |station: &&mut Station| station.transport == transport;
        if let Some(station) = self.stations.iter_mut().find(its) {
            ssrcs
                .flatten()
                .for_each(|ssrc| station.receiver.pass_over(ssrc));
        }
    }

    /// A consumer is paused or goes on: whoever gets it waits no longer for it, or does again.
    pub(super) fn hear_of_pause(&mut self, event: &Event) {
        let is_it = matches!(
            event,
            Event::Paused(_)
                | Event::Resumed(_)
                | Event::ProducerPaused(_)
                | Event::ProducerResumed(_)
        );
        if let (Subject::Consumer(consumer), true) = (event.subject(), is_it) {
            (0..self.stations.len()).for_each(|peer| self.follow_pause(PeerId(peer), consumer));
        }
    }

    fn follow_pause(&mut self, listener: PeerId, consumer: ConsumerId) {
        let world = self.engine.world();
        let Ok(entity) = find(world, consumer) else {
            return;
        };
        let is_paused = world.get::<PausedByOwner>(entity).is_some_and(|it| it.0);
        let its = world.get::<Consumer>(entity);
        let is_silent = its.is_some_and(|consumer| consumer.producer_paused);
        if let Some(view) = self.stations[listener.0].receiver.view(consumer) {
            view.set_paused(is_paused || is_silent, self.now);
        }
    }

    fn open_messages(&mut self, peer: PeerId) {
        let station = &mut self.stations[peer.0];
        let Some(messenger) = &mut station.messenger else {
            return;
        };
        if messenger.producer.is_some() {
            return;
        }
        let options = DataProducerOptions {
            sctp_stream_parameters: Some(stream_parameters(&station.peer)),
            ..DataProducerOptions::default()
        };
        let producer = self.engine.produce_data(station.transport, options);
        messenger.producer = Some(producer.expect("the stream is free"));
    }

    fn pass_messages(&mut self, from: PeerId, to: PeerId) {
        let source = &self.stations[from.0];
        let messenger = source.messenger.as_ref().filter(|_| !source.has_left);
        let Some(producer) = messenger.and_then(|messenger| messenger.producer) else {
            return;
        };
        let station = &mut self.stations[to.0];
        let Some(messenger) = &mut station.messenger else {
            return;
        };
        let is_known = messenger.sources.values().any(|source| source.from == from);
        if messenger.producer.is_none() || is_known || !station.peer.listens || station.has_left {
            return;
        }
        let options = DataConsumerOptions::new(producer);
        let consumer = self.engine.consume_data(station.transport, options);
        let consumer = consumer.expect("a stream is free");
        let parameters = self.engine.data_consumer_parameters(consumer);
        let stream = parameters.expect("it is open").sctp_stream_parameters;
        let source = Source {
            from,
            consumer,
            got: MessageReception::default(),
        };
        let stream = stream.expect("it is of SCTP").stream_id;
        messenger.sources.insert(stream, source);
    }
}

fn stream_parameters(peer: &Peer) -> SctpStreamParameters {
    let is_reliable = peer.messages.is_none_or(|messages| messages.reliable);
    SctpStreamParameters {
        ordered: Some(is_reliable),
        max_retransmits: (!is_reliable).then_some(0),
        ..SctpStreamParameters::new(STREAM)
    }
}

/// The index of the first medium of a kind.
pub(super) fn medium_of(peer: &Peer, kind: MediaKind) -> Option<usize> {
    let is_it = |media: &Media| match media {
        Media::Audio(_) => kind == MediaKind::Audio,
        Media::Video(_) => kind == MediaKind::Video,
    };
    peer.media.iter().position(is_it)
}

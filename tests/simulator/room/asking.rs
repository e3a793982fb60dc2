//! What can be asked of a room, and done to it.

use flumen::rtp_parameters::MediaKind;
use flumen::{ConsumerId, DataConsumerId, Engine, Event, ProducerId, RouterId, Time, TransportId};

use super::Room;
use super::joining::medium_of;
use crate::direction::Crossing;
use crate::link::Link;
use crate::messenger::MessageReception;
use crate::peer_id::PeerId;
use crate::receiving::{AudioReception, VideoReception};
use crate::sending::VideoSent;
use crate::station::{Source, Station};

impl Room {
    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The engine, to do what an application does: pause, close, set preferred layers ... Time is the
    /// room's to pass, and so are events to be drained: those are had by
    /// [`take_events`](Self::take_events).
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// The router that everybody is on.
    pub fn router(&self) -> RouterId {
        self.router
    }

    /// What time it is.
    pub fn now(&self) -> Time {
        self.now
    }

    /// What everything is drawn from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Takes the events since the last call, each with its time; of more than 65,536 the oldest are
    /// gone.
    pub fn take_events(&mut self) -> Vec<(Time, Event)> {
        self.events.drain(..).collect()
    }

    /// A hash of everything that the engine has sent so far, with its destination and time: the same
    /// for the same seed on every machine. Of what is inside DTLS it has when it was sent, as two
    /// handshakes have no key in common.
    pub fn digest(&self) -> u64 {
        self.digest.finish()
    }

    /// The same of what the engine has sent to one peer.
    pub fn digest_of(&self, peer: PeerId) -> u64 {
        self.stations[peer.0].digest.finish()
    }

    /// The shortest span between two ticks that arrivals cause, as
    /// [`Builder::gather`](flumen::Builder::gather) has it for the run loop. Default 250 µs.
    pub fn set_gather(&mut self, span: std::time::Duration) {
        self.gather = span;
    }

    /// Datagrams that are on their way.
    pub fn under_way(&self) -> usize {
        self.network.len()
    }

    /// The transport of a peer.
    pub fn transport(&self, peer: PeerId) -> TransportId {
        self.stations[peer.0].transport
    }

    /// The first producer of a peer of a kind.
    pub fn producer(&self, peer: PeerId, kind: MediaKind) -> Option<ProducerId> {
        let station = &self.stations[peer.0];
        medium_of(&station.peer, kind).map(|index| station.producers[index])
    }

    /// How `listener` gets the first producer of `speaker` of a kind.
    pub fn consumer(
        &self,
        listener: PeerId,
        speaker: PeerId,
        kind: MediaKind,
    ) -> Option<ConsumerId> {
        let producer = self.producer(speaker, kind)?;
        let mut all = self.stations[listener.0].receiver.consumers();
        let found = all.find(|it| it.0 == producer);
        found.map(|(_, consumer)| consumer)
    }

    /// What `listener` got of the sound of `speaker`.
    ///
    /// # Panics
    ///
    /// When it does not listen to it.
    pub fn audio(&self, listener: PeerId, speaker: PeerId) -> AudioReception {
        let producer = self.producer(speaker, MediaKind::Audio);
        let sounds = &self.stations[listener.0].receiver.sounds;
        let sound = sounds.iter().find(|sound| Some(sound.producer) == producer);
        sound
            .unwrap_or_else(|| panic!("{listener} does not hear {speaker}"))
            .got
    }

    /// What `viewer` got of the video of `speaker` until now.
    ///
    /// # Panics
    ///
    /// When it does not watch it.
    pub fn video(&self, viewer: PeerId, speaker: PeerId) -> VideoReception {
        let producer = self.producer(speaker, MediaKind::Video);
        let views = &self.stations[viewer.0].receiver.views;
        let view = views.iter().find(|view| Some(view.producer) == producer);
        match view {
            Some(view) => view.got_by(self.now),
            None => panic!("{viewer} does not watch {speaker}"),
        }
    }

    /// What `to` got of the messages of `from`; nothing as long as one of their associations is not
    /// connected.
    pub fn messages(&self, to: PeerId, from: PeerId) -> MessageReception {
        let messenger = self.stations[to.0].messenger.as_ref();
        let mut sources = messenger.into_iter().flat_map(|it| it.sources.values());
        let source = sources.find(|source| source.from == from);
        source.map_or_else(MessageReception::default, |source| source.got)
    }

    /// How `to` gets the messages of `from`, once both of their associations are connected.
    pub fn data_consumer(&self, to: PeerId, from: PeerId) -> Option<DataConsumerId> {
        let messenger = self.stations[to.0].messenger.as_ref()?;
        let source = messenger.sources.values().find(|it| it.from == from);
        source.map(|source| source.consumer)
    }

    /// How many messages a peer has sent.
    pub fn messages_sent(&self, peer: PeerId) -> u64 {
        let messenger = self.stations[peer.0].messenger.as_ref();
        messenger.map_or(0, |messenger| messenger.sent)
    }

    /// How many packets of sound a peer has sent.
    pub fn audio_sent(&self, peer: PeerId) -> u64 {
        let sent = |source: &Source| match source {
            Source::Microphone(microphone) => Some(u64::from(microphone.sent)),
            Source::Camera(_) => None,
        };
        self.stations[peer.0].sources.iter().filter_map(sent).sum()
    }

    /// What the first video of a peer has sent, if it has one.
    pub fn video_sent(&self, peer: PeerId) -> Option<VideoSent> {
        let sent = |source: &Source| match source {
            Source::Camera(camera) => Some(camera.sent),
            Source::Microphone(_) => None,
        };
        self.stations[peer.0].sources.iter().find_map(sent)
    }

    /// What became of the datagrams of a peer: towards the engine, and from it.
    pub fn crossing(&self, peer: PeerId) -> [Crossing; 2] {
        let station = &self.stations[peer.0];
        [station.up.crossing, station.down.crossing]
    }

    /// How loud the sound of a peer is from here on, as [`Audio::level`](crate::Audio::level) has it.
    pub fn set_level(&mut self, peer: PeerId, level: u8) {
        for source in &mut self.stations[peer.0].sources {
            if let Source::Microphone(microphone) = source {
                microphone.set_level(level);
            }
        }
    }

    /// Puts a peer behind another link, in both directions. What is on its way stays so.
    pub fn set_link(&mut self, peer: PeerId, link: Link) {
        self.set_up(peer, link);
        self.set_down(peer, link);
    }

    /// Changes the link of a peer to the engine.
    pub fn set_up(&mut self, peer: PeerId, link: Link) {
        self.stations[peer.0].up.link = link;
    }

    /// Changes the link of a peer from the engine.
    pub fn set_down(&mut self, peer: PeerId, link: Link) {
        self.stations[peer.0].down.link = link;
    }

    /// Cuts the link of a peer in both directions: nothing passes until it is [healed](Self::heal).
    pub fn cut(&mut self, peer: PeerId) {
        self.set_cut(peer, true);
    }

    /// Joins the link of a peer again.
    pub fn heal(&mut self, peer: PeerId) {
        self.set_cut(peer, false);
    }

    fn set_cut(&mut self, peer: PeerId, is_cut: bool) {
        let Station { up, down, .. } = &mut self.stations[peer.0];
        up.is_cut = is_cut;
        down.is_cut = is_cut;
    }
}

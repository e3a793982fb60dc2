//! What the application keeps beside the engine: the rooms, and where everything is.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use flumen::components::Subject;
use flumen::{
    ConsumerId, ConsumerOptions, DataConsumerId, DataConsumerOptions, DataProducerId,
    DataProducerOptions, DtlsState, Engine, Event, IceState, ProducerId, ProducerOptions,
    SctpOptions, Time, TransportId,
};
use hyper::StatusCode;

use crate::codecs;
use crate::failure::Refusal;
use crate::limits::Limits;
use crate::media::Media;
use crate::news::News;
use crate::room::{Publisher, Room};
use crate::sessions::Sessions;

/// How many characters the name of a room, or of somebody in it, may have.
const NAME_MAX: usize = 64;

/// For so long somebody who has lost the way may come back.
const LOST_MAX: Duration = Duration::from_secs(15);

/// All that the application keeps. It is changed on the engine's thread alone.
pub(crate) struct House {
    limits: Limits,
    rooms: BTreeMap<String, Room>,
    /// In which room something is that lives.
    places: BTreeMap<Subject, String>,
    transports: usize,
    /// Transports whose clients have said that they come, the oldest first.
    coming: VecDeque<(Time, TransportId)>,
    /// Transports that nobody has come by yet, and since when they are there.
    unused: BTreeMap<TransportId, Time>,
    /// Transports that have lost their clients, and when.
    lost: BTreeMap<TransportId, Time>,
    /// Who came by WHIP and WHEP.
    pub(crate) sessions: Sessions,
}

impl House {
    /// A house with no rooms.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            rooms: BTreeMap::new(),
            places: BTreeMap::new(),
            transports: 0,
            coming: VecDeque::new(),
            unused: BTreeMap::new(),
            lost: BTreeMap::new(),
            sessions: Sessions::default(),
        }
    }

    /// The room of that name, which begins if nobody was in it.
    ///
    /// # Errors
    ///
    /// The name is none, or there are too many rooms.
    pub(crate) fn enter(&mut self, engine: &mut Engine, name: &str) -> Result<&mut Room, Refusal> {
        if !is_name(name) {
            return Err(Refusal::bad(format_args!("{name:?} is no name of a room")));
        }
        if !self.rooms.contains_key(name) {
            self.rooms.retain(|_, room| !ended(engine, room));
            if self.rooms.len() >= self.limits.rooms {
                let full = "there are too many rooms";
                return Err(Refusal::busy(full));
            }
            let router = engine.create_router(&codecs::all()).map_err(Refusal::bad)?;
            let news = News::new(self.limits.waiting_events);
            self.rooms.insert(name.into(), Room::new(router, news));
        }
        self.room(name)
    }

    /// The room of that name.
    ///
    /// # Errors
    ///
    /// Nobody is in it.
    pub(crate) fn room(&mut self, name: &str) -> Result<&mut Room, Refusal> {
        self.rooms
            .get_mut(name)
            .ok_or_else(|| Refusal::missing("nobody is in that room"))
    }

    /// In which room something is.
    ///
    /// # Errors
    ///
    /// It is in none: it is gone, or was never there.
    pub(crate) fn place(&self, subject: Subject) -> Result<&str, Refusal> {
        let place = self.places.get(&subject).map(String::as_str);
        place.ok_or_else(|| Refusal::missing("there is no such transport, producer or consumer"))
    }

    /// In which room a transport is, for one more thing on it.
    ///
    /// # Errors
    ///
    /// It is gone, or there is too much already.
    fn place_for_part(&self, transport: TransportId) -> Result<String, Refusal> {
        if self.places.len() - self.transports >= self.limits.parts {
            return Err(Refusal::busy("there are too many producers and consumers"));
        }
        Ok(self.place(Subject::Transport(transport))?.to_owned())
    }

    /// Something lives in a room from now on.
    fn settle(&mut self, subject: Subject, name: &str) {
        self.places.insert(subject, name.into());
        self.transports += usize::from(matches!(subject, Subject::Transport(_)));
        if let Some(room) = self.rooms.get_mut(name) {
            room.inhabitants += 1;
        }
    }

    /// A transport of a room, for one client.
    ///
    /// # Errors
    ///
    /// The name is none, or there are too many rooms or transports.
    pub(crate) fn open(
        &mut self,
        engine: &mut Engine,
        media: &Media,
        room: &str,
        sctp: Option<SctpOptions>,
    ) -> Result<TransportId, Refusal> {
        if self.transports >= self.limits.transports {
            self.make_room(engine);
        }
        if self.transports >= self.limits.transports {
            return Err(Refusal::busy("there are too many transports"));
        }
        let router = self.enter(engine, room)?.router;
        let transport = media.transport(engine, router, sctp)?;
        self.settle(Subject::Transport(transport), room);
        self.unused.insert(transport, engine.now());
        Ok(transport)
    }

    /// The client of a transport has said who it is, and comes soon or not at all.
    pub(crate) fn expect(&mut self, engine: &Engine, transport: TransportId) {
        self.coming.push_back((engine.now(), transport));
    }

    /// Closes the transport by which nobody has come for longest, if that is longer than it takes. As
    /// long as there is room it may stay: many clients make theirs before they have anything to send.
    fn make_room(&mut self, engine: &mut Engine) {
        let oldest = self.unused.iter().min_by_key(|(_, since)| **since);
        if let Some((&transport, &since)) = oldest
            && since + self.limits.coming < engine.now()
        {
            // It may have been closed in the meantime.
            let _ = engine.close_transport(transport);
            self.look(engine);
        }
    }

    /// A producer; the room is told of it by [`publish`](Self::publish).
    ///
    /// # Errors
    ///
    /// Why it cannot be.
    pub(crate) fn produce(
        &mut self,
        engine: &mut Engine,
        transport: TransportId,
        options: ProducerOptions,
    ) -> Result<ProducerId, Refusal> {
        let room = self.place_for_part(transport)?;
        let id = engine.produce(transport, options).map_err(Refusal::bad)?;
        self.settle(Subject::Producer(id), &room);
        if let Some(publisher) = self.publisher(transport) {
            publisher.producers.push(id);
        }
        Ok(id)
    }

    /// A data producer, told of like a producer.
    ///
    /// # Errors
    ///
    /// Why it cannot be.
    pub(crate) fn produce_data(
        &mut self,
        engine: &mut Engine,
        transport: TransportId,
        options: DataProducerOptions,
    ) -> Result<DataProducerId, Refusal> {
        let room = self.place_for_part(transport)?;
        let id = engine
            .produce_data(transport, options)
            .map_err(Refusal::bad)?;
        self.settle(Subject::DataProducer(id), &room);
        if let Some(publisher) = self.publisher(transport) {
            publisher.chat = Some(id);
        }
        Ok(id)
    }

    /// A consumer.
    ///
    /// # Errors
    ///
    /// Why it cannot be.
    pub(crate) fn consume(
        &mut self,
        engine: &mut Engine,
        transport: TransportId,
        options: ConsumerOptions,
    ) -> Result<ConsumerId, Refusal> {
        let room = self.place_for_part(transport)?;
        let id = engine
            .consume(transport, options)
            .map_err(Refusal::unusable)?;
        self.settle(Subject::Consumer(id), &room);
        Ok(id)
    }

    /// A data consumer.
    ///
    /// # Errors
    ///
    /// Why it cannot be.
    pub(crate) fn consume_data(
        &mut self,
        engine: &mut Engine,
        transport: TransportId,
        options: DataConsumerOptions,
    ) -> Result<DataConsumerId, Refusal> {
        let room = self.place_for_part(transport)?;
        let id = engine
            .consume_data(transport, options)
            .map_err(Refusal::bad)?;
        self.settle(Subject::DataConsumer(id), &room);
        Ok(id)
    }

    /// Who began to send first of those who send now.
    ///
    /// # Errors
    ///
    /// Nobody sends in that room yet.
    pub(crate) fn first_publisher(&mut self, room: &str) -> Result<TransportId, Refusal> {
        let nobody = || Refusal::new(StatusCode::CONFLICT, "nobody sends in that room yet");
        let publishers = &self.room(room).map_err(|_| nobody())?.publishers;
        let sending = publishers
            .iter()
            .filter(|(_, one)| !one.producers.is_empty());
        let first = sending.min_by_key(|(_, one)| one.place);
        first.map(|(id, _)| *id).ok_or_else(nobody)
    }

    /// Tells the room what is sent over a transport now, and by whom if that is said.
    pub(crate) fn publish(&mut self, engine: &Engine, transport: TransportId, name: Option<&str>) {
        if let (Some(publisher), Some(name)) = (self.publisher(transport), name) {
            publisher.name = name.chars().take(NAME_MAX).collect();
        }
        let room = self.places.get(&Subject::Transport(transport));
        if let Some(room) = room.and_then(|room| self.rooms.get(room)) {
            room.tell_publishers(engine);
        }
    }

    /// Who sends over a transport.
    fn publisher(&mut self, transport: TransportId) -> Option<&mut Publisher> {
        let room = self.places.get(&Subject::Transport(transport))?;
        let room = self.rooms.get_mut(room)?;
        Some(room.publisher(transport))
    }

    /// Hands on what happened, behind every tick.
    pub(crate) fn look(&mut self, engine: &mut Engine) {
        for event in engine.drain_events() {
            self.hear(engine, &event);
        }
        let now = engine.now();
        let timeout = self.limits.coming;
        let is_late = |coming: &mut (Time, TransportId)| coming.0 + timeout < now;
        while let Some((_, transport)) = self.coming.pop_front_if(is_late) {
            if engine.dtls_state(transport) != Ok(DtlsState::Connected) {
                // It may have been closed in the meantime.
                let _ = engine.close_transport(transport);
            }
        }
        // Browsers connect anew by themselves.
        let is_over = |_: &TransportId, since: &mut Time| *since + LOST_MAX < now;
        for (transport, _) in self.lost.extract_if(.., is_over) {
            // It may have been closed in the meantime.
            let _ = engine.close_transport(transport);
        }
    }

    fn hear(&mut self, engine: &mut Engine, event: &Event) {
        let subject = event.subject();
        let Some(name) = self.places.get(&subject).cloned() else {
            return;
        };
        // Where somebody is, is nobody else's business.
        if !matches!(subject, Subject::Transport(_))
            && let Some(room) = self.rooms.get(&name)
        {
            room.news.tell("happened", event);
        }
        match (event, subject) {
            (Event::DtlsStateChanged(event), Subject::Transport(transport))
                if event.dtls_state == DtlsState::Connected =>
            {
                self.unused.remove(&transport);
            }
            (Event::Ended(_), _) => self.leave(engine, subject, &name),
            (Event::IceStateChanged(event), Subject::Transport(transport)) => {
                match event.ice_state {
                    IceState::Disconnected => self.lost.insert(transport, engine.now()),
                    _ => self.lost.remove(&transport),
                };
            }
            (event, Subject::Transport(transport)) if is_lost(event) => {
                // It may have been closed in the meantime.
                let _ = engine.close_transport(transport);
            }
            _ => {}
        }
    }

    /// Something is gone, and with the last one its room.
    fn leave(&mut self, engine: &mut Engine, subject: Subject, name: &str) {
        self.places.remove(&subject);
        self.transports -= usize::from(matches!(subject, Subject::Transport(_)));
        let Some(room) = self.rooms.get_mut(name) else {
            return;
        };
        room.inhabitants -= 1;
        if room.forget(subject) {
            room.tell_publishers(engine);
        }
        if let Subject::Transport(transport) = subject {
            self.sessions.end(transport);
            self.unused.remove(&transport);
            self.lost.remove(&transport);
        }
        if ended(engine, room) {
            self.rooms.remove(name);
        }
    }
}

/// Nothing is in the room and nobody listens: its router is closed.
fn ended(engine: &mut Engine, room: &Room) -> bool {
    let is_over = room.inhabitants == 0 && room.news.is_unheard();
    if is_over {
        // It may have been closed in the meantime.
        let _ = engine.close_router(room.router);
    }
    is_over
}

/// The client is gone, or never came as it said.
fn is_lost(event: &Event) -> bool {
    let Event::DtlsStateChanged(event) = event else {
        return false;
    };
    matches!(event.dtls_state, DtlsState::Failed | DtlsState::Closed)
}

/// What may be in a path and on a page.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    (1..=NAME_MAX).contains(&name.len()) && name.chars().all(plain)
}

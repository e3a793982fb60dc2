//! Who came by WHIP and WHEP: one transport each.

use std::collections::BTreeMap;

use flumen::rtp_parameters::{MediaKind, NumberedBy, RtpParameters};
use flumen::{
    ConsumerId, ConsumerOptions, DataConsumerOptions, DataProducerOptions, DtlsRole, Engine,
    ProducerId, ProducerOptions, SctpOptions, SctpStreamParameters, TransportId,
};
use flumen_sdp::{Answer, Carries, Known, Local, Offer, Sctp};
use serde_json::{Value, json};

use crate::failure::Refusal;
use crate::house::House;
use crate::media::Media;

/// The stream of the chat, on every transport: the page and the server know it beforehand.
const CHAT: u16 = 0;
/// The SCTP port of both ends.
const SCTP_PORT: u16 = 5_000;
/// The largest message that is sent, in bytes.
const MESSAGE_MAX: u32 = 262_144;

/// Sessions by the key that their clients know them by.
#[derive(Default)]
pub(crate) struct Sessions {
    by_key: BTreeMap<String, Session>,
    keys: BTreeMap<TransportId, String>,
}

/// A session.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) transport: TransportId,
    producers: Vec<ProducerId>,
    consumers: Vec<ConsumerId>,
}

/// What a client is answered.
pub(crate) struct Opened {
    /// What to know the session by.
    pub(crate) key: String,
    /// The answer to its offer.
    pub(crate) answer: String,
    /// Its ICE user name fragment, which changes with every restart.
    pub(crate) generation: String,
}

impl Sessions {
    /// The session of a client.
    ///
    /// # Errors
    ///
    /// It is over.
    pub(crate) fn get(&self, key: &str) -> Result<&Session, Refusal> {
        self.by_key
            .get(key)
            .ok_or_else(|| Refusal::missing("there is no such session"))
    }

    /// Its transport is gone.
    pub(crate) fn end(&mut self, transport: TransportId) {
        if let Some(key) = self.keys.remove(&transport) {
            self.by_key.remove(&key);
        }
    }

    /// A key that nobody guesses.
    fn begin(&mut self, session: Session) -> Result<String, Refusal> {
        let key = getrandom::u64().and_then(|high| Ok((high, getrandom::u64()?)));
        let (high, low) = key.map_err(Refusal::busy)?;
        let key = format!("{high:016x}{low:016x}");
        self.keys.insert(session.transport, key.clone());
        self.by_key.insert(key.clone(), session);
        Ok(key)
    }
}

impl House {
    /// A client that sends (RFC 9725).
    ///
    /// # Errors
    ///
    /// The offer has nothing that can be received.
    pub(crate) fn publish_by_offer(
        &mut self,
        engine: &mut Engine,
        media: &Media,
        room: &str,
        name: &str,
        (offer, known): (&Offer, Known<'_>),
    ) -> Result<Opened, Refusal> {
        self.over_transport(engine, media, room, offer, |house, engine, transport| {
            let router = house.enter(engine, room)?.router;
            let capabilities = engine.rtp_capabilities(router);
            let capabilities = capabilities.map_err(Refusal::missing)?.clone();
            let mut filling = Filling::new("the offer sends nothing");
            for (index, section) in offer.sections().iter().enumerate() {
                filling.add(match section.carries {
                    Carries::Media(kind) if section.sends && section.is_usable => {
                        let known = match kind {
                            MediaKind::Video => known,
                            MediaKind::Audio => Known::default(),
                        };
                        let sent = offer.sent(index, &capabilities, known);
                        let sent = sent.map_err(Refusal::unusable);
                        sent.and_then(|sent| house.receive(engine, transport, kind, sent))
                    }
                    Carries::Data if section.is_usable => {
                        let made = house.produce_data(engine, transport, chat_options());
                        made.map(|_| Made::Data)
                    }
                    _ => Ok(Made::Nothing),
                });
            }
            let filled = filling.finish(transport)?;
            house.publish(engine, transport, Some(name));
            Ok(filled)
        })
    }

    /// A client that receives what somebody sends: the first of each kind that the offer has a
    /// section for.
    ///
    /// # Errors
    ///
    /// There is nothing that the client can receive.
    pub(crate) fn watch_by_offer(
        &mut self,
        engine: &mut Engine,
        media: &Media,
        (room, who): (&str, TransportId),
        offer: &Offer,
    ) -> Result<Opened, Refusal> {
        let publisher = self.room(room)?.publishers.get(&who).cloned();
        let publisher = publisher.ok_or_else(|| Refusal::missing("nobody of that id sends"))?;
        self.over_transport(engine, media, room, offer, |house, engine, transport| {
            let mut left = publisher.producers.clone();
            let mut filling = Filling::new("there is nothing that this client can receive");
            for (index, section) in offer.sections().iter().enumerate() {
                filling.add(match section.carries {
                    Carries::Media(kind) if section.receives && section.is_usable => {
                        let is_next = |id: &ProducerId| engine.producer_kind(*id) == Ok(kind);
                        match left.iter().position(is_next).map(|at| left.remove(at)) {
                            Some(id) => house.send(engine, transport, id, (offer, index)),
                            None => Ok(Made::Nothing),
                        }
                    }
                    Carries::Data if section.is_usable => {
                        let chat = publisher.chat.map(DataConsumerOptions::new);
                        let made = chat.map(|chat| house.consume_data(engine, transport, chat));
                        made.transpose().map(|_| Made::Data)
                    }
                    _ => Ok(Made::Nothing),
                });
            }
            filling.finish(transport)
        })
    }

    /// A producer of what a section sends.
    fn receive(
        &mut self,
        engine: &mut Engine,
        transport: TransportId,
        kind: MediaKind,
        sent: RtpParameters,
    ) -> Result<Made, Refusal> {
        let options = ProducerOptions::new(kind, sent.clone());
        let id = self.produce(engine, transport, options)?;
        Ok(Made::Receives(id, sent))
    }

    /// A consumer for what a section of an offer can receive.
    fn send(
        &mut self,
        engine: &mut Engine,
        transport: TransportId,
        producer: ProducerId,
        (offer, index): (&Offer, usize),
    ) -> Result<Made, Refusal> {
        let capabilities = offer.capabilities(index).map_err(Refusal::bad)?;
        let options = ConsumerOptions {
            mid: offer
                .sections()
                .get(index)
                .map(|section| section.mid.clone()),
            numbered_by: NumberedBy::Receiver,
            ..ConsumerOptions::new(producer, capabilities)
        };
        let id = self.consume(engine, transport, options)?;
        let parameters = engine.consumer_parameters(id).map_err(Refusal::missing)?;
        Ok(Made::Sends(id, parameters))
    }

    /// Makes a transport for an offer, lets `fill` put what it carries on it, and answers. Nothing
    /// is left of it when that fails.
    fn over_transport(
        &mut self,
        engine: &mut Engine,
        media: &Media,
        room: &str,
        offer: &Offer,
        fill: impl FnOnce(&mut Self, &mut Engine, TransportId) -> Result<(Session, Vec<Made>), Refusal>,
    ) -> Result<Opened, Refusal> {
        let remote = offer.remote().map_err(Refusal::bad)?;
        let sctp = offer.sctp().map_err(Refusal::bad)?;
        let transport = self.open(engine, media, room, sctp.and_then(sctp_options))?;
        let opened = fill(self, engine, transport).and_then(|(session, made)| {
            let role = engine
                .connect_webrtc(transport, &remote.dtls)
                .map_err(Refusal::bad)?;
            self.expect(engine, transport);
            let answer = answer(engine, offer, transport, role, &made)?;
            let ice = engine.ice_parameters(transport).map_err(Refusal::missing)?;
            let generation = ice.username_fragment.clone();
            Ok(Opened {
                key: self.sessions.begin(session)?,
                answer,
                generation,
            })
        });
        if opened.is_err() {
            // It was just made.
            let _ = engine.close_transport(transport);
        }
        opened
    }
}

/// What was made of a section.
enum Made {
    Nothing,
    Receives(ProducerId, RtpParameters),
    Sends(ConsumerId, RtpParameters),
    Data,
}

/// What is made of the sections of an offer, one by one: a section that cannot be served is rejected
/// alone (RFC 3264 section 6), unless no media is left.
struct Filling {
    made: Vec<Made>,
    /// Why nothing was made of a section, the latest one.
    why: Refusal,
}

impl Filling {
    fn new(why: &str) -> Self {
        let (made, why) = (Vec::new(), Refusal::unusable(why));
        Self { made, why }
    }

    fn add(&mut self, made: Result<Made, Refusal>) {
        self.made.push(made.unwrap_or_else(|why| {
            self.why = why;
            Made::Nothing
        }));
    }

    fn finish(self, transport: TransportId) -> Result<(Session, Vec<Made>), Refusal> {
        let mut session = Session {
            transport,
            producers: Vec::new(),
            consumers: Vec::new(),
        };
        for made in &self.made {
            match made {
                Made::Receives(id, _) => session.producers.push(*id),
                Made::Sends(id, _) => session.consumers.push(*id),
                Made::Nothing | Made::Data => {}
            }
        }
        match session.producers.is_empty() && session.consumers.is_empty() {
            true => Err(self.why),
            false => Ok((session, self.made)),
        }
    }
}

/// What a peer says of SCTP (RFC 8841), as far as the engine can keep to it: both ends have one port.
fn sctp_options(peer: Sctp) -> Option<SctpOptions> {
    let largest = u32::try_from(peer.max_message_size)
        .ok()
        .filter(|&max| max > 0);
    (peer.port == SCTP_PORT).then(|| SctpOptions {
        max_send_message_size: largest.map(|max| max.min(MESSAGE_MAX)),
        ..SctpOptions::default()
    })
}

fn chat_options() -> DataProducerOptions {
    DataProducerOptions {
        sctp_stream_parameters: Some(SctpStreamParameters::new(CHAT)),
        label: "chat".into(),
        ..DataProducerOptions::default()
    }
}

fn answer(
    engine: &Engine,
    offer: &Offer,
    transport: TransportId,
    role: DtlsRole,
    made: &[Made],
) -> Result<String, Refusal> {
    let ice = engine.ice_parameters(transport).map_err(Refusal::missing)?;
    let candidates = engine.ice_candidates(transport).map_err(Refusal::missing)?;
    let mut dtls = engine
        .dtls_parameters(transport)
        .map_err(Refusal::missing)?
        .clone();
    dtls.role = role;
    let sctp = engine
        .sctp_parameters(transport)
        .map_err(Refusal::missing)?;
    let stream = transport.to_string();
    let answers: Vec<Answer<'_>> = made
        .iter()
        .map(|made| match made {
            Made::Nothing => Answer::Rejected,
            Made::Receives(_, parameters) => Answer::Receives(parameters),
            Made::Sends(_, parameters) => {
                let track = parameters.mid.as_deref().unwrap_or("track");
                Answer::Sends {
                    parameters,
                    stream: &stream,
                    track,
                }
            }
            Made::Data => sctp.as_ref().map_or(Answer::Rejected, |sctp| {
                Answer::Data(Sctp {
                    port: sctp.port,
                    max_message_size: sctp.max_message_size.into(),
                })
            }),
        })
        .collect();
    let local = Local {
        ice: &ice,
        candidates: &candidates,
        dtls: &dtls,
    };
    offer.answer(&local, &answers).map_err(Refusal::bad)
}

/// What the page asks about its session.
pub(crate) fn describe(engine: &Engine, session: &Session) -> Value {
    let producer = |id: &ProducerId| {
        Some(json!({
            "id": id,
            "kind": engine.producer_kind(*id).ok()?,
            "type": engine.producer_type(*id).ok()?,
        }))
    };
    let consumer = |id: &ConsumerId| {
        let producer = engine.producer_of(*id).ok()?;
        let layers = engine
            .consumer_parameters(*id)
            .ok()?
            .encodings
            .first()?
            .scalability();
        Some(json!({
            "id": id,
            "producerId": producer,
            "kind": engine.consumer_kind(*id).ok()?,
            "type": engine.producer_type(producer).ok()?,
            "spatialLayers": layers.spatial_layers,
            "currentLayers": engine.current_layers(*id).ok()?,
        }))
    };
    json!({
        "id": session.transport,
        "producers": session.producers.iter().filter_map(producer).collect::<Vec<_>>(),
        "consumers": session.consumers.iter().filter_map(consumer).collect::<Vec<_>>(),
    })
}

//! Who came by WHIP and WHEP: one transport each.

use std::collections::BTreeMap;

use flumen::rtp_parameters::{MediaKind, NumberedBy, RtpParameters};
use flumen::{
    ConsumerId, ConsumerOptions, DataConsumerOptions, DataProducerOptions, DtlsRole, Engine,
    ProducerId, ProducerOptions, SctpStreamParameters, TransportId,
};
use flumen_sdp::{Answer, Carries, Local, Offer, Sctp};
use serde_json::{Value, json};

use crate::failure::Refusal;
use crate::house::House;
use crate::media::Media;

/// The stream of the chat, on every transport: the page and the server know it beforehand.
const CHAT: u16 = 0;

/// Sessions by the key that their clients know them by.
#[derive(Default)]
pub(crate) struct Sessions(BTreeMap<String, Session>);

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
        self.0
            .get(key)
            .ok_or_else(|| Refusal::missing("there is no such session"))
    }

    /// Its transport is gone.
    pub(crate) fn end(&mut self, transport: TransportId) {
        self.0.retain(|_, session| session.transport != transport);
    }

    /// A key that nobody guesses.
    fn begin(&mut self, session: Session) -> Result<String, Refusal> {
        let key = getrandom::u64().and_then(|high| Ok((high, getrandom::u64()?)));
        let (high, low) = key.map_err(Refusal::busy)?;
        let key = format!("{high:016x}{low:016x}");
        self.0.insert(key.clone(), session);
        Ok(key)
    }
}

impl House {
    /// A client that sends (RFC 9725).
    ///
    /// # Errors
    ///
    /// The offer cannot be read or has nothing that can be received.
    pub(crate) fn publish_by_offer(
        &mut self,
        engine: &mut Engine,
        media: &Media,
        room: &str,
        name: &str,
        (offer, scalability): (&str, Option<&str>),
    ) -> Result<Opened, Refusal> {
        let offer = Offer::parse(offer).map_err(Refusal::bad)?;
        self.over_transport(engine, media, room, &offer, |house, engine, transport| {
            let (mut producers, mut made) = (Vec::new(), Vec::new());
            for (index, section) in offer.sections().iter().enumerate() {
                made.push(match section.carries {
                    Carries::Media(kind) if section.sends && section.is_usable => {
                        let router = house.enter(engine, room)?.router;
                        let capabilities =
                            engine.rtp_capabilities(router).map_err(Refusal::missing)?;
                        let scalability = scalability.filter(|_| kind == MediaKind::Video);
                        let parameters = offer.sent(index, capabilities, scalability);
                        let parameters = parameters.map_err(Refusal::unusable)?;
                        let options = ProducerOptions::new(kind, parameters.clone());
                        producers.push(house.produce(engine, transport, options)?);
                        Made::Receives(parameters)
                    }
                    Carries::Data if section.is_usable => {
                        let options = chat_options();
                        house.produce_data(engine, transport, options)?;
                        Made::Data
                    }
                    _ => Made::Nothing,
                });
            }
            if producers.is_empty() {
                return Err(Refusal::unusable("the offer sends nothing"));
            }
            house.publish(engine, transport, Some(name));
            let consumers = Vec::new();
            Ok((
                Session {
                    transport,
                    producers,
                    consumers,
                },
                made,
            ))
        })
    }

    /// A client that receives what somebody sends: the first of each kind that the offer has a
    /// section for.
    ///
    /// # Errors
    ///
    /// The offer cannot be read, or there is nothing that the client can receive.
    pub(crate) fn watch_by_offer(
        &mut self,
        engine: &mut Engine,
        media: &Media,
        (room, who): (&str, TransportId),
        offer: &str,
    ) -> Result<Opened, Refusal> {
        let offer = Offer::parse(offer).map_err(Refusal::bad)?;
        let publisher = self.room(room)?.publishers.get(&who).cloned();
        let publisher = publisher.ok_or_else(|| Refusal::missing("nobody of that id sends"))?;
        self.over_transport(engine, media, room, &offer, |house, engine, transport| {
            let mut left = publisher.producers.clone();
            let (mut consumers, mut made) = (Vec::new(), Vec::new());
            for (index, section) in offer.sections().iter().enumerate() {
                made.push(match section.carries {
                    Carries::Media(kind) if section.receives && section.is_usable => {
                        let is_next = |id: &ProducerId| engine.producer_kind(*id) == Ok(kind);
                        let Some(at) = left.iter().position(is_next) else {
                            made.push(Made::Nothing);
                            continue;
                        };
                        let capabilities = offer.capabilities(index).map_err(Refusal::bad)?;
                        let options = ConsumerOptions {
                            mid: Some(section.mid.clone()),
                            numbered_by: NumberedBy::Receiver,
                            ..ConsumerOptions::new(left.remove(at), capabilities)
                        };
                        let id = house.consume(engine, transport, options)?;
                        consumers.push(id);
                        let parameters =
                            engine.consumer_parameters(id).map_err(Refusal::missing)?;
                        Made::Sends(parameters.clone())
                    }
                    Carries::Data if section.is_usable => {
                        if let Some(chat) = publisher.chat {
                            let options = DataConsumerOptions::new(chat);
                            house.consume_data(engine, transport, options)?;
                        }
                        Made::Data
                    }
                    _ => Made::Nothing,
                });
            }
            if consumers.is_empty() {
                return Err(Refusal::unusable(
                    "there is nothing that this client can receive",
                ));
            }
            let producers = Vec::new();
            Ok((
                Session {
                    transport,
                    producers,
                    consumers,
                },
                made,
            ))
        })
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
        let transport = self.open(engine, media, room, sctp.is_some())?;
        let opened = fill(self, engine, transport).and_then(|(session, made)| {
            let role = engine
                .connect_webrtc(transport, &remote.dtls)
                .map_err(Refusal::bad)?;
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
    Receives(RtpParameters),
    Sends(RtpParameters),
    Data,
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
            Made::Receives(parameters) => Answer::Receives(parameters),
            Made::Sends(parameters) => {
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
    let producer =
        |id: &ProducerId| Some(json!({ "id": id, "kind": engine.producer_kind(*id).ok()? }));
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
        }))
    };
    json!({
        "id": session.transport,
        "producers": session.producers.iter().filter_map(producer).collect::<Vec<_>>(),
        "consumers": session.consumers.iter().filter_map(consumer).collect::<Vec<_>>(),
    })
}

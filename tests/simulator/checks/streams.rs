//! Whose stream an SSRC is of, by what the world says.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use flumen::components::{Consumer, ConsumerParameters, find};
use flumen::ecs::entity::Entity;
use flumen::ecs::world::World;
use flumen::rtp_parameters::{MediaKind, RtpCodecParameters, RtpParameters};
use flumen::{ConsumerId, Engine, ProducerId, TransportId};

/// What a consumer sends under one SSRC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// How many streams had been seen before it.
    pub index: usize,
    /// The consumer.
    pub consumer: Entity,
    /// Its identifier.
    pub id: ConsumerId,
    /// Audio or video.
    pub kind: MediaKind,
    /// Of what was sent again (RFC 4588): the stream of media that it belongs to.
    pub repairs: Option<usize>,
    /// What is sent again of it is sent as it was, under the same number.
    pub repeats: bool,
    /// Ticks a second of its RTP clock.
    pub clock_rate: u32,
    /// The peer that sends it, where one does.
    pub(crate) source: Option<u32>,
}

/// All streams that were seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streams {
    /// The transport behind an address.
    transports: BTreeMap<SocketAddr, Entity>,
    known: BTreeMap<(Entity, u32), Stream>,
    count: usize,
}

impl Streams {
    /// `transport` is what reaches `address`.
    pub(crate) fn reach(&mut self, address: SocketAddr, transport: Entity) {
        self.transports.insert(address, transport);
    }

    /// The same where entities have other names; what is closed is not there.
    pub(super) fn fork(&self, here: &World, there: &World) -> Self {
        let transport = |entity: Entity| {
            let id = here.get::<TransportId>(entity)?;
            find(there, *id).ok()
        };
        let transports = self.transports.iter();
        let known = self.known.iter().filter_map(|(&(entity, ssrc), stream)| {
            let consumer = find(there, stream.id).ok()?;
            let stream = Stream {
                consumer,
                ..*stream
            };
            Some(((transport(entity)?, ssrc), stream))
        });
        Self {
            known: known.collect(),
            transports: transports
                .filter_map(|(&address, &entity)| Some((address, transport(entity)?)))
                .collect(),
            count: self.count,
        }
    }

    /// The stream of an SSRC on the transport that reaches `address`.
    pub(crate) fn find(
        &mut self,
        engine: &Engine,
        address: SocketAddr,
        ssrc: u32,
    ) -> Option<Stream> {
        let transport = *self.transports.get(&address)?;
        if let Some(stream) = self.known.get(&(transport, ssrc)) {
            return Some(*stream);
        }
        self.look(engine);
        self.known.get(&(transport, ssrc)).copied()
    }

    fn look(&mut self, engine: &Engine) {
        let world = engine.world();
        let Some(mut consumers) =
            world.try_query::<(Entity, &ConsumerId, &Consumer, &ConsumerParameters)>()
        else {
            return;
        };
        let mut found: Vec<_> = consumers.iter(world).collect();
        // Which is found first is not the same in every run.
        found.sort_by_key(|(_, id, ..)| **id);
        for (entity, id, consumer, parameters) in found {
            let rtp = parameters.rtp();
            let Some(encoding) = rtp.encodings.first() else {
                continue;
            };
            let Some(ssrc) = encoding.ssrc else { continue };
            if self.known.contains_key(&(consumer.transport, ssrc)) {
                continue;
            }
            let stream = Stream {
                index: self.count,
                consumer: entity,
                id: *id,
                kind: consumer.kind,
                repairs: None,
                repeats: repeats(&rtp),
                clock_rate: rtp.codecs.first().map_or(1, |it| it.clock_rate),
                source: source(engine, consumer.producer),
            };
            self.know((consumer.transport, ssrc), stream);
            if let Some(rtx) = &encoding.rtx {
                let repairs = Some(stream.index);
                let index = self.count;
                let stream = Stream {
                    index,
                    repairs,
                    ..stream
                };
                self.know((consumer.transport, rtx.ssrc), stream);
            }
        }
    }

    fn know(&mut self, key: (Entity, u32), stream: Stream) {
        self.known.insert(key, stream);
        self.count += 1;
    }
}

/// Whether packets are sent again under their own SSRC: asked for by NACK, without RFC 4588.
fn repeats(parameters: &RtpParameters) -> bool {
    let is_rtx = |codec: &RtpCodecParameters| codec.mime_type.ends_with("/rtx");
    let mut feedback = parameters.codecs.iter().flat_map(|it| &it.rtcp_feedback);
    !parameters.codecs.iter().any(is_rtx) && feedback.any(|it| it.is("nack", ""))
}

/// The peer whose producer it is: its SSRCs say so.
fn source(engine: &Engine, producer: Entity) -> Option<u32> {
    let id = engine.world().get::<ProducerId>(producer)?;
    let parameters = engine.producer_parameters(*id).ok()?;
    let ssrc = parameters.encodings.first()?.ssrc?;
    peer_of(ssrc)
}

/// The peer that sends with an SSRC.
pub(super) fn peer_of(ssrc: u32) -> Option<u32> {
    (ssrc >> 28 == 1).then_some(ssrc << 4 >> 14)
}

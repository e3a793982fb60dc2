//! Whose stream an SSRC is of, by what the world says.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use flumen::components::{Consumer, ConsumerParameters, find};
use flumen::ecs::entity::Entity;
use flumen::ecs::world::World;
use flumen::rtp_parameters::{HeaderExtension, MediaKind, RtpCodecParameters, RtpParameters};
use flumen::{ConsumerId, Engine, ProducerId, TransportId};

use super::supply::{Origin, Supply};
use crate::coding::Format;
use crate::sending::Stamp;
use crate::video::VideoCodec;

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
    /// Where packets of video say what they are, if they do.
    pub(crate) format: Option<Format>,
    /// The identifier of the extension that they do it in, where it is one.
    pub(crate) dependencies: Option<u8>,
    /// The first SSRC of its producer, where that is a peer of the room.
    source: Option<u32>,
}

impl Stream {
    /// A peer of the room sends it, so that what came of it is known.
    pub(super) fn is_known(&self, supply: &Supply) -> bool {
        self.source.is_some_and(|source| supply.knows(source))
    }

    /// Which packet of its producer it is that has this payload.
    pub(super) fn origin(&self, payload: &[u8]) -> Option<Origin> {
        let source = self.source?;
        if self.kind == MediaKind::Audio {
            // Behind the byte that says what Opus it is.
            let sent = payload.get(1..)?.first_chunk()?;
            let place = (u32::from_be_bytes(*sent), 0);
            let ssrc = source;
            return Some(Origin { ssrc, place });
        }
        let stamp = Stamp::read(payload)?;
        Some(Origin {
            ssrc: source + 2 * u32::from(stamp.encoding),
            place: (stamp.id, stamp.index),
        })
    }
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
            let sent = sent_parameters(engine, consumer.producer);
            let is_described = sent.and_then(dependencies).is_some();
            let dependencies = dependencies(&rtp).filter(|_| is_described);
            let stream = Stream {
                index: self.count,
                consumer: entity,
                id: *id,
                kind: consumer.kind,
                repairs: None,
                repeats: repeats(&rtp),
                clock_rate: rtp.codecs.first().map_or(1, |it| it.clock_rate),
                format: format(&rtp, dependencies),
                dependencies,
                source: sent.and_then(|it| it.encodings.first()?.ssrc),
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

/// The identifier of dependency descriptors.
fn dependencies(parameters: &RtpParameters) -> Option<u8> {
    let uri = HeaderExtension::DependencyDescriptor.uri();
    let mut extensions = parameters.header_extensions.iter();
    extensions.find(|it| it.uri == uri).map(|it| it.id)
}

/// Where packets say what they are. In H.264 without dependency descriptors nothing does.
fn format(parameters: &RtpParameters, dependencies: Option<u8>) -> Option<Format> {
    let codec = &parameters.codecs.first()?.mime_type;
    let of = |video: VideoCodec| codec.eq_ignore_ascii_case(video.mime_type());
    if dependencies.is_some() {
        return Some(Format::Dependencies);
    }
    let vp8 = of(VideoCodec::Vp8).then_some(Format::Vp8);
    vp8.or(of(VideoCodec::Vp9).then_some(Format::Vp9))
}

/// How a producer's peer sends.
fn sent_parameters(engine: &Engine, producer: Entity) -> Option<&RtpParameters> {
    let id = engine.world().get::<ProducerId>(producer)?;
    engine.producer_parameters(*id).ok()
}

/// The peer that sends with an SSRC.
pub(super) fn peer_of(ssrc: u32) -> Option<u32> {
    (ssrc >> 28 == 1).then_some(ssrc << 4 >> 14)
}

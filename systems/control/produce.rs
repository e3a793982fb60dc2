//! Producers begin.

use std::time::Duration;

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::event::{ProducerCreated, emit};
use flumen_components::rtp_parameters::{
    MappingError, MediaKind, RtpMapping, RtpParameters, RtpParametersError, consumable_parameters,
    rtp_mapping,
};
use flumen_components::{
    AppData, Closed, Consumers, Created, Directory, Encoding, Incoming, KeyFrameRequests,
    LayerCounts, Listener, LivenessTimeout, Naming, OnTransport, Orientation, PausedByOwner,
    PayloadType, Producer, ProducerId, ProducerParameters, Purpose, Router, Routes, SsrcChanges,
    Streams, Subject, TraceTypes, TransportId, Wanted, Wants, find,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::belonging::router_of;
use super::birth;
use super::layers::want_anew;
use super::measure_sender::measure_sender;

/// What a producer is made with.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProducerOptions {
    /// The identifier, when the application brings its own. One that was closed may be used again.
    pub id: Option<ProducerId>,
    /// Audio or video.
    pub kind: MediaKind,
    /// What it sends.
    pub rtp_parameters: RtpParameters,
    /// It begins paused.
    pub paused: bool,
    /// Shortest span between key frame requests that consumers cause.
    pub key_frame_request_delay: Duration,
    /// After how long without a packet of a stream that stream is told not to be live (see
    /// [`LivenessChanged`](flumen_components::event::LivenessChanged)); zero for never. Default:
    /// that of the engine.
    pub liveness_timeout: Option<Duration>,
    /// What the application remembers with it.
    #[serde(skip)]
    pub app_data: AppData,
}

impl ProducerOptions {
    /// A producer of `kind` that sends `rtp_parameters`, and is not paused.
    pub fn new(kind: MediaKind, rtp_parameters: RtpParameters) -> Self {
        Self {
            id: None,
            kind,
            rtp_parameters,
            paused: false,
            key_frame_request_delay: Duration::ZERO,
            liveness_timeout: None,
            app_data: AppData::default(),
        }
    }
}

/// A producer cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProduceError {
    /// The transport is closed.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The identifier is taken.
    #[error("{0} names something else already")]
    IdInUse(ProducerId),
    /// The parameters make no sense.
    #[error(transparent)]
    Parameters(#[from] RtpParametersError),
    /// The router cannot take the parameters.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// Another producer of the transport sends with this SSRC.
    #[error("SSRC {0} is in use by another producer of the transport")]
    SsrcInUse(u32),
    /// Another producer of the transport has this MID.
    #[error("MID {0:?} is in use by another producer of the transport")]
    MidInUse(String),
    /// Another producer of the transport has this RID, and there is no MID to tell them apart.
    #[error("RID {0:?} is in use by another producer of the transport")]
    RidInUse(String),
}

/// Makes a producer on a transport.
///
/// # Errors
///
/// See [`ProduceError`]; nothing has changed then.
pub fn produce(
    world: &mut World,
    transport_id: TransportId,
    options: ProducerOptions,
) -> Result<ProducerId, ProduceError> {
    let transport = find(world, transport_id)?;
    if let Some(id) = options.id
        && world.resource::<Directory>().find(id).is_ok()
    {
        return Err(ProduceError::IdInUse(id));
    }
    let mut rtp = options.rtp_parameters.validated(options.kind)?;
    let router = router_of(world, transport).and_then(|router| world.get::<Router>(router));
    let capabilities = &router
        .ok_or_else(|| Closed::new(transport_id))?
        .capabilities;
    let created = next_number(world);
    let mut generator = birth::generator(world, created, Purpose::Rtp);
    let mapping = rtp_mapping(&rtp, capabilities, generator.within(birth::SSRCS))?;
    check_vacancy(world, transport, &rtp)?;
    let producer_type = rtp.producer_type()?;
    rtp.rtcp.cname = Some(cname(world, transport, created, rtp.rtcp.cname.take()));
    let consumable = consumable_parameters(options.kind, &rtp, capabilities, &mapping)?;
    name(world, transport, &rtp);
    measure_sender(world, transport, &rtp);
    let id = options.id.unwrap_or_else(|| birth::id(world, created));
    let parameters = ProducerParameters {
        rtp,
        producer_type,
        mapping,
        consumable,
    };
    let kind = options.kind;
    let default = world.resource::<LivenessTimeout>().0;
    let producer = Producer {
        kind,
        transport,
        payload_types: payload_types(&parameters.mapping),
        liveness_timeout: options.liveness_timeout.unwrap_or(default),
        need_history: 0,
        encodings: encodings(&parameters.rtp),
    };
    let all = Wants::all(producer.layer_counts(&parameters));
    let entity = spawn(
        world,
        id,
        producer,
        PausedByOwner(options.paused),
        parameters,
    );
    world
        .entity_mut(entity)
        .insert((options.app_data, Wanted::new(all)));
    want_anew(world, entity);
    if kind == MediaKind::Video {
        let requests = KeyFrameRequests::new(options.key_frame_request_delay);
        world.entity_mut(entity).insert(requests);
    }
    let subject = Subject::Transport(transport_id);
    emit(
        world,
        ProducerCreated {
            about: transport,
            subject,
            producer: id,
        },
    );
    Ok(id)
}

/// The number that the next entity gets; it is taken only once nothing can fail any more.
fn next_number(world: &World) -> Created {
    Created(world.resource::<flumen_components::CreationSequence>().0)
}

/// All producers of a transport share one canonical name: the first one given, or a random one.
fn cname(world: &World, transport: Entity, created: Created, given: Option<String>) -> String {
    let shared = world
        .get::<Naming>(transport)
        .and_then(|naming| naming.cname.clone());
    let random = || birth::generator(world, created, Purpose::Cname).text(8);
    shared.or(given).unwrap_or_else(random)
}

/// The canonical name of this producer is that of all later ones on the transport.
fn name(world: &mut World, transport: Entity, rtp: &RtpParameters) {
    if let Some(mut naming) = world.get_mut::<Naming>(transport) {
        naming.cname.clone_from(&rtp.rtcp.cname);
    }
}

fn check_vacancy(
    world: &World,
    transport: Entity,
    rtp: &RtpParameters,
) -> Result<(), ProduceError> {
    let Some(listener) = world.get::<Listener>(transport) else {
        return Ok(());
    };
    if let Some(ssrc) = ssrcs(rtp).find(|ssrc| listener.ssrcs.contains_key(ssrc)) {
        return Err(ProduceError::SsrcInUse(ssrc));
    }
    match &rtp.mid {
        Some(mid) if listener.mids.contains_key(mid.as_str()) => {
            Err(ProduceError::MidInUse(mid.clone()))
        }
        Some(_) => Ok(()),
        None => match rids(rtp).find(|&rid| listener.rids.contains_key(rid)) {
            Some(rid) => Err(ProduceError::RidInUse(rid.into())),
            None => Ok(()),
        },
    }
}

fn ssrcs(rtp: &RtpParameters) -> impl Iterator<Item = u32> {
    let of = |encoding: &flumen_components::rtp_parameters::RtpEncodingParameters| {
        [encoding.ssrc, encoding.rtx.map(|rtx| rtx.ssrc)]
    };
    rtp.encodings.iter().flat_map(of).flatten()
}

fn rids(rtp: &RtpParameters) -> impl Iterator<Item = &str> {
    rtp.encodings
        .iter()
        .filter_map(|encoding| encoding.rid.as_deref())
}

fn spawn(
    world: &mut World,
    id: ProducerId,
    producer: Producer,
    paused: PausedByOwner,
    parameters: ProducerParameters,
) -> Entity {
    let rtp = parameters.rtp.clone();
    let (kind, transport) = (producer.kind, producer.transport);
    let created = birth::number(world);
    let bundle = (
        (
            id,
            created,
            producer,
            paused,
            parameters,
            TraceTypes::default(),
        ),
        (Routes::default(), Streams::default(), Consumers::default()),
        OnTransport(transport),
    );
    let entity = world.spawn(bundle).id();
    if kind == MediaKind::Video && rtp.header_extension_ids().video_orientation.is_some() {
        world.entity_mut(entity).insert(Orientation::default());
    }
    world.resource_mut::<Directory>().insert(id, entity);
    if let Some(mut listener) = world.get_mut::<Listener>(transport) {
        enter(&mut listener, entity, &rtp);
    }
    entity
}

fn payload_types(mapping: &RtpMapping) -> smallvec::SmallVec<[PayloadType; 4]> {
    let entry = |codec: &flumen_components::rtp_parameters::CodecMapping| PayloadType {
        incoming: codec.payload_type,
        mapped: codec.mapped_payload_type,
    };
    mapping.codecs.iter().map(entry).collect()
}

fn encodings(rtp: &RtpParameters) -> smallvec::SmallVec<[Encoding; 1]> {
    let facts = (0..rtp.encodings.len()).filter_map(|index| rtp.stream_parameters(index));
    let encoding = |facts: flumen_components::rtp_parameters::StreamParameters| Encoding {
        ssrc: facts.ssrc,
        rid: facts.rid.map(Into::into),
        rtx_ssrc: facts.rtx_ssrc,
        payload_type: facts.payload_type,
        rtx_payload_type: facts.rtx_payload_type,
        codec: facts.codec,
        use_nack: facts.use_nack,
        use_pli: facts.use_pli,
        use_fir: facts.use_fir,
        use_in_band_fec: facts.use_in_band_fec,
        clock_rate: facts.clock_rate,
        layers: LayerCounts {
            spatial: facts.spatial_layers,
            temporal: facts.temporal_layers,
        },
        is_ksvc: rtp.encodings[facts.encoding_idx]
            .scalability()
            .stands_alone(),
        use_dtx: facts.use_dtx,
        checks_inactivity: facts.checks_inactivity,
        stream: None,
        rtx: None,
        changes: SsrcChanges::default(),
    };
    facts.map(encoding).collect()
}

/// Enters the names by which packets find the producer.
fn enter(listener: &mut Listener, producer: Entity, rtp: &RtpParameters) {
    for encoding in &rtp.encodings {
        let incoming = |retransmission| Incoming {
            producer,
            stream: None,
            retransmission,
        };
        if let Some(ssrc) = encoding.ssrc {
            listener.ssrcs.insert(ssrc, incoming(false));
        }
        if let Some(rtx) = encoding.rtx {
            listener.ssrcs.insert(rtx.ssrc, incoming(true));
        }
    }
    if let Some(mid) = &rtp.mid {
        listener.mids.insert(mid.as_str().into(), producer);
    }
    for rid in rids(rtp) {
        // With MIDs, several producers may have the same RIDs; the first one keeps the entry.
        listener.rids.entry(rid.into()).or_insert(producer);
    }
    listener.extensions.learn(&rtp.header_extensions);
}

/// Removes the names by which packets find the producer, those that its streams latched included.
pub(super) fn leave(world: &mut World, producer: Entity) {
    let Some(OnTransport(transport)) = world.get::<OnTransport>(producer).copied() else {
        return;
    };
    let Some(parameters) = world.get::<ProducerParameters>(producer) else {
        return;
    };
    let rtp = parameters.rtp.clone();
    let latched = latched_ssrcs(world, producer);
    let Some(mut listener) = world.get_mut::<Listener>(transport) else {
        return;
    };
    for ssrc in ssrcs(&rtp).chain(latched) {
        if listener
            .ssrcs
            .get(&ssrc)
            .is_some_and(|incoming| incoming.producer == producer)
        {
            listener.ssrcs.remove(&ssrc);
        }
    }
    if let Some(mid) = &rtp.mid {
        listener.mids.remove(mid.as_str());
    }
    for rid in rids(&rtp) {
        if listener.rids.get(rid) == Some(&producer) {
            listener.rids.remove(rid);
        }
    }
}

fn latched_ssrcs(world: &World, producer: Entity) -> Vec<u32> {
    let Some(producer) = world.get::<Producer>(producer) else {
        return Vec::new();
    };
    let of = |encoding: &Encoding| {
        let stream = encoding.stream.and_then(|stream| {
            world
                .get::<flumen_components::RtpStream>(stream)
                .map(|stream| stream.ssrc)
        });
        [stream, encoding.rtx]
    };
    producer.encodings.iter().flat_map(of).flatten().collect()
}

//! Consumers begin.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::event::{ConsumerCreated, emit};
use flumen_components::rtp_parameters::{
    self, Codec, ConsumerParametersError, HeaderExtension, MediaKind, NumberedBy, ProducerType,
    RtpCapabilities, RtpCodecParameters, RtpParameters, SsrcBase, consumer_parameters, renumbered,
};
use flumen_components::wire::SequenceManager;
use flumen_components::{
    Allotment, AppData, Closed, Consumer, ConsumerId, ConsumerParameters, ConsumesFrom, Created,
    Deadlines, Directory, Emission, Flow, Generator, Histogram, Layering, Listener, Mid, Naming,
    Now, Numbering, OnTransport, PausedByOwner, PayloadTypes, PreferredLayers, Priority, Producer,
    ProducerId, ProducerParameters, Purpose, RemoteReception, ReportSchedule, Retransmission,
    Routes, Rtx, Score, Subject, TraceTypes, TransportId, find,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::belonging::router_of;
use super::birth;
use super::layers::{choose_anew, want_anew};
use super::measure_receiver::measure_receiver;
use super::request_key_frame::wish_for;
use super::route::route;

/// What a consumer is made with.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerOptions {
    /// The producer to consume.
    pub producer_id: ProducerId,
    /// What the receiver can take.
    pub rtp_capabilities: RtpCapabilities,
    /// It begins paused.
    pub paused: bool,
    /// The MID to send with, at most 255 bytes; "0", "1" ... when not given.
    pub mid: Option<String>,
    /// Silence of discontinuous transmission is not forwarded. Audio only.
    pub ignore_dtx: bool,
    /// Whose payload types and header extension ids its packets have: the router's, which its
    /// receiver must be told, or the receiver's.
    pub numbered_by: NumberedBy,
    /// Negotiate retransmissions; for video when not given.
    pub enable_rtx: Option<bool>,
    /// The highest layers that the receiver wishes for, of a producer with layers; all when not
    /// given.
    pub preferred_layers: Option<PreferredLayers>,
    /// What the application remembers with it.
    #[serde(skip)]
    pub app_data: AppData,
}

impl ConsumerOptions {
    /// A consumer of `producer_id` for a receiver with `rtp_capabilities`, not paused.
    pub fn new(producer_id: ProducerId, rtp_capabilities: RtpCapabilities) -> Self {
        Self {
            producer_id,
            rtp_capabilities,
            paused: false,
            mid: None,
            ignore_dtx: false,
            numbered_by: NumberedBy::default(),
            enable_rtx: None,
            preferred_layers: None,
            app_data: AppData::default(),
        }
    }
}

/// A consumer cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConsumeError {
    /// The transport is closed.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The router of the transport has no such producer.
    #[error("the router has no producer {0}")]
    NotFound(ProducerId),
    /// The receiver cannot take what the producer sends, or the MID does not fit.
    #[error(transparent)]
    Parameters(#[from] ConsumerParametersError),
}

/// Makes a consumer on a transport.
///
/// # Errors
///
/// See [`ConsumeError`]; nothing has changed then.
pub fn consume(
    world: &mut World,
    transport_id: TransportId,
    options: ConsumerOptions,
) -> Result<ConsumerId, ConsumeError> {
    let transport = find(world, transport_id)?;
    let router = router_of(world, transport).ok_or_else(|| Closed::new(transport_id))?;
    let (producer, parameters) = producer_in(world, router, options.producer_id)?;
    let created = Created(world.resource::<flumen_components::CreationSequence>().0);
    let mut generator = birth::generator(world, created, Purpose::Rtp);
    let kind = kind_of(world, producer);
    let mid = options.mid.clone();
    let negotiation = rtp_parameters::ConsumerRequest {
        enable_rtx: options.enable_rtx.unwrap_or(kind == MediaKind::Video),
        mid: mid.or_else(|| Some(next_mid(world, transport))),
        numbered_by: options.numbered_by,
        ..rtp_parameters::ConsumerRequest::default()
    };
    let ssrc = vacant_ssrc(world, transport, &mut generator);
    let rtp = negotiated(parameters, &options.rtp_capabilities, &negotiation, ssrc)?;
    let own = match options.numbered_by {
        NumberedBy::Router => rtp.clone(),
        NumberedBy::Receiver => renumbered(&rtp, &options.rtp_capabilities),
    };
    let numbering = numbering(&rtp, &own);
    let mut emission = emission(
        transport,
        ssrc,
        kind,
        (&rtp, numbering),
        &options,
        &mut generator,
    );
    let retransmission = retransmission(&rtp, &own, &mut generator);
    if kind == MediaKind::Video {
        measure_receiver(world, transport, &rtp);
    }
    let layering = layering(world, producer, options.preferred_layers);
    emission.changes_dependencies = layering.is_some();
    let id = spawn(world, transport, producer, kind, emission, own, &options);
    if options.mid.is_none()
        && let Some(mut naming) = world.get_mut::<Naming>(transport)
    {
        naming.next_mid = (naming.next_mid + 1) % MIDS;
    }
    let entity = find(world, id)?;
    world.entity_mut(entity).insert(options.app_data);
    if let Some(retransmission) = retransmission {
        world.entity_mut(entity).insert(retransmission);
    }
    if let Some(layering) = layering {
        world
            .entity_mut(entity)
            .insert((layering, Allotment::default()));
        choose_anew(world, entity);
    }
    wish_for(world, entity);
    want_anew(world, producer);
    arm_reports(world, transport);
    let subject = Subject::Transport(transport_id);
    emit(
        world,
        ConsumerCreated {
            about: transport,
            subject,
            consumer: id,
        },
    );
    Ok(id)
}

/// What the consumer sends is to be reported.
fn arm_reports(world: &mut World, transport: Entity) {
    let now = world.resource::<Now>().time;
    world.resource_scope::<Deadlines, ()>(|world, mut deadlines| {
        if let Some(mut schedule) = world.get_mut::<ReportSchedule>(transport) {
            schedule.arm(transport, now, &mut deadlines);
        }
    });
}

/// Automatic MIDs have at most eight digits.
const MIDS: u32 = 100_000_000;

/// What a receiver with `remote` capabilities gets of a producer: all that decides whether it can
/// consume it.
pub(super) fn negotiated(
    parameters: &ProducerParameters,
    remote: &RtpCapabilities,
    negotiation: &rtp_parameters::ConsumerRequest,
    ssrc: u32,
) -> Result<RtpParameters, ConsumeError> {
    let ssrcs = SsrcBase {
        media: ssrc,
        rtx: ssrc + 1,
    };
    let rtp = consumer_parameters(&parameters.consumable, remote, negotiation, ssrcs)?;
    Ok(rtp)
}

/// A producer of a router, by its identifier.
pub(super) fn producer_in(
    world: &World,
    router: Entity,
    id: ProducerId,
) -> Result<(Entity, &ProducerParameters), ConsumeError> {
    let producer = find(world, id).map_err(|_| ConsumeError::NotFound(id))?;
    let transport = world.get::<OnTransport>(producer);
    let home = transport.and_then(|on| router_of(world, on.0));
    let parameters = world.get::<ProducerParameters>(producer);
    match parameters.filter(|_| home == Some(router)) {
        Some(parameters) => Ok((producer, parameters)),
        None => Err(ConsumeError::NotFound(id)),
    }
}

fn kind_of(world: &World, producer: Entity) -> MediaKind {
    let producer = world.get::<Producer>(producer);
    producer.map_or(MediaKind::Audio, |producer| producer.kind)
}

fn next_mid(world: &World, transport: Entity) -> String {
    world
        .get::<Naming>(transport)
        .map_or(0, |naming| naming.next_mid)
        .to_string()
}

/// An SSRC that, with the one after it for retransmissions, no consumer of the transport has.
fn vacant_ssrc(world: &World, transport: Entity, generator: &mut Generator) -> u32 {
    let listener = world.get::<Listener>(transport);
    loop {
        let ssrc = generator.within(birth::SSRCS);
        let taken = |ssrc: u32| listener.is_some_and(|l| l.consumers.contains_key(&ssrc));
        if !(taken(ssrc - 1) || taken(ssrc) || taken(ssrc + 1)) {
            return ssrc;
        }
    }
}

/// From the numbers of the router to those that the consumer sends with.
fn numbering(router: &RtpParameters, own: &RtpParameters) -> Numbering {
    let known = |uri: &str| HeaderExtension::from_uri(uri).is_some();
    let extensions = router.header_extensions.iter().zip(&own.header_extensions);
    let codecs = router.codecs.iter().zip(&own.codecs);
    Numbering::new(
        extensions
            .filter(|(extension, _)| known(&extension.uri))
            .map(|(router, own)| (router.id, own.id)),
        codecs
            .filter(|(codec, _)| codec.codec().is_media())
            .map(|(router, own)| (router.payload_type, own.payload_type)),
    )
}

fn emission(
    transport: Entity,
    ssrc: u32,
    kind: MediaKind,
    (rtp, numbering): (&RtpParameters, Numbering),
    options: &ConsumerOptions,
    generator: &mut Generator,
) -> Emission {
    let media = || rtp.codecs.iter().filter(|codec| codec.codec().is_media());
    Emission {
        transport,
        ssrc,
        payload_types: media()
            .map(|codec| codec.payload_type)
            .collect::<PayloadTypes>(),
        numbering,
        changes_dependencies: false,
        mid: rtp.mid.as_deref().and_then(Mid::new).unwrap_or_default(),
        sync_required: true,
        waits_for_key_frame: media().any(|codec| codec.codec().is_key_frame_capable()),
        resends: media().any(|codec| codec.has_feedback("nack", "")),
        ignore_dtx: options.ignore_dtx && kind == MediaKind::Audio,
        sequence: SequenceManager::new(generator.within(FIRST_SEQUENCE_NUMBERS) as u16),
        packets: 0,
        payload_bytes: 0,
        clock_rate: media().next().map_or(0, |codec| codec.clock_rate),
        newest: None,
        sent: Flow::over(RATE_WINDOW_MS),
        pli_count: 0,
        fir_count: 0,
        discarded: 0,
    }
}

/// How the consumer gets one layer after another, if its producer has several.
fn layering(
    world: &World,
    producer: Entity,
    preferred: Option<PreferredLayers>,
) -> Option<Layering> {
    let parameters = world.get::<ProducerParameters>(producer)?;
    let producer = world.get::<Producer>(producer)?;
    let producer_type = parameters.producer_type;
    if producer_type == ProducerType::Simple {
        return None;
    }
    let is_simulcast = producer_type == ProducerType::Simulcast;
    let counts = producer.layer_counts(parameters);
    let codec = producer.encodings.first()?.codec;
    let mut layering = Layering::new(codec, counts, is_simulcast);
    if let Some(preferred) = preferred {
        layering.selection.prefer(preferred);
    }
    Some(layering)
}

/// What the consumer sends again, if NACK was negotiated.
fn retransmission(
    rtp: &RtpParameters,
    own: &RtpParameters,
    generator: &mut Generator,
) -> Option<Retransmission> {
    let resends = |codec: &RtpCodecParameters| codec.has_feedback("nack", "");
    if !rtp.codecs.iter().any(resends) {
        return None;
    }
    // The router's number of what is repeated, and the receiver's of the repetition.
    let pair = |(codec, own): (&RtpCodecParameters, &RtpCodecParameters)| match codec.codec() {
        Codec::Rtx => codec.apt().map(|media| (media, own.payload_type)),
        _ => None,
    };
    let encoding = rtp.encodings.first()?;
    let rtx = encoding.rtx.map(|rtx| Rtx {
        ssrc: rtx.ssrc,
        payload_types: rtp
            .codecs
            .iter()
            .zip(&own.codecs)
            .filter_map(pair)
            .collect(),
        sequence: generator.within(FIRST_SEQUENCE_NUMBERS) as u16,
    });
    Some(Retransmission::new(rtx))
}

/// Far enough from the wrap that a receiver's first packets do not meet it (RFC 3711 section
/// 3.3.1 asks for less than 2^15).
const FIRST_SEQUENCE_NUMBERS: std::ops::RangeInclusive<u32> = 1_000..=32_767;

/// The window of a consumer's bitrate, in milliseconds.
const RATE_WINDOW_MS: u32 = 2_500;

/// So many of a producer's latest consumers may have parameters in common with the next one: those
/// who join one after another have the same capabilities, or a few.
const COMPARED: usize = 8;

fn latest(world: &World, producer: Entity) -> impl Iterator<Item = &ConsumerParameters> {
    let routes = world.get::<Routes>(producer).map(Routes::places);
    let latest = routes.unwrap_or_default().iter().rev().flatten();
    latest.take(COMPARED).filter_map(|&other| world.get(other))
}

fn spawn(
    world: &mut World,
    transport: Entity,
    producer: Entity,
    kind: MediaKind,
    emission: Emission,
    rtp: RtpParameters,
    options: &ConsumerOptions,
) -> ConsumerId {
    let created = birth::number(world);
    let id: ConsumerId = birth::id(world, created);
    let (ssrc, needs_history) = (emission.ssrc, emission.needs_history());
    let producer_paused = world
        .get::<PausedByOwner>(producer)
        .is_some_and(|paused| paused.0);
    let parameters = ConsumerParameters::new(rtp, latest(world, producer));
    let consumer = Consumer {
        kind,
        producer,
        transport,
        producer_paused,
        route: 0,
    };
    let bundle = (
        (
            id,
            created,
            consumer,
            emission,
            PausedByOwner(options.paused),
            parameters,
        ),
        TraceTypes::default(),
        (
            RemoteReception::default(),
            Histogram::default(),
            Score::default(),
            Priority::default(),
        ),
        (OnTransport(transport), ConsumesFrom(producer)),
    );
    let entity = world.spawn(bundle).id();
    world.resource_mut::<Directory>().insert(id, entity);
    route(world, producer, entity, needs_history);
    if let Some(mut listener) = world.get_mut::<Listener>(transport) {
        listener.consumers.insert(ssrc, entity);
    }
    id
}

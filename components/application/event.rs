//! What happened, as data: events are components on entities of their own.

use bevy_ecs::change_detection::Mut;
use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;
use bevy_ecs::event::EntityEvent;
use bevy_ecs::resource::Resource;
use bevy_ecs::world::World;
use serde::{Serialize, Serializer};

use crate::application::id::{
    ConsumerId, DataConsumerId, DataProducerId, ProducerId, RouterId, RtpObserverId, SocketId,
    TransportId, WebRtcServerId,
};
use crate::application::trace::Trace;
use crate::application::undrained::Undrained;
use crate::consume::layering::ConsumerLayers;
use crate::consume::wants::WantedLayer;
use crate::data::data_channel::DataChannel;
use crate::media::layer_activity::StreamLayers;
use crate::media::orientation::VideoOrientation;
use crate::media::score::{ConsumerScore, ProducerScore};
use crate::media::silence::StreamLiveness;
use crate::media::ssrc_changes::SsrcChange;
use crate::observe::dominance::DominantSpeaker;
use crate::observe::loudness::ProducerVolume;
use crate::tick::limits::Limits;
use crate::transport::path::{OnTransport, Tuple};
use flumen_protocol::dtls::State as DtlsState;
use flumen_protocol::ice::State as IceState;
use flumen_protocol::sctp::State as SctpState;

/// Who an event is about, by public identifier: it stays meaningful when the entity is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub enum Subject {
    /// A router.
    #[serde(rename = "routerId")]
    Router(RouterId),
    /// A shared listen socket.
    #[serde(rename = "socketId")]
    Socket(SocketId),
    /// Sockets that WebRTC transports share.
    #[serde(rename = "webRtcServerId")]
    WebRtcServer(WebRtcServerId),
    /// A transport.
    #[serde(rename = "transportId")]
    Transport(TransportId),
    /// A producer.
    #[serde(rename = "producerId")]
    Producer(ProducerId),
    /// A consumer.
    #[serde(rename = "consumerId")]
    Consumer(ConsumerId),
    /// A data producer.
    #[serde(rename = "dataProducerId")]
    DataProducer(DataProducerId),
    /// A data consumer.
    #[serde(rename = "dataConsumerId")]
    DataConsumer(DataConsumerId),
    /// An observer of a router.
    #[serde(rename = "rtpObserverId")]
    RtpObserver(RtpObserverId),
    /// The engine itself.
    #[serde(rename = "engine")]
    Engine,
}

/// Who paused or resumed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PausedBy {
    /// Its owner.
    Owner,
    /// The owner of the producer, or data producer, that it consumes.
    Producer,
}

/// Why a recording ended before its engine did.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum RecordingFault {
    /// More waited to be written than may
    /// ([`Limits::recording_buffer_bytes`](crate::Limits::recording_buffer_bytes)).
    TooSlow,
    /// It could not be written, for the reason that is told.
    Failed(String),
}

/// Declares event components, and the enum that lists them for applications.
macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $text:literal $(by $actor:ty)? $({ $(#[$field_doc:meta])* $field:ident: $type:ty })?;)+) => {
        $(
            $(#[$doc])*
            #[derive(Component, EntityEvent, Clone, Debug, PartialEq)]
            pub struct $name {
                /// The entity it is about; it may be gone by now.
                #[event_target]
                pub about: Entity,
                /// The public identifier of that entity.
                pub subject: Subject,
                $(
                    /// Who did it. Not serialised.
                    pub by: $actor,
                )?
                $($(#[$field_doc])* pub $field: $type,)?
            }

            impl From<$name> for Event {
                fn from(event: $name) -> Self {
                    Self::$name(event)
                }
            }
        )+

        /// Any event, as applications drain them.
        ///
        /// Serialised as `{"event": name, "producerId": id, "data": payload}`, with the names and
        /// payloads of the JavaScript API; `data` is missing where that API passes nothing.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum Event {
            $($(#[$doc])* $name($name),)+
        }

        impl Event {
            /// The name of the event in the JavaScript API: "score", "transportclose" ...
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $text,)+
                }
            }

            /// Who it is about.
            pub fn subject(&self) -> Subject {
                match self {
                    $(Self::$name(event) => event.subject,)+
                }
            }

            /// The entity it is about; it may be gone by now.
            pub fn about(&self) -> Entity {
                match self {
                    $(Self::$name(event) => event.about,)+
                }
            }

            /// Puts the event into the world and calls who observes it.
            fn enter(&self, world: &mut World) -> Entity {
                match self {
                    $(Self::$name(event) => {
                        world.trigger(event.clone());
                        world.spawn(event.clone()).id()
                    })+
                }
            }
        }

        impl Serialize for Event {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$name(event) => Row {
                        event: $text,
                        subject: event.subject,
                        data: events!(@payload event $($field)?),
                    }.serialize(serializer),)+
                }
            }
        }
    };
    (@payload $event:ident) => { None::<()> };
    (@payload $event:ident $field:ident) => { Some(&$event.$field) };
}

events! {
    /// It was closed, for whatever reason.
    Ended = "close";
    /// Its router closed.
    RouterClosed = "routerclose";
    /// The socket it listened on closed.
    ListenSocketClosed = "listenserverclose";
    /// Its transport closed.
    TransportClosed = "transportclose";
    /// The producer it consumes closed.
    ProducerClosed = "producerclose";
    /// Nothing comes of it from now on: its owner paused it, or the producer it consumes was
    /// paused and it was not. Applications drain what its owner did, and
    /// [`ProducerPaused`] or [`DataProducerPaused`] otherwise; observers and systems get both, as
    /// observers do in the JavaScript API.
    Paused = "pause" by PausedBy;
    /// It goes on: its owner resumed it, or the producer it consumes was resumed. Told like
    /// [`Paused`].
    Resumed = "resume" by PausedBy;
    /// The producer it consumes was paused.
    ProducerPaused = "producerpause";
    /// The producer it consumes was resumed.
    ProducerResumed = "producerresume";
    /// The data producer it consumes closed.
    DataProducerClosed = "dataproducerclose";
    /// The data producer it consumes was paused.
    DataProducerPaused = "dataproducerpause";
    /// The data producer it consumes was resumed.
    DataProducerResumed = "dataproducerresume";
    /// A router has a new transport.
    TransportCreated = "newtransport" {
        /// The transport.
        transport: TransportId
    };
    /// A transport has a new producer.
    ProducerCreated = "newproducer" {
        /// The producer.
        producer: ProducerId
    };
    /// A transport has a new consumer.
    ConsumerCreated = "newconsumer" {
        /// The consumer.
        consumer: ConsumerId
    };
    /// A transport has a new data producer.
    DataProducerCreated = "newdataproducer" {
        /// The data producer.
        data_producer: DataProducerId
    };
    /// A transport has a new data consumer.
    DataConsumerCreated = "newdataconsumer" {
        /// The data consumer.
        data_consumer: DataConsumerId
    };
    /// A transport learnt its remote address.
    TupleChanged = "tuple" {
        /// The addresses of RTP.
        tuple: Tuple
    };
    /// A transport learnt the remote address of RTCP.
    RtcpTupleChanged = "rtcptuple" {
        /// The addresses of RTCP.
        tuple: Tuple
    };
    /// An address that is not the transport's has sent to it, and is ignored: told once, until the
    /// transport has another remote address. Not in the JavaScript API.
    UnknownSourceSeen = "unknownsource" {
        /// The local address, and that of the stranger.
        tuple: Tuple
    };
    /// A stream of a producer began, or its score changed.
    ScoreChanged = "score" {
        /// The scores of the producer's streams, in the order of its encodings.
        score: Vec<ProducerScore>
    };
    /// The score of a consumer changed, or that of a stream of its producer, or one began.
    ConsumerScoreChanged = "score" {
        /// The scores of the consumer and its producer.
        score: ConsumerScore
    };
    /// A consumer gets other layers of its producer, or none any more.
    LayersChanged = "layerschange" {
        /// The layers, none when nothing is forwarded.
        layers: Option<ConsumerLayers>
    };
    /// A camera is held differently, or its orientation is known for the first time.
    VideoOrientationChanged = "videoorientationchange" {
        /// How it is held.
        orientation: VideoOrientation
    };
    /// Packets of a stream stopped arriving, or came back. Not in the JavaScript API.
    LivenessChanged = "liveness" {
        /// Which stream, and whether it is live.
        liveness: StreamLiveness
    };
    /// The sender of a stream came back with another SSRC, which takes the place of the one before.
    /// What else of that one came in the same tick is discarded as of an unknown stream. Not in the
    /// JavaScript API.
    SsrcChanged = "ssrcchange" {
        /// Which stream, and its SSRCs.
        change: SsrcChange
    };
    /// Spatial layers of a stream began or stopped to arrive. Not in the JavaScript API.
    LayerActivityChanged = "layeractivity" {
        /// Which stream, and which layers arrive.
        layers: StreamLayers
    };
    /// A WebRTC server has a new transport.
    TransportHandled = "webrtctransporthandled" {
        /// The transport.
        transport: TransportId
    };
    /// A transport of a WebRTC server is gone.
    TransportUnhandled = "webrtctransportunhandled" {
        /// The transport.
        transport: TransportId
    };
    /// The ICE agent of a WebRTC transport is in another state.
    IceStateChanged = "icestatechange" {
        /// The state.
        ice_state: IceState
    };
    /// A WebRTC transport sends by another way than before, or by none any more.
    IceSelectedTupleChanged = "iceselectedtuplechange" {
        /// The addresses, none when nothing is selected.
        selected: Option<Tuple>
    };
    /// The DTLS connection of a WebRTC transport is in another state.
    DtlsStateChanged = "dtlsstatechange" {
        /// The state.
        dtls_state: DtlsState
    };
    /// Other layers of a producer are wanted than before, of which its sender need not send the
    /// others: by consumers that are open and not paused, as far as they wish for them. All are at
    /// first. Not in the JavaScript API.
    WantedLayersChanged = "wantedlayers" {
        /// The layers, lowest first; none when nobody wants any.
        layers: Vec<WantedLayer>
    };
    /// The SCTP association of a transport is in another state.
    SctpStateChanged = "sctpstatechange" {
        /// The state.
        state: SctpState
    };
    /// The peer of a WebRTC transport opened a data channel in-band, and was told that it is open. A
    /// data producer on its stream receives what comes, and a data consumer that asks for its stream
    /// sends on it. What comes before that waits, up to
    /// [`Limits::early_message_bytes`](crate::Limits::early_message_bytes). Not in the JavaScript API.
    DataChannelOpened = "datachannelopen" {
        /// The channel.
        channel: DataChannel
    };
    /// The peer of a WebRTC transport closed a data channel that it had opened, or one that a data
    /// producer or data consumer is on: these are the application's to close. Not in the JavaScript
    /// API.
    DataChannelClosed = "datachannelclose" {
        /// The stream of the channel.
        stream_id: u16
    };
    /// A message for it did not fit what may wait to be sent; told once until one fits again.
    SctpSendBufferFull = "sctpsendbufferfull";
    /// What waits to be sent fell from above the threshold to it or below.
    BufferedAmountLow = "bufferedamountlow" {
        /// Bytes that still wait.
        buffered_amount: u64
    };
    /// A router has a new observer.
    RtpObserverCreated = "newrtpobserver" {
        /// The observer.
        rtp_observer: RtpObserverId
    };
    /// An observer began to listen to a producer.
    ProducerAdded = "addproducer" {
        /// The producer.
        producer: ProducerId
    };
    /// An observer stopped to listen to a producer that is open.
    ProducerRemoved = "removeproducer" {
        /// The producer.
        producer: ProducerId
    };
    /// Producers were loud in an interval of an audio level observer.
    VolumesChanged = "volumes" {
        /// The loudest, and how loud.
        volumes: Vec<ProducerVolume>
    };
    /// No producer of an audio level observer is loud any more.
    Silence = "silence";
    /// Another producer of an active speaker observer is the dominant one.
    DominantSpeakerChanged = "dominantspeaker" {
        /// The producer.
        speaker: DominantSpeaker
    };
    /// The recording of the run ended before the run did, which goes on; or its end could not be
    /// written. Not in the JavaScript API.
    RecordingStopped = "recordingstopped" {
        /// Why.
        reason: RecordingFault
    };
    /// Something that was asked to be traced. Never an entity: it can come with every packet.
    Traced = "trace" {
        /// What was traced.
        trace: Trace
    };
}

#[derive(Serialize)]
struct Row<T> {
    event: &'static str,
    #[serde(flatten)]
    subject: Subject,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
}

/// Events that systems of this tick made and that Emit has yet to put into the world.
#[derive(Resource, Debug, Default)]
pub struct Pending(pub Vec<Event>);

/// The events that live in the world and those that the application has not drained.
#[derive(Resource, Debug, Default)]
pub struct EventLog {
    undrained: Undrained<Event>,
    living: Vec<Entity>,
    expiring: Vec<Entity>,
    /// Events dropped because the application did not drain them.
    pub dropped: u64,
}

impl EventLog {
    /// How many events were not drained yet.
    pub fn undrained(&self) -> usize {
        self.undrained.len()
    }

    /// Every undrained event, oldest first.
    pub fn drain(&mut self) -> impl Iterator<Item = Event> {
        self.undrained.drain()
    }
}

/// Records an event for the application alone, on account of the transport that it is about or on
/// which what it is about is.
pub fn record(world: &mut World, event: Event) {
    let about = event.about();
    let owner = world.get::<OnTransport>(about).map_or(about, |on| on.0);
    world.resource_scope(|world, mut log: Mut<'_, EventLog>| {
        let limits = world.resource::<Limits>();
        let dropped = log.undrained.push(owner, event, limits);
        log.dropped += u64::from(dropped);
    });
}

/// Makes an event happen: observers run, an entity carries it, the application can drain it.
pub fn emit(world: &mut World, event: impl Into<Event>) {
    let event = event.into();
    happen(world, &event);
    record(world, event);
}

/// Makes an event happen for observers and systems alone: it follows from another that the
/// application drains.
pub fn happen(world: &mut World, event: &Event) {
    tracing::debug!(event = event.name(), subject = ?event.subject());
    let entity = event.enter(world);
    world.resource_mut::<EventLog>().living.push(entity);
}

/// Ends the life of events made up to the end of the previous tick.
pub fn expire(world: &mut World) {
    let mut log = world.resource_mut::<EventLog>();
    if log.expiring.is_empty() {
        return;
    }
    let mut expiring = std::mem::take(&mut log.expiring);
    for entity in expiring.drain(..) {
        // A user's system may have despawned it already.
        if let Ok(entity) = world.get_entity_mut(entity) {
            entity.despawn();
        }
    }
    world.resource_mut::<EventLog>().expiring = expiring;
}

/// Marks everything alive now as belonging to the tick that ends.
pub fn age(log: &mut EventLog) {
    log.expiring.append(&mut log.living);
}

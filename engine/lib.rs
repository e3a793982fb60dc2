#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod backend;
mod build_error;
mod builder;
mod clock;
mod collected;
mod commands;
mod completion;
mod control;
mod crew;
pub mod ecs;
mod engine;
mod figures;
mod flush;
mod gathering;
mod handle;
mod limits;
mod listen;
mod loopback;
mod message_batch;
mod network;
mod poison;
mod recording;
mod replay;
mod requests;
mod rotation;
mod run;
mod shutdown;
mod slots;
mod snapshot;
mod streams;
mod udp;
mod watch;

pub use backend::{Backend, BindRequest, Bound, Flight, Outcome, ReceiveLimits, Transmit, Wake};
pub use build_error::BuildError;
pub use builder::Builder;
pub use completion::Completion;
pub use control::{
    CreateTransportError, Observation, PlainTransportOptions, WebRtcListen, WebRtcTransportOptions,
};
pub use engine::{Engine, TickError};
pub use figures::{Queues, StageWork, TickTimes, Work};
pub use handle::Handle;
pub use listen::{BindError, Listen, ListenInfo, PortRange, SocketFlags};
pub use loopback::{Loopback, Sent, Totals, Wire};
pub use message_batch::{MessageBatch, Unsent};
pub use recording::{Outputs, RecordError, Recording, RecordingError, RecordingReport};
pub use replay::{Difference, Divergence, Replay, ReplayError, Tick};
pub use requests::HandleError;
pub use shutdown::Remains;
pub use snapshot::{RestoreError, Snapshot, SnapshotError};
pub use udp::Udp;
pub use watch::{Passage, View, Watching};

pub use flumen_components as components;
pub use flumen_components::{
    AppData, Closed, ConsumerId, ConsumerLayers, Content, Control, Counts, DataConsumerId,
    DataKind, DataLedger, DataParameters, DataProducerId, Delivery, Digest, Discard,
    DominantSpeaker, DtlsParameters, DtlsRole, DtlsState, Event, Fingerprint, IceCandidate,
    IceParameters, IceState, Imbalance, Ledger, Limits, Message, MessageDelivery, MessageDiscard,
    MessageWithheld, PreferredLayers, ProducerId, ProducerScore, ProducerVolume, Reason, Recipient,
    Refusal, ReliabilityOverrides, RouterId, RtcpFault, RtpObserverId, SctpOptions,
    SctpOptionsError, SctpParameters, SctpState, SctpStreamParameters, SctpStreamParametersError,
    SocketId, SrtpCryptoSuite, SrtpParameters, StreamLayers, StreamLiveness, Subject, Time, Trace,
    TransportId, Tuple, VerdictError, Veto, VetoError, VideoOrientation, WebRtcServerId, Withheld,
    Workers, dump, event, rtp_parameters, stats, trace,
};
pub use flumen_protocol::{dtls, ice, sctp, srtp, stun};
pub use flumen_systems::control::{
    ActiveSpeakerObserverOptions, AudioLevelObserverOptions, ConnectError, ConnectOptions,
    ConnectWebRtcError, ConsumeDataError, ConsumeError, ConsumerOptions, CreateObserverError,
    DataConsumerOptions, DataProducerOptions, DirectTransportOptions, LimitBitrateError, NotSctp,
    NotWebRtc, ObserveError, OpenTransportError, PriorityError, ProduceDataError, ProduceError,
    ProducerOptions, SendError, SendMessageError, SendMessageToError, UpdateMediaCodecsError,
};
pub use flumen_systems::{OrderError, Plugin, Setup, Slot, Stage};

//! What the world of Flumen is made of: one noun a file.
//!
//! Components say who writes and who reads them. They know no systems and no sockets; what they
//! know of protocols comes from [`wire`].
#![forbid(unsafe_code)]

/// What an application sees: identifiers, events, statistics and traces.
pub mod application {
    pub(crate) mod app_data;
    pub(crate) mod directory;
    pub mod dump;
    pub mod event;
    pub(crate) mod id;
    pub mod stats;
    pub mod trace;
    pub(crate) mod traces;
    pub(crate) mod undrained;

    pub use app_data::AppData;
    pub use directory::{Closed, Directory, find};
    pub use event::{Event, EventLog, Subject};
    pub use id::{
        ConsumerId, DataConsumerId, DataProducerId, Id, ParseIdError, ProducerId, RouterId,
        RtpObserverId, SocketId, TransportId, WebRtcServerId,
    };
    pub use trace::{Trace, TraceTypes};
    pub use traces::Traces;
}

/// Consumers: who gets what, what they send, and what they send again.
pub mod consume {
    pub(crate) mod allocation;
    pub(crate) mod allotment;
    pub(crate) mod allowance;
    pub(crate) mod byte_log;
    pub(crate) mod chain;
    pub(crate) mod choices;
    pub(crate) mod consumer;
    pub(crate) mod emission;
    pub(crate) mod evidence;
    pub(crate) mod history;
    pub(crate) mod layering;
    pub(crate) mod numbering;
    pub(crate) mod remote_reception;
    pub(crate) mod repeat_budget;
    pub(crate) mod restraint;
    pub(crate) mod retransmission;
    pub(crate) mod routes;
    pub(crate) mod steadiest;
    pub(crate) mod step;
    pub(crate) mod wants;
    pub(crate) mod withheld;

    pub use allocation::{
        Bid, Bids, Budget, Lowest, PathBids, Rung, is_shared, make_ladder, stagger,
    };
    pub use allotment::{Allotment, Given};
    pub use allowance::Allowance;
    pub use choices::{LayersChanging, LayersToChoose, Priority};
    pub use consumer::{Consumer, ConsumerParameters, Consumers, ConsumesFrom};
    pub use emission::{Emission, Mid, Newest};
    pub use history::{History, HistoryBounds, Keeping, OVERTAKING_MAX};
    pub use layering::{
        Alignment, Awaiting, Beginning, ConsumerLayers, Layering, Living, Need, Patch,
        PreferredLayers, Rewriting, Role as StreamRole, Selection, Written,
    };
    pub use numbering::{Numbering, PayloadTypes, RENAMED_MAX};
    pub use remote_reception::{Counters, ReceiverReports, RemoteReception};
    pub use repeat_budget::RepeatBudget;
    pub use restraint::Restraint;
    pub use retransmission::{Permit, Retransmission, Rtx, Spacing};
    pub use routes::Routes;
    pub use step::{Step, share_in_step};
    pub use wants::{Wanted, WantedLayer, Wants, WantsChanging};
    pub use withheld::Withheld;
}

/// Data producers, data consumers and their messages.
pub mod data {
    pub(crate) mod data_channel;
    pub(crate) mod data_consumer;
    pub(crate) mod data_ledger;
    pub(crate) mod data_messages;
    pub(crate) mod data_producer;
    pub(crate) mod early_messages;
    pub(crate) mod message;
    pub(crate) mod message_deliveries;
    pub(crate) mod messages;
    pub(crate) mod sctp_stream_parameters;
    pub(crate) mod sctp_streams;
    pub(crate) mod subchannels;
    pub(crate) mod undelivered;

    pub use data_channel::DataChannel;
    pub use data_consumer::{BufferedAmountLowThreshold, DataConsumer, MessageSizes};
    pub use data_ledger::DataLedger;
    pub use data_messages::{DataMessage, DataMessages};
    pub use data_producer::{
        ConsumesDataFrom, DataConsumers, DataKind, DataParameters, DataProducer,
    };
    pub use early_messages::{EarlyMessage, EarlyMessages};
    pub use message::{Content, Message};
    pub use message_deliveries::{MessageDeliveries, MessageDelivery, Parcel};
    pub use messages::{Full, MessageRow, Messages};
    pub use sctp_stream_parameters::{
        ReliabilityOverrides, STREAM_ID_MAX, SctpStreamParameters, SctpStreamParametersError,
    };
    pub use sctp_streams::SctpStreams;
    pub use subchannels::{Audience, Subchannels};
    pub use undelivered::{MessageDiscard, MessageWithheld};
}

/// What senders are told and asked for, and what receivers tell: arrivals, estimates, reports, key
/// frames.
pub mod feedback {
    pub(crate) mod arrival_history;
    pub(crate) mod bandwidth_feedback;
    mod congestion;
    pub(crate) mod demand;
    pub(crate) mod incoming_estimate;
    pub(crate) mod incoming_limit;
    pub mod key_frame_requests;
    pub(crate) mod key_frame_retry;
    pub(crate) mod key_frame_wishes;
    pub(crate) mod outgoing_estimate;
    pub(crate) mod outgoing_limit;
    pub(crate) mod probation;
    pub(crate) mod report_schedule;
    pub(crate) mod trend;

    pub use arrival_history::ArrivalHistory;
    pub use bandwidth_feedback::{
        BandwidthFeedback, EstimatesToTell, FeedbackMethod, RembFeedback, TransportCc,
    };
    pub use demand::Demand;
    pub use incoming_estimate::IncomingEstimate;
    pub use incoming_limit::IncomingLimit;
    pub use key_frame_requests::KeyFrameRequests;
    pub use key_frame_retry::KeyFrameRetry;
    pub use key_frame_wishes::{KeyFrameWish, KeyFrameWishes};
    pub use outgoing_estimate::{
        BandwidthEstimator, EstimateCause, EstimateMethod, Estimators, MakeEstimator,
        OutgoingEstimate, PacketReport, PathEstimate, PathFigures, PathReport, PathsOnProbe,
        PathsToEstimate, Probe, RembEstimator, SendHistory, SentPacket, TransportWideEstimator,
    };
    pub use outgoing_limit::OutgoingLimit;
    pub use probation::Probation;
    pub use report_schedule::{
        DueReports, LossSearch, ReportBudget, ReportQueue, ReportSchedule, SenderReports,
    };
    pub use trend::Trend;
}

/// Producers and their streams, how well they arrive, and what is missing.
pub mod media {
    pub(crate) mod capture_clock;
    pub(crate) mod descriptor;
    pub(crate) mod entry_points;
    pub(crate) mod flow;
    pub(crate) mod layer_activity;
    pub(crate) mod layer_rates;
    pub(crate) mod loss_history;
    pub(crate) mod missing;
    pub(crate) mod orientation;
    pub(crate) mod paused;
    pub(crate) mod picture_groups;
    pub(crate) mod producer;
    pub(crate) mod rate;
    pub(crate) mod reception;
    pub(crate) mod remote_clock;
    pub(crate) mod reporting;
    pub(crate) mod rtp_stream;
    pub(crate) mod sample;
    pub(crate) mod score;
    pub(crate) mod silence;
    pub(crate) mod ssrc_changes;
    pub(crate) mod templates;

    pub use capture_clock::CaptureClock;
    pub use descriptor::{Descriptor, Needs, REFERENCES_MAX};
    pub use entry_points::EntryPoints;
    pub use flow::Flow;
    pub use layer_activity::{LayerActivity, StreamLayers};
    pub use layer_rates::{LayerCounts, LayerRate, LayerRates};
    pub use loss_history::{LossHistory, Tally};
    pub use missing::{Effect, Missing, Presence};
    pub use orientation::{Orientation, VideoOrientation};
    pub use paused::PausedByOwner;
    pub use picture_groups::PictureGroups;
    pub use producer::{Encoding, PayloadType, Producer, ProducerParameters};
    pub use rate::Rate;
    pub use reception::{Arrival, Jitter, Reception, Sequence};
    pub use remote_clock::RemoteClock;
    pub use reporting::Reporting;
    pub use rtp_stream::{RtpStream, StreamOf, Streams};
    pub use sample::{Histogram, Sample};
    pub use score::{
        Changes, ConsumerScore, ConsumerScoresChanged, ProducerScore, Score, ScoresChanged,
    };
    pub use silence::{
        Checked, Inactivity, Liveness, LivenessTimeout, ResumedStreams, SilenceTimer,
        StreamLiveness,
    };
    pub use ssrc_changes::{Admission, SsrcChange, SsrcChanges};
    pub use templates::{Dependencies, Templates};
}

/// Observers of a router: who is loud, who speaks.
pub mod observe {
    pub(crate) mod dominance;
    pub(crate) mod loudness;
    pub(crate) mod rtp_observer;
    mod speech;
    mod voices;

    pub use dominance::{Dominance, DominantSpeaker};
    pub use loudness::{Loud, Loudness, ProducerVolume};
    pub use rtp_observer::{ObservedBy, ObserverKind, ObservesRouter, RtpObserver, RtpObservers};
}

/// What one tick works on: datagrams in and out, rows, ledgers, deadlines, time and seeds.
pub mod tick {
    pub(crate) mod agenda;
    pub(crate) mod batch;
    pub(crate) mod counts;
    pub(crate) mod datagrams;
    pub(crate) mod deadline;
    pub(crate) mod deliveries;
    pub(crate) mod digest;
    pub(crate) mod discard;
    pub(crate) mod draft;
    pub(crate) mod due_kinds;
    pub(crate) mod exclusions;
    pub(crate) mod inbox;
    pub(crate) mod ledger;
    pub(crate) mod limits;
    pub(crate) mod moment;
    pub(crate) mod outbox;
    pub(crate) mod packets;
    pub(crate) mod parked;
    pub(crate) mod refusal;
    pub(crate) mod sealed;
    pub(crate) mod seed;
    pub(crate) mod soundness;
    pub(crate) mod time;
    pub(crate) mod verdict;
    pub(crate) mod veto;
    pub(crate) mod vetoes;
    pub(crate) mod workers;

    pub use agenda::Agenda;
    pub use batch::{
        Media, MediaPacket, PacketFacts, RtcpArrival, RtcpIn, RtpArrival, RtpIn, SctpArrival,
        SctpIn, Touched, TouchedStream, chain, indexed_chain,
    };
    pub use counts::{Counts, Reason};
    pub use datagrams::{Datagrams, Departing, Departures};
    pub use deadline::{Deadlines, Due};
    pub use deliveries::{Deliveries, Delivery, DirectOut, DirectRow, Recipient};
    pub use digest::Digest;
    pub use discard::{Control, Discard, RtcpFault};
    pub use draft::Draft;
    pub use due_kinds::DueKinds;
    pub use exclusions::{Exclusion, Exclusions};
    pub use inbox::{Datagram, Inbox, InboxFull, Origin};
    pub use ledger::{Imbalance, Ledger};
    pub use limits::Limits;
    pub use moment::Moment;
    pub use outbox::{Destination, Outbox, Outgoing, OutgoingKind};
    pub use packets::{Packet, Packets};
    pub use parked::Parked;
    pub use refusal::Refusal;
    pub use sealed::Sealed;
    pub use seed::{Created, CreationSequence, Generator, Purpose, Seed};
    pub use soundness::{Balance, Broken};
    pub use time::{Now, NtpEpoch, Time};
    pub use verdict::VerdictError;
    pub use veto::{VETOES_MAX, Veto};
    pub use vetoes::{VetoError, Vetoes};
    pub use workers::Workers;
}

/// Routers, sockets and transports: where media and messages enter and leave.
pub mod transport {
    pub(crate) mod connected;
    pub(crate) mod connections;
    pub(crate) mod discards;
    pub(crate) mod dtls_connection;
    pub(crate) mod following;
    pub(crate) mod ice_agent;
    pub(crate) mod ice_candidate;
    pub(crate) mod listener;
    pub(crate) mod pacer;
    pub(crate) mod path;
    pub(crate) mod router;
    pub(crate) mod sctp_association;
    pub(crate) mod sctp_parameters;
    pub(crate) mod sctp_schedule;
    pub(crate) mod socket;
    pub(crate) mod sockets;
    pub(crate) mod srtp_parameters;
    pub(crate) mod srtp_session;
    pub(crate) mod traffic;
    pub(crate) mod webrtc_server;

    pub use connected::Connected;
    pub use connections::{ConnectionChange, Connections};
    pub use discards::Discards;
    pub use dtls_connection::{DtlsConnection, DtlsSettings, Taping};
    pub use flumen_protocol::dtls::{
        Fingerprint, Parameters as DtlsParameters, Role as DtlsRole, State as DtlsState,
    };
    pub use flumen_protocol::ice::{Parameters as IceParameters, State as IceState};
    pub use flumen_protocol::sctp::State as SctpState;
    pub use flumen_protocol::srtp::CryptoSuite as SrtpCryptoSuite;
    pub use following::Following;
    pub use ice_agent::{IceAgent, IceTuple, MovedSessions, UnprovenTransports};
    pub use ice_candidate::{IceCandidate, IceListener, IceListeners};
    pub use listener::{Incoming, Listener};
    pub use pacer::{Pace, PacedTransports, Pacer, Superseded};
    pub use path::{
        Link, LocalAddress, LocalAddresses, Naming, OnTransport, Path, Protocol, Residents, Role,
        TransportKind, Tuple,
    };
    pub use router::{OnRouter, Router, Transports};
    pub use sctp_association::{SctpAssociation, SctpLibrary};
    pub use sctp_parameters::{SctpOptions, SctpOptionsError, SctpParameters};
    pub use sctp_schedule::{SctpSchedule, Stirred};
    pub use socket::{Announced, Socket, SocketKey};
    pub use sockets::{IceReceivers, Receivers, SocketEntry, Sockets};
    pub use srtp_parameters::{SrtpOffer, SrtpParameters};
    pub use srtp_session::{Clear, SrtpSession};
    pub use traffic::{Departure, Traffic};
    pub use webrtc_server::WebRtcServer;
}

pub mod rtp_parameters;

/// What a snapshot needs to refer to what is not in it.
pub mod snapshot {
    mod roster;

    pub use roster::Roster;
    pub(crate) use roster::{load, save};

    /// Implements [`State`](crate::wire::state::State) for what may hold entities: see
    /// [`wire::state!`](flumen_wire::state!).
    macro_rules! state {
        ($($rest:tt)+) => {
            flumen_wire::state! { in crate::snapshot::Roster: $($rest)+ }
        };
    }

    pub(crate) use state;
}

pub use application::*;
pub use consume::*;
pub use data::*;
pub use feedback::*;
pub use flumen_wire as wire;
pub use media::*;
pub use observe::*;
pub use tick::*;
pub use transport::*;

//! What the world of Flumen is made of: one noun a file.
//!
//! Components say who writes and who reads them. They know no systems and no sockets; what they
//! know of protocols comes from [`wire`].
#![forbid(unsafe_code)]

mod allowance;
mod app_data;
mod arrival_history;
mod bandwidth_feedback;
mod batch;
mod byte_ring;
mod capture_clock;
mod connected;
mod consumer;
mod counts;
mod data_consumer;
mod data_ledger;
mod data_producer;
mod deadline;
mod deliveries;
mod descriptor;
mod directory;
mod discard;
mod emission;
pub mod event;
mod history;
mod id;
mod inbox;
mod incoming_estimate;
mod incoming_limit;
pub mod key_frame_requests;
mod layer_activity;
mod layer_rates;
mod ledger;
mod limits;
mod listener;
mod loss_history;
mod message;
mod message_deliveries;
mod messages;
mod missing;
mod orientation;
mod outbox;
mod parked;
mod paused;
mod producer;
mod rate;
mod reception;
mod refusal;
mod remote_clock;
mod remote_reception;
mod report_schedule;
mod reporting;
mod retransmission;
mod router;
mod routes;
pub mod rtp_parameters;
mod rtp_stream;
mod sample;
mod score;
mod sctp_parameters;
mod sctp_schedule;
mod sctp_state;
mod sctp_stream_parameters;
mod sctp_streams;
mod seed;
mod silence;
mod socket;
mod sockets;
pub mod stats;
mod subchannels;
mod time;
pub mod trace;
mod traffic;
mod transport;
mod trend;
mod undelivered;
mod withheld;

pub use allowance::Allowance;
pub use app_data::AppData;
pub use arrival_history::ArrivalHistory;
pub use bandwidth_feedback::{
    BandwidthFeedback, EstimatesToTell, FeedbackMethod, RembFeedback, TransportCc,
};
pub use batch::{
    Media, MediaPacket, PacketFacts, RtcpArrival, RtcpIn, RtpArrival, RtpIn, SctpArrival, SctpIn,
    Touched, TouchedStream, chain,
};
pub use capture_clock::CaptureClock;
pub use connected::Connected;
pub use consumer::{Consumer, ConsumerParameters, Consumers, ConsumesFrom};
pub use counts::{Counts, Reason};
pub use data_consumer::{BufferedAmountLowThreshold, DataConsumer, MessageSizes};
pub use data_ledger::DataLedger;
pub use data_producer::{ConsumesDataFrom, DataConsumers, DataKind, DataParameters, DataProducer};
pub use deadline::{Deadlines, Due};
pub use deliveries::{Deliveries, Delivery, DirectOut, DirectRow, Recipient};
pub use descriptor::{Descriptor, Templates};
pub use directory::{Closed, Directory, find};
pub use discard::{Control, Discard};
pub use emission::{Emission, ExtensionSet, Mid, Newest, PayloadTypes};
pub use event::{Event, EventLog, Subject};
pub use flumen_wire as wire;
pub use history::{Bounds, History, Keeping, OVERTAKING_MAX};
pub use id::{
    ConsumerId, DataConsumerId, DataProducerId, Id, ParseIdError, ProducerId, RouterId, SocketId,
    TransportId,
};
pub use inbox::{Datagram, Inbox, Origin};
pub use incoming_estimate::IncomingEstimate;
pub use incoming_limit::IncomingLimit;
pub use key_frame_requests::{KeyFrameRequests, KeyFrameWish, KeyFrameWishes};
pub use layer_activity::{LayerActivity, StreamLayers};
pub use layer_rates::{LayerCounts, LayerRate, LayerRates};
pub use ledger::{Imbalance, Ledger};
pub use limits::Limits;
pub use listener::{Incoming, Listener};
pub use loss_history::{LossHistory, Tally};
pub use message::{Content, Message};
pub use message_deliveries::{MessageDeliveries, MessageDelivery, Parcel};
pub use messages::{Full, MessageRow, Messages};
pub use missing::{Effect, Missing, Presence};
pub use orientation::{Orientation, VideoOrientation};
pub use outbox::{Destination, Outbox, Outgoing, OutgoingKind};
pub use parked::Parked;
pub use paused::Paused;
pub use producer::{Encoding, PayloadType, Producer, ProducerParameters};
pub use rate::Rate;
pub use reception::{Arrival, Jitter, Reception, Sequence};
pub use refusal::Refusal;
pub use remote_clock::RemoteClock;
pub use remote_reception::{Counters, ReceiverReports, RemoteReception};
pub use report_schedule::{DueReports, ReportBudget, ReportQueue, ReportSchedule, SenderReports};
pub use reporting::Reporting;
pub use retransmission::{Permit, Retransmission, Rtx};
pub use router::{OnRouter, Router, Transports};
pub use routes::Routes;
pub use rtp_stream::{RtpStream, StreamOf, Streams};
pub use sample::{Histogram, Sample};
pub use score::{
    Changes, ConsumerScore, ConsumerScoresChanged, ProducerScore, Score, ScoresChanged,
};
pub use sctp_parameters::{SctpOptions, SctpOptionsError, SctpParameters};
pub use sctp_schedule::{SctpSchedule, Stirred};
pub use sctp_state::SctpState;
pub use sctp_stream_parameters::{
    ReliabilityOverrides, STREAM_ID_MAX, SctpStreamParameters, SctpStreamParametersError,
};
pub use sctp_streams::SctpStreams;
pub use seed::{Created, CreationSequence, Generator, Purpose, Seed};
pub use silence::{
    Checked, Inactivity, Liveness, LivenessTimeout, Resumed, SilenceTimer, StreamLiveness,
};
pub use socket::{Socket, SocketKey};
pub use sockets::{Receivers, SocketEntry, Sockets};
pub use subchannels::{Audience, Subchannels};
pub use time::{Now, NtpEpoch, Time};
pub use trace::{Trace, TraceTypes, Traces};
pub use traffic::{Departure, Flow, Traffic};
pub use transport::{
    Link, LocalAddress, LocalAddresses, Naming, OnTransport, Path, Protocol, Residents, Role,
    TransportKind, Tuple,
};
pub use trend::Trend;
pub use undelivered::{MessageDiscard, MessageWithheld};
pub use withheld::Withheld;

//! What there is to do besides forwarding: one place, so that one look tells that it is nothing.

use bevy_ecs::resource::Resource;

use crate::consume::choices::{LayersChanging, LayersToChoose};
use crate::consume::remote_reception::ReceiverReports;
use crate::consume::wants::WantsChanging;
use crate::feedback::bandwidth_feedback::EstimatesToTell;
use crate::feedback::key_frame_wishes::KeyFrameWishes;
use crate::feedback::outgoing_estimate::{PathsOnProbe, PathsToEstimate};
use crate::feedback::report_schedule::{ReportQueue, SenderReports};
use crate::media::score::{ConsumerScoresChanged, ScoresChanged};
use crate::media::silence::ResumedStreams;
use crate::tick::due_kinds::DueKinds;
use crate::transport::connected::Connected;
use crate::transport::ice_agent::{MovedSessions, UnprovenTransports};
use crate::transport::pacer::PacedTransports;
use crate::transport::sctp_schedule::Stirred;

/// What later stages, or the next tick, are to do, besides forwarding what came: lists of whom it
/// concerns, each filled and emptied as its type says.
///
/// They are one resource because in most ticks all of them are empty, and finding that out costs a
/// look at each: within one resource these are loads from neighbouring memory.
#[derive(Resource, Debug, Default)]
pub struct Agenda {
    /// The kinds of the deadlines that fired in this tick.
    pub fired: DueKinds,
    /// Ways that have just opened.
    pub connected: Connected,
    /// WebRTC transports that may have found their peers, or lost them.
    pub moved_sessions: MovedSessions,
    /// WebRTC transports whose paths may be other people's.
    pub unproven: UnprovenTransports,
    /// SCTP associations that have something to yield.
    pub stirred: Stirred,
    /// Streams whose producer was resumed.
    pub resumed_streams: ResumedStreams,
    /// Streams of which a sender report came.
    pub sender_reports: SenderReports,
    /// Consumers of which a receiver report came.
    pub receiver_reports: ReceiverReports,
    /// Streams that have another score.
    pub scores: ScoresChanged,
    /// Consumers that have another score of their own.
    pub consumer_scores: ConsumerScoresChanged,
    /// Paths to be looked at.
    pub paths: PathsToEstimate,
    /// Paths on which padding is sent.
    pub probes: PathsOnProbe,
    /// Transports with packets that wait for their turn.
    pub paced: PacedTransports,
    /// Who chooses layers anew.
    pub layers_to_choose: LayersToChoose,
    /// Consumers that may get other layers than they were told.
    pub layers_changing: LayersChanging,
    /// Producers of which others may be wanted.
    pub wants: WantsChanging,
    /// Who wants a key frame.
    pub key_frames: KeyFrameWishes,
    /// What senders are told that their paths carry.
    pub estimates: EstimatesToTell,
    /// Transports that have reports left to send.
    pub reports: ReportQueue,
}

crate::snapshot::state! {
    struct Agenda {
        fired, connected, moved_sessions, unproven, stirred, resumed_streams, sender_reports,
        receiver_reports, scores, consumer_scores, paths, probes, paced, layers_to_choose,
        layers_changing, wants, key_frames, estimates, reports,
    }
}

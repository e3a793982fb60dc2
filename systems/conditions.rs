//! Whether there is anything to do: what systems run for, and not without.
//!
//! A system that is not run costs nothing but its condition, and most systems have nothing to do in
//! most ticks. A condition looks at what its systems read, so that it holds whoever filled that:
//! the engine's systems, a user's, or the application between ticks.

use bevy_ecs::query::{Or, With};
use bevy_ecs::system::{Query, Res};
use flumen_components::event::Pending;
use flumen_components::{
    BandwidthFeedback, Connected, ConsumerScoresChanged, Deadlines, DirectOut, Due, DueKinds,
    EstimatesToTell, IceAgent, Inactivity, Inbox, KeyFrameWishes, LayerActivity, LayersChanging,
    LayersToChoose, Liveness, Media, Messages, MovedSessions, Outbox, OutgoingEstimate,
    PacedTransports, Pacer, PathsOnProbe, PathsToEstimate, ReceiverReports, ReportQueue,
    ResumedStreams, RtcpIn, RtpIn, RtpObserver, ScoresChanged, SctpIn, SenderReports, Stirred,
    Touched, Traces, UnprovenTransports, WantsChanging, WebRtcServer,
};

// The deadlines that systems look for: others are no reason to run them.

const SESSION_TIMERS: DueKinds = DueKinds::of(&[Due::IceConsent, Due::Dtls]);
const CONNECTIONS: DueKinds = DueKinds::of(&[Due::UnprovenConnections]);
const ASSOCIATIONS: DueKinds = DueKinds::of(&[Due::Sctp]);
const SILENCE: DueKinds = DueKinds::of(&[Due::Inactivity]);
const ACTIVITY: DueKinds = DueKinds::of(&[Due::Liveness, Due::LayerActivity]);
const OBSERVERS: DueKinds = DueKinds::of(&[Due::Observed]);
const PATHS: DueKinds = DueKinds::of(&[Due::PathEstimate]);
const WANTS: DueKinds = DueKinds::of(&[Due::Wants]);
const MISSING: DueKinds = DueKinds::of(&[Due::MissingPackets]);
const KEY_FRAMES: DueKinds = DueKinds::of(&[
    Due::KeyFrameRetry { ssrc: 0 },
    Due::KeyFrameDelay { ssrc: 0 },
]);
const BANDWIDTH: DueKinds = DueKinds::of(&[Due::BandwidthFeedback]);
/// Not those of reports that go on: these lie in the queue.
const REPORTS: DueKinds = DueKinds::of(&[Due::Reports]);

const OF_SESSIONS: DueKinds = SESSION_TIMERS.and(CONNECTIONS);
const OF_SCORE: DueKinds = SILENCE.and(ACTIVITY).and(OBSERVERS).and(PATHS).and(WANTS);
const OF_FEEDBACK: DueKinds = MISSING.and(KEY_FRAMES).and(BANDWIDTH).and(REPORTS);

/// Sockets of WebRTC transports may have brought something, or one of their deadlines passed: whether any of these
/// systems has anything to do is asked only then.
pub(crate) fn sessions_stir(
    inbox: Res<'_, Inbox>,
    deadlines: Res<'_, Deadlines>,
    sessions: Query<'_, '_, (), Or<(With<IceAgent>, With<WebRtcServer>)>>,
) -> bool {
    deadlines.have_fired(OF_SESSIONS)
        || !inbox.connections().is_empty()
        || !(inbox.datagrams().is_empty() || sessions.is_empty())
}

/// Datagrams came.
pub(crate) fn datagrams_came(inbox: Res<'_, Inbox>) -> bool {
    !inbox.datagrams().is_empty()
}

/// Rows of datagrams that came last are still there to be cleared.
pub(crate) fn rows_are_left(
    rtp: Res<'_, RtpIn>,
    rtcp: Res<'_, RtcpIn>,
    media: Res<'_, Media>,
) -> bool {
    !(rtp.0.is_empty() && rtcp.0.is_empty() && media.0.is_empty())
}

/// There are sockets of WebRTC transports, and datagrams came.
pub(crate) fn sessions_hear(
    inbox: Res<'_, Inbox>,
    sessions: Query<'_, '_, (), Or<(With<IceAgent>, With<WebRtcServer>)>>,
) -> bool {
    !(inbox.datagrams().is_empty() || sessions.is_empty())
}

/// Deadlines of WebRTC transports have passed.
pub(crate) fn session_timers_fired(deadlines: Res<'_, Deadlines>) -> bool {
    deadlines.have_fired(SESSION_TIMERS)
}

/// Connections of TCP sockets came or went.
pub(crate) fn connections_change(inbox: Res<'_, Inbox>) -> bool {
    !inbox.connections().is_empty()
}

/// They did, or some may have proven nothing in time.
pub(crate) fn connections_move(inbox: Res<'_, Inbox>, deadlines: Res<'_, Deadlines>) -> bool {
    connections_change(inbox) || deadlines.have_fired(CONNECTIONS)
}

/// Connections of TCP sockets came or went, or WebRTC transports may have found their peers, or lost
/// them.
pub(crate) fn sessions_change(inbox: Res<'_, Inbox>, moved: Res<'_, MovedSessions>) -> bool {
    !(inbox.connections().is_empty() && moved.0.is_empty())
}

/// WebRTC transports may have found their peers, or lost them.
pub(crate) fn sessions_moved(moved: Res<'_, MovedSessions>) -> bool {
    !moved.0.is_empty()
}

/// Some paths may be other people's.
pub(crate) fn paths_unproven(unproven: Res<'_, UnprovenTransports>) -> bool {
    !unproven.0.is_empty()
}

/// Media came.
pub(crate) fn media_came(media: Res<'_, Media>) -> bool {
    !media.0.is_empty()
}

/// Streams accepted packets.
pub(crate) fn streams_touched(touched: Res<'_, Touched>) -> bool {
    !touched.streams.is_empty()
}

/// Something came besides media, or media tells more than itself, or associations may move.
pub(crate) fn more_than_media_came(
    (rtcp, touched): (Res<'_, RtcpIn>, Res<'_, Touched>),
    (sctp, stirred): (Res<'_, SctpIn>, Res<'_, Stirred>),
    (connected, deadlines): (Res<'_, Connected>, Res<'_, Deadlines>),
    messages: Res<'_, Messages>,
) -> bool {
    let quiet = rtcp.0.is_empty() && messages.rows().is_empty();
    let still = sctp.0.is_empty() && stirred.0.is_empty() && connected.0.is_empty();
    !(quiet && still) || touched.tells || touched.traced || deadlines.have_fired(ASSOCIATIONS)
}

/// Packets that streams accepted may tell when they were captured, or how a camera is held.
pub(crate) fn extensions_tell(touched: Res<'_, Touched>) -> bool {
    touched.tells
}

/// Some packets that streams accepted are traced.
pub(crate) fn packets_traced(touched: Res<'_, Touched>) -> bool {
    touched.traced
}

/// Some transports tell their senders when packets arrive.
pub(crate) fn arrivals_told(measured: Query<'_, '_, (), With<BandwidthFeedback>>) -> bool {
    !measured.is_empty()
}

/// RTCP came.
pub(crate) fn rtcp_came(rtcp: Res<'_, RtcpIn>) -> bool {
    !rtcp.0.is_empty()
}

/// Datagrams, a way that opened, a timer or the application moves an association.
pub(crate) fn associations_move(
    sctp: Res<'_, SctpIn>,
    connected: Res<'_, Connected>,
    deadlines: Res<'_, Deadlines>,
    stirred: Res<'_, Stirred>,
) -> bool {
    !(sctp.0.is_empty() && connected.0.is_empty() && stirred.0.is_empty())
        || deadlines.have_fired(ASSOCIATIONS)
}

/// Something was done to an association.
pub(crate) fn associations_stirred(stirred: Res<'_, Stirred>) -> bool {
    !stirred.0.is_empty()
}

/// Messages came.
pub(crate) fn messages_came(messages: Res<'_, Messages>) -> bool {
    !messages.rows().is_empty()
}

/// Score may have something to do: whether any of its systems has is asked only then.
pub(crate) fn scores_stir(
    (touched, deadlines): (Res<'_, Touched>, Res<'_, Deadlines>),
    (resumed, connected): (Res<'_, ResumedStreams>, Res<'_, Connected>),
    (senders, receivers): (Res<'_, SenderReports>, Res<'_, ReceiverReports>),
    (streams, consumers): (Res<'_, ScoresChanged>, Res<'_, ConsumerScoresChanged>),
    (paths, to_choose): (Res<'_, PathsToEstimate>, Res<'_, LayersToChoose>),
    changing: Res<'_, WantsChanging>,
    watched: Query<'_, '_, (), Watched>,
) -> bool {
    let reports = !(senders.0.is_empty() && receivers.0.is_empty());
    let scores = !(streams.0.is_empty() && consumers.0.is_empty());
    let choices = !(paths.0.is_empty() && to_choose.is_empty() && changing.is_empty());
    let moves = !(resumed.0.is_empty() && connected.0.is_empty());
    deadlines.have_fired(OF_SCORE)
        || (reports || scores || choices || moves)
        || !(touched.streams.is_empty() || watched.is_empty())
}

/// Whose packets make Score look.
type Watched = Or<(
    With<Inactivity>,
    With<Liveness>,
    With<LayerActivity>,
    With<RtpObserver>,
)>;

/// Some streams are watched for their silence, and one may have accepted packets, or fallen silent;
/// or a producer was resumed.
pub(crate) fn silence_watched(
    resumed: Res<'_, ResumedStreams>,
    touched: Res<'_, Touched>,
    deadlines: Res<'_, Deadlines>,
    watched: Query<'_, '_, (), With<Inactivity>>,
) -> bool {
    !resumed.0.is_empty() || streams_move(&touched, &deadlines, SILENCE) && !watched.is_empty()
}

/// Some streams tell of their liveness or their layers, and one may have accepted packets, or not.
pub(crate) fn activity_told(
    touched: Res<'_, Touched>,
    deadlines: Res<'_, Deadlines>,
    watched: Query<'_, '_, (), Or<(With<Liveness>, With<LayerActivity>)>>,
) -> bool {
    streams_move(&touched, &deadlines, ACTIVITY) && !watched.is_empty()
}

/// Some producers are observed, and one may have accepted packets, or an interval is over.
pub(crate) fn audio_observed(
    touched: Res<'_, Touched>,
    deadlines: Res<'_, Deadlines>,
    observers: Query<'_, '_, (), With<RtpObserver>>,
) -> bool {
    streams_move(&touched, &deadlines, OBSERVERS) && !observers.is_empty()
}

/// Streams that accepted packets miss some, or are to ask again.
pub(crate) fn packets_missed(touched: Res<'_, Touched>, deadlines: Res<'_, Deadlines>) -> bool {
    touched.misses || deadlines.have_fired(MISSING)
}

fn streams_move(touched: &Touched, deadlines: &Deadlines, kinds: DueKinds) -> bool {
    !touched.streams.is_empty() || deadlines.have_fired(kinds)
}

/// Reports came from senders or receivers.
pub(crate) fn reports_came(
    senders: Res<'_, SenderReports>,
    receivers: Res<'_, ReceiverReports>,
) -> bool {
    !(senders.0.is_empty() && receivers.0.is_empty())
}

/// Receivers told of their paths, or it is time to look at some, or one has just opened, or layers
/// are to be chosen.
pub(crate) fn paths_move(
    paths: Res<'_, PathsToEstimate>,
    deadlines: Res<'_, Deadlines>,
    to_choose: Res<'_, LayersToChoose>,
    connected: Res<'_, Connected>,
    estimated: Query<'_, '_, (), With<OutgoingEstimate>>,
) -> bool {
    let is_quiet = !deadlines.have_fired(PATHS) && to_choose.is_empty() && connected.0.is_empty();
    !(paths.0.is_empty() && (is_quiet || estimated.is_empty()))
}

/// Scores changed.
pub(crate) fn scores_changed(
    streams: Res<'_, ScoresChanged>,
    consumers: Res<'_, ConsumerScoresChanged>,
) -> bool {
    !(streams.0.is_empty() && consumers.0.is_empty())
}

/// Consumers are to choose their layers.
pub(crate) fn layers_to_choose(to_choose: Res<'_, LayersToChoose>) -> bool {
    !to_choose.is_empty()
}

/// Others may be wanted of producers, or a deadline of theirs passed.
pub(crate) fn wants_change(
    changing: Res<'_, WantsChanging>,
    deadlines: Res<'_, Deadlines>,
) -> bool {
    !changing.is_empty() || deadlines.have_fired(WANTS)
}

/// Consumers may get other layers, or messages.
pub(crate) fn more_is_forwarded(
    changing: Res<'_, LayersChanging>,
    messages: Res<'_, Messages>,
) -> bool {
    !(changing.0.is_empty() && messages.rows().is_empty())
}

/// Consumers may get other layers.
pub(crate) fn layers_change(changing: Res<'_, LayersChanging>) -> bool {
    !changing.0.is_empty()
}

/// Feedback may have something to do: whether any of its systems has is asked only then.
pub(crate) fn feedback_stirs(
    (touched, deadlines): (Res<'_, Touched>, Res<'_, Deadlines>),
    (rtcp, connected): (Res<'_, RtcpIn>, Res<'_, Connected>),
    (stirred, wishes): (Res<'_, Stirred>, Res<'_, KeyFrameWishes>),
    (estimates, queue): (Res<'_, EstimatesToTell>, Res<'_, ReportQueue>),
) -> bool {
    let asked = !(rtcp.0.is_empty() && wishes.is_empty());
    let moves = !(stirred.0.is_empty() && connected.0.is_empty());
    let told = !(estimates.0.is_empty() && queue.0.is_empty());
    touched.misses || deadlines.have_fired(OF_FEEDBACK) || asked || moves || told
}

/// A way opened.
pub(crate) fn ways_opened(connected: Res<'_, Connected>) -> bool {
    !connected.0.is_empty()
}

/// Key frames are wished for, or a deadline of theirs passed.
pub(crate) fn key_frames_wanted(
    wishes: Res<'_, KeyFrameWishes>,
    deadlines: Res<'_, Deadlines>,
) -> bool {
    !wishes.is_empty() || deadlines.have_fired(KEY_FRAMES)
}

/// Estimates are to be told, or a deadline of theirs passed.
pub(crate) fn bandwidth_to_tell(
    estimates: Res<'_, EstimatesToTell>,
    deadlines: Res<'_, Deadlines>,
) -> bool {
    !estimates.0.is_empty() || deadlines.have_fired(BANDWIDTH)
}

/// Reports are left over, or a deadline of theirs passed.
pub(crate) fn reports_due(queue: Res<'_, ReportQueue>, deadlines: Res<'_, Deadlines>) -> bool {
    !queue.0.is_empty() || deadlines.have_fired(REPORTS)
}

/// Some transports are paced, and packets leave or wait.
pub(crate) fn packets_paced(
    outbox: Res<'_, Outbox>,
    paced: Res<'_, PacedTransports>,
    pacers: Query<'_, '_, (), With<Pacer>>,
) -> bool {
    !paced.0.is_empty() || !(outbox.rows.is_empty() || pacers.is_empty())
}

/// Datagrams leave.
pub(crate) fn datagrams_leave(outbox: Res<'_, Outbox>, direct: Res<'_, DirectOut>) -> bool {
    !(outbox.rows.is_empty() && direct.0.is_empty())
}

/// More than media is to be sent, or some paths may be other people's.
pub(crate) fn paths_on_trial(
    probed: Res<'_, PathsOnProbe>,
    unproven: Res<'_, UnprovenTransports>,
) -> bool {
    !(probed.0.is_empty() && unproven.0.is_empty())
}

/// More than media is to be sent.
pub(crate) fn paths_on_probe(paths: Res<'_, PathsOnProbe>) -> bool {
    !paths.0.is_empty()
}

/// Something happened.
pub(crate) fn something_happened(pending: Res<'_, Pending>, traces: Res<'_, Traces>) -> bool {
    !(pending.0.is_empty() && traces.is_empty())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bevy_ecs::entity::Entity;
    use bevy_ecs::system::{IntoSystem, RunSystemOnce};
    use bevy_ecs::world::World;
    use flumen_components::{
        EstimateMethod, Estimators, Loudness, ObserverKind, Probation, SilenceTimer, Time,
    };

    use super::*;

    /// A world with somebody in it who waits for each kind of deadline, in which `due` has fired.
    fn fired(due: Due) -> World {
        let mut world = World::new();
        crate::resources(&mut world);
        world.init_resource::<Inbox>();
        world.init_resource::<Messages>();
        let second = Duration::from_secs(1);
        let kind = ObserverKind::AudioLevel(Loudness::new(1, -127));
        world.spawn((
            Inactivity(SilenceTimer::new(second, Time::ZERO)),
            LayerActivity::new(1),
            RtpObserver::new(kind, Time::ZERO, second),
            OutgoingEstimate::new(
                EstimateMethod::Remb,
                1,
                Probation::default(),
                &Estimators::default(),
            ),
        ));
        let mut deadlines = Deadlines::default();
        deadlines.set(Time::ZERO, Entity::PLACEHOLDER, due);
        deadlines.fire(Time::ZERO);
        world.insert_resource(deadlines);
        world
    }

    /// The conditions that hold when `due` alone has fired, and those of stages.
    fn held(due: Due) -> Vec<&'static str> {
        let mut world = fired(due);
        let mut held = Vec::new();
        macro_rules! ask {
            ($($condition:ident)*) => {$(
                if holds(&mut world, $condition) {
                    held.push(stringify!($condition));
                }
            )*};
        }
        ask! {
            sessions_stir session_timers_fired connections_move
            more_than_media_came associations_move
            scores_stir silence_watched activity_told paths_move wants_change audio_observed
            feedback_stirs key_frames_wanted packets_missed bandwidth_to_tell reports_due
        }
        held
    }

    fn holds<M>(world: &mut World, condition: impl IntoSystem<(), bool, M>) -> bool {
        world.run_system_once(condition).unwrap()
    }

    #[test]
    fn a_deadline_runs_those_who_look_for_it_and_nobody_else() {
        let cases: [(Due, &[&str]); 19] = [
            (Due::Pacing, &[]),
            (Due::Probe, &[]),
            (Due::User(0), &[]),
            (Due::MoreReports, &[]),
            (Due::IceConsent, &["sessions_stir", "session_timers_fired"]),
            (Due::Dtls, &["sessions_stir", "session_timers_fired"]),
            (
                Due::UnprovenConnections,
                &["sessions_stir", "connections_move"],
            ),
            (Due::Sctp, &["more_than_media_came", "associations_move"]),
            (Due::Inactivity, &["scores_stir", "silence_watched"]),
            (Due::Liveness, &["scores_stir", "activity_told"]),
            (Due::LayerActivity, &["scores_stir", "activity_told"]),
            (Due::PathEstimate, &["scores_stir", "paths_move"]),
            (Due::Wants, &["scores_stir", "wants_change"]),
            (Due::Observed, &["scores_stir", "audio_observed"]),
            (
                Due::KeyFrameRetry { ssrc: 1 },
                &["feedback_stirs", "key_frames_wanted"],
            ),
            (
                Due::KeyFrameDelay { ssrc: 1 },
                &["feedback_stirs", "key_frames_wanted"],
            ),
            (Due::MissingPackets, &["feedback_stirs", "packets_missed"]),
            (
                Due::BandwidthFeedback,
                &["feedback_stirs", "bandwidth_to_tell"],
            ),
            (Due::Reports, &["feedback_stirs", "reports_due"]),
        ];
        for (due, expected) in cases {
            assert_eq!(held(due), expected, "{due:?}");
        }
    }
}

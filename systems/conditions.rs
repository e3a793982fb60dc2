//! Whether there is anything to do: what systems run for, and not without.
//!
//! A system that is not run costs nothing but its condition, and most systems have nothing to do in
//! most ticks. A condition looks at what its systems read, so that it holds whoever filled that:
//! the engine's systems, a user's, or the application between ticks.

use bevy_ecs::query::{Or, With};
use bevy_ecs::system::{Query, Res};
use flumen_components::event::Pending;
use flumen_components::{
    Connected, ConsumerScoresChanged, Deadlines, DirectOut, Due, EstimatesToTell, IceAgent,
    Inactivity, Inbox, KeyFrameWishes, LayerActivity, LayersChanging, LayersToChoose, Liveness,
    Media, Messages, Missing, MovedSessions, Outbox, OutgoingEstimate, PacedTransports, Pacer,
    PathsOnProbe, PathsToEstimate, ReceiverReports, ReportQueue, ResumedStreams, RtcpIn, RtpIn,
    RtpObserver, ScoresChanged, SctpIn, SenderReports, Stirred, Touched, Traces,
    UnprovenTransports, WantsChanging, WebRtcServer,
};

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
    let mut fired = deadlines.fired().iter();
    fired.any(|(_, due)| matches!(due, Due::IceConsent | Due::Dtls))
}

/// Connections of TCP sockets came or went.
pub(crate) fn connections_change(inbox: Res<'_, Inbox>) -> bool {
    !inbox.connections().is_empty()
}

/// They did, or some may have proven nothing in time.
pub(crate) fn connections_move(inbox: Res<'_, Inbox>, deadlines: Res<'_, Deadlines>) -> bool {
    let mut fired = deadlines.fired().iter();
    connections_change(inbox) || fired.any(|(_, due)| *due == Due::UnprovenConnections)
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
    !(sctp.0.is_empty()
        && connected.0.is_empty()
        && deadlines.fired().is_empty()
        && stirred.0.is_empty())
}

/// Something was done to an association.
pub(crate) fn associations_stirred(stirred: Res<'_, Stirred>) -> bool {
    !stirred.0.is_empty()
}

/// Messages came.
pub(crate) fn messages_came(messages: Res<'_, Messages>) -> bool {
    !messages.rows().is_empty()
}

/// Some streams are watched for their silence, and one may have accepted packets, or fallen silent;
/// or a producer was resumed.
pub(crate) fn silence_watched(
    resumed: Res<'_, ResumedStreams>,
    touched: Res<'_, Touched>,
    deadlines: Res<'_, Deadlines>,
    watched: Query<'_, '_, (), With<Inactivity>>,
) -> bool {
    !resumed.0.is_empty() || streams_move(&touched, &deadlines) && !watched.is_empty()
}

/// Some streams tell of their liveness or their layers, and one may have accepted packets, or not.
pub(crate) fn activity_told(
    touched: Res<'_, Touched>,
    deadlines: Res<'_, Deadlines>,
    watched: Query<'_, '_, (), Or<(With<Liveness>, With<LayerActivity>)>>,
) -> bool {
    streams_move(&touched, &deadlines) && !watched.is_empty()
}

/// Some producers are observed, and one may have accepted packets, or an interval is over.
pub(crate) fn audio_observed(
    touched: Res<'_, Touched>,
    deadlines: Res<'_, Deadlines>,
    observers: Query<'_, '_, (), With<RtpObserver>>,
) -> bool {
    streams_move(&touched, &deadlines) && !observers.is_empty()
}

/// Some streams ask for what they miss, and one may have accepted packets, or is to ask again.
pub(crate) fn packets_missed(
    touched: Res<'_, Touched>,
    deadlines: Res<'_, Deadlines>,
    watched: Query<'_, '_, (), With<Missing>>,
) -> bool {
    streams_move(&touched, &deadlines) && !watched.is_empty()
}

fn streams_move(touched: &Touched, deadlines: &Deadlines) -> bool {
    !(touched.streams.is_empty() && deadlines.fired().is_empty())
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
    let is_quiet = deadlines.fired().is_empty() && to_choose.is_empty() && connected.0.is_empty();
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

/// Others may be wanted of producers, or a deadline passed.
pub(crate) fn wants_change(
    changing: Res<'_, WantsChanging>,
    deadlines: Res<'_, Deadlines>,
) -> bool {
    !(changing.is_empty() && deadlines.fired().is_empty())
}

/// Consumers may get other layers.
pub(crate) fn layers_change(changing: Res<'_, LayersChanging>) -> bool {
    !changing.0.is_empty()
}

/// A way opened.
pub(crate) fn ways_opened(connected: Res<'_, Connected>) -> bool {
    !connected.0.is_empty()
}

/// Key frames are wished for, or a deadline passed.
pub(crate) fn key_frames_wanted(
    wishes: Res<'_, KeyFrameWishes>,
    deadlines: Res<'_, Deadlines>,
) -> bool {
    !(wishes.is_empty() && deadlines.fired().is_empty())
}

/// Estimates are to be told, or a deadline passed.
pub(crate) fn bandwidth_to_tell(
    estimates: Res<'_, EstimatesToTell>,
    deadlines: Res<'_, Deadlines>,
) -> bool {
    !(estimates.0.is_empty() && deadlines.fired().is_empty())
}

/// Reports are left over, or a deadline passed.
pub(crate) fn reports_due(queue: Res<'_, ReportQueue>, deadlines: Res<'_, Deadlines>) -> bool {
    !(queue.0.is_empty() && deadlines.fired().is_empty())
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

/// More than media is to be sent.
pub(crate) fn paths_on_probe(paths: Res<'_, PathsOnProbe>) -> bool {
    !paths.0.is_empty()
}

/// Something happened.
pub(crate) fn something_happened(pending: Res<'_, Pending>, traces: Res<'_, Traces>) -> bool {
    !(pending.0.is_empty() && traces.is_empty())
}

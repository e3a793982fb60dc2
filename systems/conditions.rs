//! Whether there is anything to do: what systems run for, and not without.
//!
//! A system that is not run costs nothing but its condition, and most systems have nothing to do in
//! most ticks. A condition looks at what its systems read, so that it holds whoever filled that:
//! the engine's systems, a user's, or the application between ticks. It is a function of the world and
//! no system: one of those costs more than all that most conditions look at.

use bevy_ecs::component::Component;
use bevy_ecs::world::World;
use flumen_components::event::Pending;
use flumen_components::wire::{PacketKind, classify};
use flumen_components::{
    Agenda, BandwidthFeedback, Datagram, Deadlines, DirectOut, Due, DueKinds, Inactivity, Inbox,
    LayerActivity, Liveness, Media, Messages, Now, Outbox, OutgoingEstimate, Pacer, RtcpIn, RtpIn,
    RtpObserver, SctpIn, Touched, Traces,
};

/// A condition.
pub(crate) type Condition = fn(&World) -> bool;

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

fn agenda(world: &World) -> &Agenda {
    world.resource()
}

fn fired(world: &World, kinds: DueKinds) -> bool {
    agenda(world).fired.meet(kinds)
}

/// Deadlines have passed, or those that did are still told.
pub(crate) fn deadlines_pass(world: &World) -> bool {
    let deadlines = world.resource::<Deadlines>();
    let now = || world.resource::<Now>().time;
    !deadlines.fired().is_empty() || deadlines.next().is_some_and(|next| next <= now())
}

/// Somebody has such a component.
fn is_any<T: Component>(world: &World) -> bool {
    let archetypes = world.archetypes();
    let id = world.component_id::<T>();
    let having = id.and_then(|id| archetypes.component_index().get(&id));
    let mut having = having.into_iter().flat_map(|having| having.keys());
    having.any(|&id| archetypes.get(id).is_some_and(|all| !all.is_empty()))
}

/// Whether any system of WebRTC transports has something to do is asked only then.
pub(crate) fn sessions_stir(world: &World) -> bool {
    let (agenda, inbox) = (agenda(world), world.resource::<Inbox>());
    agenda.fired.meet(OF_SESSIONS)
        || !(inbox.connections().is_empty() && agenda.moved_sessions.0.is_empty())
        || brings_theirs(inbox)
}

/// Datagrams came.
fn datagrams_came(world: &World) -> bool {
    !world.resource::<Inbox>().datagrams().is_empty()
}

/// Datagrams came, or rows of those that came last are still there to be cleared.
pub(crate) fn rows_change(world: &World) -> bool {
    datagrams_came(world)
        || !(world.resource::<RtpIn>().0.is_empty()
            && world.resource::<RtcpIn>().0.is_empty()
            && world.resource::<Media>().0.is_empty())
}

/// What only WebRTC transports take came, or their ways changed.
pub(crate) fn sessions_hear(world: &World) -> bool {
    brings_theirs(world.resource()) || sessions_moved(world)
}

/// Something of what came is STUN or DTLS.
fn brings_theirs(inbox: &Inbox) -> bool {
    let kind = |datagram: &Datagram| classify(&inbox.bytes()[datagram.range()]);
    let mut kinds = inbox.datagrams().iter().filter_map(kind);
    kinds.any(PacketKind::is_of_session)
}

/// Deadlines of WebRTC transports have passed.
pub(crate) fn session_timers_fired(world: &World) -> bool {
    fired(world, SESSION_TIMERS)
}

/// Connections of TCP sockets came or went.
pub(crate) fn connections_change(world: &World) -> bool {
    !world.resource::<Inbox>().connections().is_empty()
}

/// They did, or some may have proven nothing in time.
pub(crate) fn connections_move(world: &World) -> bool {
    connections_change(world) || fired(world, CONNECTIONS)
}

/// Connections of TCP sockets came or went, or WebRTC transports may have found their peers, or lost
/// them.
pub(crate) fn sessions_change(world: &World) -> bool {
    connections_change(world) || sessions_moved(world)
}

/// WebRTC transports may have found their peers, or lost them.
pub(crate) fn sessions_moved(world: &World) -> bool {
    !agenda(world).moved_sessions.0.is_empty()
}

/// Some paths may be other people's.
pub(crate) fn paths_unproven(world: &World) -> bool {
    !agenda(world).unproven.0.is_empty()
}

/// Media came.
pub(crate) fn media_came(world: &World) -> bool {
    !world.resource::<Media>().0.is_empty()
}

/// Streams accepted packets.
pub(crate) fn streams_touched(world: &World) -> bool {
    !world.resource::<Touched>().streams.is_empty()
}

/// Something came besides media, or media tells more than itself, or associations may move.
pub(crate) fn more_than_media_came(world: &World) -> bool {
    let touched = world.resource::<Touched>();
    touched.tells
        || touched.traced
        || rtcp_came(world)
        || messages_came(world)
        || associations_move(world)
}

/// Packets that streams accepted may tell when they were captured, or how a camera is held.
pub(crate) fn extensions_tell(world: &World) -> bool {
    world.resource::<Touched>().tells
}

/// Some packets that streams accepted are traced.
pub(crate) fn packets_traced(world: &World) -> bool {
    world.resource::<Touched>().traced
}

/// Some transports tell their senders when packets arrive.
pub(crate) fn arrivals_told(world: &World) -> bool {
    is_any::<BandwidthFeedback>(world)
}

/// RTCP came.
pub(crate) fn rtcp_came(world: &World) -> bool {
    !world.resource::<RtcpIn>().0.is_empty()
}

/// Datagrams, a way that opened, a timer or the application moves an association.
pub(crate) fn associations_move(world: &World) -> bool {
    let Agenda {
        fired,
        connected,
        stirred,
        ..
    } = agenda(world);
    fired.meet(ASSOCIATIONS)
        || !(connected.0.is_empty() && stirred.0.is_empty())
        || !world.resource::<SctpIn>().0.is_empty()
}

/// Something was done to an association.
pub(crate) fn associations_stirred(world: &World) -> bool {
    !agenda(world).stirred.0.is_empty()
}

/// Messages came.
pub(crate) fn messages_came(world: &World) -> bool {
    !world.resource::<Messages>().rows().is_empty()
}

/// Score may have something to do: whether any of its systems has is asked only then.
pub(crate) fn scores_stir(world: &World) -> bool {
    let agenda = agenda(world);
    let reports = !(agenda.sender_reports.0.is_empty() && agenda.receiver_reports.0.is_empty());
    let scores = !(agenda.scores.0.is_empty() && agenda.consumer_scores.0.is_empty());
    let choices = !(agenda.paths.0.is_empty() && agenda.layers_to_choose.is_empty());
    let moves = !(agenda.resumed_streams.0.is_empty() && agenda.connected.0.is_empty());
    agenda.fired.meet(OF_SCORE)
        || (reports || scores || choices || moves || !agenda.wants.is_empty())
        || streams_touched(world) && is_watched(world)
}

/// Packets of somebody make Score look.
fn is_watched(world: &World) -> bool {
    is_any::<Inactivity>(world)
        || is_any::<Liveness>(world)
        || is_any::<LayerActivity>(world)
        || is_any::<RtpObserver>(world)
}

/// Some streams are watched for their silence, and one may have accepted packets, or fallen silent;
/// or a producer was resumed.
pub(crate) fn silence_watched(world: &World) -> bool {
    let is_any_resumed = !agenda(world).resumed_streams.0.is_empty();
    is_any_resumed || streams_move(world, SILENCE) && is_any::<Inactivity>(world)
}

/// Some streams tell of their liveness or their layers, and one may have accepted packets, or not.
pub(crate) fn activity_told(world: &World) -> bool {
    streams_move(world, ACTIVITY) && (is_any::<Liveness>(world) || is_any::<LayerActivity>(world))
}

/// Some producers are observed, and one may have accepted packets, or an interval is over.
pub(crate) fn audio_observed(world: &World) -> bool {
    streams_move(world, OBSERVERS) && is_any::<RtpObserver>(world)
}

/// Streams that accepted packets miss some, or are to ask again.
pub(crate) fn packets_missed(world: &World) -> bool {
    fired(world, MISSING) || world.resource::<Touched>().misses
}

fn streams_move(world: &World, kinds: DueKinds) -> bool {
    fired(world, kinds) || streams_touched(world)
}

/// Reports came from senders or receivers.
pub(crate) fn reports_came(world: &World) -> bool {
    let agenda = agenda(world);
    !(agenda.sender_reports.0.is_empty() && agenda.receiver_reports.0.is_empty())
}

/// Receivers told of their paths, or it is time to look at some, or one has just opened, or layers
/// are to be chosen.
pub(crate) fn paths_move(world: &World) -> bool {
    let agenda = agenda(world);
    let choices = !(agenda.layers_to_choose.is_empty() && agenda.connected.0.is_empty());
    let is_moved = choices || agenda.fired.meet(PATHS);
    !agenda.paths.0.is_empty() || is_moved && is_any::<OutgoingEstimate>(world)
}

/// Scores changed.
pub(crate) fn scores_changed(world: &World) -> bool {
    let agenda = agenda(world);
    !(agenda.scores.0.is_empty() && agenda.consumer_scores.0.is_empty())
}

/// Consumers are to choose their layers.
pub(crate) fn layers_to_choose(world: &World) -> bool {
    !agenda(world).layers_to_choose.is_empty()
}

/// Others may be wanted of producers, or a deadline of theirs passed.
pub(crate) fn wants_change(world: &World) -> bool {
    fired(world, WANTS) || !agenda(world).wants.is_empty()
}

/// Consumers may get other layers, or messages.
pub(crate) fn more_is_forwarded(world: &World) -> bool {
    layers_change(world) || messages_came(world)
}

/// Consumers may get other layers.
pub(crate) fn layers_change(world: &World) -> bool {
    !agenda(world).layers_changing.0.is_empty()
}

/// Feedback may have something to do: whether any of its systems has is asked only then.
pub(crate) fn feedback_stirs(world: &World) -> bool {
    let agenda = agenda(world);
    let moves = !(agenda.stirred.0.is_empty() && agenda.connected.0.is_empty());
    let told = !(agenda.estimates.0.is_empty() && agenda.reports.0.is_empty());
    agenda.fired.meet(OF_FEEDBACK)
        || (moves || told || !agenda.key_frames.is_empty())
        || world.resource::<Touched>().misses
        || rtcp_came(world)
}

/// A way opened.
pub(crate) fn ways_opened(world: &World) -> bool {
    !agenda(world).connected.0.is_empty()
}

/// Key frames are wished for, or a deadline of theirs passed.
pub(crate) fn key_frames_wanted(world: &World) -> bool {
    fired(world, KEY_FRAMES) || !agenda(world).key_frames.is_empty()
}

/// Estimates are to be told, or a deadline of theirs passed.
pub(crate) fn bandwidth_to_tell(world: &World) -> bool {
    fired(world, BANDWIDTH) || !agenda(world).estimates.0.is_empty()
}

/// Reports are left over, or a deadline of theirs passed.
pub(crate) fn reports_due(world: &World) -> bool {
    fired(world, REPORTS) || !agenda(world).reports.0.is_empty()
}

/// Some transports are paced, and packets leave or wait.
pub(crate) fn packets_paced(world: &World) -> bool {
    let is_any_made = || !world.resource::<Outbox>().rows.is_empty();
    !agenda(world).paced.0.is_empty() || is_any_made() && is_any::<Pacer>(world)
}

/// Datagrams leave.
pub(crate) fn datagrams_leave(world: &World) -> bool {
    !(world.resource::<Outbox>().rows.is_empty() && world.resource::<DirectOut>().0.is_empty())
}

/// More than media is to be sent.
pub(crate) fn paths_on_probe(world: &World) -> bool {
    !agenda(world).probes.0.is_empty()
}

/// Something happened.
pub(crate) fn something_happened(world: &World) -> bool {
    !(world.resource::<Pending>().0.is_empty() && world.resource::<Traces>().is_empty())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bevy_ecs::entity::Entity;
    use bevy_ecs::world::World;
    use flumen_components::{
        Deadlines, EstimateMethod, Estimators, Loudness, ObserverKind, Probation, SilenceTimer,
        Time,
    };

    use super::*;

    /// A world with somebody in it who waits for each kind of deadline, in which `due` has fired.
    fn world_in_which(due: Due) -> World {
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
        world.resource_mut::<Agenda>().fired = deadlines.fire(Time::ZERO);
        world.insert_resource(deadlines);
        world
    }

    /// The conditions that hold when `due` alone has fired, and those of stages.
    fn held(due: Due) -> Vec<&'static str> {
        let world = world_in_which(due);
        let mut held = Vec::new();
        macro_rules! ask {
            ($($condition:ident)*) => {$(
                if $condition(&world) {
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

//! What happens in a tick: one verb a file, one folder a stage.
//!
//! A system is a thin sentence over the components: a query, a loop, a call. Systems open no
//! socket, read no clock and start no thread. What an application does between ticks is in
//! [`control`].
#![forbid(unsafe_code)]

mod associations;
mod chain;
mod channels;
mod conditions;
pub mod control;
mod demux;
mod discards;
mod emit;
mod feedback;
mod forward;
mod hand_over;
mod plugin;
mod protect;
mod receive;
mod score;
mod sessions;
mod stage;

use bevy_ecs::schedule::SystemCondition;
use flumen_components as components;

use chain::InOrder;
use conditions::*;

pub use plugin::{OrderError, Plugin, Setup, Step};
pub use protect::Sealing;
pub use stage::{Slot, Stage};

/// The engine's own pipeline: what each stage does, in order.
pub fn pipeline(setup: &mut Setup) {
    resources(setup.world_mut());
    demux(setup);
    receive(setup);
    score(setup);
    forward(setup);
    feedback(setup);
    protect(setup);
    setup.run_when(something_happened, Stage::Emit, emit::publish_events);
}

fn demux(setup: &mut Setup) {
    let stage = Stage::Demux;
    let datagrams = (
        demux::claim_datagrams,
        demux::note_arrivals,
        demux::find_streams,
    );
    setup.run(stage, demux::fire_deadlines);
    let timers = (demux::watch_consent, demux::fire_dtls).chain();
    setup.run_when(session_timers_fired, stage, timers);
    setup.run_when(connections_move, stage, demux::admit_connections);
    let sessions = (demux::answer_checks, demux::tell_ways, demux::receive_dtls);
    setup.run_when(sessions_hear, stage, sessions.chain());
    let due = datagrams_came.or_else(rows_are_left);
    setup.run_when(due, stage, datagrams.chain());
    setup.run_when(connections_change, stage, demux::end_connections);
    let moved = (demux::go_on, demux::settle_sessions).chain();
    setup.run_when(sessions_moved, stage, moved);
}

fn receive(setup: &mut Setup) {
    let stage = Stage::Receive;
    let rtp = (receive::receive_rtp, receive::read_capture_times).chain();
    let rtcp = (receive::receive_rtcp, receive::receive_reports).chain();
    let told = (receive::read_orientation, receive::trace_packets).chain();
    setup.run_when(media_came, stage, rtp);
    setup.run_when(rtcp_came, stage, rtcp);
    setup.run_when(streams_touched, stage, told);
    setup.run_when(associations_move, stage, receive::receive_sctp);
    setup.run_when(messages_came, stage, receive::receive_messages);
}

fn score(setup: &mut Setup) {
    let stage = Stage::Score;
    let samples = (score::sample_scores, score::sample_consumers).chain();
    let activity = (score::watch_liveness, score::watch_layers).chain();
    let paths = (
        score::list_paths,
        score::measure_demand,
        score::estimate_paths,
        score::share_paths,
    )
        .chain();
    let levels = (score::hear_levels, score::tell_levels).chain();
    setup.run_when(silence_watched, stage, score::watch_inactivity);
    setup.run_when(reports_came, stage, samples);
    setup.run_when(scores_changed, stage, score::announce_scores);
    setup.run_when(activity_told, stage, activity);
    setup.run_when(paths_move, stage, paths);
    setup.run_when(layers_to_choose, stage, score::choose_layers);
    setup.run_when(wants_change, stage, score::tell_wants);
    setup.run_when(audio_observed, stage, levels);
}

fn forward(setup: &mut Setup) {
    let stage = Stage::Forward;
    let packets = (forward::keep_packets, forward::fan_out).chain();
    setup.run_when(streams_touched, stage, packets);
    setup.run_when(layers_change, stage, forward::tell_layers);
    setup.run_when(messages_came, stage, forward::fan_out_messages);
}

fn feedback(setup: &mut Setup) {
    let stage = Stage::Feedback;
    setup.run_when(rtcp_came, stage, feedback::answer_nacks);
    setup.run_when(associations_stirred, stage, feedback::send_sctp);
    setup.run_when(ways_opened, stage, feedback::wish_on_connect);
    setup.run_when(key_frames_wanted, stage, feedback::request_key_frames);
    setup.run_when(packets_missed, stage, feedback::request_missing);
    setup.run_when(bandwidth_to_tell, stage, feedback::tell_bandwidth);
    setup.run_when(reports_due, stage, feedback::send_reports);
}

fn protect(setup: &mut Setup) {
    let stage = Stage::Protect;
    setup.run_when(packets_paced, stage, protect::pace);
    setup.run_when(datagrams_leave, stage, protect::stamp_departures);
    setup.run_when(paths_on_probe, stage, protect::send_probes);
    setup.run_when(paths_unproven, stage, protect::hold_back);
}

/// The resources that the pipeline works on.
fn resources(world: &mut bevy_ecs::world::World) {
    world.init_resource::<components::RtpIn>();
    world.init_resource::<components::RtcpIn>();
    world.init_resource::<components::SctpIn>();
    world.init_resource::<components::Stirred>();
    world.init_resource::<components::MovedSessions>();
    world.init_resource::<components::UnprovenTransports>();
    world.init_resource::<components::Media>();
    world.init_resource::<components::Touched>();
    world.init_resource::<components::Exclusions>();
    world.init_resource::<components::KeyFrameWishes>();
    world.init_resource::<components::KeyFrameRetry>();
    world.init_resource::<components::Traces>();
    world.init_resource::<components::LayersToChoose>();
    world.init_resource::<components::LayersChanging>();
    world.init_resource::<components::WantsChanging>();
    world.init_resource::<components::Connected>();
    world.init_resource::<components::ScoresChanged>();
    world.init_resource::<components::SenderReports>();
    world.init_resource::<components::ResumedStreams>();
    world.init_resource::<components::ReceiverReports>();
    world.init_resource::<components::ConsumerScoresChanged>();
    world.init_resource::<components::ReportQueue>();
    world.init_resource::<components::EstimatesToTell>();
    world.init_resource::<components::PathsToEstimate>();
    world.init_resource::<components::Bids>();
    world.init_resource::<components::PathsOnProbe>();
    world.init_resource::<components::PacedTransports>();
}

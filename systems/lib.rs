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

use flumen_components as components;

use chain::InOrder;
use conditions::*;
use plugin::Parts;

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
    setup.run_when(deadlines_pass, stage, demux::fire_deadlines);
    let timers = (demux::watch_consent, demux::fire_dtls).chain();
    let sessions = (demux::answer_checks, demux::tell_ways, demux::receive_dtls).chain();
    let sessions = Parts::default()
        .when(session_timers_fired, timers)
        .when(connections_move, demux::admit_connections)
        .when(sessions_hear, sessions);
    setup.run_parts_when(sessions_stir, stage, sessions);
    let datagrams = Parts::default()
        .then(demux::demultiplex)
        .when(arrivals_told, demux::note_arrivals);
    setup.run_parts_when(rows_change, stage, datagrams);
    let moved = (demux::go_on, demux::settle_sessions).chain();
    let changes = Parts::default()
        .when(connections_change, demux::end_connections)
        .when(sessions_moved, moved);
    setup.run_parts_when(sessions_change, stage, changes);
}

fn receive(setup: &mut Setup) {
    let stage = Stage::Receive;
    let rtcp = (receive::receive_rtcp, receive::receive_reports).chain();
    setup.run_when(media_came, stage, receive::receive_rtp);
    let others = Parts::default()
        .when(extensions_tell, receive::read_capture_times)
        .when(rtcp_came, rtcp)
        .when(extensions_tell, receive::read_orientation)
        .when(packets_traced, receive::trace_packets)
        .when(associations_move, receive::receive_sctp)
        .when(messages_came, receive::receive_messages);
    setup.run_parts_when(more_than_media_came, stage, others);
}

fn score(setup: &mut Setup) {
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
    let parts = Parts::default()
        .when(silence_watched, score::watch_inactivity)
        .when(reports_came, samples)
        .when(scores_changed, score::announce_scores)
        .when(activity_told, activity)
        .when(paths_move, paths)
        .when(layers_to_choose, score::choose_layers)
        .when(wants_change, score::tell_wants)
        .when(audio_observed, levels);
    setup.run_parts_when(scores_stir, Stage::Score, parts);
}

fn forward(setup: &mut Setup) {
    let stage = Stage::Forward;
    setup.run_when(streams_touched, stage, forward::forward_packets);
    let others = Parts::default()
        .when(layers_change, forward::tell_layers)
        .when(messages_came, forward::fan_out_messages);
    setup.run_parts_when(more_is_forwarded, stage, others);
}

fn feedback(setup: &mut Setup) {
    let parts = Parts::default()
        .when(rtcp_came, feedback::answer_nacks)
        .when(associations_stirred, feedback::send_sctp)
        .when(ways_opened, feedback::wish_on_connect)
        .when(key_frames_wanted, feedback::request_key_frames)
        .when(packets_missed, feedback::request_missing)
        .when(bandwidth_to_tell, feedback::tell_bandwidth)
        .when(reports_due, feedback::send_reports);
    setup.run_parts_when(feedback_stirs, Stage::Feedback, parts);
}

fn protect(setup: &mut Setup) {
    let stage = Stage::Protect;
    setup.run_when(packets_paced, stage, protect::pace);
    // What does not leave takes no number.
    setup.run_when(paths_unproven, stage, protect::hold_back);
    setup.run_when(datagrams_leave, stage, protect::stamp_departures);
    setup.run_when(paths_on_probe, stage, protect::send_probes);
}

/// The resources that the pipeline works on.
fn resources(world: &mut bevy_ecs::world::World) {
    world.init_resource::<components::RtpIn>();
    world.init_resource::<components::RtcpIn>();
    world.init_resource::<components::SctpIn>();
    world.init_resource::<components::Media>();
    world.init_resource::<components::Touched>();
    world.init_resource::<components::Exclusions>();
    world.init_resource::<components::KeyFrameRetry>();
    world.init_resource::<components::Traces>();
    world.init_resource::<components::Agenda>();
    world.init_resource::<components::Bids>();
}

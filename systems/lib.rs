//! What happens in a tick: one verb a file, one folder a stage.
//!
//! A system is a thin sentence over the components: a query, a loop, a call. Systems open no
//! socket, read no clock and start no thread. What an application does between ticks is in
//! [`control`].
#![forbid(unsafe_code)]

mod associations;
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
mod stage;

use bevy_ecs::schedule::IntoScheduleConfigs;
use flumen_components as components;

use conditions::*;

pub use plugin::{OrderError, Plugin, Setup, Step};
pub use stage::{Slot, Stage};

/// The engine's own pipeline: what each stage does, in order.
pub fn pipeline(setup: &mut Setup) {
    resources(setup.world_mut());
    setup.add_systems(
        Stage::Demux,
        Slot::BuiltIn,
        (
            demux::fire_deadlines,
            (
                demux::claim_datagrams,
                demux::note_arrivals,
                demux::find_streams,
            )
                .chain()
                .run_if(datagrams_came),
        )
            .chain(),
    );
    setup.add_systems(
        Stage::Receive,
        Slot::BuiltIn,
        (
            (receive::receive_rtp, receive::read_capture_times)
                .chain()
                .run_if(media_came),
            (receive::receive_rtcp, receive::receive_reports)
                .chain()
                .run_if(rtcp_came),
            (receive::read_orientation, receive::trace_packets)
                .chain()
                .run_if(streams_touched),
            receive::receive_sctp.run_if(associations_move),
            receive::receive_messages.run_if(messages_came),
        )
            .chain(),
    );
    setup.add_systems(
        Stage::Score,
        Slot::BuiltIn,
        (
            score::watch_inactivity.run_if(silence_watched),
            (score::sample_scores, score::sample_consumers)
                .chain()
                .run_if(reports_came),
            score::announce_scores.run_if(scores_changed),
            (score::watch_liveness, score::watch_layers)
                .chain()
                .run_if(activity_told),
            (score::measure_demand, score::estimate_paths)
                .chain()
                .run_if(paths_move),
            score::choose_layers.run_if(layers_to_choose),
            (score::hear_levels, score::tell_levels)
                .chain()
                .run_if(audio_observed),
        )
            .chain(),
    );
    setup.add_systems(
        Stage::Forward,
        Slot::BuiltIn,
        (
            (forward::keep_packets, forward::fan_out)
                .chain()
                .run_if(streams_touched),
            forward::tell_layers.run_if(layers_change),
            forward::fan_out_messages.run_if(messages_came),
        )
            .chain(),
    );
    setup.add_systems(
        Stage::Feedback,
        Slot::BuiltIn,
        (
            feedback::answer_nacks.run_if(rtcp_came),
            feedback::send_sctp.run_if(associations_stirred),
            feedback::wish_on_connect.run_if(ways_opened),
            feedback::request_key_frames.run_if(key_frames_wanted),
            feedback::request_missing.run_if(packets_missed),
            feedback::tell_bandwidth.run_if(bandwidth_to_tell),
            feedback::send_reports.run_if(reports_due),
        )
            .chain(),
    );
    setup.add_systems(
        Stage::Protect,
        Slot::BuiltIn,
        (
            protect::pace.run_if(packets_paced),
            protect::stamp_departures.run_if(datagrams_leave),
            protect::send_probes.run_if(paths_on_probe),
        )
            .chain(),
    );
    setup.add_systems(
        Stage::Emit,
        Slot::BuiltIn,
        emit::publish_events.run_if(something_happened),
    );
}

/// The resources that the pipeline works on.
fn resources(world: &mut bevy_ecs::world::World) {
    world.init_resource::<components::RtpIn>();
    world.init_resource::<components::RtcpIn>();
    world.init_resource::<components::SctpIn>();
    world.init_resource::<components::Stirred>();
    world.init_resource::<components::Media>();
    world.init_resource::<components::Touched>();
    world.init_resource::<components::KeyFrameWishes>();
    world.init_resource::<components::KeyFrameRetry>();
    world.init_resource::<components::Traces>();
    world.init_resource::<components::LayersToChoose>();
    world.init_resource::<components::LayersChanging>();
    world.init_resource::<components::Connected>();
    world.init_resource::<components::ScoresChanged>();
    world.init_resource::<components::SenderReports>();
    world.init_resource::<components::Resumed>();
    world.init_resource::<components::ReceiverReports>();
    world.init_resource::<components::ConsumerScoresChanged>();
    world.init_resource::<components::ReportQueue>();
    world.init_resource::<components::EstimatesToTell>();
    world.init_resource::<components::PathsToEstimate>();
    world.init_resource::<components::PathsOnProbe>();
    world.init_resource::<components::PacedTransports>();
}

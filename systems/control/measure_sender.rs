//! What a transport measures of its sender, by what its producers negotiated.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::rtp_parameters::RtpParameters;
use flumen_components::{BandwidthFeedback, FeedbackMethod, Limits, RemoteClock, TransportKind};

/// Begins to measure what a new producer of `transport` makes measurable.
pub(super) fn measure_sender(world: &mut World, transport: Entity, rtp: &RtpParameters) {
    choose_capture_times(world, transport, rtp);
    // In-process there is no path to measure, and what was begun goes on.
    if world.get::<TransportKind>(transport) == Some(&TransportKind::Direct)
        || world.get::<BandwidthFeedback>(transport).is_some()
    {
        return;
    }
    let arrivals = world.resource::<Limits>().arrivals_per_transport;
    if let Some(method) = feedback_method(rtp, arrivals) {
        let feedback = BandwidthFeedback::new(method);
        world.entity_mut(transport).insert(feedback);
    }
}

/// Capture times come from packets only where all producers of the transport can tell them.
fn choose_capture_times(world: &mut World, transport: Entity, rtp: &RtpParameters) {
    if rtp.header_extension_ids().abs_capture_time.is_none()
        && let Some(mut clock) = world.get_mut::<RemoteClock>(transport)
    {
        clock.use_reports();
    }
}

/// Each method needs a header extension in packets and its feedback among those of a codec.
fn feedback_method(rtp: &RtpParameters, arrivals: usize) -> Option<FeedbackMethod> {
    let ids = rtp.header_extension_ids();
    let takes = |feedback| {
        let mut codecs = rtp.codecs.iter();
        codecs.any(|codec| codec.has_feedback(feedback, ""))
    };
    if ids.transport_cc.is_some() && takes("transport-cc") {
        Some(FeedbackMethod::transport_cc(arrivals))
    } else if ids.abs_send_time.is_some() && takes("goog-remb") {
        Some(FeedbackMethod::remb())
    } else {
        None
    }
}

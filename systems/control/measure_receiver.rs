//! What a transport knows of its receiver's path, by what its consumers negotiated.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::rtp_parameters::{HeaderExtension, RtpParameters};
use flumen_components::{
    Demand, EstimateMethod, Estimators, OutgoingEstimate, OutgoingLimit, Pacer, Restraint,
};

/// Begins to estimate the path to a receiver, when a new video consumer of `transport` makes that
/// possible. In-process there is no path, and what was begun goes on.
pub(super) fn measure_receiver(world: &mut World, transport: Entity, rtp: &RtpParameters) {
    if world.get::<OutgoingEstimate>(transport).is_some() {
        return;
    }
    let limit = world.get::<OutgoingLimit>(transport);
    let (Some(&limit), Some(method)) = (limit, estimate_method(rtp)) else {
        return;
    };
    let estimators = world.resource::<Estimators>();
    let estimate = OutgoingEstimate::new(method, limit.clamp(limit.initial), estimators);
    world
        .entity_mut(transport)
        .insert((estimate, Demand::default(), Restraint::default()));
    if world.get::<Pacer>(transport).is_none() {
        world.entity_mut(transport).insert(Pacer::default());
    }
}

/// Each method needs its feedback among those of a codec, and but for that of RFC 8888 a header
/// extension in packets.
fn estimate_method(rtp: &RtpParameters) -> Option<EstimateMethod> {
    let carries = |wanted: HeaderExtension| {
        let mut extensions = rtp.header_extensions.iter();
        extensions.any(|extension| HeaderExtension::from_uri(&extension.uri) == Some(wanted))
    };
    let takes = |feedback, parameter| {
        let mut codecs = rtp.codecs.iter();
        codecs.any(|codec| codec.has_feedback(feedback, parameter))
    };
    if carries(HeaderExtension::TransportSequence) && takes("transport-cc", "") {
        Some(EstimateMethod::TransportCc)
    } else if takes("ack", "ccfb") {
        Some(EstimateMethod::CongestionFeedback)
    } else if carries(HeaderExtension::AbsSendTime) && takes("goog-remb", "") {
        Some(EstimateMethod::Remb)
    } else {
        None
    }
}

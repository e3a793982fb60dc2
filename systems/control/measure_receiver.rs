//! What a transport knows of its receiver's path, by what its consumers negotiated.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::rtp_parameters::{HeaderExtension, RtpParameters};
use flumen_components::{
    Demand, EstimateMethod, Estimators, OutgoingEstimate, OutgoingLimit, Pacer, Probation,
    Restraint,
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
    let probation = Probation::new(|kind| extension_id(rtp, kind));
    let bitrate = limit.clamp(limit.initial);
    let estimate = OutgoingEstimate::new(method, bitrate, probation, estimators);
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
    let carries = |wanted| extension_id(rtp, wanted).is_some();
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

/// What a receiver calls a header extension, if it negotiated it.
fn extension_id(rtp: &RtpParameters, wanted: HeaderExtension) -> Option<u8> {
    let mut extensions = rtp.header_extensions.iter();
    let found =
        extensions.find(|extension| HeaderExtension::from_uri(&extension.uri) == Some(wanted))?;
    Some(found.id)
}

//! Routers begin, and tell what can be consumed.

use bevy_ecs::world::World;
use flumen_components::rtp_parameters::{
    self, CapabilitiesError, RtpCapabilities, RtpCodecCapability,
};
use flumen_components::{AppData, Directory, ProducerId, Router, RouterId, Transports, find};

use super::birth;
use super::consume::{negotiated, producer_in};

/// Creates a router for `media_codecs`.
///
/// # Errors
///
/// When capabilities cannot be generated from the codecs.
pub fn create_router(
    world: &mut World,
    media_codecs: &[RtpCodecCapability],
    app_data: AppData,
) -> Result<RouterId, CapabilitiesError> {
    let capabilities = RtpCapabilities::generate(media_codecs)?;
    let created = birth::number(world);
    let id: RouterId = birth::id(world, created);
    let bundle = (
        id,
        created,
        Router { capabilities },
        Transports::default(),
        app_data,
    );
    let entity = world.spawn(bundle).id();
    world.resource_mut::<Directory>().insert(id, entity);
    Ok(id)
}

/// Whether a client with `remote` capabilities can consume `producer` in `router`, by the check that
/// `consume` makes: false also when the producer or the router is gone, or the capabilities make no
/// sense.
pub fn can_consume(
    world: &World,
    router: RouterId,
    producer: ProducerId,
    remote: &RtpCapabilities,
) -> bool {
    let Ok(router) = find(world, router) else {
        return false;
    };
    let negotiation = rtp_parameters::ConsumerOptions::default();
    producer_in(world, router, producer)
        .and_then(|(_, found)| negotiated(found, remote, &negotiation, *birth::SSRCS.start()))
        .is_ok()
}

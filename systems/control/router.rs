//! Routers begin, and tell what can be consumed.

use bevy_ecs::world::World;
use flumen_components::rtp_parameters::{
    self, CapabilitiesError, RtpCapabilities, RtpCodecCapability,
};
use flumen_components::{
    AppData, Directory, OnTransport, ProducerId, ProducerParameters, Router, RouterId, Transports,
    find,
};

use super::birth;
use crate::control::consume::router_of;

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

/// Whether a client with `remote` capabilities can consume `producer` in `router`: false also when
/// the producer or the router is gone, or the capabilities make no sense.
pub fn can_consume(
    world: &World,
    router: RouterId,
    producer: ProducerId,
    remote: &RtpCapabilities,
) -> bool {
    let (Ok(router), Ok(producer)) = (find(world, router), find(world, producer)) else {
        return false;
    };
    let transport = world.get::<OnTransport>(producer).map(|on| on.0);
    if transport.and_then(|transport| router_of(world, transport)) != Some(router) {
        return false;
    }
    world
        .get::<ProducerParameters>(producer)
        .is_some_and(|parameters| rtp_parameters::can_consume(&parameters.consumable, remote))
}

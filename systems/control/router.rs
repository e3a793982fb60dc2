//! Routers begin, change their codecs, and tell what can be consumed.

use bevy_ecs::world::World;
use flumen_components::rtp_parameters::{
    self, CapabilitiesError, RtpCapabilities, RtpCodecCapability,
};
use flumen_components::{
    AppData, Closed, Directory, ProducerId, Router, RouterId, Transports, find,
};
use thiserror::Error;

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

/// The media codecs of a router cannot be replaced.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UpdateMediaCodecsError {
    /// The router is closed.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// Capabilities cannot be generated from the codecs.
    #[error(transparent)]
    Capabilities(#[from] CapabilitiesError),
}

/// Replaces what a router routes, for producers made from now on.
///
/// # Errors
///
/// See [`UpdateMediaCodecsError`]; nothing has changed then.
pub fn update_media_codecs(
    world: &mut World,
    id: RouterId,
    media_codecs: &[RtpCodecCapability],
) -> Result<(), UpdateMediaCodecsError> {
    let entity = find(world, id)?;
    let capabilities = RtpCapabilities::generate(media_codecs)?;
    let router = world.get_mut::<Router>(entity);
    router.ok_or_else(|| Closed::new(id))?.capabilities = capabilities;
    Ok(())
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
    let negotiation = rtp_parameters::ConsumerRequest::default();
    producer_in(world, router, producer)
        .and_then(|(_, found)| negotiated(found, remote, &negotiation, *birth::SSRCS.start()))
        .is_ok()
}

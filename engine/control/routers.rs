//! Routers, between ticks.

use flumen_components::rtp_parameters::{CapabilitiesError, RtpCapabilities, RtpCodecCapability};
use flumen_components::{AppData, Closed, ProducerId, Router, RouterId};
use flumen_systems::control::{self, UpdateMediaCodecsError};

use crate::commands::Verb;
use crate::engine::Engine;

/// Routers.
impl Engine {
    /// Creates a router for `media_codecs`.
    ///
    /// # Errors
    ///
    /// When capabilities cannot be generated from the codecs.
    pub fn create_router(
        &mut self,
        media_codecs: &[RtpCodecCapability],
    ) -> Result<RouterId, CapabilitiesError> {
        self.create_router_with(media_codecs, AppData::default())
    }

    /// Creates a router like [`create_router`](Self::create_router), and remembers `app_data` with
    /// it.
    ///
    /// # Errors
    ///
    /// When capabilities cannot be generated from the codecs.
    pub fn create_router_with(
        &mut self,
        media_codecs: &[RtpCodecCapability],
        app_data: AppData,
    ) -> Result<RouterId, CapabilitiesError> {
        self.undivided(Verb::CreateRouter, media_codecs, |engine, media_codecs| {
            control::create_router(&mut engine.world, media_codecs, app_data)
        })
    }

    /// Replaces the media codecs of a router, for producers made from now on: those that there are
    /// keep what they negotiated, and their consumers with them.
    ///
    /// # Errors
    ///
    /// [`UpdateMediaCodecsError`]; the router has the codecs that it had then.
    pub fn update_media_codecs(
        &mut self,
        router: RouterId,
        media_codecs: &[RtpCodecCapability],
    ) -> Result<(), UpdateMediaCodecsError> {
        self.undivided(
            Verb::UpdateMediaCodecs,
            (router, media_codecs),
            |engine, (router, media_codecs)| {
                control::update_media_codecs(&mut engine.world, router, media_codecs)
            },
        )
    }

    /// What a router can route: its clients negotiate with it.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the router is.
    pub fn rtp_capabilities(&self, router: RouterId) -> Result<&RtpCapabilities, Closed> {
        Ok(&self.get::<Router, _>(router)?.capabilities)
    }

    /// Whether a client with `remote` capabilities can consume `producer` in `router`: true exactly
    /// when [`consume`](Self::consume) on a transport of the router takes them. False, and never an
    /// error, when anything about the question is wrong.
    pub fn can_consume(
        &self,
        router: RouterId,
        producer: ProducerId,
        remote: &RtpCapabilities,
    ) -> bool {
        control::can_consume(&self.world, router, producer, remote)
    }

    /// Closes a router, its transports and all that is on them.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is already.
    pub fn close_router(&mut self, router: RouterId) -> Result<(), Closed> {
        self.close(Verb::CloseRouter, router, control::close_router)
    }
}

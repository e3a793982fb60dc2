//! What an application asks for between ticks.

mod consumers;
mod data_consumers;
mod data_producers;
mod dumps;
mod observers;
mod producers;
mod routers;
mod transports;
mod webrtc;

pub use transports::{CreateTransportError, PlainTransportOptions};
pub use webrtc::{WebRtcListen, WebRtcTransportOptions};

use bevy_ecs::entity::Entity;
use bevy_ecs::event::EntityEvent;
use bevy_ecs::observer::{Observer, On};
use bevy_ecs::query::With;
use flumen_components::{
    AppData, Closed, Created, Id, PausedByOwner, RouterId, SocketId, WebRtcServerId, find,
};

use crate::engine::Engine;

/// What [`Engine::observe`] began, to be ended with [`Engine::unobserve`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation(Entity);

/// Everything that has an identifier.
impl Engine {
    /// What `id` names is closed, or never was part of this engine.
    pub fn closed<I: Id>(&self, id: I) -> bool {
        find(&self.world, id).is_err()
    }

    /// The entity that `id` names, for queries and observers.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is gone.
    pub fn entity<I: Id>(&self, id: I) -> Result<Entity, Closed> {
        find(&self.world, id)
    }

    /// Whether a producer or consumer was paused by its owner.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is gone.
    pub fn paused<I: Id>(&self, id: I) -> Result<bool, Closed> {
        Ok(self.get::<PausedByOwner, _>(id)?.0)
    }

    /// What the application remembers with `id`.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is gone.
    pub fn app_data<I: Id>(&self, id: I) -> Result<&AppData, Closed> {
        self.get::<AppData, _>(id)
    }

    /// Changes what the application remembers with `id`.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is gone.
    pub fn set_app_data<I: Id>(&mut self, id: I, app_data: AppData) -> Result<(), Closed> {
        let entity = find(&self.world, id)?;
        self.world.entity_mut(entity).insert(app_data);
        Ok(())
    }

    /// Calls `observer` whenever event `E` happens to what `id` names, until that is closed or
    /// [`unobserve`](Self::unobserve) ends it: `producer.on("score")`.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is gone.
    pub fn observe<I: Id, E: EntityEvent>(
        &mut self,
        id: I,
        mut observer: impl FnMut(&E) + Send + Sync + 'static,
    ) -> Result<Observation, Closed> {
        let entity = find(&self.world, id)?;
        let observer = Observer::new(move |event: On<'_, '_, E>| observer(&event));
        let observer = self.world.spawn(observer.with_entity(entity));
        Ok(Observation(observer.id()))
    }

    /// Ends an observation: `producer.off("score")`. False when it has ended already.
    pub fn unobserve(&mut self, observation: Observation) -> bool {
        // One of another engine names something else here.
        let goes_on = self.world.get::<Observer>(observation.0).is_some();
        goes_on && self.world.despawn(observation.0)
    }

    fn get<C: bevy_ecs::component::Component, I: Id>(&self, id: I) -> Result<&C, Closed> {
        let entity = find(&self.world, id)?;
        self.world.get::<C>(entity).ok_or_else(|| Closed::new(id))
    }

    /// Closes every router, every shared socket and every WebRTC server, in the order of their
    /// creation.
    pub(crate) fn close_all(&mut self) {
        for router in self.all::<RouterId>() {
            // It is in the list, so it is open.
            let _ = self.close_router(router);
        }
        for socket in self.all::<SocketId>() {
            let _ = self.close_socket(socket);
        }
        for server in self.all::<WebRtcServerId>() {
            let _ = self.close_webrtc_server(server);
        }
    }

    fn all<I: Id>(&mut self) -> Vec<I> {
        let mut query = self.world.query_filtered::<(&Created, &I), With<AppData>>();
        let mut found: Vec<_> = query
            .iter(&self.world)
            .map(|(&created, &id)| (created, id))
            .collect();
        found.sort_unstable_by_key(|&(created, _)| created);
        found.into_iter().map(|(_, id)| id).collect()
    }
}

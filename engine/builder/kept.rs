//! Snapshots: what they want of a builder.

use super::Builder;
use crate::recording::{Record, Settings};
use crate::snapshot::Own;
use bevy_ecs::component::Component;

/// Snapshots.
impl Builder {
    /// Has snapshots keep the application's components `T`, with the entities that have them. Where
    /// a snapshot is [restored](Self::restore), the builder must be told of the same types.
    ///
    /// Entities in them are those of before, unless the component says where they are (`#[entities]`
    /// of `#[derive(Component)]`): then they are those of the restored world. What plugins spawn with
    /// such components while they are built makes way for what was there. A resource is not kept by
    /// this: it is the plugin's.
    #[must_use]
    pub fn keep<T>(mut self) -> Self
    where
        T: Component + serde::Serialize + serde::de::DeserializeOwned,
    {
        self.own.push(Own::of::<T>());
        self
    }

    /// Without the recording that is wanted of it, and that.
    pub(crate) fn unrecorded(mut self) -> (Self, Option<Record>) {
        let record = self.record.take();
        (self, record)
    }

    /// With all but plugins and an estimator of bandwidth as `settings` say.
    pub(crate) fn with(self, settings: &Settings) -> Self {
        Self {
            limits: settings.limits.clone(),
            liveness_timeout: settings.liveness_timeout,
            key_frame_retry: settings.key_frame_retry,
            port_range: settings.port_range,
            sctp_stack: settings.sctp_stack,
            dtls: settings.dtls.clone(),
            built_in: settings.pipeline,
            ..self
        }
    }
}

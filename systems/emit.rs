//! Emit: what happened becomes event components.

mod publish_events;

pub(crate) use publish_events::publish_events;

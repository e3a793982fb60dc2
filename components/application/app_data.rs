//! What an application remembers about an entity.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bevy_ecs::component::Component;

/// Any value of the application's, kept beside an entity and changed at any time.
///
/// It is a convenience for those who come from an API with `appData`; inside an ECS the application
/// may as well insert components of its own. The engine never reads it.
#[derive(Component, Clone)]
pub struct AppData(Arc<dyn Any + Send + Sync>);

impl AppData {
    /// Wraps a value.
    pub fn new<T: Any + Send + Sync>(value: T) -> Self {
        Self(Arc::new(value))
    }

    /// The value, when it is a `T`.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

/// The empty value `()`.
impl Default for AppData {
    fn default() -> Self {
        Self::new(())
    }
}

impl fmt::Debug for AppData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppData(..)")
    }
}

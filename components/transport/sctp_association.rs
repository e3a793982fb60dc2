//! The SCTP association of a transport, and what it is made with.

use std::ops::{Deref, DerefMut};

use bevy_ecs::component::Component;
use bevy_ecs::resource::Resource;
use flumen_protocol::sctp::{Association, Epoch, Stack};

/// The association of a transport that was made with SCTP.
#[derive(Component)]
pub struct SctpAssociation(pub Association);

impl Deref for SctpAssociation {
    type Target = Association;

    fn deref(&self) -> &Association {
        &self.0
    }
}

impl DerefMut for SctpAssociation {
    fn deref_mut(&mut self) -> &mut Association {
        &mut self.0
    }
}

/// What the associations of an engine are made with: their library, and where its clock begins.
#[derive(Resource, Clone, Debug)]
pub struct SctpLibrary {
    /// The library.
    pub stack: Stack,
    /// Where the engine's epoch lies for it.
    pub epoch: Epoch,
}

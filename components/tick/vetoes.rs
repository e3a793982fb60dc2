//! The reasons of its own that an application registered.

use bevy_ecs::resource::Resource;
use thiserror::Error;

use crate::consume::withheld::Withheld;
use crate::data::undelivered::{MessageDiscard, MessageWithheld};
use crate::tick::counts::Reason;
use crate::tick::discard::Discard;
use crate::tick::refusal::Refusal;
use crate::tick::veto::{VETOES_MAX, Veto};

/// The reasons that an application registered: at most [`VETOES_MAX`].
#[derive(Resource, Clone, Debug, Default)]
pub struct Vetoes {
    known: Vec<Veto>,
    mistake: Option<VetoError>,
}

/// A reason of the application's own cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VetoError {
    /// It has no name.
    #[error("a reason has no name")]
    Nameless,
    /// The engine has a reason of that name itself, so that a ledger would have it twice.
    #[error("{0} is a reason of the engine's own")]
    Taken(&'static str),
    /// There are [`VETOES_MAX`] already.
    #[error("{0} would be more reasons than {VETOES_MAX}")]
    TooMany(&'static str),
}

impl Vetoes {
    /// The reason called `name`: lower camel case, as those of the engine. Asking twice gives the
    /// same one. A mistake is told by [`check`](Self::check).
    pub fn register(&mut self, name: &'static str) -> Veto {
        let veto = Veto::named(name);
        if !self.known.contains(&veto) {
            match self.fits(name) {
                Ok(()) => self.known.push(veto),
                Err(mistake) => self.mistake = self.mistake.or(Some(mistake)),
            }
        }
        veto
    }

    /// The reasons that were registered, the first one first.
    pub fn registered(&self) -> &[Veto] {
        &self.known
    }

    /// Tells the first mistake that was made.
    ///
    /// # Errors
    ///
    /// [`VetoError`].
    pub fn check(&self) -> Result<(), VetoError> {
        self.mistake.map_or(Ok(()), Err)
    }

    fn fits(&self, name: &'static str) -> Result<(), VetoError> {
        if name.is_empty() {
            return Err(VetoError::Nameless);
        }
        let taken = is_of::<Discard>(name)
            || is_of::<Withheld>(name)
            || is_of::<Refusal>(name)
            || is_of::<MessageDiscard>(name)
            || is_of::<MessageWithheld>(name);
        if taken {
            return Err(VetoError::Taken(name));
        }
        if self.known.len() >= VETOES_MAX {
            return Err(VetoError::TooMany(name));
        }
        Ok(())
    }
}

fn is_of<R: Reason>(name: &str) -> bool {
    R::ALL.iter().any(|reason| reason.name() == name)
}

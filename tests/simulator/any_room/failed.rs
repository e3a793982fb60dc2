//! A room that did not come to its end.

use std::any::Any;
use std::panic::{UnwindSafe, catch_unwind};

use thiserror::Error;

use super::Played;
use crate::checks::Broken;

/// A room drawn from a seed broke a rule, or panicked, in the engine or around it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{what}\nagain: FLUMEN_SIM_SEED={seed} cargo test -p flumen-sim --test rooms any_room_keeps_the_rules"
)]
pub struct Failed {
    /// The seed of the room.
    pub seed: u64,
    /// What happened.
    pub what: String,
}

impl Failed {
    /// What comes of the room of a seed, whether it panics or not.
    pub(super) fn catch(
        seed: u64,
        play: impl FnOnce() -> Result<Played, Broken> + UnwindSafe,
    ) -> Result<Played, Self> {
        let what = match catch_unwind(play) {
            Ok(Ok(played)) => return Ok(played),
            Ok(Err(broken)) => broken.to_string(),
            Err(panic) => format!("seed {seed}: a panic: {}", message(&*panic)),
        };
        Err(Self { seed, what })
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    let told = owned.or(panic.downcast_ref().copied());
    told.unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_tells_the_seed_and_how_to_have_it_again() {
        for failed in [
            Failed::catch(7, || panic!("it is out of {}", "order")),
            Failed::catch(7, || panic!("it is out of order")),
        ] {
            let failed = failed.unwrap_err().to_string();
            assert!(failed.starts_with("seed 7: a panic: it is out of order\n"));
            assert!(failed.contains("FLUMEN_SIM_SEED=7 cargo test"));
        }
    }
}

//! An agent as bytes: passwords among them.

use flumen_wire::state::{Malformed, Reader, State, Writer};

use super::{Agent, Switches};
use crate::ice;

flumen_wire::state! { struct Switches { since, count, unproven } }

impl<C, T: State<C>> State<C> for Agent<T> {
    fn save(&self, out: &mut Writer<C>) {
        self.config.save(out);
        self.current.save(out);
        self.previous.save(out);
        ice::State::save(&self.state, out);
        self.tuples.save(out);
        self.selected.save(out);
        self.renomination.save(out);
        self.nominations.save(out);
        self.repeats.save(out);
        self.heard_at.save(out);
        self.switches.save(out);
        self.shakes_hands_by.save(out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        Ok(Self {
            config: State::load(from)?,
            current: State::load(from)?,
            previous: State::load(from)?,
            state: State::load(from)?,
            tuples: State::load(from)?,
            selected: State::load(from)?,
            renomination: State::load(from)?,
            nominations: State::load(from)?,
            repeats: State::load(from)?,
            heard_at: State::load(from)?,
            switches: State::load(from)?,
            shakes_hands_by: State::load(from)?,
        })
    }
}

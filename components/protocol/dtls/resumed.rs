//! A connection as it comes back from a snapshot: without its library.

use std::time::Instant;

use super::fingerprint::Expected;
use super::machine::Machine;
use super::recorded::Recorded;
use super::{Config, Identity, Role, State};
use crate::{Generator, Time};

/// What is kept of a connection. Its library is not.
pub(super) struct Kept {
    pub(super) state: State,
    pub(super) role: Option<Role>,
    pub(super) expected: Option<Expected>,
    pub(super) may_begin: bool,
    pub(super) certificate: Option<Vec<u8>>,
    /// Where it is, so that nothing is drawn twice.
    pub(super) generator: Generator,
}

flumen_wire::state! { struct Kept { state, role, expected, may_begin, certificate, generator } }

impl Machine {
    pub(super) fn kept(&self) -> Kept {
        Kept {
            state: self.state,
            role: self.role,
            expected: self.expected.clone(),
            may_begin: self.may_begin,
            certificate: self.certificate.clone(),
            generator: self.setting.generator.clone(),
        }
    }

    /// Goes on with what was kept.
    pub(super) fn resumed(
        config: &Config,
        identity: &Identity,
        epoch: Instant,
        now: Time,
        kept: Kept,
    ) -> Self {
        let mut machine = Self::new(config, identity, epoch, kept.generator);
        machine.state = kept.state;
        machine.role = kept.role;
        machine.expected = kept.expected;
        machine.may_begin = kept.may_begin;
        machine.certificate = kept.certificate;
        match machine.state {
            State::Connected => machine.agree_to_nothing(),
            State::Connecting => machine.begin_again(now),
            _ => {}
        }
        machine
    }
}

impl Recorded {
    /// One that is played back has nothing to go on with.
    pub(super) fn kept(&self) -> Kept {
        Kept {
            state: State::Closed,
            role: self.local_role(),
            expected: None,
            may_begin: false,
            certificate: None,
            generator: Generator::new([0; 32], 0),
        }
    }
}

//! Randomness: every entity draws from a generator of its own.

use bevy_ecs::component::Component;
use bevy_ecs::resource::Resource;
pub use flumen_protocol::Generator;

/// The seed of an engine: from the operating system in production, chosen in a simulation.
#[derive(Resource, Clone)]
pub struct Seed(pub [u8; 32]);

/// What a generator is for; each purpose of each entity has its own stream of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// The public identifier.
    Id,
    /// SSRCs and initial sequence numbers.
    Rtp,
    /// The RTCP canonical name (RFC 3550 section 6.5.1).
    Cname,
    /// Where in a port range to begin.
    Port,
    /// RTCP: its SSRC and its intervals.
    Rtcp,
    /// SCTP handshakes: tags, first sequence numbers and cookies (RFC 9260 section 5).
    Sctp,
    /// SRTP master keys.
    Srtp,
    /// ICE credentials (RFC 8445 section 5.3).
    Ice,
    /// What of DTLS handshakes the libraries let be chosen.
    Dtls,
}

/// The creation sequence of an entity: the explicit key of order, and part of its seed.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Created(pub u64);

crate::snapshot::state! { struct Created(it) }

/// Counts creations: the next entity gets this number.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub struct CreationSequence(pub u64);

crate::snapshot::state! { struct CreationSequence(it) }

impl Seed {
    /// The generator of the entity created as number `created`, for `purpose`.
    ///
    /// It is ChaCha12 keyed with the seed; creation number and purpose choose the stream. So one
    /// entity's draws do not move when a stranger is created, closed or busy.
    pub fn generator(&self, created: Created, purpose: Purpose) -> Generator {
        Generator::new(self.0, created.0 << 8 | purpose as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_shifts_nobodys_draws() {
        let seed = Seed([7; 32]);
        let draw = |created, purpose| seed.generator(Created(created), purpose).bits();
        assert_eq!(draw(1, Purpose::Id), draw(1, Purpose::Id));
        assert_ne!(draw(1, Purpose::Id), draw(2, Purpose::Id));
        assert_ne!(draw(1, Purpose::Id), draw(1, Purpose::Rtp));
    }
}

//! The names and passwords of checks.

use std::fmt;

use flumen_wire::state::{Malformed, Reader, State, Writer};
use serde::{Deserialize, Serialize};

use crate::generator::Generator;
use crate::stun::IntegrityKey;

/// Characters of a user name fragment: 82 bits, so that it is unique and nobody guesses it.
const USERNAME_LEN: usize = 16;
/// Characters of a password: 165 bits, of which RFC 8445 section 5.3 asks for 128.
const PASSWORD_LEN: usize = 32;

/// The ICE parameters of a transport, with the names of the JavaScript API: to be told to its peer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameters {
    /// The user name fragment.
    pub username_fragment: String,
    /// The password.
    pub password: String,
    /// It is an ICE-lite agent: always true of the engine's.
    #[serde(default)]
    pub ice_lite: bool,
}

/// The password is for the peer alone.
impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parameters")
            .field("username_fragment", &self.username_fragment)
            .field("ice_lite", &self.ice_lite)
            .finish_non_exhaustive()
    }
}

/// What checks to an agent are named and signed with.
#[derive(Clone)]
pub struct Credentials {
    username: Box<str>,
    password: Box<str>,
    pub(super) key: IntegrityKey,
}

impl Credentials {
    /// Random ones.
    pub fn random(generator: &mut Generator) -> Self {
        Self::new(&generator.text(USERNAME_LEN), &generator.text(PASSWORD_LEN))
    }

    /// Chosen ones.
    pub fn new(username: &str, password: &str) -> Self {
        Self {
            username: username.into(),
            password: password.into(),
            key: IntegrityKey::new(password),
        }
    }

    /// The user name fragment.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// As the peer is told them.
    pub fn parameters(&self) -> Parameters {
        Parameters {
            username_fragment: self.username.to_string(),
            password: self.password.to_string(),
            ice_lite: true,
        }
    }
}

impl<C> State<C> for Credentials {
    fn save(&self, out: &mut Writer<C>) {
        self.username.save(out);
        self.password.save(out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        let (username, password): (Box<str>, Box<str>) = State::load(from)?;
        Ok(Self::new(&username, &password))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        let credentials = Credentials::random(&mut Generator::new([1; 32], 0));
        let parameters = credentials.parameters();
        let shown = format!("{credentials:?} {parameters:?}");
        assert!(shown.contains(&parameters.username_fragment));
        assert!(!shown.contains(&parameters.password));
        assert!(parameters.username_fragment.len() >= 8 && parameters.password.len() >= 25);
    }
}

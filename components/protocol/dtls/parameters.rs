//! What signalling tells of an end.

use serde::{Deserialize, Serialize};

use super::{Fingerprint, Role};

/// `DtlsParameters` of the JavaScript API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameters {
    /// What the end that they describe wants to be. Default: whichever.
    #[serde(default)]
    pub role: Role,
    /// What its certificate is known by.
    pub fingerprints: Vec<Fingerprint>,
}

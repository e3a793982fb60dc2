//! What an offer does not tell of a sender.

/// What is known otherwise of what a peer sends. By default nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known<'a> {
    /// How many layers each encoding has: "L1T3", "L3T3_KEY".
    pub scalability_mode: Option<&'a str>,
    /// In which order the offer lists the encodings of simulcast.
    pub listing: Listing,
}

/// In which order the encodings of simulcast are listed.
///
/// The engine takes them to be spatial layers, the lowest first, and SDP does not say which that is: the
/// list is one of preference (RFC 8853 section 5.2). Limits that all RIDs have (RFC 8851 section 5) count
/// more than this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listing {
    /// The lowest first. Browsers list what their application gave them, and the usual libraries for
    /// these, and libwebrtc itself when it leaves out encodings, expect this order.
    #[default]
    Rising,
    /// The highest first: the most preferred one, as RFC 8853 has it. OBS does that (RIDs `0`, `1`, `2`).
    Falling,
}

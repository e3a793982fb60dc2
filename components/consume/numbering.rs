//! What a receiver calls payload types and header extensions.

/// The most media codecs of one consumer that have other payload types than the router's.
pub const RENAMED_MAX: usize = 8;
/// Routers give header extensions the identifiers 1 to 15.
const EXTENSIONS: usize = 16;

/// The payload types and header extension identifiers that a consumer sends with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbering {
    /// By the identifier that routers give; 0 where it was not negotiated.
    extensions: [u8; EXTENSIONS],
    /// Payload types of the router; zeros fill up.
    renamed: [u8; RENAMED_MAX],
    /// What is sent in place of each.
    names: [u8; RENAMED_MAX],
}

crate::snapshot::state! { struct Numbering { extensions, renamed, names } }

impl Numbering {
    /// With the pairs of what the router says and the receiver says: of header extensions (the
    /// router's below 16), and of payload types of media, of which the first [`RENAMED_MAX`] that
    /// differ count.
    pub fn new(
        extensions: impl IntoIterator<Item = (u8, u8)>,
        payload_types: impl IntoIterator<Item = (u8, u8)>,
    ) -> Self {
        let mut numbering = Self::default();
        for (router, own) in extensions {
            if let Some(slot) = numbering.extensions.get_mut(usize::from(router)) {
                *slot = own;
            }
        }
        let differing = payload_types
            .into_iter()
            .filter(|(router, own)| router != own);
        let slots = numbering.renamed.iter_mut().zip(&mut numbering.names);
        for ((slot, name), (router, own)) in slots.zip(differing) {
            (*slot, *name) = (router, own);
        }
        numbering
    }

    /// What the receiver calls the extension that the router calls `router`, if it was negotiated.
    pub fn extension(&self, router: u8) -> Option<u8> {
        let own = self.extensions.get(usize::from(router)).copied();
        own.filter(|own| *own != 0)
    }

    /// What the receiver calls the payload type that the router calls `router`.
    pub fn payload_type(&self, router: u8) -> u8 {
        // What fills up gives 0 for 0.
        let at = self.renamed.iter().position(|known| *known == router);
        at.map_or(router, |at| self.names[at])
    }
}

/// A set of payload types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PayloadTypes(u128);

crate::snapshot::state! { struct PayloadTypes(it) }

impl PayloadTypes {
    /// The set holds `payload_type` (0 to 127).
    pub fn contains(self, payload_type: u8) -> bool {
        payload_type < 128 && self.0 >> payload_type & 1 == 1
    }
}

impl FromIterator<u8> for PayloadTypes {
    fn from_iter<I: IntoIterator<Item = u8>>(payload_types: I) -> Self {
        let bit = |set, payload_type: u8| set | 1u128.checked_shl(payload_type.into()).unwrap_or(0);
        Self(payload_types.into_iter().fold(0, bit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_payload_types() {
        let set: PayloadTypes = [0, 96, 127].into_iter().collect();
        let held: Vec<u8> = (0..=255).filter(|&number| set.contains(number)).collect();
        assert_eq!(held, [0, 96, 127]);
    }

    #[test]
    fn what_is_named_alike_stays() {
        let numbering = Numbering::new([(1, 1), (4, 9)], [(101, 101), (102, 96)]);
        assert_eq!(
            [1, 4, 5, 200].map(|id| numbering.extension(id)),
            [Some(1), Some(9), None, None]
        );
        assert_eq!(
            [101, 102, 96].map(|id| numbering.payload_type(id)),
            [101, 96, 96]
        );
    }

    #[test]
    fn there_may_be_as_many_as_are_renamed() {
        let pairs = (0..RENAMED_MAX as u8).map(|index| (100 + index, 30 + index));
        let numbering = Numbering::new([], pairs.clone());
        assert!(
            pairs
                .into_iter()
                .all(|(router, own)| numbering.payload_type(router) == own)
        );
    }
}

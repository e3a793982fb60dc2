//! What H.264 and H.265 begin with.

/// What a packet carries of that with which a decoder may begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Units {
    /// A parameter set of the sequence, or of the video, begins.
    pub parameter_set: bool,
    /// There is a slice of a picture, or a part of one.
    pub slice: bool,
    /// A slice begins of a picture that needs no other: IDR in H.264, IRAP in H.265.
    pub begins_entry: bool,
    /// A slice begins that is the first of its picture.
    pub begins_picture: bool,
}

impl Units {
    /// What one of the two carries.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            parameter_set: self.parameter_set || other.parameter_set,
            slice: self.slice || other.slice,
            begins_entry: self.begins_entry || other.begins_entry,
            begins_picture: self.begins_picture || other.begins_picture,
        }
    }

    /// What is left of a fragment that does not begin its unit.
    pub(super) fn continued(self) -> Self {
        Self {
            slice: self.slice,
            ..Self::default()
        }
    }
}

/// The units of an aggregation, each behind its two-byte length (RFC 6184 section 5.7.1, RFC 7798
/// section 4.4.2), up to one that is cut off.
pub(super) fn aggregated(mut units: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, rest) = units.split_first_chunk()?;
        let (unit, rest) = rest.split_at_checked(u16::from_be_bytes(*len).into())?;
        units = rest;
        Some(unit)
    })
}

//! How spatial layers need each other.

/// How spatial layers need each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stacking {
    /// Each needs the one below in every picture: `L3T3`.
    Full,
    /// Each needs the one below in key pictures alone: `L3T3_KEY`.
    Key,
    /// The same, and of a picture each spatial layer is of another temporal one: `L3T3_KEY_SHIFT`.
    KeyShift,
    /// They do not: `S3T3`.
    Alone,
}

impl Stacking {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Full, Self::Key, Self::KeyShift, Self::Alone];

    /// The scalability mode of so many spatial and temporal layers.
    pub fn mode(self, (spatial, temporal): (u8, u8)) -> String {
        let (letter, ending) = match self {
            Self::Full => ('L', ""),
            Self::Key => ('L', "_KEY"),
            Self::KeyShift => ('L', "_KEY_SHIFT"),
            Self::Alone => ('S', ""),
        };
        format!("{letter}{spatial}T{temporal}{ending}")
    }

    /// Frames above the lowest layer need the one below.
    pub(super) fn needs_below(self, is_key: bool) -> bool {
        match self {
            Self::Full => true,
            Self::Key | Self::KeyShift => is_key,
            Self::Alone => false,
        }
    }
}

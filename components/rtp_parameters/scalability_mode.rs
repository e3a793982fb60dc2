//! Scalability modes.

/// How many layers an encoding has.
///
/// Named as in Scalable Video Coding (SVC) Extension for WebRTC: `L3T2_KEY` is three spatial and
/// two temporal layers, where spatial layers depend on each other in key pictures only; in `S3T3`
/// they never do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScalabilityMode {
    /// Number of spatial layers, 1 to 99.
    pub spatial_layers: u8,
    /// Number of temporal layers, 1 to 99.
    pub temporal_layers: u8,
    /// Whether spatial layers depend on each other in key pictures only (K-SVC).
    pub ksvc: bool,
    /// Whether spatial layers never depend on each other (S modes).
    pub independent: bool,
}

impl ScalabilityMode {
    /// The layers `mode` names: `L` or `S`, spatial layers, `T`, temporal layers, each 1 to 99,
    /// then perhaps `_KEY`. What follows is ignored; anything else is one layer of each.
    pub fn parse(mode: &str) -> Self {
        Self::parse_exactly(mode).unwrap_or_default()
    }

    fn parse_exactly(mode: &str) -> Option<Self> {
        let independent = mode.starts_with('S');
        let rest = mode.strip_prefix(['L', 'S'])?;
        let (spatial_layers, rest) = layer_count(rest)?;
        let (temporal_layers, rest) = layer_count(rest.strip_prefix('T')?)?;
        Some(Self {
            spatial_layers,
            temporal_layers,
            ksvc: rest.starts_with("_KEY"),
            independent,
        })
    }

    /// Whether spatial layers do without each other but in key pictures, or always.
    pub const fn stands_alone(self) -> bool {
        self.ksvc || self.independent
    }

    /// Whether there is more than one layer of any sort.
    pub const fn is_layered(self) -> bool {
        self.spatial_layers > 1 || self.temporal_layers > 1
    }
}

impl Default for ScalabilityMode {
    fn default() -> Self {
        Self {
            spatial_layers: 1,
            temporal_layers: 1,
            ksvc: false,
            independent: false,
        }
    }
}

/// The one or two digits at the start of `text`, which name a number from 1, and what follows.
fn layer_count(text: &str) -> Option<(u8, &str)> {
    let digits = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let (count, rest) = text.split_at_checked(digits)?;
    let count = count.parse().ok()?;
    (!text.starts_with('0')).then_some((count, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(mode: &str) -> (u8, u8, bool) {
        let mode = ScalabilityMode::parse(mode);
        (mode.spatial_layers, mode.temporal_layers, mode.ksvc)
    }

    #[test]
    fn modes_are_read_as_documented() {
        assert_eq!(layers("L1T3"), (1, 3, false));
        assert_eq!(layers("L3T2_KEY"), (3, 2, true));
        assert_eq!(layers("S2T3"), (2, 3, false));
        assert_eq!(layers("L10T99"), (10, 99, false));
        assert_eq!(layers("L3T3_KEY_SHIFT"), (3, 3, true));
        assert_eq!(layers("L3T3h"), (3, 3, false));
    }

    #[test]
    fn layers_of_s_modes_are_independent() {
        let is_independent = |mode| ScalabilityMode::parse(mode).independent;
        assert!(is_independent("S2T1") && is_independent("S3T3h"));
        assert!(!is_independent("L3T3_KEY") && !is_independent("S0T3"));
    }

    #[test]
    fn anything_else_is_one_layer() {
        let others = [
            "", "L", "LT", "L1", "L1T", "L0T1", "L1T0", "L01T1", "S200T3", "l1t3", "1T3", "L1X3",
            "ĿT1", "L1Té",
        ];
        for other in others {
            assert_eq!(layers(other), (1, 1, false), "{other}");
        }
    }
}

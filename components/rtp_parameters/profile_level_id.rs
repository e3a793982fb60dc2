//! The profile and level of an H.264 stream.

use super::FormatParameters;

/// An H.264 profile and level: the `profile-level-id` of RFC 6184, section 8.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProfileLevelId {
    profile: Profile,
    level: Level,
}

impl ProfileLevelId {
    /// What `text`, six hexadecimal digits, names.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bits = is_hex.then(|| u32::from_str_radix(text, 16).ok())??;
        let [_, idc, iop, level_idc] = bits.to_be_bytes();
        Some(Self {
            profile: Profile::of(idc, iop)?,
            level: Level::of(idc, iop, level_idc)?,
        })
    }

    /// What `parameters` name.
    ///
    /// RFC 6184 has Baseline at level 1 when they name nothing; libwebrtc, and thus every browser,
    /// takes it as Constrained Baseline at level 3.1, for the sake of endpoints that leave it out.
    fn of(parameters: &FormatParameters) -> Option<Self> {
        match parameters.text(NAME) {
            Some(text) => Self::parse(&text),
            None if parameters.get(NAME).is_none() => Some(Self {
                profile: Profile::ConstrainedBaseline,
                level: Level(31),
            }),
            None => None,
        }
    }

    /// Whether streams of both are of the same profile, at whatever level. What cannot be read is
    /// of no profile.
    pub(super) fn same_profile(a: &FormatParameters, b: &FormatParameters) -> bool {
        let profile = |parameters| Self::of(parameters).map(|id| id.profile);
        profile(a).is_some_and(|a| Some(a) == profile(b))
    }

    /// The `profile-level-id` that an answer states when `local` meets an offer of `remote`, both
    /// of the same profile: the level of `local` when both allow levels to differ, or else the
    /// lower one (RFC 6184, section 8.2.2). Nothing when neither states one.
    pub(super) fn answer(local: &FormatParameters, remote: &FormatParameters) -> Option<String> {
        if local.get(NAME).is_none() && remote.get(NAME).is_none() {
            return None;
        }
        let (ours, theirs) = (Self::of(local)?, Self::of(remote)?);
        let may_differ = allows_asymmetry(local) && allows_asymmetry(remote);
        let level = match may_differ {
            true => ours.level,
            false => ours.level.min(theirs.level),
        };
        let profile = ours.profile;
        Self { profile, level }.to_text()
    }

    fn to_text(self) -> Option<String> {
        let (idc, iop) = self.profile.idc_and_iop();
        match (self.level, self.profile) {
            (Level::ONE_B, Profile::ConstrainedBaseline) => Some("42f00b".to_owned()),
            (Level::ONE_B, Profile::Baseline) => Some("42100b".to_owned()),
            (Level::ONE_B, Profile::Main) => Some("4d100b".to_owned()),
            // The others have no level 1b.
            (Level::ONE_B, _) => None,
            (Level(tenths), _) => Some(format!("{idc:02x}{iop:02x}{tenths:02x}")),
        }
    }
}

fn allows_asymmetry(parameters: &FormatParameters) -> bool {
    parameters.integer("level-asymmetry-allowed") == Some(1)
}

/// A profile of H.264 that RFC 6184, table 5, names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Profile {
    ConstrainedBaseline,
    Baseline,
    Main,
    ConstrainedHigh,
    High,
    PredictiveHigh444,
}

impl Profile {
    /// The profile of `profile_idc` with the constraint flags `profile_iop` (RFC 6184, table 5).
    fn of(idc: u8, iop: u8) -> Option<Self> {
        PATTERNS
            .iter()
            .find(|&&(pattern_idc, mask, value, _)| idc == pattern_idc && iop & mask == value)
            .map(|&(_, _, _, profile)| profile)
    }

    /// How the profile is written, with the flags that libwebrtc sets.
    const fn idc_and_iop(self) -> (u8, u8) {
        match self {
            Self::ConstrainedBaseline => (0x42, 0xe0),
            Self::Baseline => (0x42, 0x00),
            Self::Main => (0x4d, 0x00),
            Self::ConstrainedHigh => (0x64, 0x0c),
            Self::High => (0x64, 0x00),
            Self::PredictiveHigh444 => (0xf4, 0x00),
        }
    }
}

/// `profile_idc`; which bits of `profile_iop` matter, and what they are.
const PATTERNS: [(u8, u8, u8, Profile); 9] = [
    (0x42, 0b0100_1111, 0b0100_0000, Profile::ConstrainedBaseline),
    (0x4d, 0b1000_1111, 0b1000_0000, Profile::ConstrainedBaseline),
    (0x58, 0b1100_1111, 0b1100_0000, Profile::ConstrainedBaseline),
    (0x42, 0b0100_1111, 0b0000_0000, Profile::Baseline),
    (0x58, 0b1100_1111, 0b1000_0000, Profile::Baseline),
    (0x4d, 0b1010_1111, 0b0000_0000, Profile::Main),
    (0x64, 0b1111_1111, 0b0000_0000, Profile::High),
    (0x64, 0b1111_1111, 0b0000_1100, Profile::ConstrainedHigh),
    (0xf4, 0b1111_1111, 0b0000_0000, Profile::PredictiveHigh444),
];

/// A level in tenths: 31 is level 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Level(u8);

impl Level {
    /// Level 1b, between 1 and 1.1, which has no number of its own.
    const ONE_B: Self = Self(0);

    /// The level of `level_idc`. Level 1b is 11 with constraint_set3 in the profiles that have it.
    fn of(idc: u8, iop: u8, level_idc: u8) -> Option<Self> {
        let is_one_b = level_idc == 11 && iop & 0x10 != 0 && matches!(idc, 0x42 | 0x4d | 0x58);
        match level_idc {
            _ if is_one_b => Some(Self::ONE_B),
            10..=13 | 20..=22 | 30..=32 | 40..=42 | 50..=52 | 60..=62 => Some(Self(level_idc)),
            _ => None,
        }
    }

    fn min(self, other: Self) -> Self {
        match self.rank() <= other.rank() {
            true => self,
            false => other,
        }
    }

    /// Twice the tenths, so that 1b has a place.
    const fn rank(self) -> u8 {
        match self {
            Self::ONE_B => 21,
            Self(tenths) => 2 * tenths,
        }
    }
}

const NAME: &str = "profile-level-id";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp_parameters::FormatValue;

    fn profile(text: &str) -> Option<Profile> {
        ProfileLevelId::parse(text).map(|id| id.profile)
    }

    fn parameters(id: Option<&str>, asymmetry: bool) -> FormatParameters {
        let asymmetry = FormatValue::Integer(asymmetry.into());
        let mut parameters = FormatParameters::from_iter([("level-asymmetry-allowed", asymmetry)]);
        if let Some(id) = id {
            parameters.insert(NAME, id);
        }
        parameters
    }

    fn answer(local: Option<&str>, remote: Option<&str>, asymmetry: bool) -> Option<String> {
        ProfileLevelId::answer(
            &parameters(local, asymmetry),
            &parameters(remote, asymmetry),
        )
    }

    #[test]
    fn profiles_are_those_of_rfc_6184_table_5() {
        for same in ["42e01f", "42E01F", "42c02a", "4de01f", "58f01f", "42401f"] {
            assert_eq!(profile(same), Some(Profile::ConstrainedBaseline), "{same}");
        }
        assert_eq!(profile("42a01f"), Some(Profile::Baseline));
        assert_eq!(profile("58a01f"), Some(Profile::Baseline));
        assert_eq!(profile("4d401f"), Some(Profile::Main));
        assert_eq!(profile("64001f"), Some(Profile::High));
        assert_eq!(profile("640c1f"), Some(Profile::ConstrainedHigh));
        assert_eq!(profile("f4001f"), Some(Profile::PredictiveHigh444));
    }

    #[test]
    fn what_names_no_profile_or_level_is_refused() {
        for wrong in [
            "", "42e0", "42e01f0", "gggggg", "+2e01f", "42e000", "42e0ff", "000000",
        ] {
            assert_eq!(ProfileLevelId::parse(wrong), None, "{wrong}");
        }
        assert_eq!(
            profile("64801f"),
            None,
            "High with a constraint it cannot have"
        );
    }

    #[test]
    fn level_1b_lies_between_1_and_1_1() {
        let level = |text| ProfileLevelId::parse(text).unwrap().level;
        assert_eq!(level("42f00b"), Level::ONE_B);
        assert_eq!(level("42e00b"), Level(11));
        assert_eq!(Level::ONE_B.min(Level(11)), Level::ONE_B);
        assert_eq!(Level::ONE_B.min(Level(10)), Level(10));
        assert_eq!(
            answer(Some("42f00b"), Some("42e01f"), false).unwrap(),
            "42f00b"
        );
    }

    #[test]
    fn the_answer_has_the_local_level_when_levels_may_differ() {
        let (low, high) = (Some("42e015"), Some("42e01f"));
        assert_eq!(answer(low, high, true).unwrap(), "42e015");
        assert_eq!(answer(high, low, true).unwrap(), "42e01f");
    }

    #[test]
    fn the_answer_has_the_lower_level_when_levels_may_not_differ() {
        let (low, high) = (Some("42e015"), Some("42e01f"));
        assert_eq!(answer(low, high, false).unwrap(), "42e015");
        assert_eq!(answer(high, low, false).unwrap(), "42e015");
    }

    #[test]
    fn saying_nothing_is_constrained_baseline_3_1_and_stays_nothing() {
        assert_eq!(answer(None, None, true), None);
        assert_eq!(answer(None, Some("42e015"), true).unwrap(), "42e01f");
        let named = parameters(Some("42e00a"), true);
        assert!(ProfileLevelId::same_profile(
            &named,
            &FormatParameters::new()
        ));
    }

    #[test]
    fn an_id_that_looks_like_a_number_is_read() {
        let number = FormatParameters::from_iter([(NAME, 640_028)]);
        let text = parameters(Some("640032"), true);
        assert!(ProfileLevelId::same_profile(&number, &text));
        let float = FormatParameters::from_iter([(NAME, 4.5)]);
        assert!(!ProfileLevelId::same_profile(&float, &float));
    }
}

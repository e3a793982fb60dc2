//! JSON as a browser sent it, before it has types.
//!
//! Clients send parameters that JavaScript put together: numbers where booleans are expected,
//! absent lists, doubles without a fraction. Reading goes through this untyped form, so that what
//! can be understood is understood and what cannot is refused with the name of the field.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value of any JSON type. How deep it may nest is for the deserialiser to limit, as serde_json
/// does.
#[derive(Debug)]
pub(super) enum Untyped {
    Null,
    Flag(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Untyped>),
    Object(BTreeMap<String, Untyped>),
}

impl Untyped {
    /// The whole number this is; JavaScript does not tell `4.0` from `4`.
    pub(super) fn integer(&self) -> Option<i64> {
        match *self {
            Self::Integer(integer) => Some(integer),
            Self::Float(float) if is_whole(float) => Some(float as i64),
            _ => None,
        }
    }

    /// The number this is.
    pub(super) fn float(&self) -> Option<f64> {
        match *self {
            Self::Integer(integer) => Some(integer as f64),
            Self::Float(float) => Some(float),
            _ => None,
        }
    }
}

/// Whether `float` is an integer that an `f64` holds exactly.
pub(super) fn is_whole(float: f64) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    float.fract() == 0.0 && float.abs() <= EXACT
}

impl<'de> Deserialize<'de> for Untyped {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Untyped;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Untyped, E> {
        Ok(Untyped::Flag(flag))
    }

    fn visit_i64<E>(self, integer: i64) -> Result<Untyped, E> {
        Ok(Untyped::Integer(integer))
    }

    fn visit_u64<E>(self, integer: u64) -> Result<Untyped, E> {
        Ok(i64::try_from(integer).map_or(Untyped::Float(integer as f64), Untyped::Integer))
    }

    fn visit_f64<E>(self, float: f64) -> Result<Untyped, E> {
        Ok(Untyped::Float(float))
    }

    fn visit_str<E>(self, text: &str) -> Result<Untyped, E> {
        Ok(Untyped::Text(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Untyped, E> {
        Ok(Untyped::Null)
    }

    fn visit_none<E>(self) -> Result<Untyped, E> {
        Ok(Untyped::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Untyped, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Untyped, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Untyped::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Untyped, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((name, value)) = map.next_entry()? {
            fields.insert(name, value);
        }
        Ok(Untyped::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_double_is_an_integer() {
        assert_eq!(Untyped::Float(4.0).integer(), Some(4));
        assert_eq!(Untyped::Float(4.5).integer(), None);
        assert_eq!(Untyped::Float(f64::NAN).integer(), None);
        assert_eq!(Untyped::Float(f64::INFINITY).integer(), None);
        assert_eq!(Untyped::Text("4".into()).integer(), None);
    }
}

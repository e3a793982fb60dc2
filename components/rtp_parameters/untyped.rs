//! JSON as a browser sent it, before it has types.
//!
//! Clients send parameters that JavaScript put together: numbers where booleans are expected,
//! absent lists, doubles without a fraction. Reading goes through this untyped form, so that what
//! can be understood is understood and what cannot is refused with the name of the field.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use thiserror::Error;

/// A value of any JSON type.
#[derive(Clone, Debug, PartialEq)]
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
    fn float(&self) -> Option<f64> {
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

/// What could not be read, and where it stood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum Malformed {
    #[error("{path} is missing")]
    Missing { path: String },
    #[error("{path} is not {expected}")]
    Not {
        path: String,
        expected: &'static str,
    },
}

/// A type that is read from a JSON object.
pub(super) trait Read: Sized {
    /// What errors call a value of this type that stands alone.
    const NAME: &'static str;

    /// Reads the value, or says which field is wrong.
    fn read(object: &Object<'_>) -> Result<Self, Malformed>;
}

/// An integer type with the words for its range.
pub(super) trait Ranged: TryFrom<i64> {
    const EXPECTED: &'static str;
}

impl Ranged for u8 {
    const EXPECTED: &'static str = "a whole number from 0 to 255";
}

impl Ranged for u32 {
    const EXPECTED: &'static str = "a whole number from 0 to 4294967295";
}

impl Ranged for u64 {
    const EXPECTED: &'static str = "a whole number from 0 up";
}

/// A JSON object and the path that leads to it.
pub(super) struct Object<'a> {
    path: String,
    fields: &'a BTreeMap<String, Untyped>,
}

impl<'a> Object<'a> {
    fn new(path: String, value: &'a Untyped) -> Result<Self, Malformed> {
        match value {
            Untyped::Object(fields) => Ok(Self { path, fields }),
            _ => Err(Malformed::Not {
                path,
                expected: "an object",
            }),
        }
    }

    /// The fields with their names, in order of the names.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a String, &'a Untyped)> + use<'a> {
        self.fields.iter()
    }

    /// The error that says that field `name` is not `expected`.
    pub(super) fn not(&self, name: &str, expected: &'static str) -> Malformed {
        let path = self.path_of(name);
        Malformed::Not { path, expected }
    }

    /// The string in field `name`.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Malformed> {
        match self.field(name) {
            None => Ok(None),
            Some(Untyped::Text(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.not(name, "a string")),
        }
    }

    /// The string in field `name`, which must be there.
    pub(super) fn required_text(&self, name: &str) -> Result<String, Malformed> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    /// The string in field `name`; nothing when it is of another type.
    pub(super) fn text_if_any(&self, name: &str) -> Option<String> {
        self.text(name).ok().flatten()
    }

    /// The integer in field `name`.
    pub(super) fn number<T: Ranged>(&self, name: &str) -> Result<Option<T>, Malformed> {
        let Some(value) = self.field(name) else {
            return Ok(None);
        };
        let number = value
            .integer()
            .and_then(|integer| T::try_from(integer).ok());
        number.map(Some).ok_or_else(|| self.not(name, T::EXPECTED))
    }

    /// The integer in field `name`, which must be there.
    pub(super) fn required_number<T: Ranged>(&self, name: &str) -> Result<T, Malformed> {
        self.number(name)?.ok_or_else(|| self.missing(name))
    }

    /// The number in field `name`; nothing when it is of another type.
    pub(super) fn float_if_any(&self, name: &str) -> Option<f64> {
        self.field(name).and_then(Untyped::float)
    }

    /// The boolean in field `name`; nothing when it is of another type.
    pub(super) fn flag_if_any(&self, name: &str) -> Option<bool> {
        match self.field(name) {
            Some(Untyped::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }

    /// Whether field `name` is a number.
    pub(super) fn is_number(&self, name: &str) -> bool {
        self.field(name).and_then(Untyped::float).is_some()
    }

    /// The object in field `name`.
    pub(super) fn one<T: Read>(&self, name: &str) -> Result<Option<T>, Malformed> {
        let Some(value) = self.field(name) else {
            return Ok(None);
        };
        T::read(&Object::new(self.path_of(name), value)?).map(Some)
    }

    /// The list of objects in field `name`, empty when it is absent.
    pub(super) fn list<T: Read>(&self, name: &str) -> Result<Vec<T>, Malformed> {
        let items = match self.field(name) {
            None => return Ok(Vec::new()),
            Some(Untyped::List(items)) => items,
            Some(_) => return Err(self.not(name, "a list")),
        };
        let path = self.path_of(name);
        let read = |(index, item)| T::read(&Object::new(format!("{path}[{index}]"), item)?);
        items.iter().enumerate().map(read).collect()
    }

    /// The list of objects in field `name`, which must be there.
    pub(super) fn required_list<T: Read>(&self, name: &str) -> Result<Vec<T>, Malformed> {
        self.field(name).ok_or_else(|| self.missing(name))?;
        self.list(name)
    }

    /// Field `name`; JSON has no `undefined`, so `null` stands for an absent field.
    fn field(&self, name: &str) -> Option<&'a Untyped> {
        let value = self.fields.get(name)?;
        (*value != Untyped::Null).then_some(value)
    }

    fn missing(&self, name: &str) -> Malformed {
        let path = self.path_of(name);
        Malformed::Missing { path }
    }

    fn path_of(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }
}

/// Reads a `T` from any self-describing format.
pub(super) fn deserialize<'de, T: Read, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    let value = Untyped::deserialize(from)?;
    Object::new(T::NAME.to_owned(), &value)
        .and_then(|object| T::read(&object))
        .map_err(D::Error::custom)
}

/// Implements `Deserialize` for types that are `Read`.
macro_rules! deserialize_by_reading {
    ($($name:ty),+ $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                $crate::rtp_parameters::untyped::deserialize(from)
            }
        }
    )+};
}
pub(super) use deserialize_by_reading;

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

//! The parameters of a codec or of a header extension.

use std::borrow::Cow;
use std::collections::{BTreeMap, btree_map};

use serde::Serialize;

use super::object::{Malformed, Object, Read, deserialize_by_reading};
use super::untyped::{Untyped, is_whole};

/// Named parameters of a codec (what SDP writes as `a=fmtp`, RFC 8866 section 6.15) or of a header
/// extension, in order of their names.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct FormatParameters(BTreeMap<String, FormatValue>);

crate::snapshot::state! { struct FormatParameters(it) }

impl FormatParameters {
    /// No parameters.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&FormatValue> {
        self.0.get(name)
    }

    /// The value of `name` if it is a whole number.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.0.get(name)? {
            FormatValue::Integer(integer) => Some(*integer),
            _ => None,
        }
    }

    /// The value of `name` as text, also when a client took it for a number: `profile-level-id`
    /// of `640028` looks like one.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.0.get(name)? {
            FormatValue::Text(text) => Some(Cow::Borrowed(text)),
            FormatValue::Integer(integer) => Some(Cow::Owned(integer.to_string())),
            FormatValue::Float(_) => None,
        }
    }

    /// Sets `name`, and returns what it was.
    pub fn insert(
        &mut self,
        name: impl Into<String>,
        value: impl Into<FormatValue>,
    ) -> Option<FormatValue> {
        self.0.insert(name.into(), value.into())
    }

    /// Takes `name` out.
    pub fn remove(&mut self, name: &str) -> Option<FormatValue> {
        self.0.remove(name)
    }

    /// All parameters in order of their names.
    pub fn iter(&self) -> btree_map::Iter<'_, String, FormatValue> {
        self.0.iter()
    }
}

impl<N: Into<String>, V: Into<FormatValue>> FromIterator<(N, V)> for FormatParameters {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(parameters: I) -> Self {
        let mut map = Self::new();
        map.extend(parameters);
        map
    }
}

impl<N: Into<String>, V: Into<FormatValue>> Extend<(N, V)> for FormatParameters {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, parameters: I) {
        for (name, value) in parameters {
            self.insert(name, value);
        }
    }
}

impl<'a> IntoIterator for &'a FormatParameters {
    type Item = (&'a String, &'a FormatValue);
    type IntoIter = btree_map::Iter<'a, String, FormatValue>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Read for FormatParameters {
    const NAME: &'static str = "parameters";

    fn read(object: &Object<'_>) -> Result<Self, Malformed> {
        let read = |(name, value): (&String, &Untyped)| {
            let value = FormatValue::read(value)
                .filter(|value| name != "apt" || !matches!(value, FormatValue::Text(_)))
                .ok_or_else(|| object.not(name, expected_of(name)))?;
            Ok((name.clone(), value))
        };
        object
            .entries()
            .map(read)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn expected_of(name: &str) -> &'static str {
    match name {
        "apt" => "a number",
        _ => "a number or a string",
    }
}

/// The value of a [format parameter](FormatParameters).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum FormatValue {
    /// A whole number; `4.0` is read as `4`, which JavaScript does not tell apart.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A string.
    Text(String),
}

crate::snapshot::state! { enum FormatValue { Integer(it), Float(it), Text(it) } }

impl FormatValue {
    /// The value that `untyped` stands for; `null` is the empty string.
    fn read(untyped: &Untyped) -> Option<Self> {
        if let Some(integer) = untyped.integer() {
            return Some(Self::Integer(integer));
        }
        match untyped {
            Untyped::Null => Some(Self::Text(String::new())),
            Untyped::Float(float) => Some(Self::Float(*float)),
            Untyped::Text(text) => Some(Self::Text(text.clone())),
            _ => None,
        }
    }
}

impl From<i64> for FormatValue {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<f64> for FormatValue {
    fn from(float: f64) -> Self {
        if is_whole(float) {
            Self::Integer(float as i64)
        } else {
            Self::Float(float)
        }
    }
}

impl From<&str> for FormatValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for FormatValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

deserialize_by_reading!(FormatParameters);

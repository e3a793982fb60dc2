//! A JSON object that is being read.

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, Error as _};
use thiserror::Error;

use super::untyped::Untyped;

/// What could not be read, and where it stood.
#[derive(Debug, PartialEq, Eq, Error)]
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

    /// The string in field `name`, which must be there and not be empty.
    pub(super) fn required_name(&self, name: &str) -> Result<String, Malformed> {
        let text = self.required_text(name)?;
        match text.is_empty() {
            true => Err(self.not(name, "a non-empty string")),
            false => Ok(text),
        }
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

    /// The boolean in field `name`.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Malformed> {
        match self.field(name) {
            None => Ok(None),
            Some(Untyped::Flag(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.not(name, "a boolean")),
        }
    }

    /// The boolean in field `name`; nothing when it is of another type.
    pub(super) fn flag_if_any(&self, name: &str) -> Option<bool> {
        self.flag(name).ok().flatten()
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
        let value = self.fields.get(name);
        value.filter(|value| !matches!(value, Untyped::Null))
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
                $crate::rtp_parameters::object::deserialize(from)
            }
        }
    )+};
}
pub(super) use deserialize_by_reading;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::rtp_parameters::samples::{refusal, vp8};
    use crate::rtp_parameters::{RtpCapabilities, RtpParameters};

    const BYTE: &str = "a whole number from 0 to 255";
    const WORD: &str = "a whole number from 0 to 4294967295";

    /// Why a producer is refused when the value at `pointer` is `wrong`.
    fn refused(pointer: &str, wrong: Value) -> String {
        let mut given = serde_json::to_value(vp8()).unwrap();
        given["headerExtensions"] = json!([{ "uri": "urn:a", "id": 1 }]);
        given["codecs"][0]["rtcpFeedback"] = json!([{ "type": "nack" }]);
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match given.pointer_mut(parent).unwrap() {
            Value::Array(items) => items[name.parse::<usize>().unwrap()] = wrong,
            parent => parent[name] = wrong,
        }
        refusal::<RtpParameters>(given)
    }

    /// `/codecs/0/mimeType` is `rtpParameters.codecs[0].mimeType`.
    fn path(pointer: &str) -> String {
        let step = |step: &str| match step.parse::<usize>() {
            Ok(index) => format!("[{index}]"),
            Err(_) => format!(".{step}"),
        };
        let steps: String = pointer.split('/').skip(1).map(step).collect();
        format!("rtpParameters{steps}")
    }

    #[test]
    fn a_field_of_the_wrong_type_is_refused_by_name() {
        let wrong = [
            ("/codecs", "a list"),
            ("/codecs/1", "an object"),
            ("/codecs/0/mimeType", "an audio/… or video/… type"),
            ("/codecs/0/payloadType", BYTE),
            ("/codecs/0/clockRate", WORD),
            ("/codecs/0/parameters", "an object"),
            ("/codecs/1/parameters/apt", "a number"),
            ("/codecs/0/rtcpFeedback", "a list"),
            ("/codecs/0/rtcpFeedback/0", "an object"),
            ("/headerExtensions", "a list"),
            ("/headerExtensions/0", "an object"),
            ("/headerExtensions/0/id", BYTE),
            ("/headerExtensions/0/encrypt", "a boolean"),
            ("/headerExtensions/0/parameters", "an object"),
            ("/encodings", "a list"),
            ("/encodings/0", "an object"),
            ("/encodings/0/ssrc", WORD),
            ("/encodings/0/codecPayloadType", BYTE),
            ("/encodings/0/rtx", "an object"),
            ("/rtcp", "an object"),
        ];
        for (pointer, expected) in wrong {
            let sentence = format!("{} is not {expected}", path(pointer));
            assert_eq!(refused(pointer, json!("text")), sentence);
        }
    }

    #[test]
    fn a_number_where_a_string_belongs_is_refused_by_name() {
        let strings = [
            "/mid",
            "/msid",
            "/rtcp/cname",
            "/codecs/0/mimeType",
            "/codecs/0/rtcpFeedback/0/type",
            "/headerExtensions/0/uri",
            "/encodings/0/rid",
            "/encodings/0/scalabilityMode",
        ];
        for pointer in strings {
            let sentence = format!("{} is not a string", path(pointer));
            assert_eq!(refused(pointer, json!(5)), sentence);
        }
    }

    #[test]
    fn a_name_that_is_empty_is_refused() {
        for pointer in ["/codecs/0/rtcpFeedback/0/type", "/headerExtensions/0/uri"] {
            let sentence = format!("{} is not a non-empty string", path(pointer));
            assert_eq!(refused(pointer, json!("")), sentence);
        }
    }

    #[test]
    fn whether_an_extension_is_encrypted_is_a_boolean() {
        let sentence = "rtpParameters.headerExtensions[0].encrypt is not a boolean";
        for wrong in [json!(0), json!(1), json!(""), json!([]), json!({})] {
            assert_eq!(refused("/headerExtensions/0/encrypt", wrong), sentence);
        }
    }

    #[test]
    fn a_number_out_of_range_is_refused() {
        for wrong in [
            json!(256),
            json!(-1),
            json!(0.5),
            json!(1e300),
            json!(u64::MAX),
        ] {
            let pointer = "/codecs/0/payloadType";
            let sentence = format!("{} is not {BYTE}", path(pointer));
            assert_eq!(refused(pointer, wrong), sentence);
        }
        let opus = json!({
            "mimeType": "audio/opus", "payloadType": 1, "clockRate": 1, "channels": 256,
        });
        let sentence = format!("rtpParameters.codecs[0].channels is not {BYTE}");
        assert_eq!(refused("/codecs/0", opus), sentence);
    }

    #[test]
    fn a_format_parameter_is_a_number_or_a_string() {
        for wrong in [json!(true), json!([]), json!({})] {
            assert_eq!(
                refused("/codecs/0/parameters", json!({ "x": wrong })),
                "rtpParameters.codecs[0].parameters.x is not a number or a string"
            );
        }
    }

    #[test]
    fn a_missing_field_is_refused_by_name() {
        let required = [
            "/codecs",
            "/codecs/0/mimeType",
            "/codecs/0/payloadType",
            "/codecs/0/clockRate",
            "/codecs/0/rtcpFeedback/0/type",
            "/headerExtensions/0/uri",
            "/headerExtensions/0/id",
        ];
        for pointer in required {
            let sentence = format!("{} is missing", path(pointer));
            assert_eq!(refused(pointer, Value::Null), sentence);
        }
        let sentence = "rtpParameters.encodings[0].rtx.ssrc is missing";
        assert_eq!(refused("/encodings/0/rtx", json!({})), sentence);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for wrong in [json!(null), json!([]), json!("v"), json!(1), json!(true)] {
            let sentence = refusal::<RtpParameters>(wrong.clone());
            assert_eq!(sentence, "rtpParameters is not an object");
            let sentence = refusal::<RtpCapabilities>(wrong);
            assert_eq!(sentence, "rtpCapabilities is not an object");
        }
    }

    #[test]
    fn a_wrong_codec_capability_is_refused_by_name() {
        let refused = |codec: Value| refusal::<RtpCapabilities>(json!({ "codecs": [codec] }));
        assert_eq!(
            refused(json!({ "mimeType": "text/plain" })),
            "rtpCapabilities.codecs[0].mimeType is not an audio/… or video/… type"
        );
        assert_eq!(
            refused(json!({ "mimeType": "video/VP8" })),
            "rtpCapabilities.codecs[0].clockRate is missing"
        );
        assert_eq!(
            refused(json!({ "mimeType": "video/VP8", "preferredPayloadType": "x" })),
            format!("rtpCapabilities.codecs[0].preferredPayloadType is not {BYTE}")
        );
    }

    #[test]
    fn a_wrong_header_extension_capability_is_refused_by_name() {
        let refused = |extension: Value| {
            let sentence = refusal::<RtpCapabilities>(json!({ "headerExtensions": [extension] }));
            sentence.replace("rtpCapabilities.headerExtensions[0].", "")
        };
        let kind = json!({ "kind": "smell" });
        assert_eq!(refused(kind), "kind is not audio or video");
        let no_id = json!({ "kind": "audio", "uri": "urn:a" });
        assert_eq!(refused(no_id), "preferredId is missing");
        let mut given = json!({ "kind": "audio", "uri": "a", "preferredId": 1, "direction": "up" });
        let sentence = "direction is not sendrecv, sendonly, recvonly or inactive";
        assert_eq!(refused(given.clone()), sentence);
        given["preferredEncrypt"] = json!("no");
        assert_eq!(refused(given.clone()), "preferredEncrypt is not a boolean");
        given["uri"] = json!("");
        assert_eq!(refused(given), "uri is not a non-empty string");
    }
}

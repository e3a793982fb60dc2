//! The values of attributes, read one by one.

use flumen_components::rtp_parameters::{FormatParameters, FormatValue};

/// The value of the first attribute `name`; empty for one without a value.
pub(crate) fn value<'a>(attributes: &'a [(String, String)], name: &str) -> Option<&'a str> {
    values(attributes, name).next()
}

/// The values of all attributes `name`.
pub(crate) fn values<'a>(
    attributes: &'a [(String, String)],
    name: &str,
) -> impl Iterator<Item = &'a str> {
    attributes
        .iter()
        .filter(move |(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// `NUMBER REST`: what attributes say about a payload type or an SSRC.
pub(crate) fn numbered<N: std::str::FromStr>(value: &str) -> Option<(N, &str)> {
    let (number, rest) = value.split_once(' ').unwrap_or((value, ""));
    Some((number.parse().ok()?, rest.trim()))
}

/// The parameters of `a=fmtp` (RFC 8866 section 6.15): `name=value` with semicolons between.
/// Formats that have no names, like those of RED, are passed over.
pub(crate) fn format_parameters(text: &str) -> FormatParameters {
    let pairs = text.split(';').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.trim(), format_value(value.trim())))
        .collect()
}

/// A number, if writing it gives the same text.
fn format_value(text: &str) -> FormatValue {
    match text.parse::<i64>() {
        Ok(number) if number.to_string() == text => FormatValue::Integer(number),
        _ => FormatValue::Text(text.into()),
    }
}

/// The parameters as `a=fmtp` says them.
pub(crate) fn write_format_parameters(parameters: &FormatParameters) -> String {
    let pair = |(name, value): (&String, &FormatValue)| match value {
        FormatValue::Integer(value) => format!("{name}={value}"),
        FormatValue::Float(value) => format!("{name}={value}"),
        FormatValue::Text(value) => format!("{name}={value}"),
    };
    parameters.iter().map(pair).collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_numbers_only_if_they_read_the_same() {
        let parameters = format_parameters("apt=96; profile-level-id=042001;x=1;0-16;y=z=1");
        assert_eq!(parameters.integer("apt"), Some(96));
        assert_eq!(
            parameters.get("profile-level-id"),
            Some(&FormatValue::Text("042001".into()))
        );
        assert_eq!(parameters.get("y"), Some(&FormatValue::Text("z=1".into())));
        let text = write_format_parameters(&parameters);
        assert_eq!(text, "apt=96;profile-level-id=042001;x=1;y=z=1");
    }

    #[test]
    fn what_is_numbered_begins_with_its_number() {
        assert_eq!(numbered("96 VP8/90000"), Some((96u8, "VP8/90000")));
        assert_eq!(numbered::<u8>("256 VP8/90000"), None);
        assert_eq!(numbered("7"), Some((7u32, "")));
    }
}

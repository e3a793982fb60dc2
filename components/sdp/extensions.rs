//! The header extensions of a section (RFC 8285 section 5).

use flumen_components::rtp_parameters::RtpHeaderExtensionParameters;

use crate::attributes::values;

/// The extensions of a section that the peer sends, or those that it receives. What is encrypted
/// (RFC 6904) is not among them.
pub(crate) fn read(
    attributes: &[(String, String)],
    unwanted: &str,
) -> Vec<RtpHeaderExtensionParameters> {
    let extension = |value: &str| {
        let mut words = value.split(' ');
        let (id, uri) = (words.next()?, words.next()?);
        let (id, direction) = id.split_once('/').unwrap_or((id, ""));
        let id = id.parse().ok().filter(|id| (1..=255).contains(id))?;
        let is_plain = uri != "urn:ietf:params:rtp-hdrext:encrypt";
        (is_plain && direction != unwanted).then(|| RtpHeaderExtensionParameters::new(uri, id))
    };
    values(attributes, "extmap").filter_map(extension).collect()
}

//! Whether the header extensions of a producer can be told from one another.

use super::{RtpHeaderExtensionParameters, RtpParametersError};

/// Refuses header extensions without a name, or without an id of their own.
pub(super) fn check_header_extensions(
    extensions: &[RtpHeaderExtensionParameters],
) -> Result<(), RtpParametersError> {
    for (index, extension) in extensions.iter().enumerate() {
        let id = extension.id;
        if id == 0 {
            return Err(RtpParametersError::HeaderExtensionIdZero {
                uri: extension.uri.clone(),
            });
        }
        if extension.uri.is_empty() {
            return Err(RtpParametersError::HeaderExtensionUriEmpty { id });
        }
        let mut earlier = extensions.iter().take(index);
        if earlier.any(|other| other.id == id) {
            return Err(RtpParametersError::HeaderExtensionIdDuplicated { id });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(uris_and_ids: [(&str, u8); 2]) -> RtpParametersError {
        let extensions = uris_and_ids.map(|(uri, id)| RtpHeaderExtensionParameters::new(uri, id));
        check_header_extensions(&extensions).unwrap_err()
    }

    #[test]
    fn an_extension_without_an_id_of_its_own() {
        let uri = "urn:b".to_owned();
        let refusal = RtpParametersError::HeaderExtensionIdZero { uri };
        assert_eq!(refused([("urn:a", 1), ("urn:b", 0)]), refusal);
        let refusal = RtpParametersError::HeaderExtensionIdDuplicated { id: 3 };
        assert_eq!(refused([("urn:a", 3), ("urn:b", 3)]), refusal);
    }

    #[test]
    fn an_extension_without_a_name() {
        let refusal = RtpParametersError::HeaderExtensionUriEmpty { id: 4 };
        assert_eq!(refused([("urn:a", 3), ("", 4)]), refusal);
    }
}

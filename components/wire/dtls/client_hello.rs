//! What a client offers.

use super::{Malformed, number, take, vector};

/// The parts of a ClientHello (RFC 6347 section 4.2.1, RFC 9147 section 5.3) that say who can
/// answer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// Tells one handshake of a client from another.
    pub random: &'a [u8; 32],
    /// Whether `supported_versions` lists DTLS 1.3.
    pub offers_1_3: bool,
    /// Whether it lists DTLS 1.2, or is not there.
    pub offers_1_2: bool,
    srtp_profiles: Option<&'a [u8]>,
    signature_schemes: Option<&'a [u8]>,
}

const USE_SRTP: u64 = 14;
const SIGNATURE_ALGORITHMS: u64 = 13;
const SUPPORTED_VERSIONS: u64 = 43;
const DTLS_1_3: [u8; 2] = [0xfe, 0xfc];
const DTLS_1_2: [u8; 2] = [0xfe, 0xfd];

impl<'a> ClientHello<'a> {
    /// Reads the body of the message.
    ///
    /// # Errors
    ///
    /// It is not well-formed.
    pub fn parse(mut body: &'a [u8]) -> Result<Self, Malformed> {
        let rest = &mut body;
        take(rest, 2)?;
        let random = take(rest, 32)?.try_into().map_err(|_| Malformed)?;
        let (_session, _cookie) = (vector(rest, 1)?, vector(rest, 1)?);
        let (_suites, _compression) = (vector(rest, 2)?, vector(rest, 1)?);
        let mut hello = Self {
            random,
            offers_1_3: false,
            offers_1_2: true,
            srtp_profiles: None,
            signature_schemes: None,
        };
        let mut extensions = if rest.is_empty() {
            &[]
        } else {
            vector(rest, 2)?
        };
        while !extensions.is_empty() {
            let kind = number(&mut extensions, 2)?;
            hello.extend(kind, vector(&mut extensions, 2)?)?;
        }
        Ok(hello)
    }

    fn extend(&mut self, kind: u64, mut body: &'a [u8]) -> Result<(), Malformed> {
        match kind {
            USE_SRTP => self.srtp_profiles = Some(pairs(vector(&mut body, 2)?)?),
            SIGNATURE_ALGORITHMS => self.signature_schemes = Some(pairs(vector(&mut body, 2)?)?),
            SUPPORTED_VERSIONS => {
                let versions = pairs(vector(&mut body, 1)?)?;
                let lists = |wanted| versions.chunks_exact(2).any(|version| version == wanted);
                (self.offers_1_3, self.offers_1_2) = (lists(DTLS_1_3), lists(DTLS_1_2));
            }
            _ => {}
        }
        Ok(())
    }

    /// The SRTP protection profiles (RFC 5764 section 4.1.2) in the client's order, by number;
    /// none if it does not speak DTLS-SRTP.
    pub fn srtp_profiles(&self) -> Option<impl Iterator<Item = u16> + use<'a>> {
        self.srtp_profiles.map(numbers)
    }

    /// The signature schemes that it can verify, by number.
    pub fn signature_schemes(&self) -> impl Iterator<Item = u16> + use<'a> {
        numbers(self.signature_schemes.unwrap_or_default())
    }
}

fn pairs(bytes: &[u8]) -> Result<&[u8], Malformed> {
    bytes
        .len()
        .is_multiple_of(2)
        .then_some(bytes)
        .ok_or(Malformed)
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = u16> + use<'_> {
    bytes
        .chunks_exact(2)
        .map(|pair| u16::from(pair[0]) << 8 | u16::from(pair[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(extensions: &[u8]) -> Vec<u8> {
        let mut body = vec![0xfe, 0xfd];
        body.extend([9; 32]);
        body.extend([0, 0, 0, 2, 0xc0, 0x2b, 1, 0]);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        body
    }

    #[test]
    fn versions_and_profiles_are_read_in_order() {
        let body = hello(&[
            0, 14, 0, 7, 0, 4, 0, 1, 0, 8, 0, // use_srtp
            0, 43, 0, 5, 4, 0xfe, 0xfc, 0xfe, 0xfd, // supported_versions
            0, 13, 0, 4, 0, 2, 4, 3, // signature_algorithms
        ]);
        let read = ClientHello::parse(&body).unwrap();
        assert!(read.offers_1_3 && read.offers_1_2);
        let profiles: Vec<_> = read.srtp_profiles().unwrap().collect();
        assert_eq!(profiles, [1, 8]);
        assert_eq!(read.signature_schemes().collect::<Vec<_>>(), [0x0403]);
    }

    #[test]
    fn a_client_without_extensions_offers_none() {
        let body = hello(&[]);
        let body = &body[..body.len() - 2];
        let read = ClientHello::parse(body).unwrap();
        assert!(!read.offers_1_3 && read.offers_1_2 && read.srtp_profiles().is_none());
        for length in 0..body.len() {
            assert_eq!(ClientHello::parse(&body[..length]), Err(Malformed));
        }
    }
}

//! Type, length, value: parameters and error causes, RFC 9260 sections 3.2.1 and 3.3.10.

use super::be16;

/// One parameter, or one error cause: they look alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// Its type, or cause code.
    pub kind: u16,
    /// What follows the four bytes of its header, without the padding behind it.
    pub value: &'a [u8],
}

/// Parameter types: RFC 9260 section 3.3.2, RFC 3758 section 3.1, RFC 5061 section 4.2.7 and
/// RFC 6525 section 4.
pub mod parameter_kind {
    /// What a HEARTBEAT carries, to be echoed.
    pub const HEARTBEAT_INFO: u16 = 1;
    /// What an INIT ACK carries, to be echoed.
    pub const STATE_COOKIE: u16 = 7;
    /// The sender of a request resets its outgoing streams.
    pub const OUTGOING_RESET: u16 = 13;
    /// The answer to a request.
    pub const RECONFIG_RESPONSE: u16 = 16;
    /// The chunk types that are understood beyond those of RFC 9260.
    pub const SUPPORTED_EXTENSIONS: u16 = 0x8008;
    /// Messages may be abandoned.
    pub const FORWARD_TSN_SUPPORTED: u16 = 0xC000;
}

/// The parameters in `bytes`, in order; stops before the first whose length lies.
pub fn parameters(bytes: &[u8]) -> Parameters<'_> {
    Parameters { rest: bytes }
}

/// See [`parameters`].
#[derive(Clone, Debug)]
pub struct Parameters<'a> {
    rest: &'a [u8],
}

impl Parameters<'_> {
    /// Whether every parameter ends inside: walks a copy to the end.
    pub(super) fn are_whole(&self) -> bool {
        let mut walk = self.clone();
        walk.by_ref().for_each(drop);
        walk.rest.is_empty()
    }
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Parameter<'a>;

    fn next(&mut self) -> Option<Parameter<'a>> {
        let kind = be16(self.rest, 0)?;
        let len = usize::from(be16(self.rest, 2)?);
        let value = self.rest.get(4..len)?;
        self.rest = self.rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some(Parameter { kind, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_padding_may_be_missing() {
        let bytes = [0, 1, 0, 5, 9, 0, 0, 0, 0x80, 8, 0, 6, 130, 192];
        let walk = parameters(&bytes);
        assert!(walk.are_whole());
        let seen: Vec<_> = walk.map(|parameter| parameter.value).collect();
        assert_eq!(seen, [&[9][..], &[130, 192]]);
    }

    #[test]
    fn a_length_that_lies_is_seen() {
        for lie in [0, 3, 6, 0xFFFF_u16] {
            let [high, low] = lie.to_be_bytes();
            assert!(!parameters(&[0, 1, high, low, 9]).are_whole(), "{lie}");
        }
        assert!(!parameters(&[0, 1, 0]).are_whole());
    }
}

//! Numbers, texts and addresses as they are in a file.

use std::net::{IpAddr, SocketAddr};

/// Appends a number, seven bits a byte, the lowest first (LEB128).
pub(crate) fn put(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// Appends a number that may be negative: near zero it is short.
pub(crate) fn put_signed(to: &mut Vec<u8>, number: i64) {
    put(to, (number << 1 ^ number >> 63) as u64);
}

/// Appends bytes behind their number.
pub(crate) fn put_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    put(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

/// Appends an address.
pub(crate) fn put_address(to: &mut Vec<u8>, address: SocketAddr) {
    match address {
        SocketAddr::V4(v4) => {
            to.push(4);
            to.extend_from_slice(&v4.ip().octets());
            to.extend_from_slice(&v4.port().to_le_bytes());
        }
        SocketAddr::V6(v6) => {
            to.push(6);
            to.extend_from_slice(&v6.ip().octets());
            to.extend_from_slice(&v6.port().to_le_bytes());
            put(to, v6.flowinfo().into());
            put(to, v6.scope_id().into());
        }
    }
}

/// What is left to be read; reading gives nothing when it is not there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unread<'a>(pub(crate) &'a [u8]);

impl<'a> Unread<'a> {
    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    pub(crate) fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.number()?).ok()?;
        self.take(len)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    pub(crate) fn address(&mut self) -> Option<SocketAddr> {
        let ip: IpAddr = match self.byte()? {
            4 => self.array::<4>()?.into(),
            6 => self.array::<16>()?.into(),
            _ => return None,
        };
        let mut address = SocketAddr::new(ip, u16::from_le_bytes(self.array()?));
        if let SocketAddr::V6(v6) = &mut address {
            v6.set_flowinfo(self.number()?.try_into().ok()?);
            v6.set_scope_id(self.number()?.try_into().ok()?);
        }
        Some(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_read() {
        let mut bytes = Vec::new();
        let numbers = [0, 1, 127, 128, 1 << 32, u64::MAX];
        let signed = [0, -1, 1, i64::MIN, i64::MAX];
        let addresses = ["10.0.0.1:80", "[fe80::1%3]:9", "[::1]:65535"];
        let addresses = addresses.map(|text| text.parse::<SocketAddr>().unwrap());
        numbers.iter().for_each(|&number| put(&mut bytes, number));
        signed
            .iter()
            .for_each(|&number| put_signed(&mut bytes, number));
        addresses
            .iter()
            .for_each(|&one| put_address(&mut bytes, one));
        put_bytes(&mut bytes, b"text");
        let mut unread = Unread(&bytes);
        assert_eq!(numbers.map(|_| unread.number().unwrap()), numbers);
        assert_eq!(signed.map(|_| unread.signed().unwrap()), signed);
        assert_eq!(addresses.map(|_| unread.address().unwrap()), addresses);
        assert_eq!(unread.text(), Some("text"));
        assert!(unread.0.is_empty() && unread.byte().is_none());
    }

    #[test]
    fn a_number_of_more_than_64_bits_is_none() {
        assert_eq!(Unread(&[0xff; 12]).number(), None);
    }
}

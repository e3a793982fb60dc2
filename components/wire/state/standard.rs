//! The state of what the standard library has.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::ops::Range;
use std::time::Duration;

use super::{Malformed, Reader, State, Writer};

impl<C> State<C> for u8 {
    fn save(&self, out: &mut Writer<C>) {
        out.byte(*self);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        from.byte()
    }

    fn save_all(all: &[Self], out: &mut Writer<C>) {
        out.raw(all);
    }

    fn load_all(count: usize, from: &mut Reader<'_, C>) -> Result<Vec<Self>, Malformed> {
        Ok(from.raw(count)?.to_vec())
    }
}

macro_rules! unsigned {
    ($($type:ty),+) => {$(
        impl<C> State<C> for $type {
            #[inline]
            fn save(&self, out: &mut Writer<C>) {
                out.number(*self as u64);
            }

            #[inline]
            fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
                from.number()?.try_into().map_err(|_| Malformed)
            }
        }
    )+};
}

/// Numbers that may be negative: small ones are short whatever their sign.
macro_rules! signed {
    ($($type:ty),+) => {$(
        impl<C> State<C> for $type {
            fn save(&self, out: &mut Writer<C>) {
                let number = i64::from(*self);
                out.number((number << 1 ^ number >> 63) as u64);
            }

            fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
                let number = from.number()?;
                let number = (number >> 1) as i64 ^ -((number & 1) as i64);
                number.try_into().map_err(|_| Malformed)
            }
        }
    )+};
}

/// What has all its bytes, the lowest first.
macro_rules! fixed {
    ($($type:ty),+) => {$(
        impl<C> State<C> for $type {
            fn save(&self, out: &mut Writer<C>) {
                out.raw(&self.to_le_bytes());
            }

            fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
                let bytes = from.raw(size_of::<Self>())?;
                Ok(Self::from_le_bytes(bytes.try_into().map_err(|_| Malformed)?))
            }
        }
    )+};
}

unsigned!(u16, u32, u64, usize);
signed!(i8, i32, i64);
fixed!(u128, i128, f32, f64);

impl<C> State<C> for bool {
    fn save(&self, out: &mut Writer<C>) {
        out.byte((*self).into());
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        match from.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }
}

impl<C, T: State<C>> State<C> for Option<T> {
    fn save(&self, out: &mut Writer<C>) {
        self.is_some().save(out);
        if let Some(it) = self {
            it.save(out);
        }
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        let is_some = bool::load(from)?;
        is_some.then(|| T::load(from)).transpose()
    }
}

impl<C, T: State<C>> State<C> for Vec<T> {
    fn save(&self, out: &mut Writer<C>) {
        self.len().save(out);
        T::save_all(self, out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        let count = from.count()?;
        T::load_all(count, from)
    }
}

impl<C, T: State<C>> State<C> for VecDeque<T> {
    fn save(&self, out: &mut Writer<C>) {
        self.len().save(out);
        let (front, back) = self.as_slices();
        T::save_all(front, out);
        T::save_all(back, out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        Vec::load(from).map(Self::from)
    }
}

impl<C, T: State<C>> State<C> for Box<[T]> {
    fn save(&self, out: &mut Writer<C>) {
        self.len().save(out);
        T::save_all(self, out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        Vec::load(from).map(Self::from)
    }
}

impl<C, T: State<C>> State<C> for Box<T> {
    fn save(&self, out: &mut Writer<C>) {
        T::save(self, out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        T::load(from).map(Self::new)
    }
}

impl<C, T: State<C>, const N: usize> State<C> for [T; N] {
    fn save(&self, out: &mut Writer<C>) {
        T::save_all(self, out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        T::load_all(N, from)?.try_into().map_err(|_| Malformed)
    }
}

impl<C, A: State<C>, B: State<C>> State<C> for (A, B) {
    fn save(&self, out: &mut Writer<C>) {
        self.0.save(out);
        self.1.save(out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        Ok((A::load(from)?, B::load(from)?))
    }
}

impl<C, A: State<C>, B: State<C>, D: State<C>> State<C> for (A, B, D) {
    fn save(&self, out: &mut Writer<C>) {
        self.0.save(out);
        self.1.save(out);
        self.2.save(out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        Ok((A::load(from)?, B::load(from)?, D::load(from)?))
    }
}

impl<C, K: State<C> + Ord, V: State<C>> State<C> for BTreeMap<K, V> {
    fn save(&self, out: &mut Writer<C>) {
        self.len().save(out);
        for (key, value) in self {
            key.save(out);
            value.save(out);
        }
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        Ok(Vec::load(from)?.into_iter().collect())
    }
}

impl<C, T: State<C> + Ord> State<C> for BTreeSet<T> {
    fn save(&self, out: &mut Writer<C>) {
        self.len().save(out);
        self.iter().for_each(|it| it.save(out));
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        Ok(Vec::load(from)?.into_iter().collect())
    }
}

impl<C> State<C> for String {
    fn save(&self, out: &mut Writer<C>) {
        self.len().save(out);
        out.raw(self.as_bytes());
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        let len = from.count()?;
        let text = std::str::from_utf8(from.raw(len)?);
        text.map(Self::from).map_err(|_| Malformed)
    }
}

impl<C> State<C> for Box<str> {
    fn save(&self, out: &mut Writer<C>) {
        self.len().save(out);
        out.raw(self.as_bytes());
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        String::load(from).map(Self::from)
    }
}

impl<C> State<C> for Duration {
    fn save(&self, out: &mut Writer<C>) {
        self.as_secs().save(out);
        self.subsec_nanos().save(out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        let (seconds, nanos) = <(u64, u32)>::load(from)?;
        if nanos >= 1_000_000_000 {
            return Err(Malformed);
        }
        Ok(Self::new(seconds, nanos))
    }
}

impl<C, T: State<C>> State<C> for Range<T> {
    fn save(&self, out: &mut Writer<C>) {
        self.start.save(out);
        self.end.save(out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        Ok(T::load(from)?..T::load(from)?)
    }
}

impl<C> State<C> for IpAddr {
    fn save(&self, out: &mut Writer<C>) {
        self.is_ipv6().save(out);
        match self {
            Self::V4(ip) => out.raw(&ip.octets()),
            Self::V6(ip) => out.raw(&ip.octets()),
        }
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        Ok(match bool::load(from)? {
            false => Self::V4(Ipv4Addr::from(<[u8; 4]>::load(from)?)),
            true => Self::V6(Ipv6Addr::from(<[u8; 16]>::load(from)?)),
        })
    }
}

impl<C> State<C> for SocketAddr {
    fn save(&self, out: &mut Writer<C>) {
        self.ip().save(out);
        self.port().save(out);
        if let Self::V6(address) = self {
            address.flowinfo().save(out);
            address.scope_id().save(out);
        }
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        let (ip, port) = <(IpAddr, u16)>::load(from)?;
        Ok(match ip {
            IpAddr::V4(ip) => Self::V4(SocketAddrV4::new(ip, port)),
            IpAddr::V6(ip) => {
                let (flow, scope) = <(u32, u32)>::load(from)?;
                Self::V6(SocketAddrV6::new(ip, port, flow, scope))
            }
        })
    }
}

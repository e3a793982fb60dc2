//! NTP time, RFC 5905 section 6: unsigned Q32.32 seconds since 1900, and its middle 32 bits.

/// Seconds from the NTP epoch, 1900, to the Unix epoch, 1970.
pub const UNIX_EPOCH_SECONDS: u64 = 2_208_988_800;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// A span of nanoseconds as Q32.32 seconds; it wraps after 136 years.
pub fn from_nanos(nanos: u64) -> u64 {
    let seconds = nanos / NANOS_PER_SECOND;
    let fraction = ((nanos % NANOS_PER_SECOND) << 32) / NANOS_PER_SECOND;
    seconds << 32 | fraction
}

/// The nanoseconds of a span in NTP's unit, 1/2^32 s.
pub fn to_nanos(span: u64) -> u64 {
    ((u128::from(span) * 1_000_000_000) >> 32) as u64
}

/// The NTP time of an instant, given in nanoseconds since the Unix epoch.
pub fn from_unix_nanos(nanos: u64) -> u64 {
    from_nanos(nanos).wrapping_add(UNIX_EPOCH_SECONDS << 32)
}

/// Nanoseconds since the Unix epoch of an NTP time; 0 for one before it.
pub fn to_unix_nanos(ntp: u64) -> u64 {
    to_nanos(ntp.saturating_sub(UNIX_EPOCH_SECONDS << 32))
}

/// The middle 32 bits, Q16.16 seconds: the form of LSR and LRR, and of delays (RFC 3550
/// section 6.4.1).
pub fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// The round-trip time that an answered report reveals, Q16.16 seconds (RFC 3550 section 6.4.1).
///
/// `now` and `last` are middle bits of NTP times, `delay` is how long the peer held the answer.
/// `None` when the peer had nothing to answer (a `last` or `delay` of 0), or when clocks disagree
/// so that the time would not be positive.
pub fn round_trip(now: u32, last: u32, delay: u32) -> Option<u32> {
    if last == 0 || delay == 0 {
        return None;
    }
    let elapsed = now.wrapping_sub(last).wrapping_sub(delay);
    // The middle bits wrap every 18 hours; half of that is not a round trip.
    (elapsed as i32 > 0).then_some(elapsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_become_binary_fractions() {
        assert_eq!(from_nanos(0), 0);
        assert_eq!(from_nanos(1_500_000_000), (1 << 32) + (1 << 31));
        assert_eq!(from_nanos(999_999_999), 0xFFFF_FFFB);
        assert_eq!(from_unix_nanos(0), 2_208_988_800 << 32);
        from_unix_nanos(u64::MAX);
    }

    #[test]
    fn an_ntp_time_is_an_instant_of_the_unix_epoch_again() {
        let instant = 1_790_000_000_250_000_000;
        assert_eq!(to_unix_nanos(from_unix_nanos(instant)), instant);
        assert_eq!(
            to_unix_nanos(UNIX_EPOCH_SECONDS << 32 | 1 << 31),
            500_000_000
        );
        assert_eq!(to_unix_nanos(0), 0);
        to_unix_nanos(u64::MAX);
    }

    #[test]
    fn the_middle_bits_are_sixteen_and_sixteen() {
        assert_eq!(middle(0x1111_2222_3333_4444), 0x2222_3333);
        assert_eq!(middle(from_nanos(250_000_000)), 0x4000);
    }

    #[test]
    fn a_round_trip_is_what_the_peer_did_not_hold() {
        // The example of RFC 3550 figure 2: 6.125 seconds, in hexadecimal.
        assert_eq!(
            round_trip(0xB710_8000, 0xB705_2000, 0x0005_4000),
            Some(0x0006_2000)
        );
        assert_eq!(round_trip(0x10, 0xFFFF_FFF0, 0x8), Some(0x18));
        assert_eq!(round_trip(100, 90, 20), None);
        assert_eq!(round_trip(100, 90, 10), None);
        assert_eq!(round_trip(100, 0, 10), None);
        assert_eq!(round_trip(100, 90, 0), None);
    }
}

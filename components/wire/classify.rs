//! Which protocol a datagram belongs to: the demultiplexing of RFC 7983 and RFC 5761.

/// The protocols that share one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketKind {
    /// STUN, RFC 8489.
    Stun,
    /// DTLS, RFC 9147.
    Dtls,
    /// RTP or SRTP, RFC 3550.
    Rtp,
    /// RTCP or SRTCP, RFC 3550.
    Rtcp,
    /// SCTP between the ports that data channels use, RFC 9260; without DTLS around it.
    Sctp,
}

impl PacketKind {
    /// Only a WebRTC transport takes it as it comes: what finds its peer and agrees on keys.
    pub fn is_of_session(self) -> bool {
        matches!(self, Self::Stun | Self::Dtls)
    }
}

/// Tells the protocol from the first bytes, which SRTP leaves in the clear.
///
/// `None` for an empty datagram, for ranges that RFC 7983 gives to nobody here (ZRTP, TURN
/// channels, QUIC), and for one byte that could be RTP or RTCP.
pub fn classify(datagram: &[u8]) -> Option<PacketKind> {
    match datagram {
        [0..=3, ..] => Some(PacketKind::Stun),
        // Both ports are 5000, whose first byte nobody else here begins with.
        [0x13, 0x88, 0x13, 0x88, ..] => Some(PacketKind::Sctp),
        [20..=63, ..] => Some(PacketKind::Dtls),
        // RFC 5761 section 4: RTP payload types 64..=95 are not used beside RTCP, so the second
        // byte, marker included, tells them apart.
        [128..=191, 192..=223, ..] => Some(PacketKind::Rtcp),
        [128..=191, _, ..] => Some(PacketKind::Rtp),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(first: u8, second: u8) -> Option<PacketKind> {
        classify(&[first, second])
    }

    #[test]
    fn the_first_byte_tells_the_protocol() {
        for first in 0..=255 {
            let expected = match first {
                0..=3 => Some(PacketKind::Stun),
                20..=63 => Some(PacketKind::Dtls),
                128..=191 => Some(PacketKind::Rtp),
                _ => None,
            };
            assert_eq!(kind_of(first, 111), expected, "first byte {first}");
        }
    }

    #[test]
    fn the_second_byte_tells_rtcp_from_rtp() {
        for second in 0..=255 {
            let expected = if (192..=223).contains(&second) {
                PacketKind::Rtcp
            } else {
                PacketKind::Rtp
            };
            assert_eq!(
                kind_of(0x80, second),
                Some(expected),
                "second byte {second}"
            );
        }
    }

    #[test]
    fn what_is_too_short_is_nothing() {
        assert_eq!(classify(&[]), None);
        assert_eq!(classify(&[0x80]), None);
        assert_eq!(classify(&[0]), Some(PacketKind::Stun));
        assert_eq!(classify(&[22]), Some(PacketKind::Dtls));
    }

    #[test]
    fn sctp_is_told_by_its_ports() {
        let ports = |source: u16, destination: u16| {
            let bytes = [source.to_be_bytes(), destination.to_be_bytes()].concat();
            classify(&bytes)
        };
        assert_eq!(ports(5_000, 5_000), Some(PacketKind::Sctp));
        assert_eq!(ports(5_000, 5_001), None);
        assert_eq!(ports(5_001, 5_000), None);
        assert_eq!(classify(&[0x13, 0x88, 0x13]), None);
    }
}

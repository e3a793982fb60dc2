//! How much one key protects.

/// How much one key protects, in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// SSRCs that are remembered: 150 bytes each for RTP and 40 for RTCP. A key protects no others.
    pub ssrcs: usize,
    /// RTP packets that are sealed: at most 2^48 (RFC 3711 section 9.2).
    pub rtp_packets: u64,
    /// RTCP packets that are sealed: at most 2^31.
    pub rtcp_packets: u64,
}

impl Bounds {
    /// As many packets as RFC 3711 allows, of `ssrcs` SSRCs.
    pub const fn of(ssrcs: usize) -> Self {
        Self {
            ssrcs,
            rtp_packets: 1 << 48,
            rtcp_packets: 1 << 31,
        }
    }
}

//! Why a datagram that came in goes no further, and what control datagrams were consumed as.

use crate::tick::counts::reasons;
use crate::wire::rtcp::RtcpError;

reasons! {
    /// Why an incoming datagram was discarded. Part of the ingress ledger.
    Discard {
        /// Longer than the receive slot; its end is missing.
        Truncated = "truncated",
        /// Zero bytes long.
        Empty = "empty",
        /// Its first byte belongs to no protocol of RFC 7983.
        Unclassified = "unclassified",
        /// STUN on a transport without ICE.
        UnexpectedStun = "unexpectedStun",
        /// Not a well-formed STUN message, or its fingerprint is wrong (RFC 8489 section 6.3).
        MalformedStun = "malformedStun",
        /// STUN that is no request: a transport asks nothing.
        UnwantedStun = "unwantedStun",
        /// A connectivity check whose user name is no transport's.
        UnknownUsername = "unknownUsername",
        /// A connectivity check that is not signed with the password.
        UnauthenticatedCheck = "unauthenticatedCheck",
        /// A connectivity check that came before, from another address.
        RepeatedCheck = "repeatedCheck",
        /// A connectivity check of one transport from where the peer of another one is, of which media
        /// or a handshake came a moment ago: whoever can write an address on a datagram can send it.
        TakenTuple = "takenTuple",
        /// More connectivity checks than are read in a tick.
        TooManyChecks = "tooManyChecks",
        /// DTLS on a transport without DTLS.
        UnexpectedDtls = "unexpectedDtls",
        /// Not well-formed DTLS (RFC 9147 section 4), or more of it than a handshake takes, or
        /// nothing that is waited for.
        UnwantedDtls = "unwantedDtls",
        /// DTLS for a connection that is over.
        DtlsClosed = "dtlsClosed",
        /// Sent from an address that is not the remote address of a transport.
        UnknownSource = "unknownSource",
        /// RTP where only RTCP is expected (a transport without RTCP multiplexing).
        RtpOnRtcpSocket = "rtpOnRtcpSocket",
        /// RTCP where only RTP is expected (a transport without RTCP multiplexing).
        RtcpOnRtpSocket = "rtcpOnRtpSocket",
        /// Not a well-formed RTP packet (RFC 3550 section 5.1, RFC 8285).
        MalformedRtp = "malformedRtp",
        /// SCTP on a transport without SCTP, or where RTCP is expected.
        UnexpectedSctp = "unexpectedSctp",
        /// Not a well-formed SCTP packet (RFC 9260 section 3).
        MalformedSctp = "malformedSctp",
        /// SCTP whose verification tag is nobody's (RFC 9260 section 8.5), or an INIT that is not
        /// wanted.
        UnwantedSctp = "unwantedSctp",
        /// SCTP for an association that is over.
        SctpClosed = "sctpClosed",
        /// RTCP of which not a single packet is well-formed (RFC 3550 section 6.1, RFC 5506).
        MalformedRtcp = "malformedRtcp",
        /// RTP or RTCP on a transport with SRTP whose keys are not known yet, or not any more as DTLS
        /// is closed or failed.
        SrtpKeysMissing = "srtpKeysMissing",
        /// SRTP or SRTCP that ends before what protects it does (RFC 3711 section 3).
        MalformedSrtp = "malformedSrtp",
        /// SRTP or SRTCP that was not sealed with the key of the transport, or was changed since.
        ForgedSrtp = "forgedSrtp",
        /// SRTP or SRTCP that came before (RFC 3711 section 3.3.2).
        ReplayedSrtp = "replayedSrtp",
        /// SRTP or SRTCP so far behind that nobody knows whether it came before.
        SrtpTooOld = "srtpTooOld",
        /// SRTCP that is not encrypted.
        UnencryptedSrtcp = "unencryptedSrtcp",
        /// SRTP or SRTCP of more SSRCs than one key may protect.
        TooManySrtpSsrcs = "tooManySrtpSsrcs",
        /// No SSRC, MID or RID of it leads to a producer of the transport.
        UnknownProducer = "unknownProducer",
        /// Its producer was found, but none of its encodings: wrong payload type or RID, a second
        /// SSRC for an encoding that declared one, one that another took the place of, a
        /// retransmission before its media.
        UnknownStream = "unknownStream",
        /// As many SSRCs took the place of others in its encoding as may.
        TooManySsrcs = "tooManySsrcs",
        /// Its payload type is not one of the producer's codecs.
        UnknownPayloadType = "unknownPayloadType",
        /// Its sequence number is too far from the expected one (RFC 3550 appendix A.1).
        BadSequence = "badSequence",
        /// Padding on a stream of retransmissions: a sender probes for bandwidth.
        Probe = "probe",
        /// A retransmission too short to say of what (RFC 4588 section 4).
        MalformedRetransmission = "malformedRetransmission",
        /// A retransmission of a packet that was not missing.
        UnrequestedRetransmission = "unrequestedRetransmission",
    }
}

reasons! {
    /// What was wrong with a packet of an RTCP compound that was consumed for its other packets.
    RtcpFault {
        /// Cut off, or its length goes past the compound: what follows it cannot be found.
        TooShort = "tooShort",
        /// The version is not 2: neither it nor what follows is RTCP.
        BadVersion = "badVersion",
        /// Its padding is zero bytes, or longer than the packet. It alone was skipped.
        BadPadding = "badPadding",
        /// Its content is shorter than its type, or a count in it, requires. It alone was skipped.
        BadBody = "badBody",
    }
}

impl From<RtcpError> for RtcpFault {
    fn from(error: RtcpError) -> Self {
        match error {
            RtcpError::TooShort => Self::TooShort,
            RtcpError::BadVersion => Self::BadVersion,
            RtcpError::BadPadding => Self::BadPadding,
            RtcpError::BadBody => Self::BadBody,
        }
    }
}

reasons! {
    /// What an incoming control datagram was. Part of the ingress ledger.
    Control {
        /// RTCP, compound or reduced-size, of which at least one packet is well-formed.
        Rtcp = "rtcp",
        /// SCTP.
        Sctp = "sctp",
        /// A connectivity check that was answered.
        Stun = "stun",
        /// DTLS.
        Dtls = "dtls",
    }
}

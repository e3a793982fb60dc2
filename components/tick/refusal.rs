//! Why a datagram that was to be sent was not.

use crate::tick::counts::reasons;

reasons! {
    /// Why an enqueued or generated datagram was not sent. Part of the egress ledger.
    Refusal {
        /// The socket would block and the transport's waiting queue is full.
        QueueFull = "queueFull",
        /// The peer reads its TCP connection too slowly: as many bytes wait as may.
        ConnectionFull = "connectionFull",
        /// Too many datagrams of the transport wait for their turn already.
        PacerFull = "pacerFull",
        /// While it waited for its turn, its video went over to a lower layer, or paused: what follows
        /// does not need it.
        Superseded = "superseded",
        /// The peer was lost while the datagram waited for its turn.
        NotConnected = "notConnected",
        /// The application did not collect what its direct transport delivered.
        DirectQueueFull = "directQueueFull",
        /// RTP or RTCP on a transport with SRTP whose keys are not known yet.
        SrtpKeysMissing = "srtpKeysMissing",
        /// A packet with its SSRC and number was sealed before, and two of them would tell the key's
        /// secrets. What is sent again under SRTP needs RTX.
        SrtpIndexUsed = "srtpIndexUsed",
        /// So far behind the newest packet of its SSRC that nobody knows whether its number was
        /// sealed before.
        SrtpTooOld = "srtpTooOld",
        /// Of more SSRCs than one key may protect.
        TooManySrtpSsrcs = "tooManySrtpSsrcs",
        /// The key has protected as many packets as it may (RFC 3711 section 9.2).
        SrtpKeyExhausted = "srtpKeyExhausted",
        /// On a transport with SRTP, neither RTP nor RTCP nor anything that is protected otherwise.
        MalformedPacket = "malformedPacket",
        /// Nothing but checks has come from there yet, and it was sent as much as may be.
        Unproven = "unproven",
        /// The consumer closed while the packet waited for its turn.
        ConsumerClosed = "consumerClosed",
        /// The transport closed while the datagram waited.
        TransportClosed = "transportClosed",
        /// The socket is gone.
        SocketClosed = "socketClosed",
        /// The TCP connection is gone.
        ConnectionClosed = "connectionClosed",
        /// Longer than the path or the system allows (EMSGSIZE).
        TooLarge = "tooLarge",
        /// Host, network or port unreachable, or the peer refused it (ICMP).
        Unreachable = "unreachable",
        /// The system does not permit this destination (EPERM, EACCES): often a firewall.
        NotPermitted = "notPermitted",
        /// The destination cannot be used from this socket (EINVAL, EAFNOSUPPORT ...).
        AddressInvalid = "addressInvalid",
        /// The system had no memory or buffers left (ENOBUFS, ENOMEM).
        NoBuffers = "noBuffers",
        /// The system reported an error that none of the above names.
        SystemError = "systemError",
    }
}

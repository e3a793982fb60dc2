"""The engine's program: its configuration, and what it tells."""

import json

from lab import HOST, listening

# The engine listens on ports of this range, and nobody else does.
FIRST_PORT = 20000
LAST_PORT = 20099
BUFFER_BYTES = 4 << 20
PLI = [("nack", ""), ("nack", "pli"), ("ccm", "fir")]
FIR = [("ccm", "fir")]


def transport(port, remote=None, rtcp_port=None, remote_rtcp_port=None, srtp=None):
    """A plain transport.

    RTCP is multiplexed when there is no `rtcp_port`. The other side is learnt when there is no
    `remote`, and seals with the key in `srtp` if there is one.
    """
    config = {"listen": _listen(port), "srtp": srtp}
    if rtcp_port:
        config["rtcpListen"] = _listen(rtcp_port)
    if remote:
        config["remote"] = {"ip": HOST, "port": remote}
        if remote_rtcp_port:
            config["remote"]["rtcpPort"] = remote_rtcp_port
    return config


def _listen(port):
    assert FIRST_PORT <= port <= LAST_PORT
    return {
        "ip": HOST,
        "port": port,
        "recvBufferSize": BUFFER_BYTES,
        "sendBufferSize": BUFFER_BYTES,
    }


def producer(codec, ssrc, at, feedback=(), extensions=(), max_bitrate=None):
    """A producer of one stream, whose sender is told to send no more than `max_bitrate`."""
    parameters = codec.rtp_parameters(ssrc, feedback)
    parameters["headerExtensions"] = [{"uri": uri, "id": number} for uri, number in extensions]
    config = {"transport": at, "kind": codec.kind, "rtpParameters": parameters}
    return {**config, "maxIncomingBitrate": max_bitrate}


def consumer(index, at, after_seconds=None):
    """A consumer of the producer at `index`; a late one when seconds are given."""
    return {"transport": at, "producer": index, "afterSeconds": after_seconds}


def peer(at, messages, longest, seed, streams=8, **sctp):
    """Who speaks SCTP, and what it gets."""
    exchange = {"streams": streams, "messages": messages, "longest": longest, "seed": seed}
    return {"transport": at, "sctp": sctp, "exchange": exchange}


class Gateway:
    """The running engine."""

    def __init__(self, lab, program, codecs, producers, consumers, peers=(), seconds=80):
        config = {
            "seconds": seconds,
            "mediaCodecs": [codec.capability() for codec in codecs],
            "producers": producers,
            "consumers": consumers,
            "peers": list(peers),
        }
        path = lab.write("gateway.json", json.dumps(config, indent=1))
        self.program = lab.start("gateway", [program, path])
        early = [entry for entry in consumers if entry["afterSeconds"] is None]
        sealed = [entry for entry in [*producers, *early] if entry["transport"]["srtp"]]
        # What each of them seals with, producers first.
        self.keys = [self.program.says("key", 20)[1] for _ in sealed]
        _, self.parameters = self.program.says("ready", 20)
        listening(*{entry["transport"]["listen"]["port"] for entry in [*producers, *peers]})

    def joined(self):
        """Waits until a late consumer has joined; returns when."""
        at, self.parameters = self.program.says("joined", 20)
        return at

    def ssrc(self, index):
        """The SSRC that a consumer sends with."""
        return self.parameters[index]["encodings"][0]["ssrc"]

    def close_stream(self, peer, stream):
        """Closes what is sent to a peer on a stream."""
        self.program.tell({"closeStream": [peer, stream]})

    def close_transport(self, peer):
        """Closes the transport of a peer."""
        self.program.tell({"closeTransport": peer})

    def sctp_state(self, peer, state, seconds=10):
        """Waits until the association with a peer is in a state."""
        while self.program.says("sctpState", seconds)[1] != [peer, state]:
            pass

    def summary(self):
        """Ends the engine; both its ledgers must close."""
        self.program.hang_up()
        _, summary = self.program.says("summary", 10)
        self.program.ends(10)
        return summary

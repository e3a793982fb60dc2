"""The codecs under test: their parameters, their session descriptions, their key frames."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Codec:
    """A codec. The router has a payload type of its own, so that forwarding must rewrite it."""

    name: str
    kind: str
    mime_type: str
    clock_rate: int
    # The payload type that senders use.
    sent_as: int
    # The payload type that the router prefers.
    routed_as: int
    parameters: dict = field(default_factory=dict)
    channels: int = 0

    def described(self):
        """What router capabilities and RTP parameters have in common."""
        channels = {"channels": self.channels} if self.channels else {}
        return {
            "mimeType": self.mime_type,
            "clockRate": self.clock_rate,
            "parameters": self.parameters,
            **channels,
        }

    def capability(self):
        """This codec of a router."""
        return {**self.described(), "kind": self.kind, "preferredPayloadType": self.routed_as}

    def rtp_parameters(self, ssrc, feedback):
        """What a producer of it sends."""
        codec = {
            **self.described(),
            "payloadType": self.sent_as,
            "rtcpFeedback": [{"type": kind, "parameter": how} for kind, how in feedback],
        }
        return {"codecs": [codec], "encodings": [{"ssrc": ssrc}]}

    def session(self, port, behind_engine):
        """The session description (RFC 8866) for a receiver behind the engine or beside it."""
        number = self.routed_as if behind_engine else self.sent_as
        encoding = self.mime_type.split("/")[1]
        channels = f"/{self.channels}" if self.channels else ""
        formats = ";".join(f"{key}={value}" for key, value in self.parameters.items())
        lines = [
            "v=0",
            "o=- 0 0 IN IP4 127.0.0.1",
            "s=-",
            "c=IN IP4 127.0.0.1",
            "t=0 0",
            f"m={self.kind} {port} RTP/AVP {number}",
            f"a=rtpmap:{number} {encoding}/{self.clock_rate}{channels}",
        ]
        if formats:
            lines.append(f"a=fmtp:{number} {formats}")
        return "\n".join(lines) + "\n"


OPUS = Codec("opus", "audio", "audio/opus", 48000, 111, 100, channels=2)
VP8 = Codec("vp8", "video", "video/VP8", 90000, 96, 101)
VP9 = Codec("vp9", "video", "video/VP9", 90000, 98, 103)
H264 = Codec(
    "h264",
    "video",
    "video/H264",
    90000,
    102,
    105,
    {"packetization-mode": 1, "profile-level-id": "42e01f", "level-asymmetry-allowed": 1},
)

H265 = Codec("h265", "video", "video/H265", 90000, 104, 107)


def begins_key_frame(codec, payload):
    """Whether an RTP payload is the first of a key frame."""
    return {"vp8": _vp8, "vp9": _vp9, "h264": _h264, "h265": _h265}[codec.name](payload)


def _vp8(payload):
    """RFC 7741 section 4.2: S set and PID 0, then section 4.3: P clear."""
    if payload[0] & 0x17 != 0x10:
        return False
    offset = 1
    if payload[0] & 0x80:
        extensions = payload[1]
        offset += 1
        if extensions & 0x80:
            offset += 2 if payload[offset] & 0x80 else 1
        offset += bool(extensions & 0x40)
        offset += bool(extensions & 0x30)
    return payload[offset] & 0x01 == 0


def _vp9(payload):
    """RFC 9628 section 4.2: B set and P clear."""
    return payload[0] & 0x48 == 0x08


def _h264(payload):
    """A decoder can start with a sequence parameter set, alone or in a STAP-A (RFC 6184)."""
    kind = payload[0] & 0x1F
    if kind == 24:
        return payload[3] & 0x1F == 7
    return kind == 7


def _h265(payload):
    """The same of a video parameter set, alone or in an aggregation packet (RFC 7798)."""
    kind = payload[0] >> 1 & 0x3F
    if kind == 48:
        return payload[4] >> 1 & 0x3F == 32
    return kind == 32

"""What is decoded behind the engine is what is decoded beside it, frame by frame.

One ffmpeg encodes once and sends the same packets to the engine and to a reference receiver. Behind
the engine, one consumer is there from the start and another joins late; from its first frame on,
each must decode exactly the frames that the reference decodes. Receivers run until they are told
that the sender has left, so that nothing is cut off at the end.

Sound is compared twice: as decoded by who was there from the start, and as encoded by both. The
state of an Opus decoder depends on all it has heard, so a late one decodes other samples at first.

ffmpeg never sets the P bit of VP9's payload descriptor, so that every picture of it claims to be a
key frame: a late consumer gets it at once, and its decoder waits for a real one, of which there is
one a second. After 0.6 s without it ffmpeg has given up for good, so the late one joins 0.3 s before.
"""

from dataclasses import dataclass

import ffmpeg
import gateway
from dissect import Capture, check, dissect
from lab import drained, listening, require, send_bye

SECONDS = 9
JOINS_AFTER = 2.7
# Frames that must be compared at least.
FEWEST = 100
# The receivers of a flow, with the offset of their ports: RTP, and RTCP after it.
WHO = {"reference": 0, "early": 4, "late": 8}


@dataclass(frozen=True)
class Flow:
    """One codec's way through the engine. Flows have ports of their own."""

    codec: object
    number: int

    def engine(self, offset):
        """A port of the engine."""
        return gateway.FIRST_PORT + 20 * self.number + offset

    def sender(self, offset):
        """A port of the sender."""
        return 21000 + 20 * self.number + offset

    def receiver(self, who):
        """The RTP port of a receiver."""
        return 22000 + 20 * self.number + WHO[who]

    def file(self, lab, who, what):
        """A file of checksums."""
        return lab.file(f"{self.codec.name}-{who}.{what}")

    @property
    def ssrc(self):
        """The SSRC of the sender."""
        return 1111 + self.number


def run(lab, program, codecs):
    """Runs the scenario; yields a line for each claim that holds."""
    flows = [Flow(codec, number) for number, codec in enumerate(codecs)]
    capture = Capture(lab)
    engine = gateway.Gateway(lab, program, codecs, _producers(flows), _consumers(flows))
    receivers = [_receiver(lab, flow, who) for flow in flows for who in WHO]
    listening(*(flow.receiver(who) for flow in flows for who in WHO))
    sender = lab.start("sender", _sender(flows))
    for _ in flows:
        engine.joined()
    sender.ends(SECONDS + 15)
    drained()
    _hang_up(engine, flows)
    for receiver in receivers:
        receiver.ends(15)
    summary = engine.summary()
    capture.stop()
    for flow in flows:
        yield from _compare(lab, flow)
    video = [flow for flow in flows if flow.codec.kind == "video"]
    late = {engine.ssrc(len(flows) + flow.number): flow.codec for flow in video}
    yield check(dissect(capture, codecs), summary, late)


def _producers(flows):
    """RTP and RTCP come at ports of their own; where from is told for video, learnt for audio."""
    return [_producer(flow, known=flow.codec.kind == "video") for flow in flows]


def _producer(flow, known):
    remote = {"remote": flow.sender(0), "remote_rtcp_port": flow.sender(1)} if known else {}
    at = gateway.transport(flow.engine(0), rtcp_port=flow.engine(1), **remote)
    feedback = gateway.PLI if flow.codec.kind == "video" else ()
    return gateway.producer(flow.codec, flow.ssrc, at, feedback)


def _consumers(flows):
    """Early ones with RTCP at a port of its own, late ones with RTCP multiplexed."""
    early = [gateway.consumer(flow.number, _to_early(flow)) for flow in flows]
    late = [gateway.consumer(flow.number, _to_late(flow), JOINS_AFTER) for flow in flows]
    return early + late


def _to_early(flow):
    port = flow.receiver("early")
    return gateway.transport(flow.engine(2), port, flow.engine(3), port + 1)


def _to_late(flow):
    return gateway.transport(flow.engine(4), flow.receiver("late"))


def _receiver(lab, flow, who):
    described = flow.codec.session(flow.receiver(who), behind_engine=who != "reference")
    session = lab.write(f"{flow.codec.name}-{who}.sdp", described)
    packets = flow.file(lab, who, "packets") if flow.codec.kind == "audio" else None
    frames = flow.file(lab, who, "frames")
    command = ffmpeg.receiver(session, flow.codec.kind[0], frames, packets)
    return lab.start(f"{flow.codec.name}-{who}", command)


def _sender(flows):
    outputs = []
    for flow in flows:
        to_engine = (flow.engine(0), flow.engine(1), flow.sender(0))
        # RTCP goes where nobody listens: a BYE from the sender would end the reference too soon.
        to_reference = (flow.receiver("reference"), flow.sender(8), flow.sender(4))
        for port, rtcp_port, from_port in (to_engine, to_reference):
            outputs.append(ffmpeg.output(flow.codec, flow.ssrc, port, rtcp_port, from_port))
    return ffmpeg.sender([flow.codec for flow in flows], SECONDS, outputs)


def _hang_up(engine, flows):
    for flow in flows:
        for who, ssrc in (
            ("reference", flow.ssrc),
            ("early", engine.ssrc(flow.number)),
            ("late", engine.ssrc(len(flows) + flow.number)),
        ):
            send_bye(flow.receiver(who) + 1, ssrc)


def _compare(lab, flow):
    """Claims of a flow: who is compared with the reference, and what of it."""
    sound = flow.codec.kind == "audio"
    yield _same(lab, flow, "early", "frames")
    if sound:
        yield _same(lab, flow, "early", "packets")
        yield _same(lab, flow, "late", "packets")
    else:
        yield _same(lab, flow, "late", "frames")


def _same(lab, flow, who, what):
    """From the first one behind the engine on, all are the same as those of the reference."""
    called = {"frames": "decoded frames", "packets": "packets"}[what]
    reference = ffmpeg.checksums(flow.file(lab, "reference", what))
    behind = ffmpeg.checksums(flow.file(lab, who, what))
    name = f"{flow.codec.name}, {who} consumer"
    require(len(set(reference)) > len(reference) * 0.9, f"{name}: the {called} are hardly distinct")
    require(behind, f"{name}: nothing arrived")
    require(behind[0] in reference, f"{name}: its first is none of the reference's {called}")
    start = reference.index(behind[0])
    expected = reference[start:]
    pairs = zip(expected, behind)
    wrong = next((i for i, (wanted, got) in enumerate(pairs) if wanted != got), None)
    require(wrong is None, f"{name}: {called} differ from the {wrong}th on")
    require(
        len(behind) == len(expected),
        f"{name}: {len(behind)} {called}, but the reference has {len(expected)}",
    )
    require(len(behind) >= FEWEST, f"{name}: only {len(behind)} {called} to compare")
    if who == "early":
        require(start == 0, f"{name}: begins at {start}, though it was there from the start")
    return f"{name}: {len(behind)} of {len(expected)} {called} are those of the reference"

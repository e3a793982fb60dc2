"""A process hands its calls over to another one, in the middle of what ffmpeg sends.

One ffmpeg encodes once and sends the same packets to the example `hand_over` and to reference
receivers. The first process writes a snapshot and ends; a second one binds the same ports and goes on.
Receivers behind it are told nothing: what they get is numbered on, and they decode every frame that the
reference decodes, but those of which something arrived while nobody was there, and those that refer to
these.
"""

import pathlib
import re
from dataclasses import dataclass

import ffmpeg
import rooms
from dissect import Capture, tshark
from lab import drained, listening, require, send_bye, wait_until
from rtp_codecs import OPUS, VP8

SECONDS = 12
# When it hands over: receivers decode nothing for the first seconds, in which they look at what comes.
AFTER_FRAMES = 30
# Pictures from one key frame to the next.
KEY_FRAME_EVERY = 10
# The goal, in milliseconds, and what is accepted of a busy machine.
GOAL, LONGEST = 50, 1000
# Seconds for which a packet may have waited in a socket that was closed then.
WAITED = 0.1
PORT = 20000
# What arrives is sent on to these ports behind it, from those.
TO, FROM = 4, 8
FROM_SENDER = 21000
REFERENCE = 22000


@dataclass(frozen=True)
class Flow:
    """A medium; ports are two on for each."""

    codec: object
    number: int
    ssrc: int
    what: str

    def port(self, first):
        """A port of it."""
        return first + 2 * self.number


FLOWS = [Flow(VP8, 0, 1111, "frames"), Flow(OPUS, 1, 2222, "packets")]


def run(lab, program):
    """Runs the scenario; yields a line for each claim that holds."""
    example = pathlib.Path(program).parent / "examples" / "hand_over"
    snapshot = lab.file("call.flumen")
    capture = Capture(lab, f"udp and dst portrange {PORT}-{PORT + TO + 3}")
    first = lab.start("first", [example, "begin", snapshot, "--port", PORT])
    recording = lab.file("second.flumen")
    second = lab.start("second", [example, "go-on", snapshot, "--record", recording])
    receivers = [_receiver(lab, flow, who) for flow in FLOWS for who in ("behind", "reference")]
    heard = [port for flow in FLOWS for port in (flow.port(PORT), flow.port(PORT + TO), flow.port(REFERENCE))]
    listening(*heard)
    sender = lab.start("sender", _sender())
    decoded = lab.file("behind-vp8.frames")
    wait_until(lambda: _lines(decoded) > AFTER_FRAMES, SECONDS, "hardly anything was decoded")
    first.process.stdin.write("\n")
    first.process.stdin.flush()
    first.prints("handed over", 10)
    second.process.stdin.write("\n")
    second.process.stdin.flush()
    first.ends(5)
    sender.ends(SECONDS + 15)
    drained()
    for flow in FLOWS:
        send_bye(flow.port(PORT + TO) + 1, _sent(capture, flow)[0].ssrc)
        send_bye(flow.port(REFERENCE) + 1, flow.ssrc)
    for receiver in receivers:
        receiver.ends(15)
    require(not snapshot.exists(), "the snapshot is still there, for a third to go on from it")
    second.hang_up()
    second.ends(10)
    capture.stop()
    gap = re.search(r"went on after ([\d.]+) ms", second.log.read_text())
    require(gap, f"the second process did not tell when it went on: {second.complaint()}")
    gap = float(gap[1])
    require(gap < LONGEST, f"nobody was there for {gap} ms")
    yield f"nobody was there for {gap} ms, where {GOAL} ms is the goal"
    for flow in FLOWS:
        missing = _missing(capture, flow)
        yield f"{flow.codec.name}: {missing.told()}"
        yield _decoded(lab, flow, missing)
    yield f"the second process: {rooms.replayed(lab, program, recording)}"


def _lines(path):
    return len(path.read_text().splitlines()) if path.exists() else 0


def _receiver(lab, flow, who):
    first = PORT + TO if who == "behind" else REFERENCE
    described = flow.codec.session(flow.port(first), behind_engine=False)
    name = f"{who}-{flow.codec.name}"
    session = lab.write(f"{name}.sdp", described)
    frames, packets = lab.file(f"{name}.frames"), lab.file(f"{name}.packets")
    return lab.start(name, ffmpeg.receiver(session, flow.codec.kind[0], frames, packets))


def _sender():
    outputs = []
    for flow in FLOWS:
        from_port = FROM_SENDER + 20 * flow.number
        here, there = flow.port(PORT), flow.port(REFERENCE)
        outputs.append(ffmpeg.output(flow.codec, flow.ssrc, here, here + 1, from_port))
        # RTCP goes where nobody listens: a BYE from the sender would end the reference too soon.
        outputs.append(ffmpeg.output(flow.codec, flow.ssrc, there, from_port + 8, from_port + 4))
    return ffmpeg.sender([flow.codec for flow in FLOWS], SECONDS, outputs, KEY_FRAME_EVERY)


@dataclass(frozen=True)
class Packet:
    """An RTP packet of the capture."""

    at: float
    ssrc: int
    sequence: int
    timestamp: int


def _arrived(capture, flow):
    return _packets(capture, flow.port(PORT))


def _sent(capture, flow):
    return _packets(capture, flow.port(PORT + TO))


def _packets(capture, port):
    """What was sent to a port, in order."""
    options = ["-d", f"udp.port=={port},rtp"]
    fields = ["frame.time_epoch", "rtp.ssrc", "rtp.seq", "rtp.timestamp"]
    rows = tshark(capture.path, options, f"rtp && udp.dstport == {port}", fields)
    return [Packet(float(at), int(ssrc, 16), int(number), int(time)) for at, ssrc, number, time in rows]


@dataclass(frozen=True)
class Missing:
    """What arrived and was not sent on, by its place in what arrived."""

    arrived: int
    packets: list
    frames: list

    def told(self):
        """In words."""
        lost = f"{len(self.packets)} of {self.arrived} packets arrived in between and are lost"
        return f"{lost}, all others are numbered on"


def _missing(capture, flow):
    """What is missing behind the engine, all of which arrived when nobody was there."""
    arrived, sent = _arrived(capture, flow), _sent(capture, flow)
    name = flow.codec.name
    require({packet.ssrc for packet in sent} == {sent[0].ssrc}, f"{name}: the SSRC has changed")
    offset = (sent[0].sequence - arrived[0].sequence) % 65536
    places = {(packet.sequence + offset) % 65536: place for place, packet in enumerate(arrived)}
    unknown = [packet.sequence for packet in sent if packet.sequence not in places]
    require(not unknown, f"{name}: nothing arrived with the numbers {unknown[:10]}")
    behind = [places[packet.sequence] for packet in sent]
    require(behind == sorted(set(behind)), f"{name}: packets left twice, or not in their order")
    shift = (sent[0].timestamp - arrived[0].timestamp) % 2**32
    moved = [a.timestamp + shift - s.timestamp for a, s in zip((arrived[at] for at in behind), sent)]
    require(not any(by % 2**32 for by in moved), f"{name}: timestamps do not go on")
    packets = sorted(set(range(len(arrived))) - set(behind))
    times = sorted({packet.timestamp for packet in arrived})
    frames = sorted({times.index(arrived[at].timestamp) for at in packets})
    if packets:
        at = next(at for at, place in enumerate(behind) if place > packets[0])
        begin, end = sent[at - 1].at - WAITED, sent[at].at
        others = [at for at in packets if not begin < arrived[at].at < end]
        require(not others, f"{name}: {len(others)} packets are missing that did not arrive in between")
    return Missing(len(arrived), packets, frames)


def _decoded(lab, flow, missing):
    """What was decoded behind the engine is what the reference decoded, but for what is missing."""
    files = [lab.file(f"{who}-{flow.codec.name}.{flow.what}") for who in ("reference", "behind")]
    reference, behind = map(ffmpeg.checksums, files)
    name = f"{flow.codec.name}: {len(behind)} {flow.what}"
    require(len(reference) > SECONDS * 25, f"{name}: the reference has only {len(reference)}")
    if flow.codec.kind == "audio":
        gone = set(missing.frames)
        kept = [one for at, one in enumerate(reference) if at not in gone]
        require(behind == kept, f"{name} are not the {len(kept)} of the reference")
        return f"{name} of {len(reference)}: all but those that are missing"
    if not missing.frames:
        require(behind == reference, f"{name} are not the {len(reference)} of the reference")
        return f"{name} of {len(reference)}: none is missing"
    # Nothing refers to anything before a key frame.
    first = missing.frames[0]
    begins = -(-(missing.frames[-1] + 1) // KEY_FRAME_EVERY) * KEY_FRAME_EVERY
    rest = reference[begins:]
    require(behind[:first] == reference[:first], f"{name}: those before the gap are others")
    require(rest and behind[-len(rest) :] == rest, f"{name}: those from the next key frame on are others")
    return f"{name} of {len(reference)}: all but {begins - first} from the gap to the next key frame"

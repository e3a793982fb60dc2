"""GStreamer answers the engine's feedback, and decodes what the engine forwards.

A sender's encoder makes no key frame of its own but the first. One consumer is there from the
start; another joins late, so that the engine must ask for a key frame, and must begin with it.
"""

from dataclasses import dataclass

import gateway
from dissect import Capture, check, dissect, frames
from lab import HERE, drained, listening, require

SECONDS = 7
JOINS_AFTER = 2.5
# Seconds between a late consumer and the request that its sender gets; either may be told of first.
ASKED_WITHIN = 1.5

SSRC = 2222
SENDER, EARLY, LATE = 21000, 22000, 22010


def key_frame(lab, program, codec, feedback):
    """A late consumer causes a key frame, asked for as was negotiated."""
    run = _run(lab, program, codec, feedback, late=True)
    how, other = ("pli", "fir") if ("nack", "pli") in feedback else ("fir", "pli")
    requests, stats = run.sender["keyFrameRequests"], run.summary["producers"][0][0]
    delays = [request["at"] - run.joined_at for request in requests]
    answered = any(abs(delay) < ASKED_WITHIN for delay in delays)
    require(answered, f"the sender was asked for key frames {delays} s after the consumer joined")
    require({request["by"] for request in requests} == {how}, f"not all by {how}: {requests}")
    asked = stats[f"{how}Count"]
    require(asked >= len(requests) and stats[f"{other}Count"] == 0, f"counts differ: {stats}")
    yield f"{codec.name}: a late consumer causes {how.upper()} and a key frame ({asked} asked)"
    yield from _decoded(run, codec)


def decode(lab, program, codec):
    """A receiver that is there from the start decodes everything."""
    yield from _decoded(_run(lab, program, codec, [], late=False), codec)


@dataclass
class Run:
    """What happened."""

    capture: object
    summary: dict
    sender: dict
    receivers: list
    ssrcs: list
    joined_at: float


def _run(lab, program, codec, feedback, late):
    capture = Capture(lab)
    consumers = [gateway.consumer(0, gateway.transport(20010, EARLY))]
    if late:
        consumers.append(gateway.consumer(0, gateway.transport(20020, LATE), JOINS_AFTER))
    # The sender is learnt from its first packet.
    producers = [gateway.producer(codec, SSRC, gateway.transport(20000), feedback)]
    engine = gateway.Gateway(lab, program, [codec], producers, consumers)
    receivers = [_receiver(lab, codec, "early", EARLY, 20010, feedback)]
    if late:
        receivers.append(_receiver(lab, codec, "late", LATE, 20020, feedback))
    listening(*([EARLY, LATE] if late else [EARLY]))
    sender = lab.start("sender", _sender(codec, feedback))
    joined_at = engine.joined() if late else 0.0
    _, sent = sender.says("result", SECONDS + 15)
    sender.ends(10)
    drained()
    results = [_result(receiver) for receiver in receivers]
    summary = engine.summary()
    capture.stop()
    ssrcs = [engine.ssrc(index) for index in range(len(consumers))]
    return Run(capture, summary, sent, results, ssrcs, joined_at)


def _sender(codec, feedback):
    numbers = (codec.sent_as, SSRC, SENDER, 20000, SECONDS)
    return [HERE / "gst_peer.py", "send", codec.name, *numbers, *_agreed(feedback)]


def _receiver(lab, codec, name, port, engine_port, feedback):
    numbers = (codec.routed_as, port, engine_port)
    command = [HERE / "gst_peer.py", "receive", codec.name, *numbers, *_agreed(feedback)]
    receiver = lab.start(name, command)
    receiver.says("ready", 20)
    return receiver


def _agreed(feedback):
    """Feedback as GStreamer names it."""
    return ["-".join(filter(None, words)) for words in feedback]


def _result(receiver):
    receiver.hang_up()
    _, result = receiver.says("result", 15)
    receiver.ends(10)
    return result


def _decoded(run, codec):
    """The receivers decode what was sent: the early one all of it, the late one all it was sent."""
    video = codec.kind == "video"
    late = {ssrc: codec for ssrc in run.ssrcs[1:]}
    findings = dissect(run.capture, [codec])
    yield check(findings, run.summary, late)
    for who, ssrc, result in zip(("early", "late"), run.ssrcs, run.receivers):
        forwarded = frames(findings.streams[ssrc])
        decoded, made = result["frames"], run.sender["frames"]
        require(
            decoded == forwarded,
            f"{codec.name}, {who} consumer: {decoded} decoded, but {forwarded} were forwarded",
        )
        if who == "early":
            require(decoded == made, f"{codec.name}: {decoded} decoded, but {made} were sent")
        require(decoded >= 100, f"{codec.name}, {who} consumer: only {decoded} decoded")
        what = "pictures" if video else "packets of sound"
        yield f"{codec.name}, {who} consumer: GStreamer decodes {decoded} of {forwarded} {what}"

"""A GStreamer receiver with transport-cc behind a line that narrows and widens, and loses.

A GStreamer sender has two encodings. The receiver gets the higher one where the line carries it, and
the lower one otherwise; it decodes what it gets.
"""

import time

import gateway
from lab import HERE, drained, listening, require

TRANSPORT_WIDE = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
SSRC = 2222
SENDER, RECEIVER = 21000, 22000
ENGINE_IN, ENGINE_OUT = 20000, 20010
# The ends of the line: at the receiver and at the engine.
LEFT, RIGHT = 23010, 23011
DELAY_MS = 20
LOSS = 0.01
# kbit/s that carry both encodings, and the lower one alone.
WIDE, NARROW = 2500, 350
# Seconds after which the encoding must have changed. What was too much is not tried again for five of
# them, nor for twice as long each time that it was too much again, as a busy machine makes it seem.
DOWN, UP = 8, 28
SECONDS = 40
PATIENCE_MS = 600


def gstreamer(lab, program, codec):
    """The receiver's layers follow the line, down and up again."""
    parameters = codec.rtp_parameters(SSRC, gateway.PLI)
    parameters["encodings"] = [{"ssrc": SSRC}, {"ssrc": SSRC + 10}]
    at = gateway.transport(ENGINE_IN, SENDER)
    producer = {"transport": at, "kind": "video", "rtpParameters": parameters}
    consumer = gateway.consumer(0, gateway.transport(ENGINE_OUT, RIGHT))
    engine = gateway.Gateway(lab, program, [codec], [producer], [consumer])
    sent = engine.parameters[0]
    (wide,) = [e["id"] for e in sent["headerExtensions"] if e["uri"] == TRANSPORT_WIDE]
    command = [HERE / "narrow.py", LEFT, RECEIVER, RIGHT, ENGINE_OUT, DELAY_MS, LOSS, 7, WIDE]
    line = lab.start("line", command)
    line.says("ready", 20)
    (rtx,) = [c["payloadType"] for c in sent["codecs"] if c["mimeType"].endswith("/rtx")]
    agreed = ["transport-cc", "nack", "nack-pli", f"wide={wide}", f"latency={PATIENCE_MS}"]
    agreed.append(f"rtx={rtx}")
    command = [HERE / "gst_peer.py", "receive", codec.name, codec.routed_as, RECEIVER, LEFT]
    receiver = lab.start("receiver", [*command, *agreed])
    receiver.says("ready", 20)
    listening(RECEIVER)
    numbers = (codec.sent_as, SSRC, SENDER, ENGINE_IN, SECONDS)
    sender = lab.start("sender", [HERE / "gst_simulcast.py", *numbers])
    took = [followed(engine, line, None, 1, UP)]
    took.append(followed(engine, line, NARROW, 0, DOWN))
    took.append(followed(engine, line, WIDE, 1, UP))
    _, made = sender.says("result", SECONDS + 15)
    sender.ends(10)
    drained()
    receiver.hang_up()
    _, taken = receiver.says("result", 15)
    receiver.ends(10)
    line.hang_up()
    _, counts = line.says("result", 10)
    summary = engine.summary()
    yield "layers followed the line after {:.1f}, {:.1f} and {:.1f} s".format(*took)
    yield decoded(taken, counts)
    yield repaired(summary, made)


def followed(engine, line, kbits, spatial, seconds):
    """The line gets another rate; how long it takes until the receiver gets an encoding."""
    if kbits:
        time.sleep(4)
        line.tell(kbits)
    began = time.monotonic()
    while True:
        left = began + seconds - time.monotonic()
        require(left > 0, f"encoding {spatial} did not come within {seconds} s")
        at, event = engine.program.says("layers", left)
        layers = event.get("data")
        if layers and layers["spatialLayer"] == spatial:
            return max(0.0, at - began)


def decoded(taken, counts):
    """Nearly every picture was shown."""
    require(counts["lost"] > 10, f"the line lost only {counts['lost']} packets")
    share = taken["frames"] / (30 * SECONDS)
    require(share > 0.85, f"{taken['frames']} frames in {SECONDS} s were decoded")
    return f"{taken['frames']} frames decoded, {counts['lost']} packets lost at random"


def repaired(summary, made):
    """What was lost was sent again."""
    (stats,) = [s for s in summary["consumers"][0] if s["type"] == "outbound-rtp"]
    require(stats["packetsRepaired"] > 0, "nothing was sent again")
    repaired = stats["packetsRepaired"]
    return f"{stats['packetCount']} of {made['packets']} packets sent on, {repaired} again"

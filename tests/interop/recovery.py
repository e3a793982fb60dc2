"""A GStreamer sender and receiver behind lines that lose and delay, with the engine between them.

What is lost on the way to the engine, the engine asks for; what is lost behind it, the receiver asks
the engine for. With retransmissions (RFC 4588) on both sides every picture must be decoded.
"""

import gateway
from dissect import Capture, dissect, frames
from lab import HERE, drained, listening, require

SECONDS = 7
LOSS = 0.05
# On each line, one way.
DELAY_MS = 40
# How far a measured round trip may be above that of the line: threads and timers on a machine that
# does three other things at once (129 ms was seen). It is never below.
SLACK_MS = 240
# What a receiver waits for missing packets: a few round trips.
PATIENCE_MS = 1000

SSRC = 2222
SENDER, RECEIVER = 21000, 22000
# The ends of the lines: at the sender, before the engine, behind it, at the receiver.
LINES = {"uplink": (23000, SENDER, 23001, 20000), "downlink": (23010, RECEIVER, 23011, 20010)}


def retransmission(lab, program, codec):
    """Everything lost is recovered, and everything is decoded."""
    capture = Capture(lab)
    sent = gateway.producer(codec, SSRC, gateway.transport(20000, 23001), gateway.PLI)
    _with_retransmissions(sent["rtpParameters"], codec)
    consumers = [gateway.consumer(0, gateway.transport(20010, 23011))]
    engine = gateway.Gateway(lab, program, [codec], [sent], consumers)
    lines = {name: _line(lab, name, seed) for seed, name in enumerate(LINES)}
    rtx = _payload_type_of_retransmissions(engine.parameters[0])
    receiver = _peer(lab, "receiver", codec, "receive", codec.routed_as, RECEIVER, 23010, rtx)
    receiver.says("ready", 20)
    listening(RECEIVER)
    numbers = (codec.sent_as, SSRC, SENDER, 23000, SECONDS)
    sender = _peer(lab, "sender", codec, "send", *numbers, _rtx_of(codec))
    _, made = sender.says("result", SECONDS + 15)
    sender.ends(10)
    drained()
    receiver.hang_up()
    _, taken = receiver.says("result", 15)
    receiver.ends(10)
    lost = {name: _counts(line)["lost"] for name, line in lines.items()}
    summary = engine.summary()
    capture.stop()
    yield from _recovered(summary, made, taken, lost)
    yield from _round_trips(summary, made)
    yield _dissected(capture, codec, engine, made)


def _with_retransmissions(parameters, codec):
    rtx = {"mimeType": "video/rtx", "payloadType": _rtx_of(codec), "clockRate": codec.clock_rate}
    parameters["codecs"].append({**rtx, "parameters": {"apt": codec.sent_as}})
    parameters["encodings"][0]["rtx"] = {"ssrc": SSRC + 1}


def _rtx_of(codec):
    return codec.sent_as + 1


def _payload_type_of_retransmissions(parameters):
    (rtx,) = [codec for codec in parameters["codecs"] if codec["mimeType"].endswith("/rtx")]
    return rtx["payloadType"]


def _line(lab, name, seed):
    line = lab.start(name, [HERE / "impair.py", *LINES[name], DELAY_MS, LOSS, seed])
    line.says("ready", 20)
    return line


def _counts(line):
    line.hang_up()
    _, counts = line.says("result", 10)
    line.ends(10)
    return counts


def _peer(lab, name, codec, mode, *numbers_and_rtx):
    *numbers, rtx = numbers_and_rtx
    agreed = ["nack", "nack-pli", "ccm-fir", f"rtx={rtx}", f"latency={PATIENCE_MS}"]
    return lab.start(name, [HERE / "gst_peer.py", mode, codec.name, *numbers, *agreed])


def _recovered(summary, made, taken, lost):
    require(min(lost.values()) >= 10, f"too little was lost to tell: {lost}")
    (inbound,), (outbound, _) = summary["producers"][0], summary["consumers"][0]
    asked, repaired = inbound["nackPacketCount"], inbound["packetsRepaired"]
    require(asked >= repaired > 0, f"{asked} asked for, {repaired} repaired")
    yield f"uplink: {lost['uplink']} lost, {asked} asked for, {repaired} repaired"
    asked, resent = outbound["nackPacketCount"], outbound["packetsRetransmitted"]
    require(asked >= resent > 0, f"{asked} asked for, {resent} sent again")
    yield f"downlink: {lost['downlink']} lost, {asked} asked for, {resent} sent again"
    require(
        taken["frames"] == made["frames"],
        f"{taken['frames']} of {made['frames']} pictures decoded; lost {lost}",
    )
    yield f"GStreamer decodes {taken['frames']} of {made['frames']} pictures"


def _round_trips(summary, made):
    """Each side measures the round trip of its line from the other's reports."""
    round_trip = 2 * DELAY_MS
    outbound = summary["consumers"][0][0]
    measured = {
        "the engine of its receiver": outbound["roundTripTime"],
        "GStreamer of the engine": made["roundTripMs"],
    }
    for who, milliseconds in measured.items():
        near = round_trip <= milliseconds + 1 and milliseconds <= round_trip + SLACK_MS
        require(near, f"{who}: a round trip of {milliseconds} ms, and the line has {round_trip} ms")
        yield f"{who}: a round trip of {milliseconds:.1f} ms, and the line has {round_trip} ms"


def _dissected(capture, codec, engine, made):
    """Nothing malformed left, and every number of the media once, late or not."""
    findings = dissect(capture, [codec])
    media = findings.streams[engine.ssrc(0)]
    numbers = [(number - media.sequence[0]) % 65536 for number in media.sequence]
    require(len(set(numbers)) == len(numbers), "a number was sent twice with the media's SSRC")
    require(set(numbers) == set(range(len(numbers))), "the media have a gap that was never filled")
    require(frames(media) == made["frames"], "not every picture was forwarded")
    kinds = findings.rtcp_kinds
    require(any(kind.startswith("205/1") for kind in kinds), f"no NACK among {dict(kinds)}")
    return f"dissector: {findings.summary()}; no error, every gap filled"

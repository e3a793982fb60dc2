"""A GStreamer sender is told when its packets arrive and how fast it may send, and understands it.

Every packet has a transport-wide sequence number, and some are lost on purpose where the sender knows
of it. What the engine tells is read twice: by GStreamer, packet by packet, and by the dissector.
"""

import statistics

import gateway
from dissect import Capture, check, dissect, tshark
from lab import HERE, drained, require

SECONDS = 5
DROP_EVERY = 10
EXTENSION = 5
TRANSPORT_WIDE = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
FEEDBACK = [*gateway.PLI, ("transport-cc", "")]
# What the sender is told to keep to: more digits than a REMB can say (18), so it says a little less.
MAX_BITRATE = 1_234_567
TOLD_BITRATE = MAX_BITRATE - MAX_BITRATE % 8

SSRC = 2222
SENDER, ENGINE = 21000, 20000
# Milliseconds between the leaving and the arrival of packets: how far nine of ten may be from the
# median, threads and timers of a busy machine allowed for.
SPREAD_MS = 100


def gstreamer(lab, program, codec):
    """The feedback says what is true, to those who read it."""
    capture = Capture(lab)
    transport = gateway.transport(ENGINE, SENDER)
    extensions = [(TRANSPORT_WIDE, EXTENSION)]
    producer = gateway.producer(codec, SSRC, transport, FEEDBACK, extensions, MAX_BITRATE)
    engine = gateway.Gateway(lab, program, [codec], [producer], [])
    numbers = (codec.sent_as, SSRC, SENDER, ENGINE, SECONDS)
    agreed = ["transport-cc", "nack-pli", f"wide={EXTENSION}", f"drop={DROP_EVERY}"]
    command = [HERE / "gst_peer.py", "send", codec.name, *numbers, *agreed]
    sender = lab.start("sender", command)
    _, made = sender.says("result", SECONDS + 15)
    sender.ends(10)
    drained()
    summary = engine.summary()
    capture.stop()
    yield check(dissect(capture, [codec]), summary, {})
    yield understood(made["arrivals"])
    yield arrivals(capture, made["arrivals"])
    yield limit(capture)


def understood(arrivals):
    """GStreamer knows of each packet what became of it."""
    told = {number: is_lost for number, is_lost, _ in arrivals["told"]}
    sent, lost = arrivals["sent"], set(arrivals["lost"])
    require(len(told) == len(arrivals["told"]), "GStreamer was told of a packet twice")
    # The last ones may be underway; a first one that is lost is never known of.
    known = [number for number in sent if number in told]
    beginning = sent.index(known[0])
    require(beginning <= 1, f"GStreamer was told nothing of the first {beginning} packets")
    require(known == sent[beginning : beginning + len(known)], "GStreamer was not told of some")
    require(len(known) > 0.7 * len(sent), f"GStreamer was told of {len(known)} of {len(sent)}")
    wrong = [number for number in known if told[number] != (number in lost)]
    require(not wrong, f"GStreamer was told wrongly of {wrong[:10]}")
    took = sorted(took for _, is_lost, took in arrivals["told"] if not is_lost)
    middle = statistics.median(took)
    distances = sorted(abs(each - middle) for each in took)
    spread = distances[len(distances) * 9 // 10]
    require(spread < SPREAD_MS, f"nine of ten packets took within {spread} ms of the median")
    many = sum(told.values())
    return f"GStreamer was told of {len(known)} packets, {many} lost, each rightly; {spread:.1f} ms"


def arrivals(capture, sent):
    """The dissector reads a chain of feedback without a gap."""
    fields = [f"rtcp.rtpfb.transportcc.{name}" for name in ("baseseq", "statuscount", "pktcount")]
    rows = tshark(capture.path, decoded(), "rtcp.rtpfb.fmt == 15", fields)
    packets = [tuple(map(int, packet)) for row in rows for packet in zip(*map(split, row))]
    require(len(packets) > SECONDS * 5, f"only {len(packets)} packets of feedback")
    for (base, count, index), (after, _, following) in zip(packets, packets[1:]):
        require(after == (base + count) % 65536, f"{after} follows {count} from {base}")
        require(following == (index + 1) % 256, f"feedback {following} follows {index}")
    covered = sum(count for _, count, _ in packets)
    first, all_sent = packets[0][0], sent["sent"]
    require(first in all_sent[:2], f"feedback begins with {first}, what was sent with {all_sent[:2]}")
    told = len(sent["told"])
    require(told <= covered <= len(all_sent), f"{covered} of {len(all_sent)} covered, {told} told")
    return f"dissector: {len(packets)} packets of transport-wide feedback cover {covered} numbers"


def limit(capture):
    """The dissector reads the bitrate that the sender is to keep to."""
    names = ("identifier", "fci.number_ssrcs", "fci.br_mantissa", "fci.br_exp", "fci.ssrc")
    fields = [f"rtcp.psfb.remb.{name}" for name in names]
    rows = tshark(capture.path, decoded(), "rtcp.psfb.fmt == 15", fields)
    require(rows, "no REMB was sent")
    for identifier, count, mantissa, exponent, ssrc in rows:
        bitrate = int(mantissa) << int(exponent)
        read = (identifier, int(count), int(ssrc, 0), bitrate)
        require(read == ("REMB", 1, SSRC, TOLD_BITRATE), f"a REMB is read as {read}")
    return f"dissector: {len(rows)} REMB, each of {TOLD_BITRATE} bits a second for SSRC {SSRC}"


def decoded():
    """How the dissector knows what it looks at."""
    return ["-d", f"udp.port=={ENGINE},rtp"]


def split(field):
    """A field that is there once for each packet in a compound."""
    return field.split(",")

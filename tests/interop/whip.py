"""Who sends by WHIP (RFC 9725) is seen by who receives by WHEP, with other stacks than browsers'.

GStreamer has libnice, OpenSSL with a certificate of RSA, and libsrtp; aiortc has ICE of its own,
OpenSSL and libsrtp. Neither uses addresses of loopback.
"""

import json
import time
import urllib.request

import rooms
from fetched import place
from lab import HERE, require

SECONDS = 4
# What may still be on its way to be decoded when it is counted.
UNDERWAY = 30


def command(program, stack, role, url):
    if stack == "gstreamer":
        return [HERE / "gst_whip.py", role, url]
    return [HERE / "aiortc_peer.py", place(program) / "python", role, url]


def run(lab, program, stack):
    """One sends, and both receive."""
    address = lab.lan()
    rooms.server(lab, program, media=address)
    url = f"{rooms.PAGE}whip/main?name={stack}"
    sender = lab.start("sender", command(program, stack, "send", url))
    _, session = sender.says("connected", 60)
    receivers = {other: receiver(lab, program, other) for other in ("gstreamer", "aiortc")}
    sessions = {other: one.says("connected", 60)[1] for other, one in receivers.items()}
    time.sleep(SECONDS)
    sent = figures(session, "producers")
    heard = {other: figures(sessions[other], "consumers") for other in receivers}
    results = {other: ended(one) for other, one in receivers.items()}
    made = ended(sender)
    yield received(stack, made, sent)
    for other, result in results.items():
        yield decoded(stack, other, result, heard[other])


def receiver(lab, program, stack):
    return lab.start(stack, command(program, stack, "receive", f"{rooms.PAGE}whep/main"))


def ended(peer):
    peer.hang_up()
    _, result = peer.says("result", 60)
    peer.ends(60)
    return result


def figures(session, what):
    """The server's statistics of what it made of a session, by kind."""
    about = ask(session)
    return {one["kind"]: stats(one["id"]) for one in about[what]}


def ask(session):
    request = urllib.request.Request(session, headers={"accept": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def stats(subject):
    asked = json.dumps({"method": "getStats", "data": {"id": subject}}).encode()
    with urllib.request.urlopen(f"{rooms.PAGE}rpc", asked, timeout=10) as response:
        return json.load(response)["data"][0]


def received(stack, made, sent):
    """What was sent came, all of it."""
    for kind, least in (("video", 20 * SECONDS), ("audio", 40 * SECONDS)):
        count, lost = sent[kind]["packetCount"], sent[kind]["packetsLost"]
        require(count > least, f"{stack}: {count} packets of {kind} came")
        require(lost == 0, f"{stack}: {lost} packets of {kind} were lost")
    told = f"{sent['video']['packetCount']} packets of {made['frames']} pictures"
    return f"WHIP from {stack}: {told} came, none lost"


def decoded(stack, other, result, heard):
    """Pictures and sounds are decoded at the pace they are made at."""
    require(result["frames"] > 20 * SECONDS, f"{other} decoded {result['frames']} pictures")
    require(result["sounds"] > 40 * SECONDS, f"{other} decoded {result['sounds']} pieces of sound")
    lost = {kind: stats["packetsLost"] for kind, stats in heard.items()}
    # GStreamer counts one packet more than it expects.
    require(max(lost.values()) <= 0, f"{other} lost {lost} packets")
    trip = heard["video"]["roundTripTime"]
    told = f"{result['frames']} pictures and {result['sounds']} pieces of sound decoded"
    return f"WHEP to {other} of {stack}: {told}, none lost, {trip:.1f} ms there and back"

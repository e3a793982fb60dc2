"""What others seal is opened, and others open what is sealed: SRTP on plain transports.

libsrtp is an oracle of every suite, around a rollover and with replays. GStreamer seals and opens with
libsrtp too, in a pipeline of its own; ffmpeg has its own SRTP, and the two suites of counter mode.
"""

import base64
import random
import socket
import struct
import time

import ffmpeg
import gateway
from identity import JOINS_AFTER, SECONDS, WHO, Flow, _same
from lab import HERE, HOST, drained, listening, require
from pylibsrtp import Error, Policy, Session
from rtp_codecs import OPUS, VP8

PROFILES = {
    "AEAD_AES_256_GCM": (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44),
    "AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
    "AES_CM_128_HMAC_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
    "AES_CM_128_HMAC_SHA1_32": (Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 30),
}
SSRC = 2222
SENDER, RECEIVER = 21000, 22000
PACKETS = 400
FIRST_NUMBER = 65400
RTCP = range(192, 224)
# Python has no name for it (socket(7)).
SO_RCVBUFFORCE = 33


def key(suite, seed):
    """A key that a peer seals with, as signalling has it."""
    drawn = random.Random(seed).randbytes(PROFILES[suite][1])
    return {"cryptoSuite": suite, "keyBase64": base64.b64encode(drawn).decode()}


def _session(parameters, direction):
    profile, _ = PROFILES[parameters["cryptoSuite"]]
    drawn = base64.b64decode(parameters["keyBase64"])
    return Session(Policy(key=drawn, ssrc_type=direction, srtp_profile=profile))


def sealing(parameters):
    """Who seals with a key."""
    return _session(parameters, Policy.SSRC_ANY_OUTBOUND)


def opening(parameters):
    """Who opens what is sealed with a key."""
    return _session(parameters, Policy.SSRC_ANY_INBOUND)


def libsrtp(lab, program, suite):
    """Packets that libsrtp seals reach a receiver for which libsrtp opens them."""
    ours = key(suite, 1)
    at = gateway.transport(20000, SENDER, srtp=ours)
    to = gateway.transport(20010, RECEIVER, srtp=ours)
    producers, consumers = [gateway.producer(OPUS, SSRC, at)], [gateway.consumer(0, to)]
    engine = gateway.Gateway(lab, program, [OPUS], producers, consumers)
    sender, receiver = _bound(SENDER), _bound(RECEIVER)
    payloads, replays, forged = _talk(sender, ours)
    media, reports = _hear(receiver, opening(engine.keys[1]))
    _, answers = _hear(sender, opening(engine.keys[0]))
    discarded = engine.summary()["ledger"]["discarded"]
    require(sorted(media) == sorted(payloads), f"{len(media)} of {len(payloads)} are the same")
    yield f"{suite}: libsrtp opens {len(media)} packets that libsrtp sealed, around a rollover"
    require(reports and answers, f"{reports} sender reports, {answers} receiver reports")
    yield f"{suite}: libsrtp opens {reports} sender reports and {answers} receiver reports"
    told = (discarded.get("replayedSrtp", 0), discarded.get("forgedSrtp", 0))
    require(told == (replays, forged), f"{told} discarded, but {(replays, forged)} were to be")
    yield f"{suite}: {replays} replays and {forged} forged packets are turned away"


def _bound(port):
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    # All that is sent waits there until it is looked at.
    end.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
    end.bind((HOST, port))
    end.settimeout(0.3)
    return end


def _talk(sender, ours):
    """Sends sound out of order, again, and of who has another key; and reports."""
    session, stranger = sealing(ours), sealing(key(ours["cryptoSuite"], 2))
    rng = random.Random(3)
    payloads, waiting, replays, forged = [], [], 0, 0
    for index in range(PACKETS):
        number = (FIRST_NUMBER + index) % 65536
        header = struct.pack("!BBHII", 0x80, OPUS.sent_as, number, 960 * index, SSRC)
        payload = rng.randbytes(rng.randrange(1, 1000))
        payloads.append(payload)
        waiting.append(session.protect(header + payload))
        if index % 40 == 11:
            sender.sendto(stranger.protect(header + payload), (HOST, 20000))
            forged += 1
        # The first one comes first: nothing before it would be forwarded.
        if index == 0 or len(waiting) == 5 or index == PACKETS - 1:
            rng.shuffle(waiting)
            again = [packet for packet in waiting if rng.random() < 0.2]
            replays += len(again)
            for packet in waiting + again:
                sender.sendto(packet, (HOST, 20000))
            waiting.clear()
        if index % 50 == 0:
            report = struct.pack("!BBHIQIII", 0x80, 200, 6, SSRC, 1 << 40, 0, index, 0)
            sender.sendto(session.protect_rtcp(report), (HOST, 20000))
        time.sleep(0.005)
    return payloads, replays, forged


def _hear(end, session):
    """Opens all that has come: the payloads, and how many reports there are."""
    payloads, reports = [], 0
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        try:
            datagram = end.recv(2048)
        except TimeoutError:
            continue
        try:
            if datagram[1] in RTCP:
                session.unprotect_rtcp(datagram)
                reports += 1
            else:
                payloads.append(_payload(session.unprotect(datagram)))
        except Error as error:
            require(False, f"libsrtp does not open what the engine sealed: {error}")
    return payloads, reports


def _payload(packet):
    end = 12 + 4 * (packet[0] & 15)
    if packet[0] & 0x10:
        end += 4 + 4 * int.from_bytes(packet[end + 2 : end + 4], "big")
    return packet[end:]


def gstreamer(lab, program, suite):
    """GStreamer decodes what GStreamer sealed for the engine, and the engine for it."""
    ours = key(suite, 1)
    at = gateway.transport(20000, SENDER, srtp=ours)
    to = gateway.transport(20010, RECEIVER, srtp=ours)
    producers = [gateway.producer(VP8, SSRC, at, gateway.PLI)]
    engine = gateway.Gateway(lab, program, [VP8], producers, [gateway.consumer(0, to)])
    agreed = ["nack-pli", f"suite={suite}", f"seal={_hex(ours)}"]
    numbers = (VP8.routed_as, RECEIVER, 20010)
    command = [HERE / "gst_peer.py", "receive", "vp8", *numbers, *agreed]
    receiver = lab.start("receiver", [*command, f"open={_hex(engine.keys[1])}"])
    receiver.says("ready", 20)
    numbers = (VP8.sent_as, SSRC, SENDER, 20000, 5)
    command = [HERE / "gst_peer.py", "send", "vp8", *numbers, *agreed]
    sender = lab.start("sender", [*command, f"open={_hex(engine.keys[0])}"])
    _, sent = sender.says("result", 20)
    sender.ends(10)
    drained()
    receiver.hang_up()
    _, got = receiver.says("result", 15)
    receiver.ends(10)
    summary = engine.summary()
    counts = f"{got['frames']} decoded, but {sent['frames']} were sent"
    require(got["frames"] == sent["frames"] >= 100, f"{suite}: {counts}")
    yield f"{suite}: GStreamer decodes {got['frames']} of {sent['frames']} pictures"
    reports = summary["ledger"]["consumed"].get("rtcp", 0)
    discarded = {why: count for why, count in summary["ledger"]["discarded"].items() if count}
    require(reports > 2 and not discarded, f"{reports} reports, {discarded} discarded")
    require(sent["roundTripMs"] > 0, f"{suite}: the sender could not open a report")
    yield f"{suite}: both ends and the engine read each other's reports ({reports} here)"


def _hex(parameters):
    return base64.b64decode(parameters["keyBase64"]).hex()


def by_ffmpeg(lab, program, suite):
    """What ffmpeg decodes of what it sealed is, frame by frame, what it decodes beside the engine."""
    flow, ours = Flow(VP8, 0), key(suite, 1)
    at = gateway.transport(flow.engine(0), srtp=ours)
    early = gateway.transport(flow.engine(2), flow.receiver("early"), srtp=ours)
    late = gateway.transport(flow.engine(4), flow.receiver("late"))
    consumers = [gateway.consumer(0, early), gateway.consumer(0, late, JOINS_AFTER)]
    producers = [gateway.producer(VP8, flow.ssrc, at, gateway.PLI)]
    engine = gateway.Gateway(lab, program, [VP8], producers, consumers)
    receivers = [_receiver(lab, flow, who, engine.keys[1]) for who in WHO]
    listening(*(flow.receiver(who) for who in WHO))
    sender = lab.start("sender", _sender(flow, ours))
    engine.joined()
    sender.ends(SECONDS + 15)
    drained()
    _hang_up(engine, flow)
    for receiver in receivers:
        receiver.ends(15)
    discarded = engine.summary()["ledger"]["discarded"]
    require(not any(discarded.values()), f"{suite}: {discarded} discarded")
    for who in ("early", "late"):
        yield f"{suite}: {_same(lab, flow, who, 'frames')}"


def _receiver(lab, flow, who, parameters):
    described = flow.codec.session(flow.receiver(who), behind_engine=who != "reference")
    if who == "early":
        described = described.replace("RTP/AVP", "RTP/SAVP")
        suite, inline = parameters["cryptoSuite"], parameters["keyBase64"]
        described += f"a=crypto:1 {suite} inline:{inline}\n"
    session = lab.write(f"{flow.codec.name}-{who}.sdp", described)
    command = ffmpeg.receiver(session, "v", flow.file(lab, who, "frames"))
    command[command.index("file,udp,rtp")] = "file,udp,rtp,srtp"
    return lab.start(f"{flow.codec.name}-{who}", command)


def _sender(flow, ours):
    # Its reports leave from a port of their own, which must not be taken for that of its media.
    to_engine = (flow.engine(0), flow.engine(9), flow.sender(0))
    to_reference = (flow.receiver("reference"), flow.sender(8), flow.sender(4))
    sealed, plain = (
        ffmpeg.output(flow.codec, flow.ssrc, *ports) for ports in (to_engine, to_reference)
    )
    options = f":srtp_out_suite={ours['cryptoSuite']}:srtp_out_params={ours['keyBase64']}]"
    sealed = sealed.replace("]rtp:", f"{options}srtp:")
    return ffmpeg.sender([flow.codec], SECONDS, [sealed, plain])


def _hang_up(engine, flow):
    """Tells receivers that their senders have left: a BYE is sealed for who wants it so."""
    session = sealing(engine.keys[1])
    for who, ssrc in (
        ("reference", flow.ssrc),
        ("early", engine.ssrc(0)),
        ("late", engine.ssrc(1)),
    ):
        goodbye = struct.pack("!BBHIBBHI", 0x80, 201, 1, ssrc, 0x81, 203, 1, ssrc)
        if who == "early":
            goodbye = session.protect_rtcp(goodbye)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.sendto(goodbye, (HOST, flow.receiver(who) + 1))

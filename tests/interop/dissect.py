"""What a third-party dissector says about everything the engine sends."""

import collections
import subprocess
import time
from dataclasses import dataclass

from rtp_codecs import begins_key_frame
from gateway import FIRST_PORT, LAST_PORT
from lab import Failure, require, wait_until


class Capture:
    """Records what leaves the engine's ports, or what is said in words of tcpdump."""

    def __init__(self, lab, expression=f"udp and src portrange {FIRST_PORT}-{LAST_PORT}"):
        self.path = lab.file("engine.pcap")
        command = "tcpdump -i lo -Z root -n --immediate-mode -U -s 2048 -B 65536 -w".split()
        self.program = lab.start("tcpdump", [*command, self.path, expression])
        wait_until(lambda: "listening on" in self._said(), 20, "tcpdump did not listen")

    def _said(self):
        return self.program.log.read_text(errors="replace")

    def stop(self):
        """Ends the recording, which must be complete: tcpdump leaves what it has not read."""
        size = -1
        while size != self.path.stat().st_size:
            size = self.path.stat().st_size
            time.sleep(0.5)
        self.program.interrupt()
        self.program.ends(10)
        require("0 packets dropped by kernel" in self._said(), "the capture is not complete")


@dataclass
class Stream:
    """An RTP stream on the wire, in the order of the capture."""

    sequence: list
    timestamps: list
    payload_types: set
    first_payload: bytes


@dataclass
class Findings:
    """What is in a capture."""

    datagrams: int
    streams: dict
    rtcp_kinds: collections.Counter

    def summary(self):
        """In words."""
        rtp = sum(len(stream.sequence) for stream in self.streams.values())
        rtcp = sum(self.rtcp_kinds.values())
        return f"{self.datagrams} datagrams: {rtp} RTP in {len(self.streams)} streams, {rtcp} RTCP"


def dissect(capture, codecs):
    """Dissects a capture; anything malformed in it is a failure."""
    path = capture.path
    decode = [f"udp.port=={port},rtp" for port in _ports(path)]
    # It has no dissector for VP9, and one for H.265 that fails at fragments of what is no slice.
    known = [codec for codec in codecs if codec.name not in ("vp9", "h265")]
    decode += [f"rtp.pt=={codec.routed_as},{codec.name}" for codec in known]
    options = [word for rule in decode for word in ("-d", rule)]
    bad = tshark(path, options, "_ws.malformed || _ws.expert.severity == error", ["frame.number"])
    require(not bad, f"malformed or in error: frames {[row[0] for row in bad[:10]]}")
    streams, rtp = _rtp(path, options)
    kinds, rtcp = _rtcp(path, options)
    datagrams = len(tshark(path, options, "udp", ["frame.number"]))
    require(rtp + rtcp == datagrams, f"{datagrams - rtp - rtcp} datagrams are neither RTP nor RTCP")
    return Findings(datagrams, streams, kinds)


def _ports(path):
    rows = tshark(path, [], "udp", ["udp.srcport"])
    return sorted({int(port) for (port,) in rows})


def _rtp(path, options):
    fields = ["rtp.ssrc", "rtp.seq", "rtp.timestamp", "rtp.p_type", "rtp.payload"]
    streams = {}
    rows = tshark(path, options, "rtp", fields)
    for ssrc, sequence, timestamp, payload_type, payload in rows:
        key = int(ssrc, 16)
        if key not in streams:
            streams[key] = Stream([], [], set(), bytes.fromhex(payload))
        streams[key].sequence.append(int(sequence))
        streams[key].timestamps.append(int(timestamp))
        streams[key].payload_types.add(int(payload_type))
    return streams, len(rows)


def _rtcp(path, options):
    """Counts RTCP packets by type and format, for instance "206/1"; their lengths must be right."""
    fields = ["rtcp.pt", "rtcp.psfb.fmt", "rtcp.rtpfb.fmt", "rtcp.length_check"]
    rows = tshark(path, options, "rtcp", fields)
    kinds = collections.Counter()
    for types, payload_specific, transport, length_check in rows:
        right = all(check in ("1", "True") for check in length_check.split(","))
        require(right, f"an RTCP length is wrong ({types}: {length_check})")
        formats = payload_specific or transport
        kinds[f"{types}/{formats}" if formats else types] += 1
    return kinds, len(rows)


def check(findings, summary, late):
    """Checks all that the engine sent; returns the claim.

    `late` has the codec for the SSRC of each late consumer: they must begin with a key frame.
    """
    for ssrc, stream in findings.streams.items():
        _check_continuity(ssrc, stream)
    for ssrc, codec in late.items():
        require(ssrc in findings.streams, f"nothing was sent to the late consumer {ssrc}")
        first = findings.streams[ssrc].first_payload
        require(begins_key_frame(codec, first), f"SSRC {ssrc} does not begin with a key frame")
    ledger = summary["ledger"]
    sent, captured = ledger["sent"], findings.datagrams
    require(sent == captured, f"{sent} datagrams were sent, but {captured} captured")
    lost = {key: ledger[key] for key in ("discarded", "refused", "kernelDrops") if ledger[key]}
    require(not lost, f"the engine could not use or not send everything: {lost}")
    return f"dissector: {findings.summary()}; no error, gap or duplicate"


def _check_continuity(ssrc, stream):
    """A stream has no gap, no duplicate and no packet out of order."""
    pairs = zip(stream.sequence, stream.sequence[1:])
    for position, (before, after) in enumerate(pairs, start=1):
        require(
            (after - before) % 65536 == 1,
            f"SSRC {ssrc}: sequence number {after} follows {before} at packet {position}",
        )


def frames(stream):
    """How many pictures, or packets of sound, a stream carries."""
    return len(set(stream.timestamps))


def tshark(path, options, display_filter, fields):
    """The fields of every packet that passes a filter."""
    command = ["tshark", "-n", "-r", str(path), *options, "-Y", display_filter, "-T", "fields"]
    for name in fields:
        command += ["-e", name]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if result.returncode != 0:
        raise Failure(f"tshark failed: {result.stderr.strip().splitlines()[-1:]}")
    return [line.split("\t") for line in result.stdout.splitlines()]

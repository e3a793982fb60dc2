"""What the engine knows of each packet of a browser's recording is what others read from it.

tshark dissects VP8 and H.264. Of VP9 it prints bytes, which are read here (RFC 9628 section 4.2); of
Opus nothing is asked but that each packet is there. Chromium leaves VP8's temporal layers to the
dependency descriptor, of which tshark prints bytes too.
"""

import json
import subprocess
from dataclasses import dataclass

from lab import HERE, require

ROOT = HERE.parent.parent
DEPENDENCIES = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
# Where the recordings say they were sent to.
PORT = 5000


@dataclass(frozen=True)
class Recording:
    """A recorded track."""

    name: str
    codec: str
    payload_type: int
    folder: str = "tests/data"

    def file(self, ending):
        """The path of one of its files."""
        return ROOT / self.folder / f"chromium-rtp-{self.name}{ending}"


VP8_CAMERA = Recording("vp8", "vp8", 96, "examples/data")
VP8_SIMULCAST = Recording("vp8-simulcast", "vp8", 96)
VP9_SVC = Recording("vp9-L3T3", "vp9", 98)
H264_CAMERA = Recording("h264", "h264", 108)
OPUS_MICROPHONE = Recording("opus", "opus", 111, "examples/data")


@dataclass(frozen=True)
class Packet:
    """A media packet, and what is known of it."""

    ssrc: int
    sequence: int
    key_frame: bool
    spatial_layer: int
    temporal_layer: int


def run(lab, program, recording):
    """Plays a recording through the engine, and compares it packet by packet."""
    seen = engine(lab, program, recording)
    read = dissector(recording)
    require(len(read) > 50, f"only {len(read)} packets were read")
    require(len(seen) == len(read), f"the engine saw {len(seen)} packets, others {len(read)}")
    for mine, theirs in zip(seen, read):
        require(mine == theirs, f"the engine saw {mine}, others {theirs}")
    layers = {(packet.spatial_layer, packet.temporal_layer) for packet in read}
    keys = sum(packet.key_frame for packet in read)
    yield f"{recording.name}: {len(read)} packets, {keys} key frames, {len(layers)} layers"


def engine(lab, program, recording):
    """The media packets as the engine saw them, in order."""
    command = [program, "--play", recording.file("-O.pcap"), recording.file(".json")]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    lab.write("engine.jsonl", done.stdout)
    require(done.returncode == 0, f"the recording cannot be played: {done.stderr}")
    packets = map(json.loads, done.stdout.splitlines())
    return [
        Packet(p["ssrc"], p["sequence"], p["keyFrame"], p["spatialLayer"], p["temporalLayer"])
        for p in packets
    ]


def dissector(recording):
    """The media packets as tshark reads them, in order; retransmissions are other streams."""
    read, fields = READERS[recording.codec]
    rules = [f"udp.port=={PORT},rtp"]
    if recording.codec in ("vp8", "h264"):
        rules.append(f"rtp.pt=={recording.payload_type},{recording.codec}")
    command = ["tshark", "-n", "-r", recording.file("-O.pcap")]
    command += [word for rule in rules for word in ("-d", rule)]
    command += ["-Y", f"rtp.p_type == {recording.payload_type}", "-T", "fields"]
    for field in ("rtp.ssrc", "rtp.seq", "rtp.ext.rfc5285.id", "rtp.ext.rfc5285.data", *fields):
        command += ["-e", field]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    require(done.returncode == 0, f"tshark: {done.stderr}")
    parameters = json.loads(recording.file(".json").read_text())
    known = {extension["uri"]: str(extension["id"]) for extension in parameters["headerExtensions"]}
    templates = {}
    packets = []
    for line in done.stdout.splitlines():
        ssrc, sequence, ids, values, *rest = line.split("\t")
        extensions = dict(zip(ids.split(","), values.split(",")))
        descriptor = bytes.fromhex(extensions.get(known.get(DEPENDENCIES), ""))
        told = temporal_layer(descriptor, templates.setdefault(ssrc, {})) if descriptor else 0
        packets.append(Packet(int(ssrc, 16), int(sequence), *read(told, *rest)))
    return packets


def temporal_layer(descriptor, templates):
    """By the template that a dependency descriptor names (AV1 RTP specification, appendix A.8)."""
    bits = "".join(f"{byte:08b}" for byte in descriptor)
    # start, end, template (6), frame number (16), then perhaps: structure, four more flags
    template, has_structure = int(bits[2:8], 2), bits[24:25] == "1"
    if has_structure:
        number, layer, at = int(bits[29:35], 2), 0, 40
        templates.clear()
        templates[number] = layer
        while (step := bits[at : at + 2]) != "11":
            layer = {"00": layer, "01": layer + 1, "10": 0}[step]
            number, at = (number + 1) % 64, at + 2
            templates[number] = layer
    return templates[template]


def vp8(told, start, partition, frame_type, temporal):
    """Key frame, spatial and temporal layer, from the fields below and the dependency descriptor."""
    begins = start == "1" and int(partition or "0", 0) == 0
    return begins and frame_type == "0", 0, int(temporal, 0) if temporal else told


def h264(_, units, fragment_starts, fragment_types):
    """A key frame begins with a sequence parameter set (7), whole, aggregated or as a fragment."""
    headers = [int(unit, 0) & 31 for unit in units.split(",") if unit]
    starts = [start in ("1", "True") for start in fragment_starts.split(",") if start]
    types = [int(unit, 0) & 31 for unit in fragment_types.split(",") if unit]
    whole = 7 in [header for header in headers if header < 28]
    return whole or any(start and 7 in types for start in starts), 0, 0


def vp9(_, payload):
    """By the flags I P L F B E V Z, the picture id and the layer byte T T T U S S S D."""
    data = bytes.fromhex(payload)
    flags, rest = data[0], data[1:]
    if flags & 0x80:
        rest = rest[2:] if rest[0] & 0x80 else rest[1:]
    layer = rest[0] if flags & 0x20 else 0
    temporal, spatial = layer >> 5, layer >> 1 & 7
    begins_key = not flags & 0x40 and bool(flags & 0x08) and spatial == 0
    return begins_key, spatial, temporal


def opus(_):
    """It has neither."""
    return False, 0, 0


# How each codec is read, and from which fields.
READERS = {
    "vp8": (vp8, ["vp8.pld.s", "vp8.pld.partid", "vp8.hdr.frametype", "vp8.pld.tid"]),
    "vp9": (vp9, ["rtp.payload"]),
    "h264": (h264, ["h264.nal_unit_hdr", "h264.start.bit", "h264.nal_unit_type"]),
    "opus": (opus, []),
}

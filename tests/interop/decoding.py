"""What a consumer of each layer of a browser's recording gets decodes to what it must.

A recording is played to a consumer that wishes for one layer. From the first key frame of that layer
on, ffmpeg decodes what left the engine, and the frames of the recording that are of that layer, as they
are read here by the payload formats (RFC 7741, RFC 9628). Checksums, sizes, times and count of the
pictures are the same: decoders hide a missing reference, so that their logs do not suffice.
"""

import json
import struct
import subprocess
from dataclasses import dataclass

import ffmpeg
import layers
from lab import require

RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
SPATIAL, TEMPORAL = 3, 3
# Names in IVF files, and decoders that show one picture for all layers of one.
FORMATS = {"vp8": (b"VP80", "libvpx"), "vp9": (b"VP90", "libvpx-vp9")}


@dataclass
class Packet:
    """An RTP packet (RFC 3550 section 5.1)."""

    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    extensions: dict
    payload: bytes

    @staticmethod
    def read(data):
        """Reads one."""
        first, second, sequence, timestamp, ssrc = struct.unpack_from(">BBHII", data)
        at = 12 + 4 * (first & 15)
        extensions = {}
        if first & 0x10:
            profile, words = struct.unpack_from(">HH", data, at)
            extensions = elements(profile, data[at + 4 : at + 4 + 4 * words])
            at += 4 + 4 * words
        end = len(data) - (data[-1] if first & 0x20 else 0)
        marked, kind = second >= 0x80, second & 0x7F
        return Packet(marked, kind, sequence, timestamp, ssrc, extensions, data[at:end])


def elements(profile, block):
    """The header extensions of a packet (RFC 8285)."""
    found, at = {}, 0
    while at < len(block):
        if block[at] == 0:
            at += 1
            continue
        if profile == 0xBEDE:
            number, length, at = block[at] >> 4, (block[at] & 15) + 1, at + 1
        else:
            number, length, at = block[at], block[at + 1], at + 2
        found[number] = block[at : at + length]
        at += length
    return found


@dataclass
class Frame:
    """A frame of one layer."""

    timestamp: int
    spatial: int
    temporal: int
    is_key: bool
    data: bytes = b""


def run(lab, program, recording):
    """Decodes what a consumer of each layer gets."""
    arrived = read(recording)
    for spatial in range(SPATIAL):
        for temporal in range(TEMPORAL):
            name = f"{spatial}-{temporal}"
            sent = forwarded(lab, program, recording, spatial, temporal)
            got, wanted = subsets(recording, arrived, sent, spatial, temporal)
            mine = decode(lab, recording, f"got-{name}", got)
            theirs = decode(lab, recording, f"wanted-{name}", wanted)
            require(len(theirs) > 15, f"{name}: only {len(theirs)} pictures were decoded")
            require(len(mine) == len(theirs), f"{name}: {len(mine)} pictures of {len(theirs)}")
            require(mine == theirs, f"{name}: other pictures than those of the recording")
            size = theirs[-1][1]
            yield f"{recording.name}, layers {name}: {len(mine)} pictures, the last of {size} bytes"


def read(recording):
    """The packets of media of a recording, with the encoding that they are of, in order."""
    command = ["tshark", "-n", "-r", str(recording.file("-O.pcap")), "-Y", "udp"]
    done = subprocess.run([*command, "-T", "fields", "-e", "udp.payload"], capture_output=True, text=True)
    require(done.returncode == 0, f"tshark: {done.stderr}")
    datagrams = [bytes.fromhex(line) for line in done.stdout.split()]
    # RTP, and of it no RTCP (RFC 5761 section 4).
    packets = [Packet.read(data) for data in datagrams if data[0] >> 6 == 2 and not 192 <= data[1] < 224]
    return [packet for packet in packets if packet.payload_type == recording.payload_type and packet.payload]


def forwarded(lab, program, recording, spatial, temporal):
    """What left for a consumer that wishes for these layers, in order."""
    command = [program, "--forward", recording.file("-O.pcap"), recording.file(".json")]
    command = [*map(str, command), str(spatial), str(temporal)]
    done = subprocess.run(command, capture_output=True, text=True)
    lab.write(f"forwarded-{spatial}-{temporal}.txt", done.stdout)
    require(done.returncode == 0, f"the recording cannot be played: {done.stderr}")
    return [Packet.read(bytes.fromhex(line)) for line in done.stdout.split()]


def subsets(recording, arrived, sent, spatial, temporal):
    """The frames that left, and those that must have: from the first key frame of the layer on."""
    of = streams(recording, arrived)
    simulcast = len(of) > 1
    own = of[spatial] if simulcast else next(iter(of.values()))
    made = frames(recording, own, descriptor_id(recording))
    left = frames(recording, sent)
    known = {frame.data: frame for frame in made}
    begins = (at for at, frame in enumerate(left) if frame.is_key and frame.data in known)
    first = next(begins, None)
    require(first is not None, f"the layer {spatial} was never sent")
    begin = made.index(known[left[first].data])
    require(begin < len(made) / 2, f"the layer {spatial} was sent late")
    highest = 0 if simulcast else spatial
    wanted = [f for f in made[begin:] if f.spatial <= highest and f.temporal <= temporal]
    return left[first:], wanted


def streams(recording, packets):
    """The packets of each encoding, in their order."""
    parameters = json.loads(recording.file(".json").read_text())
    ids = {extension["uri"]: extension["id"] for extension in parameters["headerExtensions"]}
    named = [encoding.get("rid") for encoding in parameters["encodings"]]
    found, encodings = {}, {}
    for packet in packets:
        rid = packet.extensions.get(ids.get(RID), b"").decode() or None
        if rid in named:
            encodings.setdefault(packet.ssrc, named.index(rid))
        found.setdefault(packet.ssrc, []).append(packet)
    return {encodings.get(ssrc, 0): packets for ssrc, packets in found.items()}


def descriptor_id(recording):
    """Under which id a recording has dependency descriptors."""
    parameters = json.loads(recording.file(".json").read_text())
    extensions = parameters["headerExtensions"]
    return next((e["id"] for e in extensions if e["uri"] == layers.DEPENDENCIES), None)


def frames(recording, packets, descriptors=None):
    """The frames of packets of one stream, each of one layer; temporal layers that descriptors tell
    only where their id is given."""
    first = packets[0].sequence
    packets = sorted(packets, key=lambda packet: (packet.sequence - first) & 0xFFFF)
    parse = {"vp8": vp8, "vp9": vp9}[recording.codec]
    templates, found = {}, []
    for packet in packets:
        descriptor = packet.extensions.get(descriptors, b"")
        told = layers.temporal_layer(descriptor, templates) if descriptor else 0
        begins, spatial, temporal, is_key, data = parse(packet.payload, told)
        if begins:
            found.append(Frame(packet.timestamp, spatial, temporal, is_key))
        if found:
            found[-1].data += data
    return found


def vp8(payload, told):
    """Whether a frame begins, its layers, whether it is a key frame, and its data."""
    at, temporal = 1, told
    if payload[0] & 0x80:
        flags, at = payload[1], 2
        if flags & 0x80:
            at += 2 if payload[at] & 0x80 else 1
        at += 1 if flags & 0x40 else 0
        if flags & 0x30:
            temporal = payload[at] >> 6 if flags & 0x20 else told
            at += 1
    begins = payload[0] & 0x17 == 0x10
    return begins, 0, temporal, begins and not payload[at] & 1, payload[at:]


def vp9(payload, _):
    """The same; the flags are I P L F B E V Z."""
    flags, at, spatial, temporal = payload[0], 1, 0, 0
    if flags & 0x80:
        at += 2 if payload[at] & 0x80 else 1
    if flags & 0x20:
        temporal, spatial = payload[at] >> 5, payload[at] >> 1 & 7
        at += 1 if flags & 0x10 else 2
    while flags & 0x50 == 0x50:
        at += 1
        if not payload[at - 1] & 1:
            break
    if flags & 0x02:
        at = behind_structure(payload, at)
    begins = bool(flags & 0x08)
    return begins, spatial, temporal, begins and not flags & 0x40 and not spatial, payload[at:]


def behind_structure(payload, at):
    """Where a scalability structure (RFC 9628 section 4.2.1) ends."""
    head, at = payload[at], at + 1
    if head & 0x10:
        at += 4 * ((head >> 5) + 1)
    if head & 0x08:
        pictures, at = payload[at], at + 1
        for _ in range(pictures):
            at += 1 + (payload[at] >> 2 & 3)
    return at


def decode(lab, recording, name, given):
    """The checksum, size and time of each picture that ffmpeg decodes of frames."""
    codec, decoder = FORMATS[recording.codec]
    pictures = {}
    begun = given[0].timestamp
    for frame in given:
        pictures.setdefault((frame.timestamp - begun) & 0xFFFFFFFF, []).append(frame.data)
    ivf = struct.pack("<4sHH4sHHIIII", b"DKIF", 0, 32, codec, 0, 0, 90_000, 1, len(pictures), 0)
    for timestamp, parts in pictures.items():
        data = superframe(parts)
        ivf += struct.pack("<IQ", len(data), timestamp) + data
    file, decoded = lab.folder / f"{name}.ivf", lab.folder / f"{name}.md5"
    file.write_bytes(ivf)
    command = [*ffmpeg.QUIET, "-c:v", decoder, "-i", file, "-fps_mode", "passthrough", "-autoscale", "0"]
    done = subprocess.run(
        [*map(str, command), "-f", "framemd5", str(decoded)], capture_output=True, text=True
    )
    require(done.returncode == 0 and not done.stderr, f"ffmpeg on {name}: {done.stderr}")
    lines = [line for line in decoded.read_text().splitlines() if not line.startswith("#")]
    columns = [line.split(",") for line in lines]
    return [(line[5].strip(), int(line[4]), int(line[2])) for line in columns]


def superframe(parts):
    """The frames of a picture, with the index of annex B of VP9's specification."""
    if len(parts) == 1:
        return parts[0]
    marker = bytes([0xC0 | 3 << 3 | (len(parts) - 1)])
    sizes = b"".join(struct.pack("<I", len(part)) for part in parts)
    return b"".join(parts) + marker + sizes + marker

"""ffmpeg as sender and as receiver of RTP."""

from lab import HOST

RATE = 30
KEY_FRAME_EVERY = 30

QUIET = ["ffmpeg", "-y", "-nostdin", "-hide_banner", "-loglevel", "warning", "-threads", "1"]

VIDEO_SOURCE = f"testsrc2=size=320x180:rate={RATE}"
AUDIO_SOURCE = "anoisesrc=sample_rate=48000:amplitude=0.3:color=pink:seed=1"

ENCODERS = {
    "vp8": "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 400k",
    "vp9": "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -row-mt 1 -b:v 400k",
    "h264": "-c:v libx264 -preset ultrafast -tune zerolatency -profile:v baseline -b:v 400k"
    " -x264-params repeat-headers=1:scenecut=0",
    "h265": "-c:v libx265 -preset ultrafast -tune zerolatency -b:v 400k"
    " -x265-params repeat-headers=1:scenecut=0:log-level=error",
    "opus": "-c:a libopus -ac 2 -b:a 64k -frame_duration 20",
}


def output(codec, ssrc, port, rtcp_port, from_port):
    """One RTP output of a sender; RTP leaves from `from_port` and RTCP from the one after it."""
    address = (
        f"rtp://{HOST}:{port}?rtcpport={rtcp_port}"
        f"&localrtpport={from_port}&localrtcpport={from_port + 1}&pkt_size=1200"
    )
    media = codec.kind[0]
    options = f"f=rtp:select={media}:payload_type={codec.sent_as}:ssrc={ssrc}"
    if codec.name == "vp9":
        options += ":strict=experimental"
    return f"[{options}]{address}"


def sender(codecs, seconds, outputs, key_frame_every=KEY_FRAME_EVERY):
    """A command that encodes once and sends the same packets to every output."""
    command = list(QUIET)
    maps = []
    for index, codec in enumerate(codecs):
        source = VIDEO_SOURCE if codec.kind == "video" else AUDIO_SOURCE
        command += ["-re", "-f", "lavfi", "-i", source]
        maps += ["-map", f"{index}:{codec.kind[0]}", *ENCODERS[codec.name].split()]
    pictures = ["-g", str(key_frame_every), "-keyint_min", str(key_frame_every)]
    pictures += ["-pix_fmt", "yuv420p", "-strict", "experimental"]
    return [*command, *maps, *pictures, "-t", str(seconds), "-f", "tee", "|".join(outputs)]


def receiver(session, media, decoded, packets=None):
    """A command that writes a checksum for each decoded frame, and for each encoded one."""
    command = [*QUIET, "-protocol_whitelist", "file,udp,rtp", "-buffer_size", str(4 << 20)]
    command += ["-i", session, "-flush_packets", "1"]
    command += ["-map", f"0:{media}", "-fps_mode", "passthrough", "-f", "framemd5", decoded]
    if packets:
        command += ["-map", f"0:{media}", "-c", "copy", "-f", "framemd5", packets]
    return command


def checksums(path):
    """The checksums of a framemd5 file, in order."""
    lines = path.read_text().splitlines()
    # The sixth column; behind it stands side data, which depends on reports.
    return [line.split(",")[5].strip() for line in lines if line and not line.startswith("#")]

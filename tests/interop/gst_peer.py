#!/usr/bin/python3
"""A GStreamer sender or receiver of RTP with RTCP feedback (RFC 4585).

    gst_peer.py send CODEC PAYLOAD_TYPE SSRC LOCAL_PORT REMOTE_PORT SECONDS FEEDBACK...
    gst_peer.py receive CODEC PAYLOAD_TYPE LOCAL_PORT REMOTE_PORT FEEDBACK...

Feedback is any of "nack", "nack-pli" and "ccm-fir"; "rtx=PAYLOAD_TYPE" adds retransmissions (RFC 4588;
a sender's under the SSRC after its own), "latency=MS" is how long a receiver waits for packets,
"suite=SUITE" with "seal=KEY" and "open=KEY" (in hexadecimal) protects it (RFC 3711), "wide=ID" adds
transport-wide sequence numbers to what a sender sends, under that extension identifier, and "drop=N"
lets a sender lose every N-th packet. RTCP is multiplexed with RTP. A sender ends when all is sent, a
receiver when standard input has ended and no more frames come; both print `{"result": {...}}` then. A
receiver prints `{"ready": true}` once its port is bound.
"""

import json
import sys
import time

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

# What streaming threads need is looked up before they run: two of them that come to it at once break
# its definition.
OK, DROP = Gst.PadProbeReturn.OK, Gst.PadProbeReturn.DROP

AVPF = 3
TRANSPORT_WIDE = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
VIDEO = (
    "videotestsrc is-live=true pattern=ball num-buffers={pictures}"
    " ! video/x-raw,width=320,height=180,framerate=30/1"
)
AUDIO = (
    "audiotestsrc is-live=true samplesperbuffer=960 num-buffers={sounds}"
    " ! audio/x-raw,rate=48000,channels=2"
)
# Left alone, the video encoders make no second key frame within three thousand pictures.
# For each codec: its name, its clock rate, how it is sent, how it is received.
CODECS = {
    "vp8": (
        "VP8",
        90000,
        "vp8enc deadline=1 cpu-used=8 target-bitrate=400000 keyframe-max-dist=3000"
        " ! rtpvp8pay picture-id-mode=2",
        "rtpvp8depay ! vp8dec",
    ),
    "vp9": (
        "VP9",
        90000,
        "vp9enc deadline=1 cpu-used=8 lag-in-frames=0 target-bitrate=400000"
        " keyframe-max-dist=3000 ! rtpvp9pay picture-id-mode=2",
        "rtpvp9depay ! vp9dec",
    ),
    "h264": (
        "H264",
        90000,
        "x264enc tune=zerolatency speed-preset=ultrafast bitrate=400 key-int-max=3000"
        " ! video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=-1",
        "rtph264depay ! avdec_h264",
    ),
    "opus": ("OPUS", 48000, "opusenc ! rtpopuspay", "rtpopusdepay ! opusdec"),
}


# For each suite of SRTP: what GStreamer calls its cipher, and its authentication of RTP.
CIPHERS = {
    "AEAD_AES_256_GCM": ("aes-256-gcm", "null"),
    "AEAD_AES_128_GCM": ("aes-128-gcm", "null"),
    "AES_CM_128_HMAC_SHA1_80": ("aes-128-icm", "hmac-sha1-80"),
    "AES_CM_128_HMAC_SHA1_32": ("aes-128-icm", "hmac-sha1-32"),
}


class Peer:
    """A pipeline around an rtpbin and one socket."""

    def __init__(self, codec, payload_type, local_port, remote_port, feedback):
        self.codec = codec
        self.payload_type = payload_type
        self.remote_port = remote_port
        options = dict(word.split("=") for word in feedback if "=" in word)
        self.feedback = [word for word in feedback if "=" not in word]
        self.rtx = options.get("rtx")
        self.wide = options.get("wide")
        self.drop = int(options.get("drop", 0))
        self.failure = None
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.Pipeline()
        self.latency = int(options.get("latency", 200))
        self.rtpbin = self.add("rtpbin", rtp_profile=AVPF, latency=self.latency)
        if "suite" in options:
            self.protect(options["suite"], options["seal"], options["open"])
        self.sealed = "s" if "suite" in options else ""
        self.source = self.add("udpsrc", address="127.0.0.1", port=local_port, buffer_size=4 << 20)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.on_error)

    def add(self, kind, **properties):
        """Adds an element."""
        element = Gst.ElementFactory.make(kind)
        if element is None:
            sys.exit(f"GStreamer has no {kind}")
        for name, value in properties.items():
            element.set_property(name.replace("_", "-"), value)
        self.pipeline.add(element)
        return element

    def add_chain(self, description):
        """Adds a chain of elements as one."""
        chain = Gst.parse_bin_from_description(description, True)
        self.pipeline.add(chain)
        return chain

    def add_sink(self):
        """A sink that sends from the socket that is received on."""
        sink = self.add("udpsink", host="127.0.0.1", port=self.remote_port, sync=False)
        sink.set_property("async", False)
        self.source.set_state(Gst.State.READY)
        sink.set_property("socket", self.source.get_property("used-socket"))
        sink.set_property("close-socket", False)
        return sink

    def report_often(self):
        """Lets reports and requests go out every fifth of a second, not every few seconds: a lost
        request is then followed by another while it is of use (RFC 4585 section 3.5)."""
        session = self.rtpbin.emit("get-internal-session", 0)
        session.set_property("rtcp-min-interval", Gst.SECOND // 5)
        session.set_property("bandwidth", 4e6)
        session.set_property("rtcp-fraction", 2e5)

    def protect(self, suite, seal, unseal):
        """Seals what is sent, and opens what is received."""
        cipher, auth = CIPHERS[suite]
        encoder = Gst.ElementFactory.make("srtpenc")
        encoder.set_property("key", Gst.Buffer.new_wrapped(bytes.fromhex(seal)))
        for name, value in (
            ("rtp-cipher", cipher),
            ("rtcp-cipher", cipher),
            ("rtp-auth", auth),
            ("rtcp-auth", auth.replace("32", "80")),
        ):
            Gst.util_set_object_arg(encoder, name, value)
        caps = Gst.Caps.from_string(
            f"application/x-srtp,srtp-key=(buffer){unseal},srtp-cipher=(string){cipher},"
            f"srtp-auth=(string){auth},srtcp-cipher=(string){cipher},"
            f"srtcp-auth=(string){auth.replace('32', '80')}"
        )
        decoder = Gst.ElementFactory.make("srtpdec")
        decoder.connect("request-key", lambda *_: caps)
        for protocol in ("rtp", "rtcp"):
            # rtpbin looks for these pads, and does not ask for them.
            encoder.request_pad_simple(f"{protocol}_sink_0")
            self.rtpbin.connect(f"request-{protocol}-encoder", lambda *_: encoder)
            self.rtpbin.connect(f"request-{protocol}-decoder", lambda *_: decoder)

    def caps(self):
        """What its RTP is, and which feedback is agreed on."""
        name, clock_rate, _, _ = CODECS[self.codec]
        kind = "audio" if self.codec == "opus" else "video"
        agreed = "".join(f",rtcp-fb-{how}=true" for how in self.feedback)
        if self.wide:
            agreed += f",extmap-{self.wide}=(string){TRANSPORT_WIDE}"
        return (
            f"application/x-rtp,media={kind},encoding-name={name},clock-rate={clock_rate},"
            f"payload={self.payload_type}{agreed}"
        )

    def retransmitting(self, kind, **properties):
        """Retransmissions as rtpbin wants them: an element in a bin with ghost pads."""
        pairs = f"application/x-rtp-pt-map,{self.payload_type}=(uint){self.rtx}"
        element = Gst.ElementFactory.make(kind)
        element.set_property("payload-type-map", Gst.Structure.from_string(pairs)[0])
        for name, value in properties.items():
            element.set_property(name.replace("_", "-"), value)

        def on_request(_, session):
            outer = Gst.Bin()
            outer.add(element)
            for name in ("sink", "src"):
                pad = element.get_static_pad(name)
                outer.add_pad(Gst.GhostPad.new(f"{name}_{session}", pad))
            return outer

        return on_request

    def on_error(self, _, message):
        """Ends with an error."""
        self.failure = str(message.parse_error())
        self.loop.quit()

    def run(self):
        """Runs until the end."""
        if self.rtx:
            self.report_often()
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        result = self.result()
        self.pipeline.set_state(Gst.State.NULL)
        if self.failure:
            sys.exit(self.failure)
        print(json.dumps({"result": result}), flush=True)


class Sender(Peer):
    """Encodes a test signal, and makes key frames when asked."""

    def __init__(self, codec, payload_type, ssrc, local_port, remote_port, seconds, feedback):
        super().__init__(codec, payload_type, local_port, remote_port, feedback)
        self.packets = 0
        self.timestamps = set()
        self.key_frame_requests = []
        self.round_trip_ms = 0.0
        self.arrivals = Arrivals()
        if self.rtx:
            ssrcs = Gst.Structure.from_string(
                f"application/x-rtp-ssrc-map,{ssrc}=(uint){ssrc + 1}"
            )[0]
            aux = self.retransmitting("rtprtxsend", ssrc_map=ssrcs, max_size_time=3000)
            self.rtpbin.connect("request-aux-sender", aux)
        signal = (AUDIO if codec == "opus" else VIDEO).format(
            pictures=30 * seconds, sounds=50 * seconds
        )
        _, _, encoder, _ = CODECS[codec]
        chain = self.add_chain(
            f"{signal} ! {encoder} pt={payload_type} ssrc={ssrc} mtu=1200"
            f' ! capsfilter caps="{self.caps()}"'
        )
        pad = chain.get_static_pad("src")
        pad.add_probe(Gst.PadProbeType.EVENT_UPSTREAM, self.on_event)
        pad.add_probe(Gst.PadProbeType.BUFFER, self.on_packet)
        pad.link(self.rtpbin.request_pad_simple("send_rtp_sink_0"))
        sink = self.add_sink().get_static_pad("sink")
        sink.add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, self.on_end)
        out = self.rtpbin.get_static_pad("send_rtp_src_0")
        if self.wide:
            out.add_probe(Gst.PadProbeType.BUFFER, self.on_numbered)
        out.link(sink)
        rtcp = self.rtpbin.request_pad_simple("send_rtcp_src_0")
        rtcp.link(self.add_sink().get_static_pad("sink"))
        self.source.set_property("caps", Gst.Caps.from_string(f"application/x-{self.sealed}rtcp"))
        answers = self.rtpbin.request_pad_simple("recv_rtcp_sink_0")
        self.source.get_static_pad("src").link(answers)

    def on_event(self, _, info):
        """Notes when the encoder is asked for a key frame; after a FIR, with all headers."""
        structure = info.get_event().get_structure()
        if structure and structure.get_name() == "GstForceKeyUnit":
            how = "fir" if structure.get_value("all-headers") else "pli"
            self.key_frame_requests.append({"at": time.monotonic(), "by": how})
        if structure and structure.get_name() == "RTPTWCCPackets":
            self.arrivals.hear(structure.get_value("packets"))
        return OK

    def on_numbered(self, _, info):
        """Loses a packet now and then, behind where GStreamer has noted its number."""
        is_lost = self.drop and self.packets % self.drop == 0
        self.arrivals.leave(info.get_buffer().extract_dup(12, 8), int(self.wide), is_lost)
        return DROP if is_lost else OK

    def on_end(self, _, info):
        """Ends when all RTP is sent. The end of RTCP, its BYE, is only due seconds later."""
        if info.get_event().type == Gst.EventType.EOS:
            self.round_trip_ms = self.measured_round_trip_ms()
            GLib.idle_add(self.loop.quit)
        return OK

    def measured_round_trip_ms(self):
        """The round trip that the last report about what it sends gave."""
        stats = self.rtpbin.emit("get-internal-session", 0).get_property("stats")
        for source in stats.get_value("source-stats") or []:
            if not source.get_value("internal") and source.get_value("have-rb"):
                return source.get_value("rb-round-trip") * 1000 / 65536
        return 0.0

    def on_packet(self, _, info):
        """Counts what is sent."""
        self.packets += 1
        self.timestamps.add(info.get_buffer().extract_dup(4, 4))
        return OK

    def result(self):
        return {
            "packets": self.packets,
            "frames": len(self.timestamps),
            "keyFrameRequests": self.key_frame_requests,
            "roundTripMs": self.round_trip_ms,
            "arrivals": vars(self.arrivals),
        }


class Arrivals:
    """Transport-wide sequence numbers: what left, and what GStreamer was told of it."""

    def __init__(self):
        self.sent = []
        self.lost = []
        # For each packet that was told of: its number, whether it is lost, and how many milliseconds
        # lie between its leaving and its arrival, on two clocks.
        self.told = []

    def leave(self, extensions, identifier, is_lost):
        """A packet leaves, with a block of one extension of two bytes (RFC 8285 section 4.2)."""
        assert extensions[:5] == bytes([0xBE, 0xDE, 0, 1, identifier << 4 | 1]), extensions
        number = int.from_bytes(extensions[5:7], "big")
        self.sent.append(number)
        if is_lost:
            self.lost.append(number)

    def hear(self, packets):
        """GStreamer has read feedback."""
        for packet in packets:
            number, is_lost = packet.get_value("seqnum"), packet.get_value("lost")
            took = 0 if is_lost else packet.get_value("remote-ts") - packet.get_value("local-ts")
            self.told.append([number, is_lost, took / Gst.MSECOND])


class Receiver(Peer):
    """Decodes, and counts what it decodes."""

    def __init__(self, codec, payload_type, local_port, remote_port, feedback):
        super().__init__(codec, payload_type, local_port, remote_port, feedback)
        self.packets = 0
        self.frames = 0
        self.last = time.monotonic()
        caps = Gst.Caps.from_string(self.caps())
        sealed = self.caps().replace("x-rtp", f"x-{self.sealed}rtp")
        self.source.set_property("caps", Gst.Caps.from_string(sealed))
        self.rtpbin.connect("request-pt-map", self.on_payload_type, caps)
        if self.rtx:
            self.rtpbin.set_property("do-retransmission", True)
            aux = self.retransmitting("rtprtxreceive")
            self.rtpbin.connect("request-aux-receiver", aux)
        self.rtpbin.connect("pad-added", self.on_stream)
        source = self.source.get_static_pad("src")
        source.add_probe(Gst.PadProbeType.BUFFER, self.on_packet)
        source.link(self.rtpbin.request_pad_simple("recv_rtp_sink_0"))
        if self.sealed:
            # What opens RTCP that comes with RTP hands it on there.
            self.rtpbin.request_pad_simple("recv_rtcp_sink_0")
        rtcp = self.rtpbin.request_pad_simple("send_rtcp_src_0")
        rtcp.link(self.add_sink().get_static_pad("sink"))
        GLib.io_add_watch(sys.stdin, GLib.IO_HUP | GLib.IO_IN, self.on_input)

    def on_payload_type(self, _, session, payload_type, caps):
        """What a payload type is."""
        if str(payload_type) != self.rtx:
            return caps
        _, clock_rate, _, _ = CODECS[self.codec]
        return Gst.Caps.from_string(
            "application/x-rtp,media=video,encoding-name=RTX,"
            f"clock-rate={clock_rate},payload={self.rtx},apt=(string){self.payload_type}"
        )

    def run(self):
        print(json.dumps({"ready": True}), flush=True)
        super().run()

    def on_packet(self, _, info):
        """Counts what is received."""
        self.packets += 1
        return OK

    def on_stream(self, _, pad):
        """Decodes a new stream."""
        if not pad.get_name().startswith("recv_rtp_src"):
            return
        _, _, _, decoder = CODECS[self.codec]
        chain = self.add_chain(f"{decoder} ! fakesink name=end sync=false signal-handoffs=true")
        chain.get_by_name("end").connect("handoff", self.on_frame)
        chain.sync_state_with_parent()
        pad.link(chain.get_static_pad("sink"))

    def on_frame(self, *_):
        """Counts what is decoded."""
        self.frames += 1
        self.last = time.monotonic()

    def on_input(self, *_):
        """Standard input has ended: so does this, once no frame has come for a while."""
        GLib.timeout_add(50, self.end_when_silent)
        return GLib.SOURCE_REMOVE

    def end_when_silent(self):
        if time.monotonic() - self.last < self.latency / 1000 + 0.5:
            return GLib.SOURCE_CONTINUE
        self.loop.quit()
        return GLib.SOURCE_REMOVE

    def result(self):
        return {"packets": self.packets, "frames": self.frames}


def main(mode, codec, *rest):
    Gst.init(None)
    if mode == "send":
        numbers, feedback = rest[:5], rest[5:]
        Sender(codec, *map(int, numbers), feedback).run()
    else:
        numbers, feedback = rest[:3], rest[3:]
        Receiver(codec, *map(int, numbers), feedback).run()


if __name__ == "__main__":
    main(*sys.argv[1:])

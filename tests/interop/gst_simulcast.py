#!/usr/bin/python3
"""A GStreamer sender of VP8 in two encodings at once.

    gst_simulcast.py PAYLOAD_TYPE SSRC LOCAL_PORT REMOTE_PORT SECONDS

The encodings have SSRC and SSRC + 10, the smaller picture first; key frames are made of the one that
is asked for. Prints `{"result": {...}}` when all is sent.
"""

import sys

from gst_peer import OK, GLib, Gst, Peer

SIGNAL = (
    "videotestsrc is-live=true pattern=zone-plate kx2=20 ky2=20 kt=1 num-buffers={pictures}"
    " ! video/x-raw,width=640,height=360,framerate=30/1 ! tee name=t"
)
# Their width, height and kbit/s: the signal is hard enough to take these.
ENCODINGS = [(320, 180, 150), (640, 360, 900)]
ENCODING = (
    " t. ! queue ! videoscale ! video/x-raw,width={width},height={height} ! videoconvert"
    " ! vp8enc deadline=1 cpu-used=8 end-usage=cbr target-bitrate={bits} keyframe-max-dist=3000"
    ' ! rtpvp8pay picture-id-mode=2 pt={payload_type} ssrc={ssrc} mtu=1200 ! capsfilter caps="{caps}"'
    " ! f.sink_{index}"
)


class Simulcast(Peer):
    """Encodes a test signal twice."""

    def __init__(self, payload_type, ssrc, local_port, remote_port, seconds):
        feedback = ["nack", "nack-pli", "ccm-fir"]
        super().__init__("vp8", payload_type, local_port, remote_port, feedback)
        self.packets = 0
        caps = self.caps()
        chain = SIGNAL.format(pictures=30 * seconds) + "".join(
            ENCODING.format(
                index=index,
                width=width,
                height=height,
                bits=1000 * kbits,
                payload_type=payload_type,
                ssrc=ssrc + 10 * index,
                caps=caps,
            )
            for index, (width, height, kbits) in enumerate(ENCODINGS)
        )
        bin_ = Gst.parse_bin_from_description(f"rtpfunnel name=f {chain}", False)
        bin_.add_pad(Gst.GhostPad.new("src", bin_.get_by_name("f").get_static_pad("src")))
        self.pipeline.add(bin_)
        bin_.get_static_pad("src").link(self.rtpbin.request_pad_simple("send_rtp_sink_0"))
        sink = self.add_sink().get_static_pad("sink")
        sink.add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, self.on_end)
        sink.add_probe(Gst.PadProbeType.BUFFER, self.on_packet)
        self.rtpbin.get_static_pad("send_rtp_src_0").link(sink)
        rtcp = self.rtpbin.request_pad_simple("send_rtcp_src_0")
        rtcp.link(self.add_sink().get_static_pad("sink"))
        self.source.set_property("caps", Gst.Caps.from_string("application/x-rtcp"))
        answers = self.rtpbin.request_pad_simple("recv_rtcp_sink_0")
        self.source.get_static_pad("src").link(answers)

    def on_packet(self, *_):
        """Counts what is sent."""
        self.packets += 1
        return OK

    def on_end(self, _, info):
        """Ends when all RTP is sent."""
        if info.get_event().type == Gst.EventType.EOS:
            GLib.idle_add(self.loop.quit)
        return OK

    def result(self):
        return {"packets": self.packets}


if __name__ == "__main__":
    Gst.init(None)
    Simulcast(*map(int, sys.argv[1:])).run()

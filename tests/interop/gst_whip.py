#!/usr/bin/python3
"""GStreamer's webrtcbin, with a certificate of RSA: sends by WHIP (RFC 9725), or receives by WHEP.

    gst_whip.py send URL
    gst_whip.py receive URL

Prints `{"connected": SESSION}` with the address of its session once the answer is taken and the
handshake is done, and when standard input ends `{"result": {"frames": N, "sounds": N}}`: what a sender
has encoded or a receiver decoded.
"""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

# What streaming threads need is looked up before they run: two of them that come to it at once break
# its definition.
BUFFER, OK = Gst.PadProbeType.BUFFER, Gst.PadProbeReturn.OK

CAPS = {
    "video": "application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000",
    "audio": "application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000,"
    "encoding-params=(string)2",
}
SOURCES = {
    "video": "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=30/1"
    " ! vp8enc deadline=1 cpu-used=8 keyframe-max-dist=3000 ! identity name=counted"
    " ! rtpvp8pay pt=96 picture-id-mode=2",
    "audio": "audiotestsrc is-live=true ! opusenc ! identity name=counted ! rtpopuspay pt=97",
}
SINKS = {
    "video": "rtpvp8depay ! vp8dec ! identity name=counted ! fakesink sync=false",
    "audio": "rtpopusdepay ! opusdec ! identity name=counted ! fakesink sync=false",
}


class Peer:
    """A pipeline around a webrtcbin."""

    def __init__(self, url):
        self.url = url
        self.counts = {"frames": 0, "sounds": 0}
        self.session = None
        self.failure = None
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.Pipeline()
        self.webrtc = Gst.ElementFactory.make("webrtcbin")
        self.webrtc.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.pipeline.add(self.webrtc)
        self.webrtc.connect("on-negotiation-needed", self.negotiate)
        self.webrtc.connect("notify::connection-state", self.connected)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.on_error)

    def add(self, kind, description):
        """Adds what makes or takes media, and counts what goes through it."""
        chain = Gst.parse_bin_from_description(description, True)
        counter = chain.get_by_name("counted").get_static_pad("src")
        name = "frames" if kind == "video" else "sounds"
        counter.add_probe(BUFFER, self.count, name)
        self.pipeline.add(chain)
        return chain

    def count(self, _pad, _info, name):
        self.counts[name] += 1
        return OK

    def send(self):
        for kind, description in SOURCES.items():
            chain = self.add(kind, description)
            caps = Gst.Caps.from_string(CAPS[kind])
            template = self.webrtc.get_pad_template("sink_%u")
            pad = self.webrtc.request_pad(template, None, caps)
            chain.get_static_pad("src").link(pad)
            pad.get_property("transceiver").set_property("do-nack", True)

    def receive(self):
        self.webrtc.connect("pad-added", self.on_pad)
        direction = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
        for caps in CAPS.values():
            self.webrtc.emit("add-transceiver", direction, Gst.Caps.from_string(caps))

    def on_pad(self, _, pad):
        kind = pad.get_current_caps().get_structure(0).get_string("media")
        chain = self.add(kind, SINKS[kind])
        chain.sync_state_with_parent()
        pad.link(chain.get_static_pad("sink"))

    def negotiate(self, _):
        self.webrtc.emit("create-offer", None, Gst.Promise.new_with_change_func(self.offer))

    def offer(self, promise):
        # The offer is gone with the reply.
        reply = promise.get_reply()
        offer = reply.get_value("offer")
        self.webrtc.emit("set-local-description", offer, Gst.Promise.new())
        headers = {"content-type": "application/sdp"}
        request = urllib.request.Request(self.url, offer.sdp.as_text().encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                answer = response.read().decode()
                self.session = urllib.parse.urljoin(self.url, response.headers["location"])
        except urllib.error.HTTPError as error:
            self.fail(f"{error}: {error.read().decode()}")
            return
        _, message = GstSdp.SDPMessage.new_from_text(answer)
        kind = GstWebRTC.WebRTCSDPType.ANSWER
        description = GstWebRTC.WebRTCSessionDescription.new(kind, message)
        self.webrtc.emit("set-remote-description", description, Gst.Promise.new())

    def connected(self, *_):
        state = self.webrtc.get_property("connection-state")
        if state == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
            print(json.dumps({"connected": self.session}), flush=True)

    def on_error(self, _, message):
        self.fail(message.parse_error()[0].message)

    def fail(self, why):
        self.failure = why
        self.loop.quit()

    def hung_up(self, *_):
        self.loop.quit()
        return False

    def run(self):
        GLib.io_add_watch(sys.stdin, GLib.IO_HUP | GLib.IO_IN, self.hung_up)
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        print(json.dumps({"result": self.counts}), flush=True)
        self.pipeline.set_state(Gst.State.NULL)
        if self.failure:
            sys.exit(self.failure)


def main(role, url):
    Gst.init(None)
    peer = Peer(url)
    {"send": peer.send, "receive": peer.receive}[role]()
    peer.run()


if __name__ == "__main__":
    main(*sys.argv[1:])

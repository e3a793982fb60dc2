#!/usr/bin/python3
"""aiortc: sends by WHIP (RFC 9725), or receives by WHEP.

    aiortc_peer.py FOLDER send URL
    aiortc_peer.py FOLDER receive URL

FOLDER is where aiortc is. Prints `{"connected": SESSION}` with the address of its session once the
handshake is done, and when standard input ends `{"result": {"frames": N, "sounds": N}}`: what a sender
has made or a receiver decoded.
"""

import asyncio
import json
import sys
import urllib.parse
import urllib.request

sys.path.insert(0, sys.argv[1])

from aiortc import RTCPeerConnection, RTCSessionDescription  # noqa: E402
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack  # noqa: E402

NAMES = {"video": "frames", "audio": "sounds"}


def counted(track_class, counts):
    """Tracks of a class that count what is taken of them."""

    class Counted(track_class):
        async def recv(self):
            frame = await super().recv()
            counts[NAMES[self.kind]] += 1
            return frame

    return Counted()


def send(connection, counts):
    for track_class in (AudioStreamTrack, VideoStreamTrack):
        connection.addTrack(counted(track_class, counts))


def receive(connection, counts):
    async def take(track):
        try:
            while True:
                await track.recv()
                counts[NAMES[track.kind]] += 1
        except MediaStreamError:
            pass

    connection.on("track", lambda track: asyncio.ensure_future(take(track)))
    for kind in ("audio", "video"):
        connection.addTransceiver(kind, direction="recvonly")


def post(url, offer):
    """The answer to an offer, and the session."""
    headers = {"content-type": "application/sdp"}
    request = urllib.request.Request(url, offer.encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        session = urllib.parse.urljoin(url, response.headers["location"])
        return response.read().decode(), session


async def main(role, url):
    connection, counts = RTCPeerConnection(), {"frames": 0, "sounds": 0}
    connected = asyncio.Event()

    @connection.on("connectionstatechange")
    def changed():
        if connection.connectionState == "connected":
            connected.set()

    {"send": send, "receive": receive}[role](connection, counts)
    await connection.setLocalDescription(await connection.createOffer())
    answer, session = await asyncio.to_thread(post, url, connection.localDescription.sdp)
    await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await connected.wait()
    print(json.dumps({"connected": session}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps({"result": counts}), flush=True)
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[2:]))

#!/usr/bin/python3
"""A bad line between two peers: it delays every datagram, and for a while loses some.

    impair.py LEFT_PORT LEFT_PEER_PORT RIGHT_PORT RIGHT_PEER_PORT DELAY_MS LOSS SEED

What the left peer sends to LEFT_PORT reaches the right peer from RIGHT_PORT, and the other way
round. Losing begins half a second after the first datagram of more than 300 bytes (media) and lasts
five seconds: neither the first packets of a stream, of which nobody can know, nor the last ones,
after which nobody asks, are lost. Prints `{"ready": true}`, and when standard input ends
`{"result": {"passed": N, "lost": N}}`.
"""

import heapq
import itertools
import json
import random
import selectors
import socket
import sys
import time

HOST = "127.0.0.1"
MEDIA_LEN = 300
CALM, LOSING = 0.5, 5.0


class Line:
    """Datagrams on their way."""

    def __init__(self, delay, loss, seed):
        self.delay = delay
        self.loss = loss
        self.random = random.Random(seed)
        self.began = None
        self.order = itertools.count()
        self.underway = []
        self.counts = {"passed": 0, "lost": 0}

    def enter(self, datagram, way_out):
        """Takes a datagram in, or loses it."""
        now = time.monotonic()
        if self.began is None and len(datagram) > MEDIA_LEN:
            self.began = now
        if self.is_losing(now) and self.random.random() < self.loss:
            self.counts["lost"] += 1
            return
        self.pass_on(now + self.delay, datagram, way_out)

    def pass_on(self, due, datagram, way_out):
        """Lets a datagram through at a time."""
        heapq.heappush(self.underway, (due, next(self.order), datagram, way_out))

    def is_losing(self, now):
        return self.began is not None and CALM <= now - self.began < CALM + LOSING

    def wait(self):
        """Seconds until the next datagram is through."""
        return max(0.0, self.underway[0][0] - time.monotonic()) if self.underway else 1.0

    def leave(self):
        """Hands out what is through."""
        while self.underway and self.underway[0][0] <= time.monotonic():
            _, _, datagram, (out, address) = heapq.heappop(self.underway)
            self.counts["passed"] += 1
            try:
                out.sendto(datagram, address)
            except OSError:
                pass  # The peer is gone.


def bind(port):
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    end.bind((HOST, port))
    end.setblocking(False)
    return end


def main(left_port, left_peer, right_port, right_peer, delay_ms, loss, seed):
    left, right = bind(int(left_port)), bind(int(right_port))
    ways = {left: (right, (HOST, int(right_peer))), right: (left, (HOST, int(left_peer)))}
    line = Line(float(delay_ms) / 1000, float(loss), int(seed))
    selector = selectors.DefaultSelector()
    for source in (left, right, sys.stdin):
        selector.register(source, selectors.EVENT_READ)
    print(json.dumps({"ready": True}), flush=True)
    while True:
        for key, _ in selector.select(line.wait()):
            if key.fileobj is sys.stdin:
                print(json.dumps({"result": line.counts}), flush=True)
                return
            drain(key.fileobj, line, ways[key.fileobj])
        line.leave()


def drain(source, line, way_out):
    while True:
        try:
            line.enter(source.recv(65536), way_out)
        except ConnectionRefusedError:
            continue  # The peer is not there yet, or gone.
        except BlockingIOError:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])

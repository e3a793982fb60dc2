#!/usr/bin/python3
"""A narrow line: what comes from the right leaves to the left no faster than a rate.

    narrow.py LEFT_PORT LEFT_PEER_PORT RIGHT_PORT RIGHT_PEER_PORT DELAY_MS LOSS SEED KBITS

What the left peer sends to LEFT_PORT reaches the right peer from RIGHT_PORT, delayed. What the right
peer sends to RIGHT_PORT waits for its turn, for 300 ms at most, or is lost; of the rest a share LOSS
is lost too. Lines of standard input are other rates in kbit/s. Prints `{"ready": true}`, and when
standard input ends `{"result": {"passed": N, "lost": N, "overflowed": N}}`.
"""

import json
import selectors
import sys
import time

from impair import HOST, Line, bind, drain

QUEUE = 0.3


class Narrow(Line):
    """A line with a rate one way."""

    def __init__(self, delay, loss, seed, kbits, narrow_way):
        super().__init__(delay, loss, seed)
        self.rate = kbits * 1000
        self.narrow_way = narrow_way
        self.free = 0.0
        self.counts["overflowed"] = 0

    def enter(self, datagram, way_out):
        """Takes a datagram in, or loses it."""
        now = time.monotonic()
        due = now
        if way_out[0] is self.narrow_way:
            if self.free - now > QUEUE:
                self.counts["overflowed"] += 1
                return
            self.free = due = max(self.free, now) + len(datagram) * 8 / self.rate
            if self.random.random() < self.loss:
                self.counts["lost"] += 1
                return
        self.pass_on(due + self.delay, datagram, way_out)


def main(left_port, left_peer, right_port, right_peer, delay_ms, loss, seed, kbits):
    left, right = bind(int(left_port)), bind(int(right_port))
    ways = {left: (right, (HOST, int(right_peer))), right: (left, (HOST, int(left_peer)))}
    line = Narrow(float(delay_ms) / 1000, float(loss), int(seed), float(kbits), left)
    selector = selectors.DefaultSelector()
    for source in (left, right, sys.stdin):
        selector.register(source, selectors.EVENT_READ)
    print(json.dumps({"ready": True}), flush=True)
    while True:
        for key, _ in selector.select(line.wait()):
            if key.fileobj is not sys.stdin:
                drain(key.fileobj, line, ways[key.fileobj])
                continue
            said = sys.stdin.readline()
            if not said:
                print(json.dumps({"result": line.counts}), flush=True)
                return
            line.rate = float(said) * 1000
        line.leave()


if __name__ == "__main__":
    main(*sys.argv[1:])

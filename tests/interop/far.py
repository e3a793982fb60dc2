#!/usr/bin/python3
"""A long way between a server and its clients: every datagram is late, and some are lost.

    far.py PORT HOST SERVER_PORT DELAY_MS LOSS SEED

What any client sends to PORT reaches the server, from a port of its own for each client, and the other
way round. A line of standard input begins the losing. Prints `{"ready": true}`, and when standard input
ends `{"result": {"passed": N, "lost": N, "lateMs": MS}}`, with how much too late it was at most.
"""

import json
import selectors
import sys
import time

from impair import Line, bind

AT_ONCE = 64


class Far(Line):
    """A line that loses from when it is told to."""

    loses = False
    late = 0.0

    def is_losing(self, _):
        return self.loses

    def leave(self):
        """Hands out what is through."""
        if self.underway:
            self.late = max(self.late, time.monotonic() - self.underway[0][0])
        super().leave()


class Clients:
    """Who sends from which port, and the end towards the server that each of them has."""

    def __init__(self, near, server, selector):
        self.near = near
        self.server = server
        self.selector = selector
        self.ends = {}
        self.names = {}

    def way(self, source, sender):
        """Where a datagram leaves to."""
        if source is not self.near:
            return self.near, self.names[source]
        if sender not in self.ends:
            end = self.ends[sender] = bind(0)
            self.names[end] = sender
            self.selector.register(end, selectors.EVENT_READ)
        return self.ends[sender], self.server


def main(port, host, server_port, delay_ms, loss, seed):
    near = bind(int(port))
    line = Far(float(delay_ms) / 1000, float(loss), int(seed))
    selector = selectors.DefaultSelector()
    clients = Clients(near, (host, int(server_port)), selector)
    for source in (near, sys.stdin):
        selector.register(source, selectors.EVENT_READ)
    print(json.dumps({"ready": True}), flush=True)
    while True:
        for key, _ in selector.select(line.wait()):
            if key.fileobj is not sys.stdin:
                drain(key.fileobj, line, clients)
            elif sys.stdin.readline():
                line.loses = True
            else:
                result = {**line.counts, "lateMs": 1000 * line.late}
                print(json.dumps({"result": result}), flush=True)
                return
        line.leave()


def drain(source, line, clients):
    for _ in range(AT_ONCE):
        try:
            datagram, sender = source.recvfrom(65536)
        except (ConnectionRefusedError, BlockingIOError):
            return
        line.enter(datagram, clients.way(source, sender))


if __name__ == "__main__":
    main(*sys.argv[1:])

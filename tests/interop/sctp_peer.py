"""The SCTP peer made of usrsctp: `sctp_peer.c` tells what it does."""

import json
import subprocess

from lab import HERE, require


def build(lab):
    """Compiles the peer and returns its path."""
    path = lab.file("sctp_peer")
    flags = "-std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror".split()
    command = ["gcc", *flags, "-o", path, HERE / "sctp_peer.c", "-lusrsctp"]
    result = subprocess.run(command, capture_output=True, text=True)
    require(result.returncode == 0, f"the peer does not build: {result.stderr}")
    return path


class Peer:
    """A running peer. It takes its steps one after another."""

    def __init__(self, lab, command, name, role, local_port, remote_port, steps):
        self.name = name
        self.program = lab.start(name, [*command, role, local_port, remote_port, *steps])
        self.steps = list(steps)
        self.program.says("ready", 20)

    def connected(self):
        """Waits until the association is up; returns how many streams each side has."""
        _, streams = self.program.says("connected", 10)
        return streams

    def did(self, step, seconds=75):
        """Waits until a step is done."""
        while True:
            _, done = self.program.says("done", seconds)
            if done == step:
                return

    def ended(self, seconds=75):
        """Waits until the association has ended; returns how."""
        return self.program.says("ended", seconds)[1]

    def result(self):
        """Ends the peer; returns what it has seen. Nothing damaged may be among it."""
        self.program.hang_up()
        _, result = self.program.says("result", 10)
        self.program.ends(10)
        require(result["wrong"] == 0, f"{self.name}: {result['wrong']} messages were not right")
        bad = result["badChecksums"]
        require(bad == 0, f"{self.name}: {bad} packets came with a wrong CRC32c")
        return result


def same(sent, received, who):
    """What was sent on each stream must have been received; returns it in words."""
    difference = [stream for stream in {**sent, **received} if sent.get(stream) != received.get(stream)]
    if difference:
        stream = difference[0]
        detail = json.dumps({"sent": sent.get(stream), "received": received.get(stream)})
        require(False, f"{who}: streams {difference} differ, {stream}: {detail}")
    messages = sum(tally["messages"] for tally in sent.values())
    size = sum(tally["bytes"] for tally in sent.values())
    return f"{who}: {messages} messages, {size} bytes, on {len(sent)} streams"

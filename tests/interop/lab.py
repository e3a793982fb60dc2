"""A place to run programs in: a network of its own, bounded in time, everything logged."""

import json
import pathlib
import queue
import signal
import socket
import struct
import subprocess
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
HOST = "127.0.0.1"
LAN = "10.77.0.1"


class Failure(Exception):
    """Something is not as it must be."""


def require(condition, complaint):
    """Fails with `complaint` unless `condition` holds."""
    if not condition:
        raise Failure(complaint)


def wait_until(condition, seconds, complaint):
    """Polls `condition` until it holds and returns what it returned."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        require(time.monotonic() < deadline, f"{complaint} within {seconds} s")
        time.sleep(0.02)


class Program:
    """A running program. Closing its standard input asks it to end, where it listens to that."""

    def __init__(self, name, command, folder):
        self.name = name
        self.log = folder / f"{name}.log"
        self.lines = queue.Queue()
        self.last = "nothing"
        with self.log.open("w") as log:
            log.write("$ " + " ".join(map(str, command)) + "\n")
            log.flush()
            self.process = subprocess.Popen(
                list(map(str, command)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with self.log.with_suffix(".out").open("w", buffering=1) as copy:
            for line in self.process.stdout:
                self.lines.put((time.monotonic(), line))
                copy.write(line)
        self.lines.put((time.monotonic(), None))

    def says(self, key, seconds):
        """Waits for the JSON line `{key: value}`; returns when it came, and the value."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                at, line = self.lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                missing = f"{self.name} said no {key!r} within {seconds} s"
                raise Failure(f"{missing}; the last it said: {self.last.strip()}") from None
            ended = f"{self.name} ended before it said {key!r}"
            require(line is not None, f"{ended}: {self.complaint()}")
            self.last = line
            message = json.loads(line)
            if key in message:
                return at, message[key]

    def prints(self, beginning, seconds):
        """Waits for a line that begins so, and returns the rest of it."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                _, line = self.lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise Failure(f"{self.name} printed no {beginning!r} within {seconds} s") from None
            ended = f"{self.name} ended before it printed {beginning!r}"
            require(line is not None, f"{ended}: {self.complaint()}")
            if line.startswith(beginning):
                return line[len(beginning) :].strip()

    def tell(self, message):
        """Writes a line of JSON to its standard input."""
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def hang_up(self):
        """Closes its standard input."""
        self.process.stdin.close()

    def interrupt(self):
        """Asks it to end, as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)

    def ends(self, seconds):
        """Waits for its end, which must be a good one."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {seconds} s") from None
        require(code == 0, f"{self.name} ended with {code}: {self.complaint()}")

    def complaint(self):
        """The last lines it wrote to standard error."""
        return " / ".join(self.log.read_text(errors="replace").splitlines()[1:][-4:])

    def kill(self):
        """Ends it whether it likes it or not."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Lab:
    """A folder and a loopback network for one scenario. Use it in a `with` statement."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.programs = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for program in reversed(self.programs):
            program.kill()

    def start(self, name, command):
        """Starts a program."""
        program = Program(name, command, self.folder)
        self.programs.append(program)
        return program

    def lan(self):
        """An address that is not of loopback, and a way out that leads nowhere, for who wants them."""
        link = ["ip", "link", "add", "lan", "type", "veth", "peer", "name", "far"]
        up = [["ip", "link", "set", end, "up"] for end in ("lan", "far")]
        address = ["ip", "address", "add", f"{LAN}/24", "dev", "lan"]
        way = ["ip", "route", "add", "default", "dev", "lan"]
        for command in (link, address, *up, way):
            subprocess.run(command, check=True)
        return LAN

    def file(self, name):
        """The path of a file of this scenario."""
        return self.folder / name

    def write(self, name, text):
        """Writes a file and returns its path."""
        path = self.file(name)
        path.write_text(text)
        return path


def listening(*ports):
    """Waits until every UDP port of `ports` is bound."""
    wait_until(
        lambda: set(ports) <= {port for port, _, _ in udp_sockets()},
        20,
        f"not all of the ports {sorted(ports)} were bound",
    )


def drained():
    """Waits until all receive queues have been empty for a while; fails if one has overflown."""
    calm_since = time.monotonic()

    def calm():
        nonlocal calm_since
        if any(waiting for _, waiting, _ in udp_sockets()):
            calm_since = time.monotonic()
        return time.monotonic() - calm_since > 0.5

    wait_until(calm, 20, "the receive queues were not emptied")
    lost = {port: drops for port, _, drops in udp_sockets() if drops}
    require(not lost, f"receive queues overflowed (port: datagrams): {lost}")


def udp_sockets():
    """Every UDP socket of this network: its port, bytes that wait in it, datagrams it dropped."""
    for line in pathlib.Path("/proc/self/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        yield int(fields[1].split(":")[1], 16), int(fields[4].split(":")[1], 16), int(fields[12])


def send_bye(port, ssrc):
    """Tells a receiver that its sender has left (RFC 3550 section 6.6): it finishes its files."""
    empty_report = struct.pack("!BBHI", 0x80, 201, 1, ssrc)
    bye = struct.pack("!BBHI", 0x81, 203, 1, ssrc)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(empty_report + bye, (HOST, port))


def isolate():
    """Brings up the loopback of a new network namespace.

    Nothing is sent in larger units than datagrams there: what is captured is what a wire carries.
    """
    subprocess.run(["ip", "link", "set", "lo", "gso_max_segs", "1", "up"], check=True)


"""mediasoup-client in Chromium, as it is, and the JSON interface of the example `rooms`.

Each call sends what it shows itself. All of them are in one page: first one after the other begins,
which is timed, then they go on together.
"""

import statistics
import subprocess
import time

import rooms
from browser import Browser
from fetched import Site
from lab import HERE, HOST, require, udp_sockets

SMALL, LARGE = (640, 360), (960, 540)
SIMULCAST = [
    {"rid": "r0", "scaleResolutionDownBy": 4, "scalabilityMode": "L1T3"},
    {"rid": "r1", "scaleResolutionDownBy": 2, "scalabilityMode": "L1T3"},
    {"rid": "r2", "scaleResolutionDownBy": 1, "scalabilityMode": "L1T3"},
]
SVC = [{"scalabilityMode": "L3T3_KEY"}]
# What each call sends. The first one has the camera at its largest.
CALLS = {
    "VP8 simulcast": {"codec": "VP8", "size": LARGE, "encodings": SIMULCAST},
    "VP9 SVC": {"codec": "VP9", "size": LARGE, "encodings": SVC},
    "VP8": {"codec": "VP8", "size": SMALL},
    "VP9": {"codec": "VP9", "size": SMALL},
    "H.264": {"codec": "H264", "size": SMALL},
    "AV1": {"codec": "AV1", "size": SMALL},
}
LAYERED = ["VP8 simulcast", "VP9 SVC"]
PICTURES = 40
# ms until a first picture, at the median, beyond what the browser takes with itself at that moment.
FIRST = 500
# A line that loses.
LINE, LOSS, DELAY_MS, LOSING = 44445, 0.05, 30, 12
# ms without a picture that a repair, or a new key frame, may take.
LONGEST_GAP = 1000
CALL = "return await window.call(...arguments);"
ALL = "return await window.all(...arguments);"


def named(name):
    """The name of a room."""
    return name.replace(" ", "-").replace(".", "")


def clean(lab, program):
    """Every codec, layers, pauses and data channels, where nothing is lost on the way."""
    rooms.server(lab, program)
    with Site(program) as site, Browser(lab, film(lab)) as browser:
        tab = browser.open(site.address)
        first = {name: begin(tab, name, call) for name, call in CALLS.items()}
        yield at_once(first)
        tab.run(ALL, "see", PICTURES)
        figures = tab.run(ALL, "figures")
        # A browser that is not let run empties its small queues too late.
        overflowed = sum(drops for port, _, drops in udp_sockets() if port != rooms.MEDIA)
        for name in CALLS:
            yield moving(name, CALLS[name], figures[named(name)], overflowed)
        yield from layers(tab)
        for name, pauses in tab.run(ALL, "pause").items():
            yield paused(name, pauses)
        tab.run(ALL, "hush")
        for ordered in (True, False):
            yield messages(tab.run(ALL, "messages", ordered), ordered)
        complaints = tab.console()
        require(not complaints, f"the page complains: {complaints}")


def film(lab):
    """What the camera sees: more than the few bits that a browser's own drawing takes."""
    path = lab.file("film.mjpeg")
    source = "testsrc2=size={}x{}:rate=20".format(*LARGE)
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-t", "3", "-q:v", "5"]
    subprocess.run([*command, "-f", "mjpeg", path], check=True)
    return path


def begin(tab, name, call, **more):
    """Begins a call; ms until a first picture: of the browser with itself, and through the server."""
    tab.run(CALL, named(name), "begin", {"server": rooms.PAGE, **call, **more})
    alone = tab.run(CALL, named(name), "alone", call["codec"])
    return alone, tab.run(CALL, named(name), "receive")


def at_once(first):
    """Pictures came soon, as far as that is the server's doing: encoders share the machine with it."""
    median = statistics.median(ms for _, ms in first.values())
    beyond = statistics.median(ms - alone for alone, ms in first.values())
    told = ", ".join(f"{name} {ms:.0f} and {alone:.0f}" for name, (alone, ms) in first.items())
    said = f"the first picture after {median:.0f} ms at the median ({told} without the server)"
    require(beyond < FIRST, said)
    return f"mediasoup-client: {said}"


def moving(name, call, figures, overflowed):
    """Pictures of a codec move, and nothing was lost on the way."""
    codec = f"video/{call['codec']}"
    require(figures["codec"].lower() == codec.lower(), f"{name}: {figures['codec']} was received")
    require(figures["decoded"] >= PICTURES, f"{name}: {figures['decoded']} pictures were decoded")
    require(figures["changes"] > 1, f"{name}: the picture stands still")
    require(figures["sounds"] > PICTURES, f"{name}: {figures['sounds']} packets of sound")
    lost = figures["lostBefore"]
    require(lost == 0, f"{name}: {lost} packets were lost on the way to the server")
    lost = figures["lost"]
    complaint = f"{lost} packets were lost behind the server, {overflowed} in the browser's queues"
    require(lost <= overflowed, f"{name}: {complaint}")
    width, height = figures["size"]
    told = f"{figures['decoded']} pictures decoded, {width}x{height}, {figures['packets']} packets"
    return f"mediasoup-client {name}: {told}, {lost} lost"


def layers(tab):
    """A receiver gets the layer that it prefers."""
    width, _ = LARGE
    for name in LAYERED:
        sizes = [
            tab.run(CALL, named(name), "layer", layer, widths, 60_000)
            for layer, widths in ((2, [width // 2, width]), (0, [1, width // 4]))
        ]
        told = " and ".join(f"{size[0]}x{size[1]}" for size in sizes)
        yield f"mediasoup-client {name}: {told} for the layers 2 and 0"


def paused(name, pauses):
    """Nothing comes while either end is paused, and pictures come behind that."""
    for who, pause in pauses.items():
        require(pause["meanwhile"] == 0, f"{name}: {pause['meanwhile']} packets of a paused {who}")
    told = ", ".join(f"{who.lower()} {pause['resumed']:.0f} ms" for who, pause in pauses.items())
    return f"mediasoup-client {name}: paused and resumed, ten pictures after {told}"


def messages(channels, ordered):
    """Every message came as it was sent, in order where that was asked for."""
    kind = "ordered" if ordered else "unordered"
    for name, channel in channels.items():
        came, sent = channel["came"], list(range(channel["sent"]))
        require(channel["ordered"] == ordered, f"{name}: the channel is not {kind}")
        require(sorted(came) == sent, f"{name}: of {sent}, {came} came unharmed")
        require(not ordered or came == sent, f"{name}: {came} came in another order")
    count = sum(channel["sent"] for channel in channels.values())
    took = max(channel["took"] for channel in channels.values())
    told = f"{count} {kind} messages of 1 B, 1 kB and 256 KiB came unharmed within {took:.0f} ms"
    return f"mediasoup-client: {told}"


def lossy(lab, program):
    """Where a share of all datagrams is lost both ways, and the rest takes its time."""
    recording = lab.file("call.flumen")
    running = rooms.server(lab, program, more=["--record", recording])
    command = [HERE / "far.py", LINE, HOST, rooms.MEDIA, DELAY_MS, LOSS, 7]
    line = lab.start("line", command)
    line.says("ready", 20)
    with Site(program) as site, Browser(lab, film(lab)) as browser:
        tab = browser.open(site.address)
        names = ["VP8", "VP9 SVC"]
        for name in names:
            call = {**CALLS[name], "size": SMALL}
            begin(tab, name, call, port=LINE)
            tab.run(CALL, named(name), "watch")
        began = tab.run("return window.now();")
        before = tab.run(ALL, "figures")
        line.tell("lose")
        time.sleep(LOSING)
        gaps = {name: tab.run("return window.gaps(...arguments);", named(name), began) for name in names}
        figures = tab.run(ALL, "figures")
    line.hang_up()
    _, counts = line.says("result", 10)
    require(counts["lost"] > 100, f"the line lost only {counts['lost']} datagrams")
    for name in names:
        # What a busy machine adds to what the line does, there and back.
        gap, still = gaps[name]
        allowed = LONGEST_GAP + still + 2 * counts["lateMs"]
        require(gap < allowed, f"{name}: no picture for {gap:.0f} of {allowed:.0f} ms")
        yield goes_on(name, gap, before[named(name)], figures[named(name)])
    late = f"the others came {counts['lateMs']:.0f} ms too late at most"
    yield f"{counts['lost']} of {counts['lost'] + counts['passed']} datagrams were lost, {late}"
    running.interrupt()
    running.ends(10)
    yield rooms.replayed(lab, program, recording)


def goes_on(name, gap, before, figures):
    """Decoding goes on: what was lost was sent again, or a key frame came soon."""
    count = figures["decoded"] - before["decoded"]
    require(figures["repaired"] > 0, f"{name}: nothing was sent again")
    keys = figures["keyFrames"] - before["keyFrames"]
    told = f"{count} pictures in {LOSING} s, the longest gap {gap:.0f} ms"
    return f"{name} with loss: {told}, {figures['repaired']} packets repaired, {keys} key frames"

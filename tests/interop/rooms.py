"""The page of the example `rooms` in a browser: participants see and hear each other, and chat."""

import pathlib
import time

from browser import Browser
from firefox import Firefox
from lab import HOST, require, wait_until

HTTP, MEDIA = 3000, 44444
# Seconds that anything may take on a busy machine.
PATIENCE = 60
PAGE = f"http://{HOST}:{HTTP}/"

JOIN = """
const [name, codec, simulcast] = arguments;
document.getElementById("name").value = name;
document.getElementById("codec").value = codec;
document.getElementById("simulcast").checked = simulcast;
document.getElementById("enter").click();
"""
# What each other participant's tile shows: its name, the picture's width, and the frames it has
# had, as the browser counts them.
SEEN = """
return [...document.querySelectorAll(".tile")].map((tile) => {
  const video = tile.querySelector("video");
  const figure = (name) => tile.querySelector(`dd[data-figure="${name}"]`).textContent;
  return {
    name: tile.querySelector("h2").firstChild.textContent,
    width: video.videoWidth,
    frames: video.getVideoPlaybackQuality().totalVideoFrames,
    points: [...tile.querySelectorAll("canvas")].map((canvas) => Number(canvas.dataset.points ?? 0)),
    figures: Object.fromEntries(
      ["score", "bitrate", "picture", "layers", "loss", "round trip"].map((name) => [name, figure(name)])),
  };
});
"""
SAY = """
document.getElementById("words").value = arguments[0];
document.querySelector("#say button").click();
"""
# A small copy of what a participant's tile shows now, as text; Firefox counts no frames of streams.
SHOWN = """
const of = (tile) => tile.querySelector("h2").firstChild.textContent === arguments[0];
const video = [...document.querySelectorAll(".tile")].find(of)?.querySelector("video");
if (!video?.videoWidth) return null;
const context = new OffscreenCanvas(32, 18).getContext("2d");
context.drawImage(video, 0, 0, 32, 18);
return context.getImageData(0, 0, 32, 18).data.join();
"""
# Another choice of codec or layers, several times at once.
PUBLISH_AGAIN = """
const [times] = arguments;
for (let count = 0; count < times; count += 1) document.getElementById("simulcast").click();
"""
# Who is kept from UDP hears of no other way than TCP.
ONLY_TCP = """
const { prototype } = RTCPeerConnection;
const take = prototype.setRemoteDescription;
window.connections = [];
prototype.setRemoteDescription = function ({ type, sdp }) {
  window.connections.push(this);
  return take.call(this, { type, sdp: sdp.replace(/a=candidate:\\S+ 1 udp .*\\r\\n/g, "") });
};
"""
PROTOCOLS = """
const used = [];
for (const connection of window.connections) {
  const report = await connection.getStats();
  for (const { type, nominated, localCandidateId } of report.values()) {
    if (type === "candidate-pair" && nominated) used.push(report.get(localCandidateId).protocol);
  }
}
return used;
"""
SAID = 'return [...document.querySelectorAll("#said li")].map((line) => line.textContent);'
NOTICE = 'return document.getElementById("notice").textContent;'


def server(lab, program, media=HOST, more=()):
    """The example, ready."""
    example = pathlib.Path(program).parent / "examples" / "rooms"
    addresses = ["--listen", f"{HOST}:{HTTP}", "--media", f"{media}:{MEDIA}"]
    running = lab.start("rooms", [example, *addresses, *more])
    running.prints("open ", 10)
    return running


def page(lab, program, codec, simulcast, again=0):
    """Two participants in a room; one chooses again how to send, so many times at once.

    All of it is recorded, and goes the same way when it is run again.
    """
    recording = lab.file("call.flumen")
    running = server(lab, program, more=["--record", recording])
    with Browser(lab) as browser:
        tabs = {name: browser.open(PAGE) for name in ["ann", "bob"]}
        for name, tab in tabs.items():
            tab.run(JOIN, name, codec, simulcast)
        for name, tab in tabs.items():
            other = ({*tabs} - {name}).pop()
            yield moving(tab, name, other)
        yield chat(tabs["ann"], tabs["bob"])
        yield plots(tabs["ann"])
        complaints = [complaint for tab in tabs.values() for complaint in tab.console()]
        require(not complaints, f"the page complains: {complaints}")
        if again:
            tabs["ann"].run(PUBLISH_AGAIN, again)
            yield alone(tabs, "ann", "bob")
    running.interrupt()
    running.ends(10)
    yield replayed(lab, program, recording)


def replayed(lab, program, recording):
    """What left in a recorded run leaves again, every byte at its time."""
    mode = recording.stat().st_mode & 0o777
    require(mode == 0o600, f"others can read the keys in the recording: {mode:o}")
    example = pathlib.Path(program).parent / "examples" / "replay"
    replay = lab.start("replay", [example, recording])
    said = replay.prints("the same to its end: ", PATIENCE)
    replay.ends(5)
    return f"recorded and run again, it is the same: {said}"


def over_tcp(lab, program, codec, simulcast):
    """Two participants in a room, who reach it over TCP alone."""
    server(lab, program, more=["--tcp"])
    with Browser(lab) as browser:
        tabs = {name: browser.open(PAGE) for name in ["ann", "bob"]}
        for name, tab in tabs.items():
            tab.run(ONLY_TCP)
            tab.run(JOIN, name, codec, simulcast)
        yield moving(tabs["ann"], "ann", "bob")
        yield moving(tabs["bob"], "bob", "ann")
        yield chat(tabs["ann"], tabs["bob"])
        used = [protocol for tab in tabs.values() for protocol in tab.run(PROTOCOLS)]
        require(len(used) == 4 and {*used} == {"tcp"}, f"connections went over {used}")
        yield f"all of {len(used)} connections go over TCP"


def mixed(lab, program, codec, simulcast):
    """Chromium and Firefox in a room."""
    # Firefox looks where the way out is.
    server(lab, program, media=lab.lan())
    with Browser(lab) as chromium, Firefox(lab) as firefox:
        tabs = {"chromium": chromium.open(PAGE), "firefox": firefox.open(PAGE)}
        for name, tab in tabs.items():
            tab.run(JOIN, name, codec, simulcast)
        yield changing(tabs["chromium"], "chromium", "firefox")
        yield changing(tabs["firefox"], "firefox", "chromium")
        yield chat(tabs["chromium"], tabs["firefox"])
        yield chat(tabs["firefox"], tabs["chromium"], "good night")


def seen(tab, name):
    return next((tile for tile in tab.run(SEEN) if tile["name"] == name), None)


def moving(tab, name, other):
    """One sees the other move."""

    def frames(least):
        tile = seen(tab, other)
        return tile if tile and tile["frames"] >= least else None

    first = wait_until(lambda: frames(1), PATIENCE, f"{name} saw no picture of {other} ({tab.run(NOTICE)})")
    later = wait_until(lambda: frames(first["frames"] + 30), PATIENCE, f"{name} saw {other} stand still")
    require(later["figures"]["layers"] != "–", f"{name} is not told which layers of {other} come")
    return f"{name} sees {other} move: {later['width']} pixels wide, {later['figures']}"


def changing(tab, name, other):
    """What one sees of the other changes, again and again."""
    shown = set()

    def enough():
        shown.add(tab.run(SHOWN, other))
        return len(shown - {None}) >= 10

    wait_until(enough, PATIENCE, f"{name} did not see {other} move ({tab.run(NOTICE)})")
    tile = seen(tab, other)
    return f"{name} sees {other} move: {tile['width']} pixels wide, {tile['figures']}"


def alone(tabs, again, other):
    """Who is sent again is there once, for others and at home."""
    names = lambda name: sorted(tile["name"] for tile in tabs[name].run(SEEN))
    pairs = ((again, other), (other, again))
    calm_since = time.monotonic()

    def calm():
        nonlocal calm_since
        if any(names(one) != sorted([f"{one} (you)", two]) for one, two in pairs):
            calm_since = time.monotonic()
        return time.monotonic() - calm_since > 3

    wait_until(calm, PATIENCE, "somebody was there twice, or not at all, behind another choice")
    sees = moving(tabs[other], other, again)
    return f"behind another choice, {sees}; nobody is there twice"


def chat(one, other, words="good evening"):
    """What one says, the other reads."""
    one.until('return !document.getElementById("words").disabled', PATIENCE, "nobody could speak")
    one.run(SAY, words)
    heard = lambda: [line for line in other.run(SAID) if line.endswith(words)]
    [line] = wait_until(heard, PATIENCE, "what was said did not arrive")
    return f"chat arrives: {line!r}"


def plots(tab):
    """Plots of every tile get a point a second."""
    enough = lambda: all(points >= 3 for tile in tab.run(SEEN) for points in tile["points"])
    wait_until(enough, PATIENCE, "the plots have no points")
    return f"{sum(len(tile['points']) for tile in tab.run(SEEN))} plots have points"

"""The page of the example `rooms` in a browser: participants see and hear each other, and chat."""

import pathlib

from browser import Browser
from lab import HOST, require, wait_until

HTTP, MEDIA = 3000, 44444
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
SAID = 'return [...document.querySelectorAll("#said li")].map((line) => line.textContent);'
NOTICE = 'return document.getElementById("notice").textContent;'


def server(lab, program):
    """The example, ready."""
    example = pathlib.Path(program).parent / "examples" / "rooms"
    addresses = ["--listen", f"{HOST}:{HTTP}", "--media", f"{HOST}:{MEDIA}"]
    running = lab.start("rooms", [example, *addresses])
    running.prints("open ", 10)
    return running


def page(lab, program, codec, simulcast):
    """Two participants in a room."""
    server(lab, program)
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


def seen(tab, name):
    return next((tile for tile in tab.run(SEEN) if tile["name"] == name), None)


def moving(tab, name, other):
    """One sees the other move."""

    def frames(least):
        tile = seen(tab, other)
        return tile if tile and tile["frames"] >= least else None

    first = wait_until(lambda: frames(1), 20, f"{name} saw no picture of {other} ({tab.run(NOTICE)})")
    later = wait_until(lambda: frames(first["frames"] + 30), 10, f"{name} saw {other} stand still")
    return f"{name} sees {other} move: {later['width']} pixels wide, {later['figures']}"


def chat(one, other):
    """What one says, the other reads."""
    one.until('return !document.getElementById("words").disabled', 10, "nobody could speak")
    one.run(SAY, "good evening")
    heard = lambda: [line for line in other.run(SAID) if line.endswith("good evening")]
    [line] = wait_until(heard, 10, "what was said did not arrive")
    return f"chat arrives: {line!r}"


def plots(tab):
    """Plots of every tile get a point a second."""
    enough = lambda: all(points >= 3 for tile in tab.run(SEEN) for points in tile["points"])
    wait_until(enough, 20, "the plots have no points")
    return f"{sum(len(tile['points']) for tile in tab.run(SEEN))} plots have points"

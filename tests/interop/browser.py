"""Chromium, driven over WebDriver: tabs that open pages and run scripts."""

import json
import pathlib
import urllib.error
import urllib.request

from lab import HOST, Failure, require, wait_until

PORT = 9515
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--mute-audio",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    # Tabs behind others go on as if they were in front.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
]


class Browser:
    """A browser with a profile of its own, and a film as its camera if one is given; a context manager."""

    def __init__(self, lab, film=None):
        self.lab = lab
        self.flags = FLAGS + ([f"--use-file-for-fake-video-capture={film}"] if film else [])

    def __enter__(self):
        self.lab.start("chromedriver", ["chromedriver", f"--port={PORT}"])
        wait_until(self._is_ready, 20, "chromedriver was not ready")
        profile = pathlib.Path(self.lab.folder) / "profile"
        chrome = {"args": [*self.flags, f"--user-data-dir={profile}"], "binary": "/usr/bin/chromium"}
        wanted = {"goog:chromeOptions": chrome, "goog:loggingPrefs": {"browser": "ALL"}}
        asked = {"capabilities": {"alwaysMatch": wanted}}
        self.session = ask("POST", "/session", asked)["sessionId"]
        self.command("POST", "/timeouts", {"script": 90_000})
        return self

    def __exit__(self, *_):
        ask("DELETE", f"/session/{self.session}")

    def _is_ready(self):
        try:
            return ask("GET", "/status")["ready"]
        except (OSError, Failure):
            return False

    def command(self, method, path, data=None):
        return ask(method, f"/session/{self.session}{path}", data)

    def open(self, url):
        """A tab that has loaded a page."""
        handle = self.command("POST", "/window/new", {"type": "window"})["handle"]
        tab = Tab(self, handle)
        tab.command("POST", "/url", {"url": url})
        return tab


class Tab:
    """A tab of a browser."""

    def __init__(self, browser, handle):
        self.browser = browser
        self.handle = handle

    def command(self, method, path, data):
        self.browser.command("POST", "/window", {"handle": self.handle})
        return self.browser.command(method, path, data)

    def run(self, script, *arguments):
        """What the body of a function returns; it may await."""
        body = f"return (async () => {{ {script} }})()"
        return self.command("POST", "/execute/sync", {"script": body, "args": list(arguments)})

    def until(self, script, seconds, complaint):
        """Runs a script until it returns something true, and returns that."""
        return wait_until(lambda: self.run(script), seconds, complaint)

    def console(self):
        """What the page complained of since the last time."""
        logged = self.command("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in logged if entry["level"] == "SEVERE"]


def ask(method, path, data=None):
    """A WebDriver command."""
    body = None if data is None else json.dumps(data).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"http://{HOST}:{PORT}{path}", body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.load(response)["value"]
    except urllib.error.HTTPError as error:
        said = json.load(error)["value"]
        require(False, f"{method} {path}: {said['error']}: {said['message'].splitlines()[0]}")

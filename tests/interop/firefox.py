"""Firefox, driven over Marionette: tabs that open pages and run scripts."""

import itertools
import json
import pathlib
import socket

from browser import Tab
from lab import HOST, require, wait_until

PORT = 2828
PREFERENCES = {
    "marionette.port": PORT,
    "app.normandy.enabled": False,
    "app.update.auto": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.systemAddon.update.enabled": False,
    "media.autoplay.default": 0,
    "media.gmp-manager.updateEnabled": False,
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.manage-offline-status": False,
    "toolkit.telemetry.enabled": False,
}
# What tabs of Chromium ask for, by the name that Marionette has for it.
COMMANDS = {
    "/window": "SwitchToWindow",
    "/window/new": "NewWindow",
    "/url": "Navigate",
    "/execute/sync": "ExecuteScript",
}


class Firefox:
    """A browser with a profile of its own; a context manager."""

    def __init__(self, lab):
        self.lab = lab
        self.numbers = itertools.count(1)

    def __enter__(self):
        profile = pathlib.Path(self.lab.folder) / "firefox"
        profile.mkdir()
        lines = [f'user_pref("{name}", {json.dumps(value)});' for name, value in PREFERENCES.items()]
        (profile / "user.js").write_text("\n".join(lines))
        command = ["firefox-esr", "--headless", "--no-remote", "--marionette", "--profile", profile]
        self.lab.start("firefox", command)
        self.socket = wait_until(self._connected, 60, "Firefox did not listen")
        self.stream = self.socket.makefile("rwb")
        self._read()
        self._ask("NewSession", {"capabilities": {}})
        self._ask("SetTimeouts", {"script": 90_000})
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _connected(self):
        try:
            return socket.create_connection((HOST, PORT), timeout=120)
        except OSError:
            return None

    def _read(self):
        """The next message: its length in decimal digits, a colon, JSON."""
        length = b""
        while not length.endswith(b":"):
            digit = self.stream.read(1)
            require(digit, "Firefox hung up")
            length += digit
        return json.loads(self.stream.read(int(length[:-1])))

    def _ask(self, command, data):
        message = json.dumps([0, next(self.numbers), f"WebDriver:{command}", data or {}]).encode()
        self.stream.write(str(len(message)).encode() + b":" + message)
        self.stream.flush()
        _, _, error, result = self._read()
        require(error is None, f"{command}: {error and error['error']}: {error and error['message']}")
        return result["value"] if isinstance(result, dict) and "value" in result else result

    def command(self, _method, path, data=None):
        if path == "/se/log":
            return []
        return self._ask(COMMANDS[path], data)

    def open(self, url):
        """A tab that has loaded a page."""
        handle = self.command("POST", "/window/new", {"type": "window"})["handle"]
        tab = Tab(self, handle)
        tab.command("POST", "/url", {"url": url})
        return tab

"""What comes from npm and PyPI, at the versions of the lock files: fetched once, beside the programs."""

import functools
import hashlib
import http.server
import pathlib
import shutil
import subprocess
import threading

from lab import HERE, HOST, require

REQUIREMENTS = HERE / "requirements.txt"
MEDIASOUP = HERE / "mediasoup"
BUNDLE = "client.js"
PAGE = f'<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script src="{BUNDLE}"></script>'
PORT = 3001


def place(program):
    """Where it is, for tests of a program."""
    return pathlib.Path(program).parent / "interop-fetched"


def fetch(program):
    """Fetches what is not there yet."""
    folder = place(program)
    python = ["/usr/bin/python3", "-m", "pip", "install", "--quiet", "--no-deps"]
    python += ["--root-user-action=ignore", "--requirement", REQUIREMENTS, "--target"]
    _once(folder / "python", [REQUIREMENTS], lambda into: _run([*python, into]))
    sources = [MEDIASOUP / name for name in ("package.json", "package-lock.json", BUNDLE)]
    _once(folder / "page", sources, lambda into: _bundle(into, sources))


def _once(into, sources, make):
    """Makes a folder anew if what it is made of has changed."""
    content = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    stamp = into.with_suffix(".made-of")
    if stamp.exists() and stamp.read_text() == content:
        return
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    make(into)
    stamp.write_text(content)


def _bundle(into, sources):
    for source in sources:
        shutil.copy(source, into)
    _run(["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=into)
    bundle = into / BUNDLE
    esbuild = [into / "node_modules/.bin/esbuild", BUNDLE, "--bundle", "--log-level=warning"]
    _run([*esbuild, f"--outfile={BUNDLE}", "--allow-overwrite"], cwd=into)
    require(bundle.stat().st_size > 100_000, "mediasoup-client is not in the bundle")
    (into / "index.html").write_text(PAGE)


def _run(command, cwd=None):
    done = subprocess.run(list(map(str, command)), cwd=cwd, stdin=subprocess.DEVNULL)
    require(done.returncode == 0, f"{command[0]} ended with {done.returncode}")


class Site:
    """The bundle as a page; a context manager."""

    def __init__(self, program):
        handler = functools.partial(_Quiet, directory=place(program) / "page")
        self.server = http.server.ThreadingHTTPServer((HOST, PORT), handler)
        self.address = f"http://{HOST}:{PORT}/"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

"""An association of the engine on a socket of its own exchanges messages of all sizes with others."""

import pathlib

import sctp_peer
from lab import require

MESSAGES = 10_000
LONGEST = 262_144
AFTER = 100
# webrtc-sctp sends no longer ones, and every packet from another thread.
MESSAGES_WEBRTC = 1_000
LONGEST_WEBRTC = 131_072
# Seconds that all messages may take.
SECONDS = 70
# What is done before an abort.
AMID = ["seed=3", "queue=50", "receive=200", "abort"]

FIRST, SECOND = 21000, 21001


def usrsctp(lab, gateway, role):
    """usrsctp and an association of the engine; `role` is usrsctp's."""
    own, program = [beside(gateway)], [sctp_peer.build(lab)]
    yield from _talk(lab, own, program, role, LONGEST, MESSAGES)
    yield from _abort(lab, own, program, role)


def webrtc(lab, gateway, role):
    """webrtc-sctp and an association of the engine; `role` is webrtc-sctp's."""
    own = [beside(gateway)]
    yield from _talk(lab, own, [*own, "--webrtc"], role, LONGEST_WEBRTC, MESSAGES_WEBRTC)


def beside(gateway):
    """The program that holds an association, built beside the gateway."""
    return str(pathlib.Path(gateway).with_name("interop-sctp"))


def _pair(lab, own, other, role, own_steps, other_steps):
    """Starts both, who listens first."""
    roles = {"engine": "listen" if role == "connect" else "connect", "other": role}
    programs = {
        "engine": (own, FIRST, SECOND, own_steps),
        "other": (other, SECOND, FIRST, other_steps),
    }
    peers = {}
    for name in sorted(roles, key=roles.get, reverse=True):
        program, local, remote, steps = programs[name]
        label = f"{name}-{roles[name]}-{len(steps)}"
        peers[name] = sctp_peer.Peer(lab, program, label, roles[name], local, remote, steps)
    return peers["engine"], peers["other"]


def _talk(lab, own, other, role, longest, count):
    """All messages both ways, a reset each way and more messages on what was reset, a shutdown.

    Who shuts down waits for a last message: by then the other one has seen all it waits for.
    """
    send = [f"longest={longest}", f"send={count}", f"receive={count}"]
    after = [f"send={AFTER}", f"receive={count + AFTER}"]
    last = f"receive={count + AFTER + 1}"
    own_steps = ["seed=1", *send, "reset=2", "reset-by=2", *after, last, "shutdown"]
    other_steps = ["seed=2", *send, "reset=2", "reset-by=2", *after, "queue=1", "closed"]
    engine, peer = _pair(lab, own, other, role, own_steps, other_steps)
    engine.did("shutdown", SECONDS)
    peer.did("closed", SECONDS)
    engine, peer = engine.result(), peer.result()
    states = engine["state"], peer["state"]
    require(states == ("shutDown", "shutDown"), f"after a shutdown: {states}")
    yield sctp_peer.same(engine["sent"], peer["received"], f"to one who {role}s")
    yield sctp_peer.same(peer["sent"], engine["received"], f"from one who {role}s")


def _abort(lab, own, other, role):
    """An abort from either side, amid messages."""
    queue = ["longest=262144", "queue=2000"]
    for own_last, other_last in (("abort", "closed"), ("closed", "abort")):
        # Who aborts has sent and received some; who does not has more to send than goes through.
        own_steps = ["seed=1", *queue, own_last] if own_last == "closed" else AMID
        other_steps = ["seed=2", *queue, other_last] if other_last == "closed" else AMID
        engine, peer = _pair(lab, own, other, role, own_steps, other_steps)
        state = (engine if own_last == "closed" else peer).ended(SECONDS)
        require(state == "lost", f"after an abort: {state}")
        engine.result(), peer.result()
        who = "the engine" if own_last == "abort" else "its peer"
        yield f"{who} aborts amid messages, and the other one knows"

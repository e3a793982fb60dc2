"""Messages of all sizes between the engine and other stacks: none lost, damaged or out of order.

Each side sends on streams of its own and digests what it sends and receives, stream by stream, in
programs that share no code; the digests are compared here. All that the engine sent is dissected.
"""

import collections
import pathlib

import gateway
import sctp_peer
from dissect import Capture, tshark
from lab import require

MESSAGES = 10_000
LONGEST = 262_144
# webrtc-sctp never sends a longer one.
WEBRTC_LONGEST = 131_072

PORT, OTHER_PORT = 20000, 20001
FIRST, SECOND = 21000, 21001

# Chunk types (RFC 9260 section 3.2).
INIT, INIT_ACK, ABORT = 1, 2, 6
# Who begins: what the peer does, and whether the engine knows where the peer is.
ROLES = {"client": ("connect", False), "server": ("listen", True), "both": ("connect", True)}


def peers(lab, _):
    """Two usrsctps: who is to judge the engine is judged first."""
    program = [sctp_peer.build(lab)]
    for role in ("listen", "connect"):
        yield from _peers(lab, program, role)


def _peers(lab, program, role):
    send = [f"longest={LONGEST}", f"send={MESSAGES}", f"receive={MESSAGES}"]
    # Who shuts down waits for a last message: by then the second has seen all it waits for.
    last = f"receive={MESSAGES + 1}"
    first_steps = ["seed=1", *send, "reset=2", "reset-by=3", last, "shutdown"]
    second_steps = ["seed=2", *send, "reset=3", "reset-by=2", "queue=1", "closed"]
    first = sctp_peer.Peer(lab, program, f"first-{role}", role, FIRST, SECOND, first_steps)
    second = sctp_peer.Peer(lab, program, f"second-{role}", "connect", SECOND, FIRST, second_steps)
    first.did("shutdown")
    second.did("closed")
    first, second = first.result(), second.result()
    yield sctp_peer.same(first["sent"], second["received"], f"usrsctp that {role}s, there")
    yield sctp_peer.same(second["sent"], first["received"], f"usrsctp that {role}s, back")


def usrsctp(lab, program, role):
    """Against usrsctp."""
    # A stream that was reset begins anew.
    steps = _steps(LONGEST, "reset=2", "send=100")
    yield from _exchange(lab, program, [sctp_peer.build(lab)], role, LONGEST, steps)


def webrtc(lab, program, role):
    """Against webrtc-sctp, which says nothing more on a stream that it has reset."""
    peer = pathlib.Path(program).with_name("interop-webrtc-peer")
    steps = _steps(WEBRTC_LONGEST, "reset=2")
    yield from _exchange(lab, program, [peer], role, WEBRTC_LONGEST, steps)


def _steps(longest, *more):
    start = ["seed=1", f"longest={longest}", "streams=8"]
    return [*start, f"send={MESSAGES}", f"receive={MESSAGES}", *more, "reset-by=3", "shutdown"]


def _exchange(lab, program, command, role, longest, steps):
    """Messages both ways, resets both ways, and an end in agreement."""
    does, known = ROLES[role]
    capture = Capture(lab)
    at = gateway.transport(PORT, FIRST if known else None)
    wanted = gateway.peer(at, MESSAGES, longest, seed=2)
    engine = gateway.Gateway(lab, program, [], [], [], [wanted])
    peer = sctp_peer.Peer(lab, command, "peer", does, FIRST, PORT, steps)
    streams = peer.connected()
    yield f"connected, {streams}"
    peer.did(steps[-3])
    engine.close_stream(0, 3)
    peer.did("shutdown")
    engine.sctp_state(0, "closed")
    seen = peer.result()
    require(seen["state"] == "shutDown", f"the peer's association is {seen['state']}")
    summary = engine.summary()
    capture.stop()
    yield from _same(summary["exchanges"][0], seen)
    reset = [stream for stream in seen["resetByPeer"] if stream != 2]
    require(reset == [3], f"the engine reset {reset}, not stream 3")
    states = summary["exchanges"][0]["states"]
    require(states[-2:] == ["connected", "closed"], f"the states were {states}")
    yield f"a stream is reset each way; the association goes through {', '.join(states)}"
    chunks = dissect(capture, summary)
    yield f"dissector: no error in {sum(chunks.values())} chunks of {len(chunks)} types"
    # When both ask, either of the handshakes is enough.
    began = {"client": [INIT_ACK], "server": [INIT], "both": [INIT, INIT_ACK]}[role]
    require(any(chunks[kind] for kind in began), f"the engine sent {dict(chunks)}: no {role}")


def abort_by_peer(lab, program):
    """An abort in mid-transfer ends one association, and nothing else."""
    yield from _abort(lab, program, by_peer=True)


def abort_by_engine(lab, program):
    """A transport that is closed in mid-transfer tells its peer; the others go on."""
    yield from _abort(lab, program, by_peer=False)


def _abort(lab, program, by_peer):
    # More than there is time for, in both directions.
    first = gateway.peer(gateway.transport(PORT), 100_000, LONGEST, seed=3)
    second = gateway.peer(gateway.transport(OTHER_PORT), 2_000, LONGEST, seed=4)
    capture = Capture(lab)
    engine = gateway.Gateway(lab, program, [], [], [], [first, second])
    binary = [sctp_peer.build(lab)]
    steps = ["seed=2", f"longest={LONGEST}", "send=2000", "receive=2000", "shutdown"]
    staying = sctp_peer.Peer(lab, binary, "staying", "connect", SECOND, OTHER_PORT, steps)
    last = "abort" if by_peer else "closed"
    steps = ["seed=1", f"longest={LONGEST}", "receive=300", "queue=300", last]
    aborting = sctp_peer.Peer(lab, binary, "aborting", "connect", FIRST, PORT, steps)
    aborting.did("queue=300")
    if by_peer:
        engine.sctp_state(0, "failed")
    else:
        engine.close_transport(0)
        aborting.did("closed")
    staying.did("shutdown")
    seen, undisturbed = aborting.result(), staying.result()
    summary = engine.summary()
    capture.stop()
    require(seen["state"] == "lost", f"the association is {seen['state']}")
    received = sum(tally["messages"] for tally in seen["received"].values())
    yield f"aborted in mid-transfer, by the {'peer' if by_peer else 'engine'}: {received} received"
    yield from _same(summary["exchanges"][1], undisturbed, "the other association, ")
    chunks = dissect(capture, summary)
    require(by_peer or chunks[ABORT], "the engine sent no ABORT")
    yield f"dissector: no error in {sum(chunks.values())} chunks of {len(chunks)} types"


def _same(exchange, seen, who=""):
    require(exchange["wrong"] == 0, f"{exchange['wrong']} messages reached the engine wrong")
    yield sctp_peer.same(seen["sent"], exchange["received"], f"{who}to the engine")
    yield sctp_peer.same(exchange["sent"], seen["received"], f"{who}from the engine")


def dissect(capture, summary):
    """Counts chunks by type; anything malformed or with a wrong CRC32c is a failure."""
    path = capture.path
    ports = [f"udp.port=={port},sctp" for port in (PORT, OTHER_PORT)]
    options = [word for rule in ports for word in ("-d", rule)]
    options += ["-o", "sctp.checksum:CRC 32c"]
    good = "sctp && sctp.checksum.status == 1"
    doubtful = f"_ws.malformed || _ws.expert.severity == error || !({good})"
    bad = tshark(path, options, doubtful, ["frame.number"])
    require(not bad, f"malformed, damaged or no SCTP: frames {[row[0] for row in bad[:10]]}")
    packets = tshark(path, options, "sctp", ["sctp.chunk_type"])
    sent = summary["ledger"]["sent"]
    require(sent == len(packets), f"{sent} datagrams were sent, but {len(packets)} captured")
    return collections.Counter(int(kind) for (kinds,) in packets for kind in kinds.split(","))

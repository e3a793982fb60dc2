"""usrsctp exchanges messages of all sizes with the engine: nothing is lost, damaged or disordered."""

import sctp_peer

MESSAGES = 10_000
LONGEST = 262_144

FIRST, SECOND = 21000, 21001


def peers(lab, _):
    """Two usrsctps: who is to judge the engine is judged first."""
    program = [sctp_peer.build(lab)]
    for role in ("listen", "connect"):
        yield from _peers(lab, program, role)


def _peers(lab, program, role):
    send = [f"longest={LONGEST}", f"send={MESSAGES}", f"receive={MESSAGES}"]
    first_steps = ["seed=1", *send, "reset=2", "reset-by=3", "shutdown"]
    second_steps = ["seed=2", *send, "reset=3", "reset-by=2", "closed"]
    first = sctp_peer.Peer(lab, program, f"first-{role}", role, FIRST, SECOND, first_steps)
    second = sctp_peer.Peer(lab, program, f"second-{role}", "connect", SECOND, FIRST, second_steps)
    first.did("shutdown")
    second.did("closed")
    first, second = first.result(), second.result()
    yield sctp_peer.same(first["sent"], second["received"], f"usrsctp that {role}s, there")
    yield sctp_peer.same(second["sent"], first["received"], f"usrsctp that {role}s, back")

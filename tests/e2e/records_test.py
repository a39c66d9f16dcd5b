"""Proves that the judge of records can say no: each rule is broken once in good ones."""

import copy

import records
from waiting import Failure

GOOD = [
    {"event": "exchange", "id": "e1", "method": "POST", "target": "/v1.41/images/a/push?tag=x",
     "status": 200, "reason": "upstream_closed", "class": "truncated", "by": "upstream",
     "phase": "response_body", "op": "read", "client_id": "c1", "upstream_id": "u1",
     "because": "It closed."},
    {"event": "connection", "id": "u1", "side": "upstream", "reason": "upstream_closed",
     "class": "truncated", "by": "upstream", "phase": "response_body", "because": "It closed."},
    {"event": "connection", "id": "c1", "side": "client", "reason": "partner",
     "class": "truncated", "by": "nobody", "phase": "response_body", "because": "Partner.",
     "first": {"id": "e1", "reason": "upstream_closed"}},
    {"event": "exchange", "id": "e2", "method": "HEAD", "target": "/_ping", "status": 200,
     "reason": "complete", "class": "clean", "by": "nobody", "phase": "done", "op": "none",
     "client_id": "c2", "upstream_id": None, "because": "Finished."},
    {"event": "connection", "id": "c2", "side": "client", "reason": "client_closed_idle",
     "class": "clean", "by": "nobody", "phase": "keepalive", "because": "Idle."},
]
EXPECTED = records.by_upstream("POST", r"/images/.*/push$", "response_body")

# What is changed in which record: every one of these must be refused.
BROKEN = {
    "the exchange missing": lambda found: found.pop(0),
    "filed twice": lambda found: found.append(found[0]),
    "the other side blamed": lambda found: found[0].update(by="client", reason="client_closed"),
    "another phase": lambda found: found[0].update(phase="first_byte"),
    "called clean": lambda found: found[0].update({"class": "clean", "reason": "complete"}),
    "a second claim of the cause": lambda found: found[2].update(
        reason="client_closed", by="client"),
    "an upstream connection that says otherwise": lambda found: found[1].update(
        reason="upstream_reset"),
    "a partner of nobody": lambda found: found[2].update(first={"id": "e9", "reason": "x"}),
    "an unexpected end elsewhere": lambda found: found[3].update(
        {"class": "truncated", "reason": "client_closed", "by": "client"}),
    "a lost entry": lambda found: found[4].update(reason="lost"),
    "no sentence": lambda found: found[3].update(because=""),
    "a connection that is not on record": lambda found: found.pop(4),
    "an exchange without a client": lambda found: found[3].update(client_id=None),
}


def judge(found):
    records.check_whole(found, None)
    records.check_ends(found, [records.Expected(**EXPECTED)], [])


def run():
    judge(copy.deepcopy(GOOD))
    for name, harm in BROKEN.items():
        found = copy.deepcopy(GOOD)
        harm(found)
        try:
            judge(found)
        except Failure:
            continue
        raise AssertionError(f"the judge of records accepts {name}")


if __name__ == "__main__":
    run()
    print(f"{len(BROKEN) + 1} passed, 0 failed")

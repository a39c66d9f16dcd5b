"""Reads becaused's records and judges them: nothing missing, nothing twice, and of every abnormal
end exactly one cause."""

import json
import re
from collections import Counter

from waiting import Failure, check

# Docker's clients that are interrupted leave their FIN to the kernel: over TLS, without a close_notify.
CLOSED_BY_CLIENT = {"client_closed", "client_reset", "client_tls_truncated"}
CLOSED_BY_UPSTREAM = {"upstream_closed", "upstream_reset"}


def read(path):
    """All whole lines. The last may still be being written while becaused runs."""
    try:
        with open(path, "rb") as source:
            lines = source.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError as error:
            raise Failure(f"a record is not JSON ({error}): {line[:300]!r}") from None
    return found


def path_of(record):
    return (record.get("target") or "").split("?")[0]


def ended(found):
    return [each for each in found if each.get("event") in ("connection", "exchange")]


def exchanges(found, method=None, path=None):
    return [each for each in found
            if each.get("event") == "exchange"
            and (method is None or each.get("method") == method)
            and (path is None or re.search(path, path_of(each)))]


def connections(found):
    return [each for each in found if each.get("event") == "connection"]


def brief(record):
    """One line of what judges look at, for failures."""
    if record.get("event") == "exchange":
        what = f"{record.get('method')} {path_of(record)} -> {record.get('status')}"
    else:
        what = f"{side_of(record)} connection"
    return (f"#{record.get('id')} {what}: {record.get('reason')} ({record.get('class')}, by "
            f"{record.get('by')}, {record.get('phase')}, op {record.get('op')}, "
            f"errno {record.get('errno')}) {record.get('because')}")


def listing(found):
    return "\n".join("    " + brief(each) for each in ended(found))


def side_of(record):
    return record.get("side")


def connections_of(exchange, side):
    """The ids of the connections that an exchange used or, of upstreams, tried to make."""
    tried = [each.get("upstream_id") for each in exchange.get("attempts", [])]
    return [exchange.get(side + "_id")] + (tried if side == "upstream" else [])


class Expected:
    """An abnormal exchange, and how the connections that it used must have ended.

    reason, phase: a word or a set of words. client, upstream: the reasons allowed for its
    connections' records, "same" (as the exchange), or None where the connection does not matter
    (it was reused, or never came to be).
    """

    def __init__(self, method, path, by, reason, phase, cls="truncated", client=None,
                 upstream=None, times=1):
        self.method, self.path, self.by = method, path, by
        self.classes = {cls} if isinstance(cls, str) else set(cls)
        self.reasons = {reason} if isinstance(reason, str) else set(reason)
        self.phases = {phase} if isinstance(phase, str) else set(phase)
        self.client, self.upstream = client, upstream
        self.times = times

    def concerns(self, record):
        return (record.get("method") == self.method
                and re.search(self.path, path_of(record)) is not None)

    def matches(self, record):
        return (self.concerns(record) and record.get("reason") in self.reasons
                and record.get("phase") in self.phases and record.get("by") == self.by
                and record.get("class") in self.classes)

    def __str__(self):
        reasons, classes, phases = ("|".join(sorted(words)) for words in
                                    (self.reasons, self.classes, self.phases))
        return f"{self.method} {self.path}: {reasons} ({classes}, by {self.by}, {phases})"


def by_client(method, path, phase, **more):
    """The client went away: its connection says so too, the upstream's follows."""
    return dict(dict(method=method, path=path, by="client", reason=CLOSED_BY_CLIENT, phase=phase,
                     cls={"truncated", "fault"}, client="same", upstream={"partner"}), **more)


def by_upstream(method, path, phase, **more):
    """The upstream went away in mid-answer: its connection says so too, the client's follows."""
    return dict(dict(method=method, path=path, by="upstream", reason=CLOSED_BY_UPSTREAM,
                     phase=phase, client={"partner"}, upstream="same"), **more)


def check_whole(found, schema, lives=1):
    """Every record is valid, is filed once, and names connections that are on record too."""
    if schema is not None:
        for record in found:
            problems = schema.problems(record)
            check(not problems,
                  lambda: f"a record breaks the schema: {problems[:3]}\n    {record}")
    finals = ended(found)
    twice = [key for key, count in Counter(each["id"] for each in finals).items() if count > 1]
    check(not twice, f"filed more than once: {twice}")
    by_id = {each["id"]: each for each in connections(found)}
    for exchange in exchanges(found):
        for side in ("client", "upstream"):
            link = exchange.get(side + "_id")
            if link is None:
                check(side == "upstream",
                      lambda: f"an exchange names no client connection: {exchange}")
                continue
            check(link in by_id and side_of(by_id[link]) == side,
                  lambda: f"{brief(exchange)}\n    names {side} connection {link}, "
                          f"which is not on record")
    bugs = ("lost", "internal") if lives > 1 else ("lost", "internal", "previous_life")
    for record in finals:
        check(record.get("reason") not in bugs,
              lambda: f"a bug by its own account: {record}")
        check(record.get("because"), lambda: f"a record without its sentence: {record}")


def check_ends(found, expected, tolerated, loose_connections=()):
    """The expected abnormal ends, each once, and no other claim of a cause."""
    by_id = {each["id"]: each for each in connections(found)}
    accounted = set()
    causes = {each["id"]: each for each in ended(found)}
    for record in ended(found):
        if record.get("reason") == "partner":
            first = record.get("first") or {}
            cause = causes.get(first.get("id"))
            check(cause is not None and cause.get("reason") == first.get("reason")
                  and cause.get("reason") != "partner",
                  lambda: f"a partner that names no first end on record: {record}")

    def account(exchange, one):
        accounted.add(exchange["id"])
        for side, allowed in (("client", one.client), ("upstream", one.upstream)):
            connection = by_id.get(exchange.get(side + "_id"))
            if allowed is None:
                continue
            allowed = {exchange["reason"]} if allowed == "same" else allowed
            check(connection is not None and connection.get("reason") in allowed,
                  lambda: f"the {side} connection of {brief(exchange)}\n    should say "
                          f"{'|'.join(sorted(allowed))}, but is: "
                          f"{brief(connection) if connection else 'not on record'}")
            accounted.add(connection["id"])

    for one in expected:
        matching = [each for each in exchanges(found) if one.matches(each)
                    and each["id"] not in accounted]
        check(len(matching) == one.times,
              lambda: f"expected exactly {one.times} record(s) of {one}, found {len(matching)}")
        for exchange in matching:
            account(exchange, one)
    for one in tolerated:
        for exchange in exchanges(found):
            if one.matches(exchange):
                account(exchange, one)
    for record in ended(found):
        if record["id"] in accounted or record.get("class") == "clean":
            continue
        if record.get("event") == "connection" and record.get("reason") in loose_connections:
            continue
        # Connections that a tolerated or expected end left open to interpretation.
        loose = [one for one in expected + tolerated
                 if record.get("event") == "connection"
                 and getattr(one, side_of(record) or "", 0) is None
                 and any(one.matches(each) and record["id"] in connections_of(each, side_of(record))
                         for each in exchanges(found))]
        check(loose, lambda: f"an end that nothing here caused: {brief(record)}")

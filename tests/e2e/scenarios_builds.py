"""Builds: the context goes up while progress comes down; BuildKit does both in a tunnel."""

import hashlib
import os

from images import write_context
from processes import processes_with_argument
from records import by_client
from scenario import claim
from waiting import check, until

NOISE = 5_000_000


def sleep_argument(t):
    """A duration that no other process on the machine sleeps for."""
    return f"{3000 + os.getpid() % 1000}.{abs(hash(t.tag)) % 10**9:09d}"


def build(t, buildkit):
    front = t.front(t.shared)
    user = t.user(front)
    noise = os.urandom(NOISE)
    context = write_context(t.path("context"),
                            "FROM base\nCOPY noise /noise\nRUN sha256sum /noise > /sum\n",
                            [("noise", noise)])
    user.run("build", "--network", "none", "-t", t.tag, context, seconds=120,
             DOCKER_BUILDKIT=buildkit).ok()
    shown = user.run("run", "--rm", "--network", "none", t.tag, "cat", "/sum").ok()
    check(hashlib.sha256(noise).hexdigest() in shown.text(), "the context arrived changed")
    return front


@claim(over=("plain", "tls"), profile="run_sandboxed")
def a_classic_build_sends_its_context_and_ends_clean(t):
    front = build(t, "0")
    if t.proxied:
        record = front.until_exchange("POST", r"/build$", status=200, reason="complete")
        check(record["bytes"]["client_in"] > NOISE, str(record["bytes"]))


@claim(buildkit=True, over=("plain", "tls"), profile="run_sandboxed")
def a_buildkit_build_sends_its_context_through_the_session_tunnel(t):
    front = build(t, "1")
    if t.proxied:
        front.until_exchange("POST", r"/build$", status=200, reason="complete")
        record = front.until_exchange("POST", r"^/session$", status=101, reason="tunnel_complete")
        check(record["bytes"]["client_in"] > NOISE, str(record["bytes"]))
        called = record["grpc"]
        check(called["caller"] == "upstream" and called["streams"] >= 2, str(called))
        paths = {each["path"] for each in called["calls"]}
        check("/moby.filesync.v1.FileSync/DiffCopy" in paths, str(called))


@claim()
def a_build_that_fails_says_so_and_is_on_record(t):
    front = t.front(t.shared)
    # A client that has read the error may leave before the last chunk: then it is the one who ended it.
    front.tolerate(**by_client("POST", r"/build$", "response_body"))
    front.tolerate_connections("client_reset")  # with the last chunk unread
    context = write_context(t.path("context"), "FROM base\nRUN echo about to fail; exit 3\n")
    t.user(front).run("build", "--network", "none", context, seconds=60,
                      DOCKER_BUILDKIT="0").exits(3).says("returned a non-zero code: 3")
    if t.proxied:
        front.until_exchange("POST", r"/build$", status=200)


def start_endless_build(t, front, buildkit):
    """A build whose RUN step sleeps; returns (client, argument) once dockerd runs the step."""
    mark = sleep_argument(t)
    context = write_context(t.path("context"), f"FROM base\nRUN sleep {mark}\n")
    client = t.started(t.user(front).start("build", "--network", "none", context,
                                           DOCKER_BUILDKIT=buildkit))
    until("the RUN step to start", 90, lambda: processes_with_argument(mark))
    return client, mark


def step_stops(mark, seconds=30):
    until("dockerd to stop the RUN step", seconds, lambda: not processes_with_argument(mark))


@claim()
def a_classic_build_cancelled_half_way_stops_its_step(t):
    front = t.front(t.shared)
    client, mark = start_endless_build(t, front, "0")
    front.expect_end(**by_client("POST", r"/build$", "response_body"))
    client.interrupt()
    client.finish(30).failed()
    step_stops(mark)


@claim(buildkit=True)
def a_buildkit_build_cancelled_half_way_stops_its_step(t):
    front = t.front(t.shared)
    client, mark = start_endless_build(t, front, "1")
    # The client asks for the cancel and then reads how the build ends, or leaves before.
    front.tolerate(**by_client("POST", r"/build$", "response_body"))
    front.tolerate(**by_client("POST", r"^/session$", "tunnel"))
    front.tolerate_connections("client_reset")  # with the end of the answer unread
    client.interrupt()
    client.finish(30).failed()
    step_stops(mark)
    if t.proxied:
        front.until_exchange("POST", r"/build/cancel$", reason="complete", status=200)


@claim()
def a_classic_build_whose_client_is_killed_stops_its_step(t):
    front = t.front(t.shared)
    client, mark = start_endless_build(t, front, "0")
    front.expect_end(**by_client("POST", r"/build$", "response_body"))
    client.kill()
    step_stops(mark)


@claim(buildkit=True)
def a_buildkit_build_whose_client_is_killed_stops_its_step(t):
    front = t.front(t.shared)
    client, mark = start_endless_build(t, front, "1")
    front.expect_end(**by_client("POST", r"/build$", "response_body"))
    # Its FIN cannot be told from a half-close; what dockerd did after it may be a whole end.
    front.tolerate(**by_client("POST", r"^/session$", "tunnel"))
    client.kill()
    step_stops(mark)

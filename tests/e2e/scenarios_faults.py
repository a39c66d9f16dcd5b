"""Ends in the middle: who did it, when, and that nobody else is said to have done it."""

import re

from images import MIB, random_context, write_context
from processes import processes_with_argument
from records import CLOSED_BY_UPSTREAM, by_client, by_upstream
from scenario import claim_with
from scenarios_builds import sleep_argument
from telling import says_why
from waiting import check, until

PUSH = r"/images/.*/push$"

claim = claim_with("run_sandboxed")  # they run containers


class Push:
    """A push of 24 MB that is under way and can get no further than its middle."""

    def __init__(self, t, clocks=(), options=()):
        self.daemon = t.dockerd(base=False)
        _, self.relay = t.slow_registry(20 * MIB)
        self.image = f"{self.relay.address}/victim:latest"
        self.daemon.build(self.image, random_context(24))
        self.front = t.front(self.daemon, clocks, options)
        self.relay.hold_at(6 * MIB)
        self.client = t.started(t.user(self.front).start("push", self.image))
        self.client.until_output("The push refers to")
        self.relay.until_held(90)

    def until_dockerd_gave_up(self):
        """dockerd is silent (the registry is): it can only know by the end of its connection."""
        until("dockerd to give up the push", 15,
              lambda: "Not continuing with push after error: context canceled"
              in self.daemon.service.log())


@claim(slow=True)
def dockerd_stopped_for_20_seconds_in_mid_push_only_delays_it(t):
    push = Push(t)
    push.daemon.pause()
    try:
        push.relay.release()
        push.client.stays_alive_for(20)
    finally:
        push.daemon.resume()
    push.client.finish(60).ok().says("digest: sha256:")
    if t.proxied:
        record = push.front.until_exchange("POST", PUSH, reason="complete", status=200)
        check(sum(record["ms"].values()) > 20_000, str(record["ms"]))


@claim(over=("plain", "tls"))
def dockerd_killed_in_mid_push_is_named_as_the_cause(t):
    push = Push(t)
    push.front.expect_end(**by_upstream("POST", PUSH, "response_body"))
    push.daemon.kill()
    shown = push.client.finish(20).failed()
    if not t.proxied:
        shown.says("(?i)unexpected EOF|connection reset")
        return
    shown.exits(1)
    says_why(shown, push.front, "POST", PUSH, "The upstream (closed|reset) its connection", "progress")
    record = push.front.until_exchange("POST", PUSH, by="upstream")
    check(record["bytes"]["upstream_in"] > 0 and record["bytes"]["client_out"] > 0,
          f"a record without its bytes: {record['bytes']}")
    check(len(record["because"]) > 20, f"not a sentence: {record['because']!r}")
    check(record["silence_ms"], str(record))
    push.front.finish()
    lines = [line for line in push.front.why().splitlines() if "/push" in line]
    check(len(lines) == 1, lambda: f"one line of `why` should name the push:\n{push.front.why()}")
    check(re.search(r"upstream_(closed|reset)|[Uu]pstream (closed|reset)", lines[0]),
          f"why does not say who it was: {lines[0]}")


@claim(over=("plain", "tls"))
def a_client_killed_in_mid_push_stops_dockerds_work(t):
    push = Push(t)
    push.front.expect_end(**by_client("POST", PUSH, "response_body"))
    push.client.kill()
    push.until_dockerd_gave_up()


@claim()
def a_client_interrupted_in_mid_push_stops_dockerds_work(t):
    push = Push(t)
    push.front.expect_end(**by_client("POST", PUSH, "response_body"))
    push.client.interrupt()
    push.client.finish(30).failed()
    push.until_dockerd_gave_up()


def dockerd_killed_in_mid_build(t, buildkit):
    daemon = t.dockerd()
    front = t.front(daemon)
    mark = sleep_argument(t)
    context = write_context(t.path("context"), f"FROM base\nRUN sleep {mark}\n")
    client = t.started(t.user(front).start("build", "--network", "none", context,
                                           DOCKER_BUILDKIT=buildkit))
    until("the RUN step to start", 90, lambda: processes_with_argument(mark))
    front.expect_end(**by_upstream("POST", r"/build$", "response_body"))
    if buildkit == "1":
        tolerate_cut_tunnel(front, r"^/session$")
    # A client that tries to tidy up after the fault finds nobody: a second cause, honestly named.
    tolerate_nobody_there(front)
    daemon.kill()
    shown = client.finish(30).failed()
    if t.proxied:
        says_why(shown, front, "POST", r"/build$", "The upstream (closed|reset) its connection",
                 "progress")


@claim()
def dockerd_killed_in_mid_classic_build_is_named_as_the_cause(t):
    dockerd_killed_in_mid_build(t, "0")


@claim(buildkit=True)
def dockerd_killed_in_mid_buildkit_build_is_named_as_the_cause(t):
    dockerd_killed_in_mid_build(t, "1")


def tolerate_nobody_there(front):
    """What clients ask after dockerd died is refused, and says so."""
    for method in ("GET", "POST", "HEAD", "DELETE"):
        front.tolerate(method=method, path=".", by="upstream", phase="connect",
                       reason={"upstream_refused", "upstream_unreachable"}, cls="fault")
        # Asked in the very moment of its death: taken by the kernel, never answered.
        front.tolerate(method=method, path=".", by="upstream", phase="first_byte",
                       reason=CLOSED_BY_UPSTREAM, cls={"truncated", "fault"})
        # The client's patience with a ping may end before the proxy's tries do.
        front.tolerate(method=method, path="_ping$", by="client", phase="connect",
                       reason="client_closed", cls="truncated")
    front.tolerate_connections("upstream_refused", "upstream_unreachable")


def tolerate_cut_tunnel(front, path):
    """On a unix socket the kernel ends a killed dockerd's tunnel exactly as dockerd ends a finished
    one: with a FIN. Only bytes that it had not read yet make it a reset."""
    front.tolerate(**by_upstream("POST", path, "tunnel"))


@claim()
def dockerd_killed_under_exec_is_an_error_at_once(t):
    daemon = t.dockerd()
    front = t.front(daemon)
    user = t.user(front)
    t.detached(user, "--name", t.tag, "base", "sleep", "300")
    client = t.started(user.start("exec", t.tag, "sh", "-c", "echo up; sleep 200"))
    client.until_output("up")
    tolerate_cut_tunnel(front, r"/exec/[0-9a-f]+/start$")
    tolerate_nobody_there(front)
    daemon.kill()
    client.finish(15).failed()
    if t.proxied:
        until("a record that blames the upstream", 5,
              lambda: any(each["by"] == "upstream" for each in front.exchanges()))


@claim()
def dockerd_killed_under_run_is_an_error_at_once(t):
    daemon = t.dockerd()
    front = t.front(daemon)
    client = t.started(t.user(front).start("run", "--network", "none", "base", "sh", "-c",
                                           "echo up; sleep 200"))
    client.until_output("up")
    if t.proxied:  # output may come before dockerd has answered the start
        front.until_exchange("POST", r"/start$", status=204)
    tolerate_cut_tunnel(front, r"/attach$")
    front.expect_end(**by_upstream("POST", r"/wait$", "response_body"))
    tolerate_nobody_there(front)
    daemon.kill()
    client.finish(15).failed()


@claim()
def dockerd_killed_under_logs_f_is_an_error(t):
    daemon = t.dockerd()
    front = t.front(daemon)
    user = t.user(front)
    t.detached(user, "--name", t.tag, "base", "sh", "-c",
             "echo up; sleep 300")
    client = t.started(user.start("logs", "-f", t.tag))
    client.until_output("up")
    front.expect_end(**by_upstream("GET", r"/logs$", "response_body"))
    tolerate_nobody_there(front)
    daemon.kill()
    shown = client.finish(15).failed()
    if t.proxied:
        says_why(shown, front, "GET", r"/logs$", "The upstream (closed|reset) its connection",
                 "frames")
    else:
        shown.says("(?i)unexpected EOF|connection reset")


def dead_half_closed_client(t, path, *arguments):
    """The client's FIN came long ago, by design; its death sends nothing more. Only the kernel
    knows, once it has forgotten the dead socket (60 s) and keep-alive probes go unanswered."""
    front = t.front(t.shared)
    user = t.user(front)
    if arguments[0] == "exec":
        t.detached(user, "--name", t.tag, "base", "sleep", "600")
    client = t.started(user.start(*arguments))
    client.until_output("up")
    if t.proxied and arguments[0] == "run":  # output may come before dockerd has answered the start
        front.until_exchange("POST", r"/containers/[^/]+/start$", status=204)
    front.expect_end(method="POST", path=path, by="client", phase="tunnel", cls="truncated",
                     reason={"client_reset", "client_unreachable", "client_closed"},
                     client="same", upstream={"partner"})
    if arguments[0] == "run":
        front.expect_end(**by_client("POST", r"/wait$", "response_body"))
    client.kill()
    if t.proxied:
        front.until_exchange("POST", path, seconds=120, by="client")
    t.shared.api("DELETE", f"/containers/{t.tag}?force=1")


@claim(slow=True)
def a_dead_half_closed_exec_client_is_noticed(t):
    dead_half_closed_client(t, r"/exec/[0-9a-f]+/start$", "exec", t.tag, "sh", "-c",
                            "echo up; sleep 500")


@claim(slow=True)
def a_dead_half_closed_run_client_is_noticed(t):
    dead_half_closed_client(t, r"/attach$", "run", "--name", t.tag, "--network", "none", "base",
                            "sh", "-c", "echo up; sleep 500")


@claim(proxied_only=True)
def a_dead_dockerd_is_reported_in_dockers_own_words(t):
    daemon = t.dockerd(base=False)
    front = t.front(daemon)
    user = t.user(front)
    user.run("ps").ok()  # becaused has seen dockerd's API version
    daemon.kill()
    front.expect_end(method="GET", path=r"^/v1\.41/containers/json$", by="upstream",
                     phase="connect", cls="fault",
                     reason={"upstream_refused", "upstream_unreachable"})
    tolerate_nobody_there(front)
    shown = user.run("ps").failed()
    shown.says(r"Error response from daemon: .*The upstream (refused|could not be reached)")
    check("{" not in shown.text(), f"raw JSON on the terminal: {shown}")
    # The ping's answer is ours too, with dockerd's remembered version: or the client would have
    # asked for /v1.24 or /v1.50 (the expected record's path).


@claim(proxied_only=True)
def a_silent_dockerd_is_reported_with_the_clock_that_ran_out(t):
    daemon = t.dockerd(base=False)
    front = t.front(daemon, clocks=["quick.first_byte=500ms"])
    user = t.user(front)
    user.run("ps").ok()
    daemon.pause()
    try:
        front.expect_end(method="GET", path=r"^/v1\.41/containers/json$", by="upstream",
                         phase="first_byte", cls="fault", reason="upstream_silent")
        # The newer client asks for a ping twice, in 2 s: it negotiates the version by the
        # remembered one on our answers, if they come in that time.
        for method in ("HEAD", "GET"):
            front.tolerate(method=method, path=r"/_ping$", by="upstream", phase="first_byte",
                           cls="fault", reason="upstream_silent")
            front.tolerate(**by_client(method, r"/_ping$", "first_byte"))
        shown = user.run("ps", seconds=20).failed()
        shown.says("Error response from daemon: .*The upstream sent no answer")
        record = front.until_exchange("GET", r"/containers/json$", reason="upstream_silent")
        check(record["clock"] == {"name": "first_byte", "setting_ms": 500}, str(record["clock"]))
        check(record["status"] == 504, str(record))
        front.finish()
    finally:
        daemon.resume()


@claim()
def an_exec_that_dockerd_refuses_shows_why_and_is_no_fault(t):
    front = t.front(t.shared)
    user = t.user(front)
    user.run("create", "--name", t.tag, "--network", "none", "base", "true").ok()
    user.run("exec", t.tag, "true").failed().says("(?i)is not running")

"""The reason on the terminal: whatever cuts a push, a build or a tunnel, the client prints becaused's
sentence, whether to try again, and the record, and does not exit with 0."""

import threading

from images import write_context
from processes import processes_with_argument
from records import by_client, by_upstream
from scenario import claim_with
from scenarios_builds import sleep_argument
from scenarios_faults import PUSH, Push, tolerate_cut_tunnel, tolerate_nobody_there
from scenarios_terminal import SWITCH, fake_with_container, stdout_frame
from telling import says_why
from waiting import check, until

IN_STREAM = "error from daemon in stream: becaused: "
UPSTREAM_WENT = "The upstream (closed|reset) its connection"

claim = claim_with("run_sandboxed")  # they ask for containers


def shown_in_stream(shown, front, method, path, sentence=UPSTREAM_WENT, told="frames"):
    shown.exits(1)
    check(IN_STREAM in shown.text(), lambda: f"no error frame: {shown}")
    return says_why(shown, front, method, path, sentence, told)


# ---- progress streams

@claim(over=("plain", "tls"), proxied_only=True)
def a_push_that_a_clock_cut_names_the_clock(t):
    push = Push(t, clocks=["transfer.response_body=2s"])
    push.front.expect_end(method="POST", path=PUSH, by="upstream", phase="response_body",
                          reason="upstream_stalled_sending", client={"partner"}, upstream="same")
    shown = push.client.finish(30).exits(1)
    record = says_why(shown, push.front, "POST", PUSH, r"\(clock response_body, 2 s\)", "progress")
    check(record["clock"] == {"name": "response_body", "setting_ms": 2000}, str(record["clock"]))
    push.until_dockerd_gave_up()


@claim(proxied_only=True)
def a_push_that_a_second_signal_cut_says_so(t):
    push = Push(t)
    push.front.expect_end(method="POST", path=PUSH, by="operator", phase="response_body",
                          reason="shutdown", client={"partner"}, upstream={"partner"})
    push.front.service.signal(15)
    until("becaused to be told", 10, lambda: "again: at once" in push.front.service.log())
    push.front.service.signal(15)
    shown = push.client.finish(20).exits(1)
    says_why(shown, push.front, "POST", PUSH, "becaused was told to stop at once", "progress")
    check(push.front.service.wait(10) is not None, "it did not stop")
    push.front.finish(already_ended=True)


def drain_cuts_a_build(t, buildkit):
    front = t.front(t.shared, clocks=["drain=1s"])
    mark = sleep_argument(t)
    context = write_context(t.path("context"), f"FROM base\nRUN sleep {mark}\n")
    client = t.started(t.user(front).start("build", "--network", "none", context,
                                           DOCKER_BUILDKIT=buildkit))
    until("the RUN step to start", 90, lambda: processes_with_argument(mark))
    ended = dict(by="operator", reason="drain_deadline", client={"partner"}, upstream={"partner"})
    front.expect_end(method="POST", path=r"/build$", phase="response_body", **ended)
    if buildkit == "1":
        front.expect_end(method="POST", path=r"^/session$", phase="tunnel", **ended)
    front.service.signal(15)
    shown = client.finish(30).failed()
    record = says_why(shown, front, "POST", r"/build$", "1 s for finishing were over", "progress")
    check(record["clock"] == {"name": "drain", "setting_ms": 1000}, str(record["clock"]))
    check(front.service.wait(10) is not None, "the drain clock did not end it")
    front.finish(already_ended=True)
    until("the RUN step to be cancelled", 30, lambda: not processes_with_argument(mark))


@claim(proxied_only=True)
def a_drain_that_cuts_a_classic_build_says_so(t):
    drain_cuts_a_build(t, "0")


@claim(proxied_only=True, buildkit=True)
def a_drain_that_cuts_a_buildkit_build_says_so(t):
    drain_cuts_a_build(t, "1")


@claim(over=("plain", "tls"), proxied_only=True)
def a_push_that_an_operator_killed_says_so(t):
    push = Push(t)
    push.front.expect_end(method="POST", path=PUSH, by="operator", phase="response_body",
                          reason="admin_kill", client={"partner"}, upstream={"partner"})
    before = push.front.kill("POST", PUSH)
    check(before["phase"] == "response_body" and before["bytes"]["client_out"] > 0, str(before))
    shown = push.client.finish(20).exits(1)
    record = says_why(shown, push.front, "POST", PUSH, "^An operator ended it", "progress")
    check(record["id"] == before["id"] and record["op"] == "admin", str(record))
    push.until_dockerd_gave_up()
    _, code = push.front.ask("kill", before["id"])
    check(code == 1, "what has ended cannot be ended again")


def operator_kills_a_build(t, buildkit):
    front = t.front(t.shared)
    mark = sleep_argument(t)
    context = write_context(t.path("context"), f"FROM base\nRUN sleep {mark}\n")
    client = t.started(t.user(front).start("build", "--network", "none", context,
                                           DOCKER_BUILDKIT=buildkit))
    until("the RUN step to start", 90, lambda: processes_with_argument(mark))
    front.expect_end(method="POST", path=r"/build$", by="operator", phase="response_body",
                     reason="admin_kill", client={"partner"}, upstream={"partner"})
    if buildkit == "1":
        # The client goes, and its session's tunnel with it.
        front.tolerate(**by_client("POST", r"^/session$", "tunnel"))
        front.tolerate(**by_upstream("POST", r"^/session$", "tunnel"))
    front.kill("POST", r"/build$")
    shown = client.finish(30).failed()
    says_why(shown, front, "POST", r"/build$", "^An operator ended it", "progress")
    until("the RUN step to be cancelled", 30, lambda: not processes_with_argument(mark))


@claim(proxied_only=True)
def a_classic_build_that_an_operator_killed_says_so(t):
    operator_kills_a_build(t, "0")


@claim(proxied_only=True, buildkit=True)
def a_buildkit_build_that_an_operator_killed_says_so(t):
    operator_kills_a_build(t, "1")


@claim(proxied_only=True)
def an_exec_that_an_operator_killed_says_so_in_its_stream(t):
    front = t.front(t.shared)
    user = t.user(front)
    t.detached(user, "--name", t.tag, "base", "sleep", "300")
    client = t.started(user.start("exec", t.tag, "sh", "-c", "echo up; sleep 200"))
    client.until_output("up")
    path = r"/exec/[0-9a-f]+/start$"
    front.expect_end(method="POST", path=path, by="operator", phase="tunnel", reason="admin_kill",
                     client={"partner"}, upstream={"partner"})
    front.kill("POST", path)
    shown_in_stream(client.finish(15), front, "POST", path, "^An operator ended it in the tunnel")
    t.shared.api("DELETE", f"/containers/{t.tag}?force=1")


@claim(proxied_only=True)
def tell_off_leaves_the_clients_own_words(t):
    push = Push(t, options=["--tell", "off"])
    push.front.expect_end(**by_upstream("POST", PUSH, "response_body"))
    push.daemon.kill()
    shown = push.client.finish(20).failed().says("(?i)unexpected EOF|connection reset")
    check("becaused" not in shown.text(), str(shown))


# ---- tunnels and logs

@claim(over=("plain", "tls"), proxied_only=True)
def dockerd_killed_under_attach_exec_and_logs_is_said_in_the_stream(t):
    daemon = t.dockerd()
    front = t.front(daemon)
    user = t.user(front)
    t.detached(user, "--name", t.tag, "base", "sh", "-c",
               "while :; do echo up; sleep 0.2; done")
    clients = {
        r"/exec/[0-9a-f]+/start$": user.start("exec", t.tag, "sh", "-c", "echo up; sleep 200"),
        r"/attach$": user.start("attach", "--no-stdin", t.tag),
        r"/logs$": user.start("logs", "-f", t.tag),
    }
    for client in clients.values():
        t.started(client).until_output("up")
    for path in list(clients)[:2]:
        tolerate_cut_tunnel(front, path)
    front.expect_end(**by_upstream("GET", r"/logs$", "response_body"))
    front.tolerate(**by_client("POST", r"/wait$", "response_body"))
    front.tolerate(**by_upstream("POST", r"/wait$", "response_body"))
    tolerate_nobody_there(front)
    daemon.kill()
    for path, client in clients.items():
        shown = client.finish(15)
        # A unix socket's end may be a FIN, which is how a tunnel ends well too; the attach client
        # then learns from its /wait.
        cut = front.until_exchange("GET" if "logs" in path else "POST", path)
        if cut["reason"] == "tunnel_complete":
            continue
        shown_in_stream(shown, front, cut["method"], path)


@claim(proxied_only=True)
def a_tunnel_that_broke_says_why_in_an_error_frame(t):
    go = threading.Event()

    def attach(request):
        request.read_body()
        request.send(SWITCH + stdout_frame(b"up\n"))
        go.wait(30)
        request.end_by_reset()
        return True
    upstream = fake_with_container(t, attach)
    upstream.on("POST", r"/containers/[^/]+/exec",
                lambda request: (request.read_body(), request.json(b'{"Id":"e1"}', 201))[1])
    upstream.on("POST", r"/exec/[^/]+/start", attach)
    front = t.front(upstream.upstream)
    user = t.user(front)
    clients = {r"/attach$": t.started(user.start("attach", "--no-stdin", "c")),
               r"/exec/e1/start$": t.started(user.start("exec", "c", "sh"))}
    for path, client in clients.items():
        client.until_output("up")
        front.expect_end(**by_upstream("POST", path, "tunnel", reason="upstream_reset"))
    front.tolerate(**by_client("POST", r"/wait$", "response_body"))
    go.set()
    for path, client in clients.items():
        shown_in_stream(client.finish(15), front, "POST", path,
                        "The upstream reset its connection in the tunnel")


@claim(proxied_only=True)
def a_terminal_gets_no_frame(t):
    """Nobody said whether it is a terminal; what it printed is none of Docker's frames."""
    go = threading.Event()

    def attach(request):
        request.read_body()
        request.send(SWITCH + b"$ up\r\n")
        go.wait(30)
        request.end_by_reset()
        return True
    upstream = fake_with_container(t, lambda request: True)
    upstream.on("POST", r"/containers/[^/]+/exec",
                lambda request: (request.read_body(), request.json(b'{"Id":"e1"}', 201))[1])
    upstream.on("POST", r"/exec/[^/]+/start", attach)
    upstream.on("POST", r"/exec/[^/]+/resize", lambda request: request.answer(200))
    front = t.front(upstream.upstream)
    client = t.started(t.user(front).start("exec", "-it", "c", "sh", terminal=True))
    client.until_output("$ up")
    front.expect_end(**by_upstream("POST", r"/start$", "tunnel", reason="upstream_reset"))
    go.set()
    shown = client.finish(15).failed().says("(?i)reset")
    check("becaused" not in shown.text(), str(shown))


# ---- refusals

def refused_upgrade(t, options):
    upstream = fake_with_container(t, lambda request: True)  # closes without an answer
    upstream.on("POST", r"/containers/[^/]+/exec",
                lambda request: (request.read_body(), request.json(b'{"Id":"e1"}', 201))[1])
    upstream.on("POST", r"/exec/[^/]+/start", lambda request: True)
    front = t.front(upstream.upstream, options=options)
    user = t.user(front)
    # It may be gone before the client has sent its few bytes of JSON.
    refused = dict(method="POST", by="upstream", phase={"first_byte", "request_body"},
                   cls={"truncated", "fault"},
                   reason={"upstream_closed", "upstream_reset", "retry_impossible"})
    front.tolerate(**by_client("POST", r"/wait$", "response_body"))
    for path, command in ((r"/attach$", ("attach", "--no-stdin", "c")),
                          (r"/start$", ("exec", "c", "sh"))):
        front.expect_end(path=path, **refused)
        yield front, path, user.run(*command, seconds=20).exits(1)


@claim(proxied_only=True)
def a_refusal_in_the_tunnel_is_shown_with_its_reason(t):
    for front, path, shown in refused_upgrade(t, ["--tell", "refusals"]):
        record = shown_in_stream(shown, front, "POST", path, "The upstream", "refusals")
        check(record["status"] == 101, str(record))


@claim(proxied_only=True)
def a_refused_upgrade_shows_no_reason_by_default(t):
    for _, _, shown in refused_upgrade(t, []):
        shown.says("unable to upgrade to tcp, received 502")
        check("becaused" not in shown.text(), str(shown))

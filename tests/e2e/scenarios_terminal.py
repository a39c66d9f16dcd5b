"""What a person sees: an upstream misbehaves in one chosen way, and the real client says it."""

import io
import json
import re
import subprocess
import tarfile
import threading

from fake_docker import FakeDocker
from images import add_bytes
from records import by_client, by_upstream
from scenario import claim_with
from telling import says_why
from waiting import check, until

END = True  # what a handler returns when the connection must not go on
PROGRESS = b'{"status":"Preparing","progressDetail":{},"id":"0123456789ab"}\r\n'
INSPECT = json.dumps({
    "Id": "c" * 64, "Name": "/c", "State": {"Running": True, "Status": "running"},
    "Config": {"Tty": False, "OpenStdin": False, "AttachStdin": False, "Image": "base"},
    "HostConfig": {}, "NetworkSettings": {},
}).encode()
SWITCH = (b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
          b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n")

claim = claim_with("run_sandboxed")  # they ask for containers


def stdout_frame(data):
    return b"\x01\0\0\0" + len(data).to_bytes(4, "big") + data


def fake(t):
    return t.closing(FakeDocker())


def cut_stream(t, end, reason):
    def push(request):
        request.start_stream()
        request.chunk(PROGRESS)
        end(request)
        return END
    upstream = fake(t).on("POST", r"/images/.*/push", push)
    front = t.front(upstream.upstream)
    front.expect_end(**by_upstream("POST", r"/push$", "response_body", reason=reason))
    shown = t.user(front).run("push", "127.0.0.1:9/cut:1", seconds=20).exits(1)
    if t.proxied:
        says_why(shown, front, "POST", r"/push$", "The upstream (closed|reset) its connection",
                 "progress")
    else:
        shown.says("(?i)unexpected EOF|connection reset by peer")


@claim()
def a_progress_stream_that_the_upstream_closed_is_an_error_on_the_terminal(t):
    cut_stream(t, lambda request: request.end_by_fin(), "upstream_closed")


@claim()
def a_progress_stream_that_the_upstream_reset_is_an_error_on_the_terminal(t):
    cut_stream(t, lambda request: request.end_by_reset(), "upstream_reset")


def fake_with_container(t, attach):
    """A running container "c" whose /wait has sent its head and stays silent until the end."""
    over = threading.Event()
    t.cleanup.callback(over.set)

    def wait(request):
        request.read_body()
        request.start_stream()
        over.wait(60)
        return END
    upstream = fake(t)
    upstream.on("POST", r"/containers/[^/]+/wait", wait)
    upstream.on("POST", r"/containers/[^/]+/attach", attach)
    upstream.on("POST", r"/containers/[^/]+/resize", lambda request: request.answer(200))
    upstream.on("GET", r"/containers/[^/]+/json", lambda request: request.json(INSPECT))
    return upstream


@claim()
def a_tunnel_that_broke_is_an_error_at_once_not_a_wait_for_ever(t):
    go = threading.Event()

    def attach(request):
        request.send(SWITCH + stdout_frame(b"up\n"))
        go.wait(30)
        request.end_by_reset()
        return END
    upstream = fake_with_container(t, attach)
    front = t.front(upstream.upstream)
    client = t.started(t.user(front).start("attach", "--no-stdin", "c"))
    client.until_output("up")
    front.expect_end(**by_upstream("POST", r"/attach$", "tunnel", reason="upstream_reset"))
    # The client leaves its /wait as soon as the tunnel fails.
    front.tolerate(**by_client("POST", r"/wait$", "response_body"))
    go.set()
    client.finish(15).failed().says("(?i)reset|EOF")


@claim(proxied_only=True)
def a_refused_upgrade_shows_its_status_and_no_parser_error(t):
    upstream = fake_with_container(t, lambda request: END)  # closes without an answer
    front = t.front(upstream.upstream)
    client = t.started(t.user(front).start("attach", "--no-stdin", "c"))
    front.expect_end(method="POST", path=r"/attach$", by="upstream", phase="first_byte",
                     reason={"upstream_closed", "upstream_reset", "retry_impossible"},
                     cls={"truncated", "fault"})
    front.tolerate(**by_client("POST", r"/wait$", "response_body"))
    shown = client.finish(30).failed()
    shown.says("unable to upgrade to tcp, received 502")
    check("Unrecognized input header" not in shown.text(), str(shown))
    check(len(upstream.asked("POST", r"/attach$")) == 1, "the POST was sent again")


@claim()
def json_errors_of_any_status_are_shown_as_their_message(t):
    status = 0

    def push(request):
        request.read_body()
        request.json(json.dumps({"message": f"reason number {status}"}).encode(), status)
    upstream = fake(t).on("POST", r"/images/.*/push", push)
    front = t.front(upstream.upstream)
    user = t.user(front)
    for status in (400, 403, 404, 409, 429, 500, 502, 503, 504):
        shown = user.run("push", "127.0.0.1:9/no:1", seconds=20).failed()
        shown.says(f"reason number {status}")
        check("{" not in shown.text(), f"raw JSON on the terminal: {shown}")


@claim(proxied_only=True)
def a_refusal_during_an_upload_is_shown_every_time(t):
    def load(request):
        request.read_body(until=64 * 1024)
        request.answer(413, b'{"message":"this archive is too large for us"}',
                       [("Content-Type", "application/json"), ("Connection", "close")])
        request.end_by_fin()
        request.until_gone()
        return END
    upstream = fake(t).on("POST", r"/images/load", load)
    front = t.front(upstream.upstream)
    # The answer is whole; that the request's rest was not wanted is no fault of anybody.
    with open(t.path("archive"), "wb") as out:
        out.truncate(40_000_000)
    user = t.user(front)
    for _ in range(12):
        user.run("load", "-i", t.path("archive"), seconds=20).failed().says(
            "this archive is too large for us")
    loads = [each for each in front.exchanges("POST", r"/images/load$")]
    until("12 records of loads", 10,
          lambda: len(front.exchanges("POST", r"/images/load$")) == 12)
    check(all(each["status"] == 413 for each in loads), str([each["status"] for each in loads]))


@claim(proxied_only=True)
def a_missing_upstream_during_an_upload_is_shown_every_time(t):
    def hang_up(request):
        request.read_body(until=64 * 1024)
        return END
    upstream = fake(t).on("POST", r"/images/load", hang_up)
    front = t.front(upstream.upstream)
    with open(t.path("archive"), "wb") as out:
        out.truncate(40_000_000)
    user = t.user(front)
    front.expect_end(method="POST", path=r"/images/load$", by="upstream", times=6,
                     phase={"request_body", "first_byte"}, cls={"truncated", "fault"},
                     reason={"upstream_closed", "upstream_reset", "retry_impossible"})
    for _ in range(6):
        user.run("load", "-i", t.path("archive"), seconds=20).failed().says("[Tt]he upstream")


@claim()
def an_answer_that_starts_while_the_context_still_comes_is_shown_at_once(t):
    def build(request):
        request.read_body(until=200_000)
        request.start_stream()
        request.chunk(b'{"stream":"early words\\n"}\r\n')
        if not request.read_body():
            return END
        request.chunk(b'{"stream":"late words\\n"}\r\n')
        request.chunk(b"")
        return None
    upstream = fake(t).on("POST", r"/build", build)
    front = t.front(upstream.upstream)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        add_bytes(archive, "Dockerfile", b"FROM scratch\n")
        add_bytes(archive, "noise", b"x" * 2_000_000)
    context = stream.getvalue()
    client = t.started(t.user(front).start("build", "-", stdin=subprocess.PIPE,
                                           DOCKER_BUILDKIT="0"))
    client.feed(context[:500_000])
    client.until_output("early words")
    client.feed(context[500_000:])
    client.end_input()
    client.finish(20).ok().says("late words")
    if t.proxied:
        front.until_exchange("POST", r"/build$", reason="complete", status=200)


@claim()
def custom_headers_of_the_client_reach_dockerd_on_every_request(t):
    def attach(request):
        request.send(SWITCH + stdout_frame(b"up\n"))
        request.end_by_fin()
        request.until_gone()
        return END
    upstream = fake(t)
    upstream.on("POST", r"/containers/[^/]+/wait",
                lambda request: request.json(b'{"StatusCode":0}'))
    upstream.on("POST", r"/containers/[^/]+/attach", attach)
    upstream.on("GET", r"/containers/[^/]+/json", lambda request: request.json(INSPECT))
    front = t.front(upstream.upstream)
    user = t.user(front)
    user.configure({"HttpHeaders": {"X-Team": "builders; a=1, b=2"}})
    # They take the place of those in the file, credentials included.
    custom = {"X-Turn": "second", **(t.badge.headers if t.badge else {})}
    env = {"DOCKER_CUSTOM_HEADERS": ",".join(f"{name}={value}" for name, value in custom.items())}
    env = env if t.cli.major >= 28 else {}
    user.run("attach", "--no-stdin", "c", seconds=20, **env)
    check(len(upstream.requests) >= 3, f"only {[each.target for each in upstream.requests]}")
    for request in upstream.requests:
        if env:
            # From the environment instead of the file: the client's own rule.
            check(request.field("X-Turn") == "second", f"{request.target} {request.fields}")
        else:
            check(request.field("X-Team") == "builders; a=1, b=2",
                  f"{request.target} came without the user's header: {request.fields}")


@claim(since=28, profile="any")
def a_base_path_before_every_url_is_passed_on(t):
    upstream = fake(t)
    upstream.on("(GET|HEAD)", r"/team/one/_ping", upstream.ping)
    upstream.on("GET", r"/team/one/v1\.41/containers/json", lambda request: request.json(b"[]"))
    front = t.front(upstream.upstream)
    front.host = front.host + "/team/one"
    t.user(front).run("ps", seconds=20).ok()
    check(all(re.match(r"/team/one/", each.target) for each in upstream.requests),
          str([each.target for each in upstream.requests]))

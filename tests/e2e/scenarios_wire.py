"""The bytes themselves: what a real client would not show, asked by hand."""

import json
import socket
import struct
import threading

from fake_docker import FakeDocker
from raw_http import RawClient
from records import by_client, by_upstream
from scenario import claim_with
from waiting import check, until

# What a gateway adds, and what differs from one answer to the next.
GATEWAY = {"via", "proxy-status", "x-request-id", "date"}

claim = claim_with("keeper")  # they ask for containers


def ended_container(t):
    t.shared.api_json("POST", f"/containers/create?name={t.tag}", {
        "Image": "base", "Cmd": ["echo", "said"], "HostConfig": {"NetworkMode": "none"}})
    t.shared.api_json("POST", f"/containers/{t.tag}/start")
    t.shared.api_json("POST", f"/containers/{t.tag}/wait")


@claim(clients="none", proxied_only=True, profile="any")
def answers_of_dockerd_pass_unchanged(t):
    front = t.front(t.shared)
    ended_container(t)
    gzip = [("Accept-Encoding", "gzip")]
    cases = [
        ("GET", "/_ping", []), ("HEAD", "/_ping", []), ("GET", "/version", []),
        ("GET", "/v1.41/images/base/json", []), ("GET", "/v1.41/images/none/json", []),
        ("GET", f"/v1.41/containers/{t.tag}/json", []),
        ("HEAD", f"/v1.41/containers/{t.tag}/archive?path=%2Fbin%2Fbusybox", []),
        ("GET", f"/v1.41/containers/{t.tag}/archive?path=%2Fbin%2Fbusybox", gzip),
        ("GET", f"/v1.41/containers/{t.tag}/logs?stdout=1", []),
        ("GET", "/v1.41/containers/none/logs?stdout=1", []),
        ("POST", f"/v1.41/containers/{t.tag}/start?x=%zz", []),
        ("OPTIONS", "/v1.41/version", []),
    ]
    for method, target, fields in cases:
        seen = []
        t.shared.note_own_call(method, target)
        for address in (t.shared.socket_path, front.address):
            client = RawClient(address)
            client.request(method, target, fields)
            seen.append(client.answer(method))
            client.close()
        direct, through = seen
        what = f"{method} {target}\n  direct:  {direct}\n  through: {through}"
        check(direct.line == through.line and direct.body == through.body, what)
        check(direct.framing == through.framing and through.ended == "whole", what)
        kept = [[(key, value) for key, value in each.fields if key.lower() not in GATEWAY]
                for each in seen]
        check(kept[0] == kept[1], what)
        check((direct.field("Date") is None) == (through.field("Date") is None), what)


@claim(clients="none")
def head_keeps_its_content_length_and_the_connection_goes_on(t):
    def head(request):
        request.send(b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nX-Stat: eHg=\r\n\r\n")
    upstream = t.closing(FakeDocker())
    upstream.on("HEAD", "/containers/c/archive", head)
    upstream.on("GET", "/version", lambda request: request.json(b"{}"))
    front = t.front(upstream.upstream)
    client = RawClient(front.address)
    client.request("HEAD", "/v1.41/containers/c/archive?path=/x")
    answer = client.answer("HEAD")
    check(answer.field("Content-Length") == "12345" and answer.field("X-Stat") == "eHg=",
          str(answer))
    check(answer.field("Content-Type") is None, f"a Content-Type was invented: {answer}")
    client.request("GET", "/v1.41/version")
    check(client.answer().body == b"{}", "the next answer is another one")
    client.close()


@claim(clients="none")
def a_response_head_comes_before_any_byte_of_its_body(t):
    front = t.front(t.shared)
    t.shared.api_json("POST", f"/containers/create?name={t.tag}", {
        "Image": "base", "Cmd": ["sleep", "300"], "HostConfig": {"NetworkMode": "none"}})
    t.shared.api_json("POST", f"/containers/{t.tag}/start")
    client = RawClient(front.address, seconds=5)
    client.request("POST", f"/v1.41/containers/{t.tag}/wait", [("Content-Length", "0")])
    client.until_bytes(b"\r\n\r\n")  # dockerd sends the head at once, the body at the exit
    t.shared.api("POST", f"/containers/{t.tag}/kill")
    answer = client.answer("POST")
    check(answer.ended == "whole" and b'"StatusCode":137' in answer.body, str(answer))
    client.close()


@claim(clients="none")
def attach_without_upgrade_is_a_tunnel_all_the_same(t):
    front = t.front(t.shared)
    t.shared.api_json("POST", f"/containers/create?name={t.tag}", {
        "Image": "base", "Cmd": ["cat"], "OpenStdin": True, "StdinOnce": True, "AttachStdin": True,
        "AttachStdout": True, "HostConfig": {"NetworkMode": "none"}})
    client = RawClient(front.address)
    client.request("POST", f"/v1.41/containers/{t.tag}/attach?stream=1&stdin=1&stdout=1")
    head = client.head()
    check(b" 200 " in head and b"raw-stream" in head, str(head))
    t.shared.api_json("POST", f"/containers/{t.tag}/start")
    # Looks like a request, and is not one.
    said = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
    client.send(said)
    client.until_bytes(said)
    client.end_sending()
    check(client.until_end() == "end", "the tunnel was reset")
    check(client.buffer == b"\x01\0\0\0" + len(said).to_bytes(4, "big") + said, str(client.buffer))
    client.close()
    if t.proxied:
        front.until_exchange("POST", r"/attach$", reason="tunnel_complete", status=200)
        check(not front.exchanges("GET", r"^/version$"), "the tunnel's bytes were taken for HTTP")


@claim(clients="none")
def an_attach_error_without_length_reaches_the_client(t):
    front = t.front(t.shared)
    client = RawClient(front.address)
    client.request("POST", "/v1.41/containers/no-such/attach?stream=1&stdout=1",
                   [("Connection", "Upgrade"), ("Upgrade", "tcp")])
    answer = client.answer("POST")
    check(answer.status == 404 and b"No such container" in answer.body, str(answer))
    client.close()


def half_closing_tunnel(t, first):
    """Both halves through a real switch, one ended long before the other."""
    client_done, said = threading.Event(), {}

    def attach(request):
        request.send(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
        if first == "upstream":
            request.send(b"from upstream")
            request.end_by_fin()
            request.until_gone()
        else:
            request.until_gone()
            request.send(b"from upstream")
        said["upstream got"] = bytes(request.raw)
        client_done.set()
        return True
    upstream = t.closing(FakeDocker()).on("POST", "/containers/c/attach", attach)
    front = t.front(upstream.upstream)
    client = RawClient(front.address)
    client.request("POST", "/v1.41/containers/c/attach",
                   [("Connection", "Upgrade"), ("Upgrade", "tcp")])
    check(b" 101 " in client.head(), "no switch")
    if first == "upstream":
        check(client.until_end() == "end", "reset")
        client.send(b"from client")
        client.end_sending()
    else:
        client.send(b"from client")
        client.end_sending()
        check(client.until_end() == "end", "reset")
    check(client.buffer == b"from upstream", str(client.buffer))
    check(client_done.wait(10), "the client's half never ended at the upstream")
    check(said["upstream got"] == b"from client", str(said))
    client.close()
    if t.proxied:
        front.until_exchange("POST", r"/attach$", reason="tunnel_complete", status=101)


@claim(clients="none")
def the_client_may_end_its_half_of_a_tunnel_first(t):
    half_closing_tunnel(t, "client")


@claim(clients="none")
def the_upstream_may_end_its_half_of_a_tunnel_first(t):
    half_closing_tunnel(t, "upstream")


CUTS = {
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "in a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhello",
    "by length": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello",
    "by close": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello",
}


def cut_answers(t, end_name, reason, cuts):
    for number, name in enumerate(cuts):
        release = threading.Event()

        def cut(request, name=name, release=release):
            request.send(CUTS[name])
            release.wait(10)  # the cut comes after the head has been passed on
            getattr(request, end_name)()
            return True
        upstream = t.closing(FakeDocker()).on("GET", "/events", cut)
        front = t.front(upstream.upstream)
        front.expect_end(**by_upstream("GET", "/events", "response_body", reason=reason))
        client = RawClient(front.address)
        client.request("GET", "/v1.41/events")
        client.until_bytes(b"hello")
        release.set()
        answer = client.answer()
        # A close-delimited body has no other sign of a cut than a reset.
        whole = answer.ended == ("end" if answer.framing == "close" else "whole")
        check(not whole, f"cut {name} ({number}), and looks whole: {answer}")
        check(answer.body.startswith(b"hello") or answer.ended == "reset", str(answer))
        client.close()


@claim(clients="none")
def an_answer_that_the_upstream_closed_early_never_looks_whole(t):
    cut_answers(t, "end_by_fin", "upstream_closed", ["chunked", "in a chunk", "by length"])


@claim(clients="none")
def an_answer_that_the_upstream_reset_never_looks_whole(t):
    cut_answers(t, "end_by_reset", "upstream_reset", list(CUTS))


@claim(clients="none", proxied_only=True)
def a_post_that_died_before_its_answer_is_not_sent_twice(t):
    upstream = t.closing(FakeDocker()).on("POST", ".*", lambda request: True)
    front = t.front(upstream.upstream)
    front.expect_end(method="POST", path="/containers/create$", by="upstream", phase="first_byte",
                     reason={"upstream_closed", "upstream_reset", "retry_impossible"},
                     cls={"truncated", "fault"})
    client = RawClient(front.address)
    client.request("GET", "/_ping")  # the POST will find a kept-alive connection to reuse
    check(client.answer().body == b"OK", "no ping")
    client.request("POST", "/v1.41/containers/create", [("Content-Type", "application/json"),
                                                        ("Content-Length", "2")], b"{}")
    answer = client.answer("POST")
    check(answer.status == 502 and answer.field("Content-Type") == "application/json", str(answer))
    check(set(json.loads(answer.body)) == {"message"}, str(answer))
    check(answer.field("Proxy-Status"), f"no Proxy-Status: {answer}")
    check(len(upstream.asked("POST", ".")) == 1, "the POST was sent again")
    client.close()


@claim(clients="none", proxied_only=True)
def a_get_on_a_connection_that_died_idle_is_tried_again(t):
    served = {}

    def once_per_connection(request):
        key = id(request.connection)
        served[key] = served.get(key, 0) + 1
        if served[key] == 2:
            return True  # dies before it answers, as a restarted daemon's connections do
        request.json(b"{}")
        return None
    upstream = t.closing(FakeDocker()).on("GET", "/version", once_per_connection)
    front = t.front(upstream.upstream)
    client = RawClient(front.address)
    for _ in range(2):
        client.request("GET", "/v1.41/version")
        check(client.answer().status == 200, "the second request was not tried again")
    client.close()
    front.until_exchange("GET", "/version$", reason="complete")
    until("a record with two attempts", 5,
          lambda: sorted(len(each.get("attempts") or [1])
                         for each in front.exchanges("GET", "/version$")) == [1, 2])
    # The connection that died says so itself; the exchange went well.
    front.tolerate_connections("upstream_closed", "upstream_reset")


def aborted_upload(t, end, reason):
    gone = threading.Event()

    def load(request):
        request.until_gone()
        gone.set()
        return True
    upstream = t.closing(FakeDocker()).on("POST", "/images/load", load)
    front = t.front(upstream.upstream)
    front.expect_end(**by_client("POST", "/images/load$", "request_body", reason=reason))
    client = RawClient(front.address)
    client.request("POST", "/v1.41/images/load", [("Transfer-Encoding", "chunked")],
                   b"5\r\nhello\r\n")
    asked = upstream.until_asked("POST", "/images/load")
    until("the body's first bytes to arrive", 10, lambda: b"hello" in asked.raw)
    end(client)
    check(gone.wait(10), "the upstream was left waiting for the rest")
    check(b"0\r\n\r\n" not in bytes(asked.raw),
          f"the aborted upload got a final chunk: {bytes(asked.raw)!r}")
    client.close()


def reset(client):
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@claim(clients="none")
def an_upload_whose_client_closed_never_gets_its_final_chunk(t):
    # Closed without TLS's farewell, where there is one to give.
    aborted_upload(t, lambda client: client.close(),
                   "client_tls_truncated" if t.pki else "client_closed")


@claim(clients="none")
def an_upload_whose_client_reset_never_gets_its_final_chunk(t):
    aborted_upload(t, reset, "client_reset")


@claim(clients="none", proxied_only=True)
def every_accepted_socket_is_on_record_once(t):
    front = t.front(t.shared)
    for number in range(10):
        RawClient(front.address).close()
        client = RawClient(front.address)
        for _ in range(number % 3 + 1):
            client.request("GET", "/_ping")
            check(client.answer().status == 200, "no ping")
        client.close()

    def client_ends():
        return [each["reason"] for each in front.records()
                if each["event"] == "connection" and each["side"] == "client"]
    until("20 client connections on record", 10, lambda: len(client_ends()) >= 20)
    front.finish()
    check(sorted(client_ends()) == ["client_closed_idle"] * 10 + ["probe"] * 10,
          str(client_ends()))
    check(len(front.exchanges("GET", "/_ping$")) == sum(n % 3 + 1 for n in range(10)),
          "not one exchange per request")


@claim(clients="none", proxied_only=True)
def sigterm_lets_a_running_exchange_finish(t):
    release = threading.Event()

    def slow(request):
        request.start_stream()
        request.chunk(b"first")
        release.wait(20)
        request.chunk(b"last")
        request.chunk(b"")
    upstream = t.closing(FakeDocker()).on("GET", "/events", slow)
    front = t.front(upstream.upstream)
    client = RawClient(front.address)
    client.request("GET", "/v1.41/events")
    client.until_bytes(b"first")
    front.service.signal(15)
    # It listens no more, and serves on.
    until("becaused to stop listening", 5, lambda: refused(front.address))
    release.set()
    answer = client.answer()
    check(answer.ended == "whole" and answer.body == b"firstlast", str(answer))
    client.close()
    check(front.service.wait(10) == 0, "it did not exit with 0 after draining")
    front.finish(already_ended=True)


def refused(address):
    try:
        RawClient(address, 2).close()
        return False
    except OSError:
        return True


@claim(clients="none", proxied_only=True)
def what_outlives_the_drain_clock_is_cut_by_the_operator(t):
    over = threading.Event()
    t.cleanup.callback(over.set)

    def endless(request):
        request.start_stream()
        request.chunk(b"first")
        over.wait(60)
        return True
    upstream = t.closing(FakeDocker()).on("GET", "/events", endless)
    front = t.front(upstream.upstream, clocks=["drain=1s"])
    front.expect_end(method="GET", path="/events$", by="operator", phase="response_body",
                     reason="drain_deadline", client={"drain_deadline", "partner"},
                     upstream={"drain_deadline", "partner"})
    client = RawClient(front.address)
    client.request("GET", "/v1.41/events")
    client.until_bytes(b"first")
    front.service.signal(15)
    check(client.answer().ended != "whole", "a cut answer looks whole")
    client.close()
    check(front.service.wait(10) is not None, "the drain clock did not end it")
    front.finish(already_ended=True)

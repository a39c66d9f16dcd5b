"""The two stories that becaused comes from (src/ARCHITECTURE.md): a push that died without a word, and
connections that leaked without a name. Here each says who it was."""

from images import MIB
from raw_http import RawClient
from records import by_upstream
from scenario import claim_with
from scenarios_faults import PUSH, Push
from telling import says_why
from waiting import check, until

claim = claim_with("run_sandboxed")  # they run containers

# Every clock that an exchange or a connection may have, far shorter than the push.
SHORT = [f"{clock}=6s" for clock in
         ("request_head", "request_head_total", "keepalive", "upstream_idle", "request_body",
          "first_byte", "response_body", "tunnel", "half_open", "linger", "drain")]


def a_push_longer_than_every_clock_passes(t):
    push = Push(t, clocks=SHORT)
    push.relay.bytes_per_second = 1 * MIB  # 18 MB are left
    push.relay.release()
    push.client.finish(90).ok().says("digest: sha256:")
    record = push.front.until_exchange("POST", PUSH, reason="complete", status=200)
    check(record["age_ms"] > 12_000, f"it was not longer than the clocks: {record['age_ms']} ms")
    check(all(each.get("class") == "clean" for each in push.front.exchanges()),
          "something else was cut by those clocks")


def a_push_whose_dockerd_dies_says_that_it_was_dockerd(t):
    push = Push(t)
    push.front.expect_end(**by_upstream("POST", PUSH, "response_body"))
    push.daemon.kill()
    shown = push.client.finish(20).exits(1)
    return says_why(shown, push.front, "POST", PUSH, "^The upstream (closed|reset)", "progress")


def a_push_whose_proxy_is_killed_is_told_by_the_next_start(t):
    push = Push(t, options=["--state", t.path("state")])
    front = push.front
    front.expect_end(method="POST", path=PUSH, by="proxy", phase="response_body",
                     reason="previous_life", client="same", upstream="same")
    front.tolerate_connections("previous_life")  # those that were idle
    open_before = {line["id"] for line in front.live_lines()}
    front.kill_and_start_again()
    # Nobody is there to tell it; but it is not taken for whole either.
    shown = push.client.finish(20).failed().says("(?i)EOF|connection reset")
    check("becaused" not in shown.text(), str(shown))
    push.until_dockerd_gave_up()
    record = front.until_exchange("POST", PUSH, reason="previous_life")
    check(record["id"] in open_before, "it has another id than while it was open")
    check(record["bytes"]["client_out"] > 0, f"a record without its bytes: {record['bytes']}")
    story = front.why()
    check("becaused's process ended while the answer was on its way" in story,
          lambda: f"why does not tell it: {story}")
    t.user(front).run("version").ok()  # and life goes on
    return record


@claim(slow=True, proxied_only=True)
def the_origin_story_a_push_dies_three_deaths_and_each_says_so(t):
    a_push_longer_than_every_clock_passes(t)
    dockerd_died = a_push_whose_dockerd_dies_says_that_it_was_dockerd(t)
    proxy_died = a_push_whose_proxy_is_killed_is_told_by_the_next_start(t)
    check(dockerd_died["by"] == "upstream" and proxy_died["by"] == "proxy",
          f"{dockerd_died}\n{proxy_died}")
    check(dockerd_died["because"] != proxy_died["because"], dockerd_died["because"])


@claim(proxied_only=True)
def the_leak_story_what_hangs_is_named_with_its_request(t):
    daemon = t.dockerd()
    front = t.front(daemon, clocks=["follow.response_body=off", "quick.first_byte=10m"])
    user = t.user(front)
    t.detached(user, "--name", t.tag, "base", "sh", "-c", "yes becaused")
    # One that never reads what it asked for.
    reader = RawClient(front.address)
    t.cleanup.callback(reader.close)
    badge = [(key, value) for key, value in (getattr(front.pki, "headers", None) or {}).items()]
    reader.request("GET", f"/v1.41/containers/{t.tag}/logs?follow=1&stdout=1", badge)

    def blocked():
        return any(line.get("owes", {}).get("reason") == "client_stalled_reading" and
                   line["owes"]["silence_ms"] > 2_000 for line in front.live_lines())
    until("the logs to fill every buffer on their way", 60, blocked)
    # And an upstream that never answers.
    daemon.pause()
    try:
        asker = RawClient(front.address, seconds=30)
        t.cleanup.callback(asker.close)
        asker.request("GET", "/v1.41/containers/json", badge)

        def asked():
            text = front.live()
            return text if "Waits for the first byte of the answer" in text else None
        text = until("a request that is not answered", 20, asked)
        lines = text.splitlines()
        logs = next(i for i, line in enumerate(lines) if "/logs?" in line)
        silent = next(i for i, line in enumerate(lines) if "Waits for the first byte" in line)
        check("Bytes wait for the client, which has read nothing for" in lines[logs + 1], text)
        check("No clock will end it." in lines[logs + 1], text)
        check("the upstream has been silent for" in lines[silent], text)
        check("GET /v1.41/containers/json" in lines[silent - 1], text)
        check(logs < silent, f"the longest silence is not on top:\n{text}")
        front.expect_end(method="GET", path=r"/logs$", by="operator", phase="response_body",
                         reason="admin_kill", client={"partner"}, upstream={"partner"})
        front.kill("GET", r"/logs$")
        until("the leak to be gone", 20, lambda: "/logs?" not in front.live())
    finally:
        daemon.resume()
    check(asker.head().startswith(b"HTTP/1.1 200 "), "it was only late")
    daemon.api("DELETE", f"/containers/{t.tag}?force=1")

"""Long streams and tunnels: both halves, either of which may end long before the other."""

import hashlib
import os
import re
import time

from processes import processes_with_argument
from records import by_client
from scenario import claim_with
from waiting import check, until

claim = claim_with("run_sandboxed")  # they run containers


def tunnel_ended_clean(t, front, path, sent=0):
    if t.proxied:
        record = front.until_exchange("POST", path, reason="tunnel_complete")
        check(record["status"] == 101 and record["phase"] and record["by"] == "nobody", str(record))
        check(record["bytes"]["client_in"] >= sent, str(record["bytes"]))


@claim(over=("plain", "tls"))
def run_i_whose_stdin_ends_gives_all_output_and_the_exit_code(t):
    front = t.front(t.shared)
    noise = os.urandom(2_000_000)
    # What comes a second after the client's half-close is what a proxy loses that ends both halves.
    shown = t.user(front).run(
        "run", "-i", "--rm", "--network", "none", "base", "sh", "-c",
        "sha256sum; sleep 1; echo late; echo err >&2; exit 7", input=noise).exits(7)
    check(hashlib.sha256(noise).hexdigest() in shown.out.decode(), str(shown))
    check(b"late" in shown.out and b"err" in shown.err, str(shown))
    tunnel_ended_clean(t, front, r"/attach$", len(noise))
    if t.proxied:
        front.until_exchange("POST", r"/wait$", status=200, reason="complete")


@claim()
def run_without_i_gives_all_output_and_the_exit_code(t):
    front = t.front(t.shared)
    shown = t.user(front).run("run", "--network", "none", "--name", t.tag, "base", "sh", "-c",
                              "seq 1 100000; sleep 1; echo late; exit 9").exits(9)
    check(shown.out == b"".join(b"%d\n" % n for n in range(1, 100001)) + b"late\n",
          lambda: f"output is not whole: {len(shown.out)} bytes, ends {shown.out[-60:]!r}")
    tunnel_ended_clean(t, front, r"/attach$")


@claim(over=("plain", "tls"))
def run_i_passes_much_data_both_ways_at_once(t):
    front = t.front(t.shared)
    noise = os.urandom(20_000_000)
    shown = t.user(front).run("run", "-i", "--rm", "--network", "none", "base", "cat", input=noise)
    shown.exits(0)
    check(shown.out == noise, f"{len(shown.out)} of {len(noise)} bytes came back")
    tunnel_ended_clean(t, front, r"/attach$", len(noise))


@claim()
def run_it_on_a_terminal_works(t):
    front = t.front(t.shared)
    client = t.started(t.user(front).start(
        "run", "-it", "--rm", "--network", "none", "base", "sh", "-c",
        "read line; echo got $line; tty; until stty size | grep 120; do sleep 0.1; done; exit 4",
        terminal=True, TERM="xterm"))
    client.keyboard.write(b"hello\n")
    client.finish(30).exits(4).says("got hello", "/dev/pts/", "40 120")
    tunnel_ended_clean(t, front, r"/attach$")
    if t.proxied:
        front.until_exchange("POST", r"/resize$")


@claim(over=("plain", "tls"))
def exec_i_whose_stdin_ends_gives_all_output_and_the_exit_code(t):
    front = t.front(t.shared)
    user = t.user(front)
    t.detached(user, "--name", t.tag, "base", "sleep", "100")
    noise = os.urandom(1_000_000)
    shown = user.run("exec", "-i", t.tag, "sh", "-c", "sha256sum; sleep 1; echo late; exit 5",
                     input=noise).exits(5)
    check(hashlib.sha256(noise).hexdigest() in shown.out.decode(), str(shown))
    check(b"late" in shown.out, str(shown))
    tunnel_ended_clean(t, front, r"/exec/[0-9a-f]+/start$", len(noise))
    user.run("rm", "-f", t.tag).ok()


@claim()
def exec_without_i_gives_all_output_and_the_exit_code(t):
    front = t.front(t.shared)
    user = t.user(front)
    t.detached(user, "--name", t.tag, "base", "sleep", "100")
    shown = user.run("exec", t.tag, "sh", "-c", "seq 1 50000; sleep 1; echo late; exit 6").exits(6)
    check(shown.out == b"".join(b"%d\n" % n for n in range(1, 50001)) + b"late\n",
          lambda: f"output is not whole: {len(shown.out)} bytes, ends {shown.out[-60:]!r}")
    tunnel_ended_clean(t, front, r"/exec/[0-9a-f]+/start$")
    user.run("rm", "-f", t.tag).ok()


@claim(over=("plain", "tls"))
def attach_whose_stdin_ends_gives_all_output_and_the_exit_code(t):
    front = t.front(t.shared)
    user = t.user(front)
    # create -i: the container's stdin ends with its first attached client's.
    user.run("create", "-i", "--name", t.tag, "--network", "none", "base", "sh", "-c",
             "sha256sum; sleep 1; echo late; exit 8").ok()
    user.run("start", t.tag).ok()
    noise = os.urandom(500_000)
    shown = user.run("attach", t.tag, input=noise).exits(8)
    check(hashlib.sha256(noise).hexdigest() in shown.out.decode(), str(shown))
    check(b"late" in shown.out, str(shown))
    tunnel_ended_clean(t, front, r"/attach$", len(noise))


@claim()
def logs_f_follows_until_the_container_ends(t):
    front = t.front(t.shared)
    user = t.user(front)
    t.detached(user, "--name", t.tag, "base", "sh", "-c",
               "for n in $(seq 1 8); do echo line $n; sleep 0.5; done")
    client = t.started(user.start("logs", "-f", t.tag))
    client.until_output("line 2")
    # Each line must come when it is written, not with the next buffer.
    check(b"line 8" not in client.output()[0], "line 2 was held back until line 8 was there")
    shown = client.finish(30).exits(0)
    check(shown.out == b"".join(b"line %d\n" % n for n in range(1, 9)), str(shown))
    if t.proxied:
        front.until_exchange("GET", r"/logs$", status=200, reason="complete")


@claim()
def events_come_as_they_happen_and_leaving_is_the_clients_doing(t):
    front = t.front(t.shared)
    user = t.user(front)
    client = t.started(user.start("events", "--filter", f"container={t.tag}"))
    # Only once dockerd listens for the filter would an event be seen: keep making some.
    def seen():
        t.shared.api_json("POST", f"/containers/create?name={t.tag}", {"Image": "base"})
        t.shared.api_json("DELETE", f"/containers/{t.tag}")
        return b"container create" in client.output()[0]
    until("an event to be shown", 20, seen, interval=0.3)
    front.expect_end(**by_client("GET", r"/events$", "response_body"))
    client.interrupt()
    client.finish(20)
    if t.proxied:
        front.until_exchange("GET", r"/events$", seconds=5, by="client")


@claim()
def events_until_now_end_by_themselves(t):
    front = t.front(t.shared)
    t.user(front).run("events", "--since", str(int(time.time()) - 5),
                      "--until", str(int(time.time()))).ok()
    if t.proxied:
        front.until_exchange("GET", r"/events$", status=200, reason="complete")


@claim()
def interrupting_run_stops_the_container(t):
    front = t.front(t.shared)
    mark = f"4{abs(hash(t.tag)) % 10**6:06d}"
    client = t.started(t.user(front).start("run", "--rm", "--name", t.tag, "--network", "none",
                                           "base", "sh", "-c",
                                           f"trap 'exit 3' INT; echo up; sleep {mark} & wait"))
    client.until_output("up")
    client.interrupt()  # the client passes it on: POST kill
    client.finish(20).exits(3)
    tunnel_ended_clean(t, front, r"/attach$")
    until("the container's processes to end", 10, lambda: not processes_with_argument(mark))
    if t.proxied:
        check(any(re.search(r"/kill$", each["target"].split("?")[0])
                  for each in front.exchanges("POST")), "no kill on record")

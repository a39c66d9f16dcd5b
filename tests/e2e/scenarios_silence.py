"""Silence by design: longer than any clock for quick requests, and nobody's fault."""

import subprocess
import threading
import time

from images import write_context
from scenario import claim_with
from waiting import check

# Longer than the 60 s that a quick answer's body may be silent, and the 30 s of its first byte.
SILENCE_S = 75

claim = claim_with("run_sandboxed")  # they run containers


def silent_on_record(t, front, method, path, side="upstream", **fields):
    """The record knows how long nothing came, and calls it nobody's fault."""
    if t.proxied:
        record = front.until_exchange(method, path, by="nobody", **fields)
        check(record["ms"], str(record))
        return record
    return None


@claim(slow=True)
def logs_f_outlives_75_silent_seconds(t):
    front = t.front(t.shared)
    user = t.user(front)
    t.detached(user, "--name", t.tag, "base", "sh", "-c",
             f"echo early; sleep {SILENCE_S}; echo late")
    shown = user.run("logs", "-f", t.tag, seconds=SILENCE_S + 90).exits(0)
    check(shown.out == b"early\nlate\n", str(shown))
    silent_on_record(t, front, "GET", r"/logs$", reason="complete")


@claim(slow=True)
def events_outlive_75_silent_seconds(t):
    front = t.front(t.shared)
    client = t.started(t.user(front).start(
        "events", "--filter", f"container={t.tag}", "--until", str(int(time.time()) + SILENCE_S)))
    client.finish(SILENCE_S + 90).exits(0)
    silent_on_record(t, front, "GET", r"/events$", reason="complete")


@claim(slow=True)
def run_and_wait_outlive_75_silent_seconds(t):
    front = t.front(t.shared)
    user = t.user(front)
    runs = t.started(user.start("run", "--name", t.tag, "--network", "none", "base", "sh", "-c",
                                f"echo early; sleep {SILENCE_S}; echo late; exit 3"))
    runs.until_output("early")
    waits = t.started(user.start("wait", t.tag))
    shown = runs.finish(SILENCE_S + 90).exits(3)
    check(shown.out == b"early\nlate\n", str(shown))
    waits.finish(10).exits(0).says("^3\n")
    silent_on_record(t, front, "POST", r"/attach$", reason="tunnel_complete")
    silent_on_record(t, front, "POST", r"/wait$", reason="complete")


@claim(slow=True)
def exec_and_attach_outlive_75_silent_seconds(t):
    front = t.front(t.shared)
    user = t.user(front)
    t.detached(user, "-i", "--name", t.tag, "base", "sh", "-c",
             f"echo early; sleep {SILENCE_S}; echo late; exit 4")
    attached = t.started(user.start("attach", "--no-stdin", t.tag))
    shown = user.run("exec", t.tag, "sh", "-c", f"sleep {SILENCE_S - 10}; echo done; exit 5",
                     seconds=SILENCE_S + 90).exits(5)
    check(shown.out == b"done\n", str(shown))
    attached.finish(30).exits(4).says("late")
    silent_on_record(t, front, "POST", r"/start$", reason="tunnel_complete")
    silent_on_record(t, front, "POST", r"/attach$", reason="tunnel_complete")


def silent_build(t, buildkit):
    front = t.front(t.shared)
    context = write_context(t.path("context"),
                            f"FROM base\nRUN sleep {SILENCE_S} && echo {t.tag} > /mark\n")
    t.user(front).run("build", "--network", "none", "-t", t.tag, context,
                      seconds=SILENCE_S + 120, DOCKER_BUILDKIT=buildkit).ok()
    silent_on_record(t, front, "POST", r"/build$", reason="complete")


@claim(slow=True)
def a_classic_build_step_may_be_silent_for_75_seconds(t):
    silent_build(t, "0")


@claim(slow=True, buildkit=True)
def a_buildkit_build_step_may_be_silent_for_75_seconds(t):
    silent_build(t, "1")


@claim(slow=True)
def stop_with_a_long_grace_period_is_waited_for(t):
    front = t.front(t.shared)
    user = t.user(front)
    # sh as process 1 ignores SIGTERM: dockerd sends no byte until the grace period is over,
    # which is longer than the patience with quick requests.
    t.detached(user, "--name", t.tag, "base", "sh", "-c",
             "sleep 300 & while :; do wait; done")
    shown = user.run("stop", "-t", "35", t.tag, seconds=120).exits(0)
    check(shown.seconds > 33, f"stop came back after {shown.seconds:.0f} s: it did not wait")
    silent_on_record(t, front, "POST", r"/stop$", status=204)


@claim(slow=True)
def a_paused_reader_of_logs_gets_every_line_later(t):
    """Back-pressure: a terminal that stops reading for a while loses nothing and is not blamed."""
    front = t.front(t.shared)
    user = t.user(front)
    line, lines = b"0123456789" * 90 + b"\n", 30_000  # 27 MB: more than all buffers on the way
    t.detached(user, "--name", t.tag, "base", "sh", "-c",
             f"yes {line.decode().strip()} | head -n {lines}")
    user.run("wait", t.tag).ok()
    client = subprocess.Popen(user.command(["logs", t.tag]), env=user.environment(),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, start_new_session=True)
    watchdog = threading.Timer(60, client.kill)
    watchdog.start()
    try:
        first = client.stdout.read(1000)
        threading.Event().wait(20)  # the pause itself
        rest = client.stdout.read()
        code = client.wait(10)
    finally:
        watchdog.cancel()
        if client.poll() is None:
            client.kill()
    check(code == 0, f"logs ended with {code}")
    got = first + rest
    check(got == line * lines, f"{len(got)} of {len(line) * lines} bytes, or changed ones")
    silent_on_record(t, front, "GET", r"/logs$", reason="complete")

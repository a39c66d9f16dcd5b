"""System calls per request, by name, as strace counts them.

strace slows the proxy down, so more requests wait at each turn than in a plain run and the share of
epoll_wait comes out low; reads, writes and epoll_ctl are the same.
"""

import shutil
import signal
import time

from processes import BenchError, UsageError, tree

REQUESTS = 20000


def require_strace():
    if shutil.which("strace") is None:
        raise UsageError("strace is not installed; install it with: apt-get install strace")


def count(harness, proxy, group, requests=REQUESTS, over_tls=False):
    """Calls per request by name, for one run of `requests` requests."""
    target = proxy.tls_target if over_tls else proxy.target
    # The upstream connections are opened before the count: a pool is there to last.
    harness.load(target, [group], seconds=30, requests=max(1, requests // 20), over_tls=over_tls)
    summary = proxy.path("strace")
    command = ["strace", "-f", "-c", "-U", "calls,name", "-o", summary]
    pids = tree(proxy.process.pid)
    for pid in pids:
        command += ["-p", str(pid)]
    said = proxy.path("strace.stderr")
    with open(said, "wb") as err:
        strace = harness.processes.start(command, harness.core, err, err)
    wait_until_attached(strace, said, len(pids))
    report = harness.load(target, [group], seconds=60, requests=requests, over_tls=over_tls)
    harness.processes.end(strace, signal.SIGINT)
    answered = report["groups"][0]["requests"]
    with open(summary) as lines:
        return {name: calls / answered for name, calls in parse(lines)}


def wait_until_attached(strace, said, wanted):
    deadline = time.monotonic() + 10
    while True:
        with open(said, errors="replace") as err:
            text = err.read()
        if text.count(" attached") >= wanted:
            return
        if strace.poll() is not None or time.monotonic() > deadline:
            raise BenchError(f"strace does not attach: {text.strip()}")
        time.sleep(0.02)


def parse(lines):
    for words in (text.split() for text in lines):
        if len(words) == 2 and words[0].isdigit() and words[1] != "total":
            yield words[1], int(words[0])


def table(counts):
    """Text for {proxy: {name: calls per request}}; what stays under 0.005 is summed up."""
    names = sorted({name for calls in counts.values() for name in calls},
                   key=lambda name: -max(calls.get(name, 0) for calls in counts.values()))
    shown = [name for name in names
             if max(calls.get(name, 0) for calls in counts.values()) >= 0.005]
    lines = [f"  {'':16}" + "".join(f"{proxy:>12}" for proxy in counts)]
    for name in shown:
        lines.append(f"  {name:16}"
                     + "".join(f"{calls.get(name, 0):>12.3f}" for calls in counts.values()))
    rest = [sum(calls.values()) - sum(calls.get(name, 0) for name in shown)
            for calls in counts.values()]
    lines.append(f"  {'others':16}" + "".join(f"{each:>12.3f}" for each in rest))
    lines.append(f"  {'all':16}" + "".join(f"{sum(calls.values()):>12.3f}"
                                           for calls in counts.values()))
    return "\n".join(lines) + "\n"

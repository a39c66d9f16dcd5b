"""Where a proxy's CPU time goes in one row, as perf samples it."""

import shutil
import signal
import subprocess
import time

from processes import BenchError, UsageError, tree


def require_perf():
    if shutil.which("perf") is None:
        raise UsageError("perf is not installed; install it with: apt-get install linux-perf")


def record(harness, proxy, row, seconds):
    """Samples one run into the proxy's directory; returns the costliest symbols."""
    data = proxy.path(f"{row.key}.perf")
    pids = ",".join(str(pid) for pid in tree(proxy.process.pid))
    command = ["perf", "record", "-q", "-g", "-F", "2000", "-o", data, "-p", pids]
    with open(proxy.path("perf.stderr"), "wb") as err:
        perf = harness.processes.start(command, harness.core, err, err)
    time.sleep(0.5)  # perf says nothing once attached; to miss the start costs a few samples
    if perf.poll() is not None:
        with open(proxy.path("perf.stderr"), errors="replace") as err:
            raise BenchError(f"perf does not attach: {err.read().strip()}")
    harness.load(proxy.tls_target if row.over_tls else proxy.target, row.groups, seconds,
                 over_tls=row.over_tls)
    harness.processes.end(perf, signal.SIGINT, seconds=30)
    report = subprocess.run(
        ["perf", "report", "-i", data, "--stdio", "-g", "none", "--no-children", "--sort",
         "dso,symbol", "--percent-limit", "0.7"],
        capture_output=True, text=True, timeout=120, check=False).stdout
    lines = [line for line in report.splitlines() if line and not line.startswith("#")]
    return "\n".join(lines + [f"  more: perf report -i {data}", ""])

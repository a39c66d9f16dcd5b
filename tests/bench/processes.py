"""Every process that the bench starts, so that each is ended by its own id, whatever happens."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1


class BenchError(Exception):
    """Something that a person must hear in one sentence; exit code 1."""


class UsageError(BenchError):
    """The command cannot run here as it was given; exit code 2."""


class Processes:
    """Use as a context: leaving it ends what it started."""

    def __init__(self):
        self.started = []

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for process in self.started:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + 5
        for process in self.started:
            self.wait_or_kill(process, deadline)

    def start(self, command, core, stdout, stderr, stdin=subprocess.DEVNULL):
        """The process runs on `core` only, not longer than us, and does not hear Ctrl-C."""
        libc = ctypes.CDLL(None)

        def prepare():
            os.sched_setaffinity(0, {core})
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

        process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr,
                                   start_new_session=True, preexec_fn=prepare)
        self.started.append(process)
        return process

    def end(self, process, how=signal.SIGTERM, seconds=5):
        if process.poll() is None:
            process.send_signal(how)
        self.wait_or_kill(process, time.monotonic() + seconds)
        self.started.remove(process)

    @staticmethod
    def wait_or_kill(process, deadline):
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            # A killed master leaves its workers behind: they are named while they still have it.
            for pid in tree(process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()


def tree(pid):
    """The process and its descendants, parents first."""
    pids = [pid]
    for parent in pids:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children") as children:
                    pids += [int(child) for child in children.read().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended since
    return pids


def cpu_seconds(pid):
    """CPU time, user and system, of all threads of the process and its descendants.

    The scheduler's own sum in nanoseconds: /proc/PID/stat holds the same time in ticks of 10 ms.
    """
    total_ns = 0
    for each in tree(pid):
        try:
            for task in os.listdir(f"/proc/{each}/task"):
                with open(f"/proc/{each}/task/{task}/schedstat") as schedstat:
                    total_ns += int(schedstat.read().split()[0])
        except (FileNotFoundError, ProcessLookupError) as gone:
            raise BenchError(f"process {each} ended while it was measured") from gone
    return total_ns / 1e9


def settled_cpu_seconds(pid):
    """Waits until the process has nothing left to do (a log to flush, a socket to close)."""
    before = cpu_seconds(pid)
    for _ in range(20):
        time.sleep(0.03)
        now = cpu_seconds(pid)
        if now - before < 0.0002:
            return now
        before = now
    return before

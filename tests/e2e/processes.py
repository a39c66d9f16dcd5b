"""Programs that the tests start: each with its own log file, each stopped by its own pid."""

import os
import signal
import socket
import subprocess

from waiting import Failure, until


_started = []  # every child of this run, so that none outlives it whatever happens


def remember(process):
    _started.append(process)
    return process


def kill_what_is_left():
    """For the end of a run that went wrong: by pid, and only what this run started."""
    for process in _started:
        if process.poll() is None:
            process.kill()


def clean_environment(**more):
    """The environment of every program here: nothing of the caller's docker or proxy settings."""
    env = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin",
        "LANG": "C.UTF-8",
    }
    env.update(more)
    return env


def free_port():
    """A loopback port nobody listens on now. The kernel hands them out in turn, so that two
    callers hardly ever get the same one before they bind it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """A long-lived child. Owns its process and its log; stop() is safe to call at any time."""

    def __init__(self, name, command, directory, env=None):
        self.name = name
        self.log_path = os.path.join(directory, name + ".log")
        with open(self.log_path, "ab") as log:
            self.process = remember(subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory,
                env=env or clean_environment(), start_new_session=True))
        self.pid = self.process.pid

    def log(self):
        with open(self.log_path, "rb") as log:
            return log.read().decode("utf-8", "replace")

    def log_tail(self, lines=15):
        return "\n".join(self.log().splitlines()[-lines:])

    def alive(self):
        return self.process.poll() is None

    def until_ready(self, seconds, ready):
        def probe():
            if not self.alive():
                raise Failure(f"{self.name} ended with {self.process.returncode} before it was "
                              f"ready")
            return ready()
        try:
            until(f"{self.name} to be ready", seconds, probe)
        except Failure as failure:
            raise Failure(f"{failure}\n{self.log_tail(5)}") from None

    def signal(self, number):
        os.kill(self.pid, number)

    def wait(self, seconds):
        """The exit code, or None when it is still running after that time."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, seconds=10):
        """SIGTERM, then SIGKILL. Returns the exit code (negative: the signal)."""
        if self.alive():
            self.signal(signal.SIGTERM)
            if self.wait(seconds) is None:
                self.process.kill()
                self.wait(seconds)
        return self.process.returncode


def processes_with_argument(argument):
    """Pids of processes one of whose arguments is exactly this. Tests use it with arguments that
    nobody else has, to see from outside whether a container's process lives."""
    wanted = argument.encode()
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as cmdline:
                if wanted in cmdline.read().split(b"\0"):
                    found.append(int(entry))
        except OSError:
            continue  # it ended while we looked
    return found

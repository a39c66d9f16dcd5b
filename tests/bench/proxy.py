"""One proxy under test: how it is started, when it is ready, what it has to say when it fails."""

import http.client
import os
import shutil
import socket
import time

from processes import BenchError, UsageError

READY_SECONDS = 10
CONNECTIONS = 4096


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Proxy:
    """One running proxy before one upstream, with a directory of its own."""

    name = ""
    binary = ""
    field_file = None  # a header field for each request to it
    probe = "/small"
    ready_seconds = READY_SECONDS

    def __init__(self, directory, upstream, certificate, label="", connections=CONNECTIONS):
        self.directory = os.path.join(directory, f"{self.name}-{upstream.kind}{label}")
        self.connections = connections  # that it is ready for
        self.upstream = upstream
        self.port = free_port()
        self.tls_port = free_port()
        self.certificate = certificate
        self.log = os.path.join(self.directory, "log")
        self.process = None
        self.processes = None

    @classmethod
    def require(cls):
        """Raises UsageError, with the command that mends it, when the proxy is not there."""
        if shutil.which(cls.binary) is None:
            raise UsageError(f"{cls.binary} is not installed; install it with: scripts/deps bench")

    @property
    def target(self):
        return f"tcp://127.0.0.1:{self.port}"

    @property
    def tls_target(self):
        return f"tcp://127.0.0.1:{self.tls_port}"

    def start(self, processes, core, wait=None):
        """Returns once it is ready, or when wait(proxy, time of its start) returns."""
        self.processes = processes
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory)
        self.prepare()
        with open(self.path("config"), "w") as config:
            config.write(self.config())
        with open(self.log_of_output(), "ab") as out, open(self.path("stderr"), "ab") as err:
            began = time.monotonic()
            self.process = processes.start(self.command(), core, out, err)
        if wait is not None:
            wait(self, began)
        else:
            self.wait_until_ready()

    def end(self):
        self.processes.end(self.process)

    def wait_until_ready(self):
        deadline = time.monotonic() + self.ready_seconds
        while True:
            if self.process.poll() is not None:
                raise BenchError(f"{self.name} ended at its start:\n{self.last_words()}")
            problem = self.first_problem()
            if problem is None:
                return
            if time.monotonic() > deadline:
                raise BenchError(f"{self.name} is not ready after {self.ready_seconds} s: {problem}\n"
                                 f"{self.last_words()}")
            time.sleep(0.02)

    def first_problem(self):
        """None once a request comes back from the origin through the proxy."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", self.probe, headers=self.request_fields())
            answer = connection.getresponse()
            body = answer.read()
            return None if (answer.status, len(body)) == (200, 100) else f"status {answer.status}"
        except (OSError, http.client.HTTPException) as error:
            return str(error) or type(error).__name__
        finally:
            connection.close()

    def empty_log(self):
        """All of them append, so that a file cut short goes on at its start."""
        if os.path.exists(self.log):
            os.truncate(self.log, 0)

    def last_words(self):
        with open(self.path("stderr"), errors="replace") as err:
            return "".join(err.readlines()[-5:]).rstrip()

    def end_text(self):
        """Empty while it runs: what a failure's text needs to hear else."""
        code = self.process.poll()
        if code is None:
            return ""
        return f"; {self.name} itself has ended with code {code}: {self.last_words()}"

    def path(self, name):
        return os.path.join(self.directory, name)

    def log_of_output(self):
        return self.path("stdout")

    def request_fields(self):
        return {}

    def prepare(self):
        """What it needs in its directory beside its configuration."""

    def config(self):
        return ""

    def command(self):
        raise NotImplementedError

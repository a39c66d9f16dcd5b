"""The bench's own two programs: builds them, runs them, and takes the measure around a run."""

import fcntl
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass

import tls
from peers import free_port
from processes import BenchError, UsageError, cpu_seconds, settled_cpu_seconds

SOURCES = os.path.relpath(os.path.dirname(os.path.realpath(__file__)))
SHARED = ("channel.cc", "message.cc", "wire.cc")
PROGRAMS = {"bench_load": ("load.cc", "client.cc", "group.cc", *SHARED),
            "bench_origin": ("origin.cc", *SHARED)}
FLAGS = "-std=c++20 -O2 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wswitch-enum -Werror"


def build(directory):
    """Compiles what is older than the sources."""
    inputs = [os.path.join(SOURCES, name) for name in os.listdir(SOURCES)
              if name.endswith((".cc", ".hh", ".py"))]
    newest = max(os.path.getmtime(path) for path in inputs)
    for program, sources in PROGRAMS.items():
        output = os.path.join(directory, program)
        if os.path.exists(output) and os.path.getmtime(output) > newest:
            continue
        command = [os.environ.get("CXX", "g++"), *FLAGS.split(), "-o", output,
                   *(os.path.join(SOURCES, source) for source in sources), "-lssl", "-lcrypto"]
        try:
            subprocess.run(command, check=True, timeout=120)
        except (OSError, subprocess.SubprocessError) as error:
            raise UsageError(f"{program} does not build: {error}") from error


def chosen_cores():
    """(load, proxy): the first and second core that this process may use."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("bench: this process may use one core only: proxy, load and origin share it.\n"
              "       CPU times still compare; throughput and latency mean little.",
              file=sys.stderr)
        return cores[0], cores[0]
    return cores[0], cores[1]


def lock(directory):
    """Two benches at once would measure each other, and share a directory."""
    os.makedirs(directory, exist_ok=True)
    held = open(os.path.join(directory, "lock"), "w")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(f"another bench is running in {directory}") from None
    return held


@dataclass(frozen=True)
class Upstream:
    kind: str
    address: str


class Origin:
    """bench_origin, on TCP and a unix socket."""

    def __init__(self, directory):
        self.program = os.path.join(directory, "bench_origin")
        path = os.path.join(os.path.realpath(directory), "origin.sock")
        if len(path) > 107:
            raise UsageError(f"a unix socket's path has at most 107 bytes: {path}")
        self.upstreams = {"tcp": Upstream("tcp", f"tcp://127.0.0.1:{free_port()}"),
                          "unix": Upstream("unix", f"unix://{path}")}
        self.log = os.path.join(directory, "origin.log")
        self.process = None

    def start(self, processes, core):
        command = [self.program]
        for upstream in self.upstreams.values():
            command += ["--listen", upstream.address]
        with open(self.log, "wb") as log:
            self.process = processes.start(command, core, subprocess.PIPE, log)
        if self.process.stdout.readline() != b"ready\n":
            with open(self.log, errors="replace") as log:
                raise BenchError(f"the origin did not start: {log.read().strip()}")


@dataclass
class Run:
    """One load on one proxy, and what it cost."""

    cpu_seconds: float  # of the proxy
    harness_cpu_seconds: float  # of load and origin
    wall_seconds: float
    groups: list

    @property
    def judged(self):
        return self.groups[0]


class Harness:
    def __init__(self, directory, processes, core):
        self.directory = directory
        self.processes = processes
        self.core = core
        self.origin = Origin(directory)

    def start(self):
        self.origin.start(self.processes, self.core)

    def load(self, target, groups, seconds, requests=None, field_file=None, over_tls=False, rate=0):
        """Runs bench_load to its end; any error in any answer is a BenchError."""
        command = [os.path.join(self.directory, "bench_load"), "--target", target,
                   "--seconds", str(seconds)]
        for group in groups:
            command += ["--group", group]
        if requests is not None:
            command += ["--requests", str(requests)]
        if field_file is not None:
            command += ["--field-file", field_file]
        if over_tls:
            command += ["--tls", "yes"]
        if rate:
            command += ["--rate", str(rate)]
        process = self.processes.start(command, self.core, subprocess.PIPE, subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=seconds + 30)
        except subprocess.TimeoutExpired as late:
            raise BenchError("the load did not end") from late
        finally:
            self.processes.end(process)
        if process.returncode not in (0, 1):
            raise BenchError(err.decode(errors="replace").strip())
        report = json.loads(out)
        for group in report["groups"]:
            if group["errors"]:
                raise BenchError(f"{group['errors']} errors in {group['kind']}, the first: "
                                 f"{group['first_error']}")
            if not group["requests"]:
                raise BenchError(f"no {group['kind']} was answered in time")
        return report

    def measure(self, proxy, groups, seconds):
        """CPU time is taken when the proxy is at rest before, and again at rest after."""
        proxy.empty_log()
        pid = proxy.process.pid
        before = settled_cpu_seconds(pid)
        origin_before = cpu_seconds(self.origin.process.pid)
        began = time.monotonic()
        if groups[0] in tls.KINDS:
            report = tls.load(self, proxy, groups[0], seconds)
        else:
            report = self.load(proxy.target, groups, seconds, field_file=proxy.field_file)
        wall = time.monotonic() - began
        origin_cpu = cpu_seconds(self.origin.process.pid) - origin_before
        return Run(settled_cpu_seconds(pid) - before, origin_cpu + report["cpu_seconds"], wall,
                   report["groups"])


def machine():
    """Where it was measured, so that figures of two machines are not mixed up."""
    with open("/proc/cpuinfo") as cpuinfo:
        models = [line.split(":", 1)[1].strip() for line in cpuinfo
                  if line.startswith("model name")]
    uname = os.uname()
    return {"cpu": models[0] if models else uname.machine, "cores": os.cpu_count(),
            "kernel": uname.release}

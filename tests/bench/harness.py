"""The bench's own two programs: builds them, runs them, and takes the measure around a run."""

import fcntl
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass

import tls
from processes import BenchError, UsageError, cpu_seconds, settled_cpu_seconds
from proxy import free_port

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

    def load(self, target, groups, seconds, requests=None, field_file=None, over_tls=False, rate=0,
             at_open=None):
        """Runs bench_load to its end; any error in any answer is a BenchError. at_open() is called when
        all connections are open, before the run begins."""
        command = [os.path.join(self.directory, "bench_load"), "--target", target,
                   "--seconds", str(seconds)]
        for group in groups:
            command += ["--group", group]
        for option, value in (("--requests", requests), ("--field-file", field_file),
                              ("--tls", "yes" if over_tls else None), ("--rate", rate or None),
                              ("--hold", "yes" if at_open else None)):
            if value is not None:
                command += [option, str(value)]
        process = self.processes.start(command, self.core, subprocess.PIPE, subprocess.PIPE,
                                       subprocess.PIPE)
        try:
            if at_open and process.stdout.readline() == b"open\n":
                at_open()
            out, err = process.communicate(b"go\n" if at_open else None, timeout=seconds + 30)
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

    def measure(self, proxy, row, seconds):
        """CPU time is taken when the proxy is at rest before, and again at rest after."""
        proxy.empty_log()
        pid, origin = proxy.process.pid, self.origin.process.pid
        began = {}

        def begin():
            began.update(cpu=settled_cpu_seconds(pid), origin=cpu_seconds(origin),
                         time=time.monotonic())

        if row.groups[0] in tls.KINDS:
            begin()
            report = tls.load(self, proxy, row.groups[0], seconds)
        else:
            if not row.opens_first:
                begin()
            report = self.load(proxy.tls_target if row.over_tls else proxy.target, row.groups,
                               seconds, None, proxy.field_file, row.over_tls, row.rate,
                               begin if row.opens_first else None)
        wall = time.monotonic() - began["time"]
        origin_cpu = cpu_seconds(origin) - began["origin"]
        return Run(settled_cpu_seconds(pid) - began["cpu"], origin_cpu + report["cpu_seconds"],
                   wall, report["groups"])

    def direct(self, row, seconds):
        """The same load on the origin itself, without a proxy: its latency."""
        upstream = self.origin.upstreams[row.upstream]
        report = self.load(upstream.address, row.groups, seconds, rate=row.rate)
        return report["groups"][0]["latency_us"]


def machine():
    """Where it was measured, so that figures of two machines are not mixed up."""
    with open("/proc/cpuinfo") as cpuinfo:
        models = [line.split(":", 1)[1].strip() for line in cpuinfo
                  if line.startswith("model name")]
    uname = os.uname()
    return {"cpu": models[0] if models else uname.machine, "cores": os.cpu_count(),
            "kernel": uname.release}

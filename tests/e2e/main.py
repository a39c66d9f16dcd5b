"""Runs the end-to-end scenarios: slow ones at once, the others a few at a time beside them.

Prints a line per scenario and, last, "N passed, N failed". Exit code 0 only when all passed.
"""

import argparse
import itertools
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import records_test
import scenario
import scenarios_basics
import scenarios_builds
import scenarios_faults
import scenarios_gate
import scenarios_image
import scenarios_silence
import scenarios_stories
import scenarios_streams
import scenarios_telling
import scenarios_terminal
import scenarios_tls
import scenarios_transfers
import scenarios_wire
from clients import DEBIAN, find_clients
from processes import kill_what_is_left
from waiting import Failure

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.append(os.path.join(ROOT, "tests", "records"))
from record_schema import Schema  # shared with `make test`
BINARY = os.path.join(ROOT, "build", "becaused")
WHOLE_RUN_S = 900  # every wait is bounded; this bounds a mistake in the bounds
MODULES = (scenarios_basics, scenarios_builds, scenarios_streams, scenarios_silence,
           scenarios_transfers, scenarios_faults, scenarios_terminal, scenarios_telling,
           scenarios_stories, scenarios_tls, scenarios_gate, scenarios_wire, scenarios_image)


def options():
    parser = argparse.ArgumentParser(description="End-to-end tests of becaused.")
    parser.add_argument("--direct", action="store_true",
                        help="no becaused in between: validates the harness itself")
    parser.add_argument("--tls", action="store_true",
                        help="every scenario with TLS and client certificates before becaused")
    parser.add_argument("--guarded", action="store_true",
                        help="every scenario with TLS, credentials and a profile before becaused")
    parser.add_argument("--all", action="store_true",
                        help="each scenario as it says, and every quick one with --guarded too")
    parser.add_argument("--static", action="store_true",
                        help="the static binary, with nothing but itself in its root")
    parser.add_argument("--binary", help="the becaused to test (build/becaused)")
    parser.add_argument("--only", metavar="REGEX", default="", help="scenarios whose name matches")
    parser.add_argument("--jobs", type=int, default=3, help="quick scenarios at a time")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument("--keep", action="store_true", help="keep all logs and records")
    settings = parser.parse_args()
    if settings.binary is None:
        settings.binary = BINARY + ("-static" if settings.static else "")
    return settings


class Run:
    """One claim with one client."""

    def __init__(self, claim, cli, over):
        self.claim, self.cli, self.over = claim, cli, over
        self.name = claim.module + ": " + claim.name.replace("_", " ")
        how = ([cli.label] if cli is not None else []) + ([over] if over != "plain" else [])
        if how:
            self.name += f" [{', '.join(how)}]"

    def key(self):
        label = re.sub(r"[^a-z0-9]+", "", self.cli.label) if self.cli else "raw"
        label += self.over if self.over != "plain" else ""
        return f"{self.claim.name[:40].strip('_')}-{label}"


def plan(settings, clients):
    """(runs, lines about what cannot run here)."""
    runs, notes = [], []
    for claim in scenario.ALL:
        if settings.direct and claim.proxied_only:
            continue
        if claim.static_only and not settings.static:
            continue
        if settings.guarded and not {"plain", "guarded"} & set(claim.over):
            continue
        ways = ("tls",) if settings.tls else ("guarded",) if settings.guarded else claim.over
        if settings.all and "plain" in claim.over and not claim.slow:
            ways = dict.fromkeys((*ways, "guarded"))
        for cli, over in itertools.product(clients if claim.clients == "each" else [None], ways):
            run = Run(claim, cli, over)
            if not re.search(settings.only, run.name) and not re.search(settings.only, claim.name):
                continue
            if claim.buildkit and not cli.has_buildkit:
                notes.append(f"not run: {run.name}: this client has no buildx, so no BuildKit")
                continue
            if cli is None or cli.major >= claim.since:
                runs.append(run)
    return runs, notes


class Runner:
    def __init__(self, world, settings):
        self.world, self.settings = world, settings
        self.passed, self.failed = 0, 0
        self.printing = threading.Lock()
        self.going = {}

    def one(self, run, number):
        directory = os.path.join(self.world.directory, f"{number:03d}-{run.key()}")
        begun = time.monotonic()
        with self.printing:
            self.going[run.name] = begun
        case, problem, keep = None, None, self.settings.keep
        try:
            case = scenario.Case(self.world, directory, run, number)
            run.claim.function(case)
            case.finish()
        except Failure as failure:
            problem = str(failure)
        except BaseException:
            problem = traceback.format_exc()
        if problem and case is not None:
            problem += "\n" + evidence(case)
            keep = True
        try:
            if case is not None:
                case.close(keep)
        except Exception:
            problem = (problem or "") + "\nwhile cleaning up: " + traceback.format_exc()
        seconds = time.monotonic() - begun
        with self.printing:
            del self.going[run.name]
            if problem is None:
                self.passed += 1
                print(f"ok    {run.name} ({seconds:.1f} s)", flush=True)
            else:
                self.failed += 1
                print(f"FAIL  {run.name} ({seconds:.1f} s)", flush=True)
                print("      " + problem.rstrip().replace("\n", "\n      "), flush=True)
                if keep:
                    print(f"      logs and records: {directory}", flush=True)

    def all(self, runs):
        numbered = list(enumerate(runs, 1))
        waiting = queue.SimpleQueue()
        for number, run in numbered:
            if not run.claim.slow:
                waiting.put((run, number))

        def work():
            while True:
                try:
                    run, number = waiting.get_nowait()
                except queue.Empty:
                    return
                self.one(run, number)
        threads = [threading.Thread(target=self.one, args=(run, number), daemon=True)
                   for number, run in numbered if run.claim.slow]
        threads += [threading.Thread(target=work, daemon=True) for _ in range(self.settings.jobs)]
        deadline = time.monotonic() + WHOLE_RUN_S
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0, deadline - time.monotonic()))
        with self.printing:
            for name in self.going:
                self.failed += 1
                print(f"FAIL  {name}: still running after {WHOLE_RUN_S} s", flush=True)

    def every_request_of_the_shared_dockerd(self):
        name = "every request that the shared dockerd served is on record exactly once"
        try:
            scenario.check_every_request_is_on_record(self.world.shared)
            self.passed += 1
            print(f"ok    {name}", flush=True)
        except Failure as failure:
            self.failed += 1
            print(f"FAIL  {name}\n      {failure}", flush=True)


def evidence(case):
    """What a person needs to see of a failed scenario without opening files."""
    parts = []
    for front in case.fronts:
        service = getattr(front, "service", None)
        if service is None:
            continue
        parts.append(f"{service.name}'s last words:\n{service.log_tail(8)}")
        try:
            from records import listing
            parts.append(f"{service.name}'s records:\n{listing(front.records())}")
        except Failure as failure:
            parts.append(str(failure))
    return "\n".join(parts)


def main():
    settings = options()
    clients = find_clients()
    runs, notes = plan(settings, clients)
    if settings.list:
        print("\n".join(run.name for run in runs))
        return 0
    begun = time.monotonic()
    records_test.run()
    print("clients: " + "; ".join(str(cli) for cli in clients))
    if not any(cli.path == DEBIAN for cli in clients):
        print(f"{DEBIAN} is missing")
        print("0 passed, 1 failed")
        return 1
    if not any(cli.major >= 28 for cli in clients):
        print("not run: every scenario with a client of version 28 or newer: none on the path")
    for note in notes:
        print(note)
    schema = None
    if settings.direct:
        print("direct: clients talk to dockerd itself; records are not judged")
    else:
        if not os.access(settings.binary, os.X_OK):
            print(f"{settings.binary} is missing: run `make {'static' if settings.static else 'build'}` first")
            print("0 passed, 1 failed")
            return 1
        schema = Schema()
    directory = tempfile.mkdtemp(prefix="becaused-e2e-")
    binary = settings.binary
    if not settings.direct:
        # A copy: a build during the run must not change what is tested half-way.
        binary = shutil.copy(settings.binary, os.path.join(directory, "becaused"))
        print(subprocess.run([binary, "version"], check=True, text=True, timeout=10,
                             stdout=subprocess.PIPE).stdout.strip())
    world = scenario.World(directory, binary, schema, settings.direct, settings.static)
    runner = Runner(world, settings)
    try:
        world.start()
        runner.all(runs)
        if not settings.direct:
            runner.every_request_of_the_shared_dockerd()
    finally:
        world.stop()
        kill_what_is_left()
        if not runner.failed and not settings.keep:
            shutil.rmtree(directory, ignore_errors=True)
    print(f"took {time.monotonic() - begun:.0f} s")
    print(f"{runner.passed} passed, {runner.failed} failed", flush=True)
    return 0 if runner.failed == 0 and runner.passed > 0 else 1


def terminated(number, _frame):
    raise SystemExit(128 + number)  # so that what was started is stopped


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, terminated)
    # Where it is ignored (as in a shell's background) clients would ignore it too, and never leave.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # os._exit: a scenario that never ended must not keep the run from ending.
    code = main()
    sys.stdout.flush()
    os._exit(code)

"""Instructions and allocations per request of becaused, as valgrind counts them.

Callgrind runs the program on a processor of its own that counts what it executes: the figure is the same
on a busy machine and on an idle one. System calls count as one instruction; what the kernel does in them
is not seen. An allocation is a call of libc's malloc and its like, from anywhere in the program.
"""

import glob
import os
import re
import shutil
import subprocess

from ours import Becaused
from processes import BenchError, UsageError, settled_cpu_seconds

ALLOCATORS = {prefix + name for prefix in ("", "__libc_")
              for name in ("malloc", "calloc", "realloc", "reallocarray", "memalign",
                           "aligned_alloc", "posix_memalign")}


def require():
    for program in ("valgrind", "vgdb"):
        if shutil.which(program) is None:
            raise UsageError(f"{program} is not installed; install it with: scripts/deps guard")


class Counted(Becaused):
    """The program inside callgrind."""

    name = "counted"
    ready_seconds = 60

    def command(self):
        return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={self.path('callgrind')}",
                *super().command()]

    def ask(self, *words):
        said = subprocess.run(["vgdb", f"--pid={self.process.pid}", *words], capture_output=True,
                              text=True, timeout=30, check=False)
        if said.returncode != 0:
            raise BenchError(f"vgdb {' '.join(words)}: {said.stderr.strip()[-300:]}")

    def dump(self):
        """(instructions, allocations) since the last dump, or since the start."""
        before = set(self.dumps())
        self.ask("dump")
        made = set(self.dumps()) - before
        if len(made) != 1:
            raise BenchError(f"callgrind wrote {len(made)} files in place of one")
        return parse(made.pop())

    def check_sight(self):
        """A program that has started has allocated: none seen means that none ever would be."""
        instructions, allocations = self.dump()
        if instructions == 0 or allocations == 0:
            raise BenchError(f"callgrind saw {instructions} instructions and {allocations} "
                             "allocations of a whole start")

    def dumps(self):
        return glob.glob(self.path("callgrind") + ".*")


def parse(path):
    """callgrind's format: "totals: N", and "calls=N ..." below the "cfn=(ID) name" that is called."""
    names, callee, total, allocations = {}, None, None, 0
    with open(path, errors="replace") as lines:
        for line in lines:
            if line.startswith(("fn=", "cfn=")):
                number, name = re.match(r"c?fn=\((\d+)\)(?: (.*))?", line).groups()
                if name:
                    names[number] = name.split("'")[0]
                if line.startswith("c"):
                    callee = names.get(number)
            elif line.startswith("calls=") and callee in ALLOCATORS:
                allocations += int(line[len("calls="):].split()[0])
            elif line.startswith(("totals:", "summary:")):
                total = int(line.split()[1])
    if total is None:
        raise BenchError(f"{path} has no total")
    return total, allocations


def count(harness, proxy, group, requests, over_tls=False):
    """(instructions, allocations) per request: what the later of `requests` cost, beyond those of a
    third as many. So the connections that a run opens fall out, and where each request opens its own,
    they stay."""
    target = proxy.tls_target if over_tls else proxy.target

    def run(many):
        report = harness.load(target, [group], seconds=120, requests=many, over_tls=over_tls)
        settled_cpu_seconds(proxy.process.pid)
        return (*proxy.dump(), report["groups"][0]["requests"])

    run(max(1, requests // 10))  # fills the pools
    few, many = run(requests // 3), run(requests)
    extra = many[2] - few[2]
    return (many[0] - few[0]) / extra, (many[1] - few[1]) / extra

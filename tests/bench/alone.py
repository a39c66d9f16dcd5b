"""What is measured on a proxy that starts for it and does nothing else: how soon it answers, what it
weighs, what a waiting connection costs it."""

import os
import re
import shutil
import socket
import subprocess
import time

import idle
from harness import Run
from processes import BenchError
from rows import IDLE, MEMORY, START

IDLE_CONNECTIONS = {"idle": 10000, "tls-idle": 300}
START_SECONDS = 10


def measure(row, kind, start):
    """One run. `start(kind, connections)` gives a running proxy, and end() ends it."""
    if row.unit == START:
        proxy = start(kind, wait=first_answer)
        return finish(proxy, proxy.first_answer_ms)
    if row.unit == IDLE:
        wanted = idle.possible(IDLE_CONNECTIONS[row.key])
        proxy = start(kind, connections=wanted + 100)
        try:
            each, whole = idle.weigh(proxy, wanted, row.key == "tls-idle")
            return finish(proxy, each / 1024, connections=wanted, whole_mib=whole / 2**20)
        except BenchError:
            proxy.end()
            raise
    proxy = start(kind)
    if row.unit == MEMORY:
        return finish(proxy, idle.resident_bytes(proxy.process.pid, "Pss") / 2**20)
    return finish(proxy, bytes_on_disk(proxy.binary) / 2**20)


def finish(proxy, value, **more):
    proxy.end()
    group = {"kind": proxy.name, "requests": 1, "body_bytes": 0, "seconds": 1, "errors": 0,
             "latency_us": {"p50": 0, "p99": 0, "p999": 0}, "value": value, **more}
    return Run(0.0, 0.0, 1.0, [group])


def first_answer(proxy, began):
    """Asks again and again until the origin's answer comes back; remembers after how long."""
    request = f"GET {proxy.probe} HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n".encode()
    while time.monotonic() - began < START_SECONDS:
        try:
            with socket.create_connection(("127.0.0.1", proxy.port), timeout=2) as asked:
                asked.sendall(request)
                answer = b""
                while piece := asked.recv(4096):
                    answer += piece
                if answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"s" * 100):
                    proxy.first_answer_ms = (time.monotonic() - began) * 1000
                    return
        except ConnectionError:
            pass
        if proxy.process.poll() is not None:
            break
        time.sleep(0.0003)
    raise BenchError(f"{proxy.name} gave no answer within {START_SECONDS} s of its start")


def bytes_on_disk(binary):
    path = os.path.realpath(shutil.which(binary) or binary)
    said = subprocess.run(["ldd", path], capture_output=True, text=True, timeout=10, check=False)
    libraries = re.findall(r"=> (/\S+)", said.stdout)
    ours = [each for each in libraries
            if not re.match(r"lib(c|m|dl|rt|pthread)\.so", os.path.basename(each))]
    return sum(os.path.getsize(os.path.realpath(each)) for each in [path, *ours])

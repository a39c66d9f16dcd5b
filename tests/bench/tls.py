"""Loads over TLS, by programs that others keep: openssl s_time for handshakes, curl for bulk, Python's
ssl for idle connections. What they cost themselves does not count: the proxy's CPU time and memory are
what is measured. All proxies speak TLS 1.2 with one P-256 certificate: the newest that ours speaks with
mbedTLS 2.28 (Debian 12).
"""

import os
import re
import shutil
import socket
import ssl
import subprocess

from processes import BenchError, UsageError, tree

BULK_BYTES = 512 << 20
IDLE_CONNECTIONS = 300
KINDS = ("tls-full", "tls-resumed", "tls-down", "tls-up", "tls-idle")


def require():
    for program in ("openssl", "curl"):
        if shutil.which(program) is None:
            raise UsageError(f"{program} is not installed; install it with: scripts/deps bench")


class Certificate:
    """Made once for a run; `pair` is certificate and key in one file, as HAProxy wants them."""

    def __init__(self, directory):
        self.certificate = os.path.join(directory, "tls-cert.pem")
        self.key = os.path.join(directory, "tls-key.pem")
        self.pair = os.path.join(directory, "tls-pair.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key, "-out",
                        self.certificate, "-subj", "/CN=bench", "-addext",
                        "subjectAltName=IP:127.0.0.1", "-days", "2"], check=True, timeout=30,
                       stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(self.pair, "w") as pair:
            for part in (self.certificate, self.key):
                with open(part) as text:
                    pair.write(text.read())


def run(processes, core, command, seconds):
    process = processes.start(command, core, subprocess.PIPE, subprocess.PIPE)
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as late:
        raise BenchError(f"{command[0]} did not end within {seconds} s") from late
    finally:
        processes.end(process)
    if process.returncode != 0:
        raise BenchError(f"{command[0]}: {err.decode(errors='replace').strip()[-300:]}")
    return out.decode()


def group(kind, requests, body_bytes, seconds, **more):
    return {"kind": kind, "requests": requests, "body_bytes": body_bytes, "seconds": seconds,
            "errors": 0, "latency_us": {"p50": 0, "p99": 0}, **more}


def handshakes(processes, core, port, kind, seconds):
    whole = max(1, round(seconds))
    out = run(processes, core,
              ["openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-tls1_2", "-time",
               str(whole), "-new" if kind == "tls-full" else "-reuse"], whole + 20)
    found = re.findall(r"(\d+) connections in (\d+) real seconds", out)
    if not found or found[-1][0] == "0":
        raise BenchError(f"openssl s_time made no connection: {out[-300:]}")
    return group(kind, int(found[-1][0]), 0, whole)


def bulk(processes, core, port, kind, directory):
    command = ["curl", "--silent", "--show-error", "--insecure", "--max-time", "60",
               "--output", "/dev/null", "--write-out", "%{http_code} %{time_total}"]
    if kind == "tls-up":
        zeros = os.path.join(directory, "zeros")
        with open(zeros, "wb") as file:
            file.truncate(BULK_BYTES)
        command += ["--request", "POST", "--upload-file", zeros, "--header", "Expect:",
                    f"https://127.0.0.1:{port}/sink"]
    else:
        command += [f"https://127.0.0.1:{port}/bulk?n={BULK_BYTES}"]
    status, seconds = run(processes, core, command, 80).split()
    if status != "200":
        raise BenchError(f"{kind}: status {status}")
    return group(kind, 1, BULK_BYTES, float(seconds))


def load(harness, proxy, kind, seconds):
    """The same shape as bench_load's report."""
    port = proxy.tls_port
    if kind in ("tls-full", "tls-resumed"):
        found = handshakes(harness.processes, harness.core, port, kind, seconds)
    elif kind == "tls-idle":
        found = idle(proxy.process.pid, port)
    else:
        found = bulk(harness.processes, harness.core, port, kind, harness.directory)
    return {"groups": [found], "cpu_seconds": 0.0}

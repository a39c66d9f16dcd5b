"""The certificate, and handshakes one after the other, by openssl s_time.

All proxies speak TLS 1.2 with one P-256 certificate: the newest that ours speaks with mbedTLS 2.28
(Debian 12). What the clients cost themselves does not count.
"""

import os
import re
import shutil
import subprocess

from processes import BenchError, UsageError

KINDS = ("tls-full", "tls-resumed")


def require():
    if shutil.which("openssl") is None:
        raise UsageError("openssl is not installed; install it with: scripts/deps bench")


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


def group(kind, requests, body_bytes, seconds):
    return {"kind": kind, "requests": requests, "body_bytes": body_bytes, "seconds": seconds,
            "errors": 0, "latency_us": {"p50": 0, "p99": 0, "p999": 0}}


def handshakes(processes, core, port, kind, seconds):
    whole = max(1, round(seconds))
    out = run(processes, core,
              ["openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-tls1_2", "-time",
               str(whole), "-new" if kind == "tls-full" else "-reuse"], whole + 20)
    found = re.findall(r"(\d+) connections in (\d+) real seconds", out)
    if not found or found[-1][0] == "0":
        raise BenchError(f"openssl s_time made no connection: {out[-300:]}")
    return group(kind, int(found[-1][0]), 0, whole)


def load(harness, proxy, kind, seconds):
    """The same shape as bench_load's report."""
    found = handshakes(harness.processes, harness.core, proxy.tls_port, kind, seconds)
    return {"groups": [found], "cpu_seconds": 0.0}

"""What is measured: a row is a load on one upstream, and what its CPU time is divided by."""

from dataclasses import dataclass

REQUEST = "us CPU/request"
GIGABYTE = "s CPU/GB"
LATENCY = "us at p99"
HANDSHAKE = "us CPU/handshake"
IDLE = "KiB/connection"


@dataclass(frozen=True)
class Row:
    key: str
    title: str
    upstream: str
    groups: tuple  # bench_load's --group, the one that is judged first
    unit: str
    variants: tuple = ()  # of becaused itself, by name (peers.py), in place of the peers

    def cost(self, run):
        """The figure that is compared: less is better."""
        if self.unit == REQUEST:
            return run.cpu_seconds * 1e6 / run.judged["requests"]
        if self.unit == GIGABYTE:
            return run.cpu_seconds * 1e9 / run.judged["body_bytes"]
        if self.unit == HANDSHAKE:
            return run.cpu_seconds * 1e6 / run.judged["requests"]
        if self.unit == IDLE:
            return run.judged["idle_bytes"] / 1024 / run.judged["requests"]
        return run.judged["latency_us"]["p99"]

    def throughput(self, run):
        """As text: of every group, since in a mixed load one may live at the other's expense."""
        return " + ".join(self.group_throughput(group) for group in run.groups)

    @staticmethod
    def group_throughput(group):
        seconds = max(group["seconds"], 1e-9)
        if group["body_bytes"] / max(group["requests"], 1) > 1e6:
            return f"{group['body_bytes'] / 1e9 / seconds:.2f} GB/s"
        return f"{group['requests'] / seconds:,.0f}/s"


ROWS = (
    # First, and once: memory that another load has freed would be taken for nothing.
    Row("tls-idle", "idle TLS connections, 300", "tcp", ("tls-idle",), IDLE),
    Row("get", "small GET, keep-alive, 64 connections", "tcp", ("get:64",), REQUEST),
    Row("records", "small GET; records, black box and chain, on and off", "tcp", ("get:64",), REQUEST,
        ("no box", "no records", "chained")),
    Row("gate", "GET /version; profile, and a token with every request", "tcp", ("version:64",),
        REQUEST, ("profile", "token")),
    Row("get-unix", "small GET, keep-alive, 64 connections", "unix", ("get:64",), REQUEST),
    Row("post", "POST of 1 KiB, keep-alive, 64 connections", "tcp", ("post:64",), REQUEST),
    Row("connect", "small GET, a connection each, 64 at once", "tcp", ("connect:64",), REQUEST),
    Row("down", "download, Content-Length, 1 stream", "tcp", ("down:1",), GIGABYTE),
    Row("down-unix", "download, Content-Length, 1 stream", "unix", ("down:1",), GIGABYTE),
    Row("down-chunked", "download, chunked, 1 stream", "tcp", ("down-chunked:1",), GIGABYTE),
    Row("up", "upload, Content-Length, 1 stream", "tcp", ("up:1",), GIGABYTE),
    Row("up-unix", "upload, Content-Length, 1 stream", "unix", ("up:1",), GIGABYTE),
    Row("up-chunked", "upload, chunked, 1 stream", "tcp", ("up-chunked:1",), GIGABYTE),
    Row("mixed", "16 small GETs beside 3 downloads: the GETs' latency", "tcp",
        ("get:16", "down:3"), LATENCY),
    Row("tls-full", "TLS handshakes, full", "tcp", ("tls-full",), HANDSHAKE),
    Row("tls-resumed", "TLS handshakes, resumed", "tcp", ("tls-resumed",), HANDSHAKE),
    Row("tls-down", "download over TLS, 1 stream", "tcp", ("tls-down",), GIGABYTE),
    Row("tls-up", "upload over TLS, 1 stream", "tcp", ("tls-up",), GIGABYTE),
)

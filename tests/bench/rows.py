"""What is measured: a row is a load on one upstream, and what its CPU time is divided by."""

from dataclasses import dataclass

REQUEST = "us CPU/request"
GIGABYTE = "s CPU/GB"
LATENCY = "us at p99"
ADDED = "us added at p50"  # by the proxy: less the same load's without one
BESIDE = "us added at p99"  # by the bulk: less the same load's without it
HANDSHAKE = "us CPU/handshake"
IDLE = "KiB/connection"
START = "ms to first answer"
MEMORY = "MiB resident"
SIZE = "MiB on disk"

# Measured on a proxy that has done nothing else, and starts for it.
ALONE = (IDLE, START, MEMORY, SIZE)
# Compared with another load's latency in the same round.
COMPARED = (ADDED, BESIDE)
QUANTILES = ("p50", "p99", "p999")


@dataclass(frozen=True)
class Row:
    key: str
    title: str
    upstream: str
    groups: tuple  # bench_load's --group, the one that is judged first; or what tls.py, alone.py know
    unit: str
    variants: tuple = ()  # of becaused itself, by name (peers.py), in place of the peers
    over_tls: bool = False
    rate: int = 0  # requests a second of the first group; 0: as quick as the answers come
    length: float = 1  # of a run, in --seconds
    quick: bool = False  # is part of the quick table

    @property
    def opens_first(self):
        """What opens a connection costs more than many a request on it: it is done before the run."""
        return self.over_tls or self.rate > 0 or self.groups[0].startswith("tunnel")

    def cost(self, run):
        """The figure that is compared: less is better."""
        judged = run.judged
        if self.unit in (REQUEST, HANDSHAKE):
            return run.cpu_seconds * 1e6 / judged["requests"]
        if self.unit == GIGABYTE:
            return run.cpu_seconds * 1e9 / judged["body_bytes"]
        if self.unit in COMPARED:
            return self.added(run)["p50" if self.unit == ADDED else "p99"]
        if self.unit in ALONE:
            return judged["value"]
        return judged["latency_us"]["p99"]

    @staticmethod
    def added(run):
        """Microseconds more than what it is compared with, by quantile."""
        judged = run.judged
        return {each: judged["latency_us"][each] - judged["before_us"][each] for each in QUANTILES}

    def throughput(self, run):
        """As text: of every group, since in a mixed load one may live at the other's expense."""
        if self.unit == IDLE:
            return f"{run.judged['whole_mib']:.1f} MiB"
        if self.unit in ALONE:
            return ""
        if self.unit in COMPARED:
            return " ".join(f"{value:+,.0f}" for value in self.added(run).values())
        return " + ".join(self.group_throughput(group) for group in run.groups)

    @staticmethod
    def group_throughput(group):
        seconds = max(group["seconds"], 1e-9)
        if group["body_bytes"] / max(group["requests"], 1) > 1e6:
            return f"{group['body_bytes'] / 1e9 / seconds:.2f} GB/s"
        return f"{group['requests'] / seconds:,.0f}/s"


def small(key, title, group, **more):
    return Row(key, title, more.pop("upstream", "tcp"), (group,), more.pop("unit", REQUEST), **more)


def bulk(key, title, group, **more):
    return small(key, title, group, unit=GIGABYTE, **more)


def alone(key, title, unit, **more):
    return Row(key, title, "tcp", (key,), unit, **more)


ROWS = (
    alone("start", "start-up, from exec to the first answer", START, quick=True),
    alone("memory", "resident memory after the first answer", MEMORY, quick=True),
    alone("size", "the program, with the libraries that it loads besides libc", SIZE, quick=True),
    alone("idle", "idle connections, 10,000", IDLE),
    alone("tls-idle", "idle TLS connections, 300", IDLE, quick=True),
    small("get", "small GET, keep-alive, 64 connections", "get:64", quick=True),
    small("records", "small GET; records, black box and chain, on and off", "get:64",
          variants=("no box", "no records", "chained")),
    small("gate", "GET /version; profile, and a token with every request", "version:64",
          variants=("profile", "token")),
    small("get-unix", "small GET, keep-alive, 64 connections", "get:64", upstream="unix", quick=True),
    small("post", "POST of 1 KiB, keep-alive, 64 connections", "post:64", quick=True),
    small("connect", "small GET, a connection each, 64 at once", "connect:64", quick=True),
    bulk("down", "download, Content-Length, 1 stream", "down:1", quick=True),
    bulk("down-8", "download, Content-Length, 8 streams", "down:8"),
    bulk("down-chunked", "download, chunked, 1 stream", "down-chunked:1", quick=True),
    bulk("down-chunked-8", "download, chunked, 8 streams", "down-chunked:8"),
    bulk("down-unix", "download, Content-Length, 1 stream", "down:1", upstream="unix"),
    bulk("up", "upload, Content-Length, 1 stream", "up:1", quick=True),
    bulk("up-8", "upload, Content-Length, 8 streams", "up:8"),
    bulk("up-chunked", "upload, chunked, 1 stream", "up-chunked:1"),
    bulk("up-chunked-8", "upload, chunked, 8 streams", "up-chunked:8"),
    bulk("up-unix", "upload, Content-Length, 1 stream", "up:1", upstream="unix"),
    small("tunnel", "ping-pong in 64 tunnels (Upgrade)", "tunnel:64", quick=True),
    bulk("tunnel-down", "download in a tunnel", "tunnel-down:1"),
    bulk("tunnel-up", "upload in a tunnel", "tunnel-up:1"),
    Row("mixed", "16 small GETs beside 3 downloads: the GETs' latency", "tcp",
        ("get:16", "down:3"), LATENCY),
    Row("added", "small GET, 2,000 a second: latency beyond a direct connection's", "tcp", ("get:64",),
        ADDED, rate=2000, length=2, quick=True),
    Row("beside", "small GET, 1,000 a second, beside a download: latency that this adds", "tcp",
        ("get:16", "down:1"), BESIDE, rate=1000, length=2),
    Row("tls-full", "TLS handshakes, full", "tcp", ("tls-full",), HANDSHAKE, quick=True),
    Row("tls-resumed", "TLS handshakes, resumed", "tcp", ("tls-resumed",), HANDSHAKE),
    small("tls-get", "small GET over TLS, keep-alive, 64 connections", "get:64", over_tls=True,
          quick=True),
    small("tls-post", "POST of 1 KiB over TLS, keep-alive, 64 connections", "post:64", over_tls=True),
    bulk("tls-down", "download over TLS, 1 stream", "down:1", over_tls=True, quick=True),
    bulk("tls-down-8", "download over TLS, 8 streams", "down:8", over_tls=True),
    bulk("tls-down-ch", "download over TLS, chunked, 1 stream", "down-chunked:1", over_tls=True),
    bulk("tls-up", "upload over TLS, 1 stream", "up:1", over_tls=True),
    bulk("tls-up-8", "upload over TLS, 8 streams", "up:8", over_tls=True),
    bulk("tls-up-ch", "upload over TLS, chunked, 1 stream", "up-chunked:1", over_tls=True),
    small("tls-tunnel", "ping-pong in 64 tunnels over TLS", "tunnel:64", over_tls=True),
)

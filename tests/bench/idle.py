"""Connections that wait: what each costs the proxy in memory, and what the proxy is in all with them: what
it made for them at its start is memory, too. Plain ones and TLS ones are held by this process, one socket
each."""

import resource
import socket
import ssl

from processes import BenchError, tree

REQUEST = b"GET /small HTTP/1.1\r\nHost: b\r\n\r\n"
SPARE_FILES = 500  # of each process, for what is not a client's connection


def possible(wanted):
    """As many as the limit of open files allows: a proxy keeps two for each connection it may have."""
    return min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2 - SPARE_FILES)


def note(wanted):
    """What a reader must know of a figure that stands for fewer."""
    if possible(wanted) == wanted:
        return ""
    return f"  {possible(wanted):,} in place of {wanted:,}: the limit of open files allows no more\n\n"


def resident_bytes(pid, measure="Rss"):
    """Of the process and its descendants; pages that processes share count for each in "Rss", and are
    parted between them in "Pss"."""
    total = 0
    for each in tree(pid):
        with open(f"/proc/{each}/smaps_rollup") as rollup:
            total += sum(int(line.split()[1]) for line in rollup if line.startswith(measure + ":"))
    return total * 1024


def client_context():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def weigh(proxy, count, over_tls):
    """(bytes that each adds, bytes of the whole proxy beside them). Each connection has had one answer,
    and waits for what its client wants next."""
    context = client_context() if over_tls else None
    port = proxy.tls_port if over_tls else proxy.port
    before, held = resident_bytes(proxy.process.pid), []
    try:
        for _ in range(count):
            held.append(socket.create_connection(("127.0.0.1", port), timeout=10))
            if context:
                held[-1] = context.wrap_socket(held[-1])
            held[-1].sendall(REQUEST)
            answer = held[-1].recv(4096)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise BenchError(f"idle connection {len(held)} of {count} was answered {answer!r}")
        pid = proxy.process.pid
        return (resident_bytes(pid) - before) / count, resident_bytes(pid, "Pss")
    except OSError as error:
        raise BenchError(f"idle connection {len(held)} of {count}: {error}") from error
    finally:
        for each in held:
            each.close()
